// The progress bar of a command that hashes a model, whose size shows only while it is read.
import type { Io } from './io.ts';
import { createProgressBar, type ProgressBar } from './progress-bar.ts';

/**
 * Runs `job`, and shows how far it is; the bar goes before an error is printed.
 * @param io undefined to show nothing
 * @param minBytes models that are smaller show nothing; default 0
 */
export async function withHashingBar<T>(
  io: Io | undefined,
  job: (onProgress: (doneBytes: number, totalBytes: number) => void) => Promise<T>,
  minBytes = 0,
): Promise<T> {
  let bar: ProgressBar | undefined;
  try {
    const result = await job((doneBytes, totalBytes) => {
      if (io === undefined || totalBytes < minBytes) return;
      bar ??= createProgressBar(io, 'Hashing', totalBytes);
      bar.update(doneBytes);
    });
    bar?.finish();
    return result;
  } catch (thrown) {
    bar?.clear();
    throw thrown;
  }
}
