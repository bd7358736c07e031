// Tells the log of adjustments that the server makes to its own limits. Each is in a line, and what changes often is summed up, so that a limit which
// follows the load does not flood the log.

/** One line per second of each limiter. */
const periodMs = 1_000;

/** What was changed, from when it was last told of. */
export interface Adjustment {
  readonly what: 'concurrency';
  /** Requests let through at one time. */
  readonly from: number;
  readonly to: number;
  /** Changes that are summed up in it; `from` may be `to` where there were several. */
  readonly steps: number;
  /** Of the last of them, for people; holds numbers only. */
  readonly reason: string;
}

export class AdjustmentNotices {
  readonly #tell: (adjustment: Adjustment) => void;
  #pending: Adjustment | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (adjustment: Adjustment) => void) {
    this.#tell = tell;
  }

  /** At once where nothing was told for a second, and at the end of that second otherwise. */
  add(from: number, to: number, reason: string): void {
    const before = this.#pending;
    this.#pending = { what: 'concurrency', from: before?.from ?? from, to, steps: (before?.steps ?? 0) + 1, reason };
    if (this.#timer === undefined) this.#flush();
  }

  #flush(): void {
    this.#timer = undefined;
    const adjustment = this.#pending;
    if (adjustment === undefined) return;
    this.#pending = undefined;
    this.#timer = setTimeout(() => this.#flush(), periodMs);
    this.#timer.unref();
    this.#tell(adjustment);
  }
}
