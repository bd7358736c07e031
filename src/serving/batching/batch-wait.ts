// Whether a request that finds a free worker should wait for others, and how long. Waiting pays when others come in time, and costs every time when none do, as with one
// caller who sends his next request only after the answer: so what waits is counted, and what came of it.

/** Gaps between requests count up to this many times the longest wait: one pause says nothing about what follows it. */
const longestGap = 4;
/** Of the last waits so many must have brought somebody. */
const leastGain = 0.25;
/** While waiting does not pay it is tried this often. */
const tryEvery = 64;

export class BatchWait {
  readonly #maxDelayMs: number;
  /** Running mean of the milliseconds between two requests. */
  #gapMs: number;
  #lastMs = Number.NEGATIVE_INFINITY;
  /** Running share of the waits that brought somebody. */
  #gain = 1;
  #sinceTried = 0;

  constructor(maxDelayMs: number) {
    this.#maxDelayMs = maxDelayMs;
    this.#gapMs = maxDelayMs;
  }

  /** A request came. */
  arrived(nowMs: number): void {
    const gapMs = Math.min(nowMs - this.#lastMs, longestGap * this.#maxDelayMs);
    this.#gapMs += (gapMs - this.#gapMs) / 8;
    this.#lastMs = nowMs;
  }

  /**
   * Milliseconds that a request should wait which came just now and could run at once; after `arrived`.
   * @param runMs what one run takes: longer than that nobody waits, for that long after it others gather by themselves.
   */
  waitMs(runMs: number): number {
    if (this.#maxDelayMs === 0 || this.#gapMs > this.#maxDelayMs) return 0;
    if (this.#gain < leastGain && ++this.#sinceTried < tryEvery) return 0;
    this.#sinceTried = 0;
    return Math.min(this.#maxDelayMs, runMs);
  }

  /** A wait is over. */
  waited(someoneCame: boolean): void {
    this.#gain += ((someoneCame ? 1 : 0) - this.#gain) / 8;
  }
}
