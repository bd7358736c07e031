// Medians and spreads. A shared machine has bad moments, and a mean would report them as if they were the server's.

/**
 * @param {number[]} values at least one
 * @param {number} share 0 to 1
 */
export function quantile(values, share) {
  if (values.length === 0) throw new RangeError('no values');
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  return sorted[below] + (sorted[Math.ceil(at)] - sorted[below]) * (at - below);
}

/** @param {number[]} values */
export function summarize(values) {
  return { median: quantile(values, 0.5), min: Math.min(...values), max: Math.max(...values) };
}

/** @typedef {ReturnType<typeof summarize>} Summary */

/**
 * Ratios taken round by round, because the two numbers of a round saw the same neighbours.
 * @param {number[]} ours
 * @param {number[]} theirs
 */
export function summarizeRatios(ours, theirs) {
  return summarize(ours.map((value, round) => value / theirs[round]));
}
