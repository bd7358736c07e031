// What a worker of one version will take of the memory, before it has taken any: guessed from the size of its files, then known from the last load.
import { maxModelEntries, walkTree } from '../../model/index.ts';
import type { MemoryEstimate } from './memory-budget.ts';

/** Node and TensorFlow with the smallest model take about so much of their own. */
const baseBytes = 192 * 1024 * 1024;
/** While a model loads its files and what they become are there at the same time. */
const copiesWhileLoading = 2;
/** The next load may take a little more than the last. */
const learnedShare = 1.1;

export class VersionMemory {
  readonly #directory: string;
  readonly #maxBytes: number;
  #fileBytes: Promise<number> | undefined;
  #learnedBytes: number | undefined;

  /** @param maxBytes what one worker may have: it is ended before it takes more. */
  constructor(directory: string, maxBytes: number) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
  }

  async estimate(): Promise<MemoryEstimate> {
    this.#fileBytes ??= sizeOf(this.#directory);
    const guessed = baseBytes + (await this.#fileBytes) * copiesWhileLoading;
    const whole = Math.min(this.#learnedBytes ?? guessed, this.#maxBytes);
    const base = Math.min(baseBytes, whole);
    return {
      baseBytes: base,
      modelBytes: whole - base,
      learn: (peakBytes) => {
        // Where nothing can be measured nothing is learned.
        if (peakBytes > 0) this.#learnedBytes = peakBytes * learnedShare;
      },
    };
  }
}

/** Of all files below; a folder that cannot be read fails the load itself, with the better reason. */
async function sizeOf(directory: string): Promise<number> {
  let bytes = 0;
  try {
    for await (const { stats } of walkTree(directory, maxModelEntries)) if (stats.isFile()) bytes += Number(stats.size);
  } catch {
    return 0;
  }
  return bytes;
}
