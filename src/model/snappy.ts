// Decompresses the raw Snappy format, in which TensorFlow stores the blocks of a checkpoint's index. The bytes are untrusted: a copy
// may only point at what was written already, and the announced size is believed only as far as the format can reach it.
import type { ByteCursor } from './byte-cursor.ts';

// The best element makes 64 bytes out of 3.
const maxRatio = 22;

/** What `cursor` holds from its place to its end, decompressed: at most 22 times as long. Fails with MODEL_INVALID. */
export function decompressSnappy(cursor: ByteCursor): Buffer {
  const compressedBytes = cursor.remaining;
  const size = cursor.varint();
  if (size > compressedBytes * maxRatio) throw cursor.damaged('a compressed block has a wrong size');
  const result = Buffer.allocUnsafe(size);
  let length = 0;
  while (cursor.remaining > 0) {
    const tag = cursor.byte();
    const kind = tag & 3;
    const bytes = kind === 0 ? literalBytes(cursor, tag >>> 2) : copyBytes(kind, tag);
    if (bytes > size - length) throw cursor.damaged('a compressed block is longer than its size');
    if (kind === 0) cursor.take(bytes).copy(result, length);
    else {
      const from = length - copyOffset(cursor, kind, tag);
      if (from < 0 || from >= length) throw cursor.damaged('a compressed block points outside of itself');
      // Byte by byte: a copy may overlap what it writes, which repeats a pattern.
      for (let index = 0; index < bytes; index++) result[length + index] = result[from + index];
    }
    length += bytes;
  }
  if (length !== size) throw cursor.damaged('a compressed block is shorter than its size');
  return result;
}

function littleEndian(cursor: ByteCursor, bytes: number): number {
  return cursor.take(bytes).readUIntLE(0, bytes);
}

function literalBytes(cursor: ByteCursor, code: number): number {
  return (code < 60 ? code : littleEndian(cursor, code - 59)) + 1;
}

function copyBytes(kind: number, tag: number): number {
  return kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
}

function copyOffset(cursor: ByteCursor, kind: number, tag: number): number {
  if (kind === 1) return (tag >>> 5) * 256 + cursor.byte();
  return littleEndian(cursor, kind === 2 ? 2 : 4);
}
