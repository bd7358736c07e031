// Counts values by size, in arrays of a fixed length: an observation allocates nothing. prom-client's histogram sorts and joins the labels of each observation into a key, which
// with seven observations per request is a tenth of what the server takes for a small model.

/** Of the whole of a request and of its phases: from what a tiny model takes to what a client waits for. */
export const secondsBounds: readonly number[] = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

export class Histogram {
  /** Upper bounds, the last one `+Inf` and not in it. */
  readonly bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  /** @param bounds rising, at least one. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** A value on a bound counts to what that bound closes, as Prometheus has it. Not a number is not counted. */
  observe(value: number): void {
    if (Number.isNaN(value)) return;
    const { bounds } = this;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (value <= bounds[middle]) high = middle;
      else low = middle + 1;
    }
    this.#counts[low]++;
    this.#sum += value;
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#counts.reduce((total, count) => total + count, 0);
  }

  /** Per bound how many values were not above it; the last is how many there were. */
  cumulative(): number[] {
    let total = 0;
    return Array.from(this.#counts, (count) => (total += count));
  }
}
