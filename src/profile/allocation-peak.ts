// The most that was allocated at one time, from what TensorFlow's tracking allocators recorded of each node: when how much came, and when it went. Outputs go when their
// last reader has ended, which can be long after the node did; TensorFlow writes that into the record of the node that made them.

/** Allocations and what was given back of one run, in any order. */
export class AllocationPeak {
  readonly #timesUs: number[] = [];
  readonly #bytes: number[] = [];
  readonly #ranks: number[] = [];
  /** When the node that is being read allocated first. */
  #firstUs = 0;

  get length(): number {
    return this.#timesUs.length;
  }

  /** The records that follow are another node's. */
  startNode(): void {
    this.#firstUs = Number.POSITIVE_INFINITY;
  }

  /** One record of a node, in its order; negative bytes were given back. */
  add(timeUs: number, bytes: number): void {
    if (bytes > 0 && timeUs < this.#firstUs) this.#firstUs = timeUs;
    this.#timesUs.push(timeUs);
    this.#bytes.push(bytes);
    // The clock has microseconds, and several nodes may run in one: what an earlier one leaves is gone before a later one allocates, but nothing goes before it came.
    this.#ranks.push(bytes > 0 ? 1 : timeUs > this.#firstUs ? 0 : 2);
  }

  /** The highest sum at any time; never below 0. */
  get bytes(): number {
    const order = Uint32Array.from(this.#timesUs, (_, index) => index);
    const [times, ranks] = [this.#timesUs, this.#ranks];
    order.sort((a, b) => times[a] - times[b] || ranks[a] - ranks[b] || a - b);
    let now = 0;
    let peak = 0;
    for (const index of order) {
      now += this.#bytes[index];
      if (now > peak) peak = now;
    }
    return Math.min(peak, Number.MAX_SAFE_INTEGER);
  }
}
