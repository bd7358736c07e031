// A token bucket: units come in at a steady rate up to a bound, and whoever spends more than is there has to wait. It looks at no clock
// of its own, and a clock that goes backwards refills nothing.

export interface BucketLimit {
  readonly unitsPerSecond: number;
  /** The most that can be spent at once. */
  readonly burst: number;
}

export class TokenBucket {
  readonly #limit: BucketLimit;
  #units: number;
  #atMs: number;

  /** It starts full. */
  constructor(limit: BucketLimit, nowMs: number) {
    this.#limit = limit;
    this.#units = limit.burst;
    this.#atMs = nowMs;
  }

  /** What can be spent now; negative while something is owed. */
  available(nowMs: number): number {
    const { unitsPerSecond, burst } = this.#limit;
    if (nowMs > this.#atMs) {
      this.#units = Math.min(burst, this.#units + ((nowMs - this.#atMs) * unitsPerSecond) / 1000);
      this.#atMs = nowMs;
    }
    return this.#units;
  }

  /** What is missing to a full one. */
  missing(nowMs: number): number {
    return this.#limit.burst - this.available(nowMs);
  }

  /** How long until `units` can be spent: 0 when they can now, Infinity when they never can. */
  waitMs(units: number, nowMs: number): number {
    if (units > this.#limit.burst) return Number.POSITIVE_INFINITY;
    const lacking = units - this.available(nowMs);
    return lacking <= 0 ? 0 : (lacking * 1000) / this.#limit.unitsPerSecond;
  }

  /** Spends units that `waitMs` has found to be there. */
  spend(units: number): void {
    this.#units -= units;
  }

  /** Gives back what was spent for nothing; never more than the burst is there afterwards. */
  refund(units: number): void {
    this.#units = Math.min(this.#limit.burst, this.#units + units);
  }

  /** Takes units whether they are there or not, down to a debt of `maxDebt`. */
  penalize(units: number, maxDebt: number, nowMs: number): void {
    const available = this.available(nowMs);
    this.#units = Math.max(Math.min(available, -maxDebt), available - units);
  }
}
