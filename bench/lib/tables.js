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

/** @param {string[][]} rows the first is the head; laid out as the formatter of this tree does @param {number} [texts] columns that are words, before those of numbers */
export function table([head, ...rows], texts = 1) {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((cells) => cells[column].length)));
  const line = (/** @type {string[]} */ cells) =>
    `| ${cells.map((cell, column) => (column < texts ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column < texts ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
