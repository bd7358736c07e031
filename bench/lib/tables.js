// Numbers and tables as the reports write them.

/** @param {number} value three significant digits, without an exponent */
export function short(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 0.1 ? 2 : 3);
}

/** @param {import('./statistics.js').Summary} summary */
export function spread({ median, min, max }) {
  return min === max ? short(median) : `${short(median)} (${short(min)} to ${short(max)})`;
}

/** @param {string[][]} rows the first is the head */
export function table([head, ...rows]) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${head.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`, ...rows.map(line)].join('\n');
}
