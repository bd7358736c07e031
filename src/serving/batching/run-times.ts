// How long the worker takes for a request of a given size, as measured: for estimates of when a request could be answered, and for the size of batches that pays. Keeps
// numbers only. Requests of one signature are told apart by the power of two of their bytes, because the time follows the rows and the lengths of the input.

const buckets = 33;

export interface RunTime {
  /** Follows the measured times down quickly and up slowly, so that it is rather too low: nobody is refused because of one slow run. */
  lowMs: number;
  count: number;
}

export class RunTimes {
  readonly #times: (RunTime | undefined)[][] = [];

  add(signatureIndex: number, bytes: number, ms: number): void {
    this.#times[signatureIndex] ??= [];
    const times = this.#times[signatureIndex];
    const bucket = bucketOf(bytes);
    const time = times[bucket];
    if (time === undefined) {
      times[bucket] = { lowMs: ms, count: 1 };
      return;
    }
    time.lowMs += (ms - time.lowMs) * (ms < time.lowMs ? 0.5 : 1 / 16);
    time.count++;
  }

  /** Somebody was refused because of the estimate, so that nothing is measured: it comes down by itself. */
  doubt(signatureIndex: number, bytes: number): void {
    const times = this.#times[signatureIndex];
    if (times === undefined) return;
    for (let bucket = bucketOf(bytes); bucket >= 0; bucket--) {
      const time = times[bucket];
      if (time !== undefined) time.lowMs *= 0.97;
    }
  }

  /** A low estimate in milliseconds; of the next smaller size that was measured, and 0 where none was. */
  lowMs(signatureIndex: number, bytes: number): number {
    const times = this.#times[signatureIndex];
    if (times === undefined) return 0;
    for (let bucket = bucketOf(bytes); bucket >= 0; bucket--) {
      const time = times[bucket];
      // The first run of a shape has TensorFlow plan its work, and says nothing.
      if (time !== undefined && time.count > 1) return time.lowMs;
    }
    return 0;
  }
}

function bucketOf(bytes: number): number {
  return Math.min(buckets - 1, 32 - Math.clz32(Math.min(bytes, 0xffff_ffff)));
}
