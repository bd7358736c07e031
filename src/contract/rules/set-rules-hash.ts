// HalfSipHash-2-4 (Aumasson and Bernstein) of byte ranges, under a key that this process drew at its start. Not for secrets: it is here
// because whoever chooses the values of a request must not be able to choose values that meet in one place of a hash table.
import { randomBytes } from 'node:crypto';

export interface HashKey {
  readonly k0: number;
  readonly k1: number;
}

const drawn = randomBytes(8);
const processKey: HashKey = { k0: drawn.readInt32LE(0), k1: drawn.readInt32LE(4) };

/** 32 bits, unsigned. `start` to `end` (exclusive) lie within `bytes`. */
export function keyedHash(bytes: Uint8Array, start: number, end: number, key: HashKey = processKey): number {
  let v0 = key.k0;
  let v1 = key.k1;
  let v2 = 0x6c796765 ^ key.k0;
  let v3 = 0x74656462 ^ key.k1;
  const length = end - start;
  const words = start + (length & ~3);
  // Two rounds for each word, the last of which holds what is left and the length; then four that only mix.
  for (let at = start; at <= words; at += 4) {
    const isLast = at === words;
    const word = isLast
      ? tailWord(bytes, at, end, length)
      : bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    v3 ^= word;
    for (let round = isLast ? 6 : 2; round > 0; round--) {
      if (round === 4 && isLast) {
        v0 ^= word;
        v2 ^= 0xff;
      }
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    if (!isLast) v0 ^= word;
  }
  return (v1 ^ v3) >>> 0;
}

function tailWord(bytes: Uint8Array, at: number, end: number, length: number): number {
  let word = length << 24;
  for (let i = at; i < end; i++) word |= bytes[i] << (8 * (i - at));
  return word;
}
