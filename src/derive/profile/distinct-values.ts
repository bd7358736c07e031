// How many different values there are, exactly up to a limit, and how often each came. Beyond the limit it only says "more", keeps nothing
// and costs nothing.
export class DistinctValues<T extends string | number | bigint> {
  readonly #limit: number;
  #counts: Map<T, number> | undefined = new Map();
  #total = 0;

  constructor(limit = 10_000) {
    this.#limit = limit;
  }

  get isCounting(): boolean {
    return this.#counts !== undefined;
  }

  add(value: T): void {
    const counts = this.#counts;
    if (counts === undefined) return;
    this.#total++;
    const count = counts.get(value);
    if (count !== undefined) counts.set(value, count + 1);
    else if (counts.size === this.#limit) this.#counts = undefined;
    else counts.set(value, 1);
  }

  /** Stops counting, for values that cannot be told apart here. */
  giveUp(): void {
    this.#counts = undefined;
  }

  /** Undefined when there are more than the limit. */
  get size(): number | undefined {
    return this.#counts?.size;
  }

  get values(): Iterable<T> {
    return this.#counts?.keys() ?? [];
  }

  /**
   * The share of future values that will be none of these, estimated by how many of them came only once (Good and Turing; I. J. Good,
   * Biometrika 40, 1953). 1 when nothing is known.
   */
  get unseenShare(): number {
    if (this.#counts === undefined || this.#total === 0) return 1;
    let once = 0;
    for (const count of this.#counts.values()) if (count === 1) once++;
    return once / this.#total;
  }

  /** True when no value came twice. */
  get allDiffer(): boolean {
    return this.#counts !== undefined && this.#counts.size === this.#total;
  }
}
