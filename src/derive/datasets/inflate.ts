// Gzip around a data set, inflated as it is read. What comes out is bounded in bytes and, once it is much, in its ratio to what went in:
// one kilobyte of gzip may hold a megabyte of zeros, and a whole file of them never ends.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { isAirlockError } from '../../core/index.ts';
import { asDatasetError, datasetError } from './dataset-error.ts';
import type { DatasetLimits } from './dataset-types.ts';

/** Below this nobody is harmed, and small files of one value honestly have any ratio. */
export const ratioFreeBytes = 64 * 1024 * 1024;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 3 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8;
}

/** The inflated bytes of `source`. @throws DATASET_INVALID for damage and past the limits. */
export async function* inflate(
  source: AsyncIterable<Uint8Array>,
  limits: DatasetLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  const gunzip = createGunzip();
  let packed = 0;
  const counted = async function* () {
    for await (const piece of source) {
      packed += piece.length;
      yield piece;
    }
  };
  let failure: unknown;
  const done = pipeline(Readable.from(counted(), { objectMode: false }), gunzip).catch((thrown: unknown) => {
    failure = thrown;
  });
  let size = 0;
  try {
    for await (const piece of gunzip) {
      const bytes: Uint8Array = piece;
      size += bytes.length;
      if (size > limits.maxBytes) throw datasetError({}, `at most ${limits.maxBytes} bytes inflated`, 'more');
      if (size > ratioFreeBytes && size > packed * limits.maxRatio)
        throw datasetError({}, `at most ${limits.maxRatio} bytes out of each byte`, 'more');
      yield bytes;
    }
  } catch (thrown) {
    gunzip.destroy();
    await done;
    throw isAirlockError(thrown) ? thrown : asDatasetError(failure ?? thrown, {}, 'undamaged gzip');
  } finally {
    gunzip.destroy();
    await done;
  }
}
