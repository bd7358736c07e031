// How many rows a batch of one shape should have: as many as still make the time per row shorter. Learned from the batches that ran; bounded by what is configured and by
// what the answer may weigh.

/** Larger batches have to be this much better per row than the best smaller ones: their members wait longer. */
const worthwhile = 0.95;
/** So often a batch may be larger than has paid before, to see whether that changed. */
const lookAgainEvery = 64;

export class BatchSizes {
  readonly #maxRows: number;
  readonly #maxOutputBytes: number;
  /** Milliseconds per row of batches with 2^i to 2^(i+1) - 1 rows. */
  readonly #perRow: number[] = [];
  #outputBytesPerRow = 0;
  #batches = 0;

  constructor(maxRows: number, maxOutputBytes: number) {
    this.#maxRows = maxRows;
    this.#maxOutputBytes = maxOutputBytes;
  }

  /** A batch or a single request was answered. */
  add(rows: number, ms: number, outputBytes: number): void {
    const at = powerOf(rows);
    const perRow = ms / rows;
    const old = this.#perRow[at];
    this.#perRow[at] = old === undefined ? perRow : old + (perRow - old) / 8;
    this.#outputBytesPerRow = Math.max(this.#outputBytesPerRow, outputBytes / rows);
    this.#batches++;
  }

  /** Rows that the next batch may have. */
  get target(): number {
    const fits = this.#outputBytesPerRow === 0 ? this.#maxRows : Math.floor(this.#maxOutputBytes / this.#outputBytesPerRow);
    const most = Math.max(1, Math.min(this.#maxRows, fits));
    if (this.#batches % lookAgainEvery === lookAgainEvery - 1) return most;
    let best = Number.POSITIVE_INFINITY;
    for (const perRow of this.#perRow) if (perRow !== undefined) best = Math.min(best, perRow);
    // The smallest size that is nearly as good as the best. What is larger than all that ran may be better still.
    const enough = this.#perRow.findIndex((perRow) => perRow !== undefined && perRow * worthwhile <= best);
    if (enough < 0 || enough === this.#perRow.length - 1) return most;
    return Math.min(most, 2 ** (enough + 1) - 1);
  }

  /** Milliseconds that so many rows add to a batch of the best size; 0 while nothing ran. */
  shareMs(rows: number): number {
    let best = Number.POSITIVE_INFINITY;
    for (const perRow of this.#perRow) if (perRow !== undefined) best = Math.min(best, perRow);
    return best === Number.POSITIVE_INFINITY ? 0 : best * rows;
  }

  /** Milliseconds that a batch of so many rows takes; 0 while none of that size or a smaller one ran. */
  batchMs(rows: number): number {
    for (let at = powerOf(rows); at >= 0; at--) {
      const perRow = this.#perRow[at];
      if (perRow !== undefined) return perRow * Math.min(rows, 2 ** (at + 1) - 1);
    }
    return 0;
  }
}

function powerOf(rows: number): number {
  return 31 - Math.clz32(Math.max(1, rows));
}
