// Sources that are no files: bytes in memory, and a part of another source. They copy nothing.
import { AirlockError, printable } from '../../core/index.ts';
import type { Source } from '../scan-context.ts';

/**
 * What is inflated is held as a whole, and while it grows there are two copies of it: with more than 384 MiB a scan would need more memory than
 * it may have (1 GiB), and nothing could be said.
 */
export const maxHeldBytes: number = 384 * 1024 ** 2;

function cutShort(name: string): AirlockError {
  return new AirlockError('MODEL_INCOMPLETE', { message: `${printable(name, 256)} is cut short` });
}

function isInside(offset: number, length: number, sizeBytes: number): boolean {
  return (
    Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0 && offset + length <= sizeBytes
  );
}

/** `bytes` as a source; they must not change afterwards. */
export function memorySource(name: string, bytes: Uint8Array): Source {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    name,
    sizeBytes: buffer.length,
    read(offset, length) {
      if (!isInside(offset, length, buffer.length)) throw cutShort(name);
      return buffer.subarray(offset, offset + length);
    },
  };
}

/**
 * The part of `source` from `start` on.
 * @throws MODEL_INCOMPLETE when the part is not inside.
 */
export function sliceSource(source: Source, name: string, start: number, sizeBytes: number): Source {
  if (!isInside(start, sizeBytes, source.sizeBytes)) throw cutShort(name);
  return {
    name,
    sizeBytes,
    read(offset, length) {
      if (!isInside(offset, length, sizeBytes)) throw cutShort(name);
      return source.read(start + offset, length);
    },
  };
}

/** At most `length` bytes from `offset`: fewer where the source ends. */
export function readUpTo(source: Source, offset: number, length: number): Buffer {
  const start = Math.min(Math.max(offset, 0), source.sizeBytes);
  return source.read(start, Math.min(length, source.sizeBytes - start));
}
