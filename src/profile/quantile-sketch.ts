// How a quantity is distributed, in a bounded number of counts: one for each eighth of an octave, so that a quantile is at most 9 % above the truth and never below it.
// Knows nothing of what it counts.

const perOctave = 8;
/** Smaller values count as this: a nanosecond in microseconds, less than a byte. */
const smallest = 2 ** -10;
/** Buckets up to 2^50: a petabyte, or 35 years in microseconds. */
const maxBucket = 60 * perOctave;

export class QuantileSketch {
  readonly #counts = new Map<number, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(value: number, times = 1): void {
    const bucket = value <= smallest ? 0 : Math.min(maxBucket, Math.ceil(Math.log2(value / smallest) * perOctave));
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + times);
    this.#total += times;
  }

  /** The value below which a share (0 to 1) of all lies; 0 when there are none. */
  quantile(share: number): number {
    let left = Math.ceil(this.#total * share);
    for (const [bucket, count] of this.entries()) {
      left -= count;
      if (left <= 0) return bucket === 0 ? 0 : smallest * 2 ** (bucket / perOctave);
    }
    return 0;
  }

  /** Buckets with their counts, from the smallest value up. */
  entries(): readonly (readonly [number, number])[] {
    return [...this.#counts].sort(([a], [b]) => a - b);
  }

  /** What `entries` gave; undefined when that cannot have been one. */
  static from(entries: readonly (readonly [number, number])[]): QuantileSketch | undefined {
    const sketch = new QuantileSketch();
    for (const [bucket, count] of entries) {
      const isSane = Number.isInteger(bucket) && bucket >= 0 && bucket <= maxBucket && Number.isSafeInteger(count) && count > 0;
      if (!isSane || sketch.#counts.has(bucket)) return undefined;
      sketch.#counts.set(bucket, count);
      sketch.#total += count;
    }
    return sketch;
  }
}
