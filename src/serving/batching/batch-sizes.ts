// How many rows a batch of one shape should have: as many as still make the time per row shorter. Learned from the batches that ran; bounded by what is configured and by
// what the answer may weigh.

/** Larger batches have to be this much better per row than the best smaller ones: their members wait longer. */
const worthwhile = 0.95;
/** So many batches of a size have to have run before anything is concluded from them: one alone may have met a busy machine. */
const leastRuns = 3;
/** So often a batch may be twice as large as has paid before, to see whether that changed. */
const lookAgainEvery = 16;

interface Size {
  msPerRow: number;
  runs: number;
}

export class BatchSizes {
  readonly #maxRows: number;
  readonly #maxOutputBytes: number;
  /** Of batches with 2^i to 2^(i+1) - 1 rows. */
  readonly #sizes: (Size | undefined)[] = [];
  #outputBytesPerRow = 0;
  #batches = 0;

  constructor(maxRows: number, maxOutputBytes: number) {
    this.#maxRows = maxRows;
    this.#maxOutputBytes = maxOutputBytes;
  }

  /** A batch or a single request was answered. */
  add(rows: number, ms: number, outputBytes: number): void {
    const at = powerOf(rows);
    const size = this.#sizes[at];
    if (size === undefined) this.#sizes[at] = { msPerRow: ms / rows, runs: 1 };
    else {
      size.runs++;
      // A plain mean at first: the first batch of a size has TensorFlow plan its work.
      size.msPerRow += (ms / rows - size.msPerRow) / Math.min(size.runs, 8);
    }
    this.#outputBytesPerRow = Math.max(this.#outputBytesPerRow, outputBytes / rows);
    this.#batches++;
  }

  /** Rows that the next batch may have. */
  get target(): number {
    const fits = this.#outputBytesPerRow === 0 ? this.#maxRows : Math.floor(this.#maxOutputBytes / this.#outputBytesPerRow);
    const most = Math.max(1, Math.min(this.#maxRows, fits));
    const best = this.#bestMsPerRow;
    // The smallest size that is nearly as good as the best. What is larger than all that ran may be better still.
    const enough = this.#sizes.findIndex((size) => isKnown(size) && size.msPerRow * worthwhile <= best);
    const isLargest = enough < 0 || !this.#sizes.some((size, at) => at > enough && isKnown(size));
    if (isLargest) return most;
    const power = enough + (this.#batches % lookAgainEvery === lookAgainEvery - 1 ? 2 : 1);
    return Math.min(most, 2 ** power - 1);
  }

  get #bestMsPerRow(): number {
    let best = Number.POSITIVE_INFINITY;
    for (const size of this.#sizes) if (isKnown(size)) best = Math.min(best, size.msPerRow);
    return best;
  }

  /** Milliseconds that so many rows add to a batch of the best size; 0 while too little ran to know. */
  shareMs(rows: number): number {
    const best = this.#bestMsPerRow;
    return best === Number.POSITIVE_INFINITY ? 0 : best * rows;
  }

  /** Milliseconds that a batch of so many rows takes; 0 while none of that size or a smaller one ran. */
  batchMs(rows: number): number {
    for (let at = powerOf(rows); at >= 0; at--) {
      const size = this.#sizes[at];
      if (isKnown(size)) return size.msPerRow * Math.min(rows, 2 ** (at + 1) - 1);
    }
    return 0;
  }
}

function isKnown(size: Size | undefined): size is Size {
  return size !== undefined && size.runs >= leastRuns;
}

function powerOf(rows: number): number {
  return 31 - Math.clz32(Math.max(1, rows));
}
