// A text in pieces, so that a scan never holds all of it.
import type { Source } from '../scan-context.ts';

const pieceBytes = 1024 ** 2;
/** Text that is gone through for its outermost names. */
const maxTextBytes = 512 * 1024 ** 2;

/** The bytes of `source` from `start` on, a mebibyte at a time; at most 512 MiB. */
export function* textPieces(source: Source, start: number): Generator<Buffer> {
  const end = Math.min(source.sizeBytes, maxTextBytes);
  for (let offset = start; offset < end; offset += pieceBytes) yield source.read(offset, Math.min(pieceBytes, end - offset));
}
