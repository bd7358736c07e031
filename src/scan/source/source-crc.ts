// The checksum of zip and gzip over a source, in pieces, so that a stored member of a gigabyte is never held.
import { crc32 } from 'node:zlib';
import type { Source } from '../scan-context.ts';

const pieceBytes = 4 * 1024 ** 2;

export function crc32Of(source: Source): number {
  let value = 0;
  for (let offset = 0; offset < source.sizeBytes; offset += pieceBytes) {
    value = crc32(source.read(offset, Math.min(pieceBytes, source.sizeBytes - offset)), value);
  }
  return value;
}
