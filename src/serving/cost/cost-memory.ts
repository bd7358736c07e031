// Whether a request would end its worker for want of memory, where the configuration does not say what it may take. A bound is never too low but may be many times too
// high, and who sent an honest request that would have fitted must not be refused: so a bound alone refuses nothing, only together with what runs have shown.

/** A signature's memory as it was seen. */
export class MemoryEvidence {
  /** The smallest share of its bound that a run was seen to take; undefined before the first. */
  #leastShare: number | undefined;
  /** The lowest bound of a request for whose sake a worker ran out of memory, although its model was alone. */
  #fatalBytes = Number.POSITIVE_INFINITY;

  /** A run whose bound was `boundBytes` took `measuredBytes`. */
  observe(boundBytes: number, measuredBytes: number): void {
    if (!(boundBytes > 0) || !(measuredBytes > 0)) return;
    this.#leastShare = Math.min(this.#leastShare ?? 1, measuredBytes / boundBytes);
  }

  /** A worker ended for want of memory at a request whose bound was more than it had left. */
  observeFatal(boundBytes: number): void {
    this.#fatalBytes = Math.min(this.#fatalBytes, boundBytes);
  }

  /**
   * True for a request that cannot fit: half of the least share that was measured is more than what is left (half, because the share may be another at sizes that
   * were not measured), or one with no higher a bound has ended a worker.
   */
  cannotFit(boundBytes: number, leftBytes: number): boolean {
    if (boundBytes <= leftBytes) return false;
    if (boundBytes >= this.#fatalBytes) return true;
    return this.#leastShare !== undefined && (boundBytes * this.#leastShare) / 2 > leftBytes;
  }
}
