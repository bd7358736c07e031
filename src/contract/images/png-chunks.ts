// The chunks of a PNG (PNG specification, third edition, 5.3) one after another, and the pixel data that lies in several of them as one
// stream. Walks with the bytes: a chunk that claims more than there is ends the walk.
import { hasText, uint32BE } from './image-header.ts';
import type { ByteSource } from './inflated-size.ts';

export const pngSignature = '\x89PNG\r\n\x1a\n';

/** Length, type and checksum of a chunk. */
export const chunkOverheadBytes = 12;

/** The largest length that the specification allows. */
const maxChunkBytes = 2 ** 31 - 1;

export interface PngChunk {
  /** Four letters. */
  readonly type: string;
  /** Where its length stands. */
  readonly at: number;
  /** Its data; the checksum begins at `end`. */
  readonly start: number;
  readonly end: number;
}

/** The chunk at `at`; undefined when it is not whole, or its type is not four letters. */
export function pngChunkAt(bytes: Uint8Array, at: number): PngChunk | undefined {
  if (at + chunkOverheadBytes > bytes.length) return undefined;
  const length = uint32BE(bytes, at);
  const start = at + 8;
  if (length > maxChunkBytes || start + length + 4 > bytes.length) return undefined;
  for (let i = at + 4; i < start; i++) if (!isLetter(bytes[i])) return undefined;
  const type = String.fromCharCode(bytes[at + 4], bytes[at + 5], bytes[at + 6], bytes[at + 7]);
  return { type, at, start, end: start + length };
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

/** A part of the file. */
export function byteRange(bytes: Uint8Array, start: number, end: number): ByteSource {
  let isTaken = false;
  return {
    bytes,
    nextPiece() {
      if (isTaken) return undefined;
      isTaken = true;
      return { start, end };
    },
  };
}

/**
 * The pixel data of one picture: `IDAT` chunks that follow each other from `at`, or `fdAT` chunks, whose first four bytes are a number.
 * The chunks have been walked before; nothing beyond them is read.
 */
export function pixelData(bytes: Uint8Array, at: number, type: 'IDAT' | 'fdAT'): ByteSource {
  let following = at;
  return {
    bytes,
    nextPiece() {
      if (!hasText(bytes, following + 4, type)) return undefined;
      const chunk = pngChunkAt(bytes, following);
      if (chunk === undefined) return undefined;
      following = chunk.end + 4;
      return { start: type === 'fdAT' ? chunk.start + 4 : chunk.start, end: chunk.end };
    },
  };
}
