// Heads of archives and compressed data, checked beyond their magic numbers as those of programs are.
import { inflateRawSync, constants as zlib } from 'node:zlib';
import type { SearchBudget } from './payload-types.ts';

const zipMethods: ReadonlySet<number> = new Set([0, 8, 9, 12, 14, 93, 95, 98, 99]);

function isPrintable(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] < 0x20 || bytes[at] === 0x7f) return false;
  return true;
}

/** APPNOTE 4.3.7: a local file header with a name. */
export function zipHead(bytes: Buffer, at: number): string | undefined {
  if (bytes.length - at < 31 || bytes.readUInt32BE(at) !== 0x504b_0304) return undefined;
  const nameBytes = bytes.readUInt16LE(at + 26);
  const isHead = bytes[at + 4] <= 63 && zipMethods.has(bytes.readUInt16LE(at + 8)) && nameBytes >= 1 && nameBytes <= 512;
  if (!isHead || at + 30 + nameBytes > bytes.length || !isPrintable(bytes, at + 30, at + 30 + nameBytes)) return undefined;
  return `a zip archive with "${bytes.toString('latin1', at + 30, at + 30 + Math.min(nameBytes, 60))}"`;
}

/** RFC 1952, and that at least 64 bytes come out. */
export function gzipHead(bytes: Buffer, at: number, budget: SearchBudget): string | undefined {
  if (bytes.length - at < 24 || bytes[at] !== 0x1f || bytes[at + 1] !== 0x8b || bytes[at + 2] !== 8) return undefined;
  const flags = bytes[at + 3];
  const extra = bytes[at + 8];
  const system = bytes[at + 9];
  if (flags > 0x1f || (extra !== 0 && extra !== 2 && extra !== 4) || (system > 13 && system !== 255)) return undefined;
  let start = at + 10;
  if (flags & 4) start += 2 + bytes.readUInt16LE(start);
  for (const flag of [8, 16]) {
    if (!(flags & flag)) continue;
    const end = bytes.indexOf(0, start);
    if (end === -1 || end - start > 512) return undefined;
    start = end + 1;
  }
  if (flags & 2) start += 2;
  if (start >= bytes.length) return undefined;
  budget.steps -= 1000;
  return inflates(bytes.subarray(start, start + 4096)) ? 'gzip data' : undefined;
}

function inflates(bytes: Buffer): boolean {
  try {
    return inflateRawSync(bytes, { finishFlush: zlib.Z_SYNC_FLUSH, maxOutputLength: 65536 }).length >= 64;
  } catch (thrown) {
    // More came out than was asked for, which is enough; anything else means that it is not compressed data.
    return thrown instanceof RangeError;
  }
}

const longMagics: readonly (readonly [Buffer, string])[] = [
  [Buffer.from('fd377a585a00', 'hex'), 'xz data'],
  [Buffer.from('377abcaf271c', 'hex'), 'a 7z archive'],
  [Buffer.from('526172211a07', 'hex'), 'a RAR archive'],
  [Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'an OLE document'],
];

/** Formats whose magic number is long enough to be no accident. */
export function longMagicHead(bytes: Buffer, at: number): string | undefined {
  for (const [magic, what] of longMagics) {
    if (bytes[at] === magic[0] && bytes.subarray(at, at + magic.length).equals(magic)) return what;
  }
  const isBzip = bytes.length - at >= 10 && /^BZh[1-9]1AY&SY$/.test(bytes.toString('latin1', at, at + 10));
  return isBzip ? 'bzip2 data' : undefined;
}
