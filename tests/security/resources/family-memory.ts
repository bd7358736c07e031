// What all processes that this one has started have in memory together, and the most it ever was.
import { Worker } from 'node:worker_threads';

const mebibyte = 1024 * 1024;

export class FamilyMemory {
  readonly #values = new Float64Array(new SharedArrayBuffer(3 * Float64Array.BYTES_PER_ELEMENT));
  readonly #thread = new Worker(new URL('./memory-sampler.mjs', import.meta.url), { workerData: this.#values });
  #mostMiB = 0;

  get nowMiB(): number {
    return this.#values[1] / mebibyte;
  }

  /** Looks so far; a test that reads nothing into a sampler that never ran checks it. */
  get looks(): number {
    return this.#values[2];
  }

  /** The most since the last call, and whether ever. */
  takePeakMiB(): number {
    const peakMiB = this.#values[0] / mebibyte;
    this.#values[0] = 0;
    this.#mostMiB = Math.max(this.#mostMiB, peakMiB);
    return peakMiB;
  }

  get mostMiB(): number {
    return Math.max(this.#mostMiB, this.#values[0] / mebibyte);
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }
}
