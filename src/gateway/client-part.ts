// How much of something that all clients share one of them may have: as a ratio to what is free, so that the part of each becomes smaller the more
// clients want one, and there is always some left for the next (Choudhury and Hahne, dynamic thresholds, 1998). One client alone gets its percentage of the
// whole, and 20 that take all they can leave a 21st of it where the percentage is 50.

/** What one may have for each unit that is free; `percent` is 1 to 100, and 100 means no bound. */
export function partPerFree(percent: number): number {
  return percent >= 100 ? Number.POSITIVE_INFINITY : percent / (100 - percent);
}
