// The central directory of a zip archive: where it is and what it says. Nothing is inflated here. Limits are checked before anything is
// allocated; ZIP64 is read.
import type { Source } from '../scan-context.ts';
import { readUpTo } from './memory-source.ts';

export interface ZipDirectory {
  readonly start: number;
  readonly sizeBytes: number;
  /** As the end record says. */
  readonly count: number;
  /** What must be added to every offset: other than 0 when something was put in front of the archive. */
  readonly base: number;
  /** Where the end record stops: what follows it and its comment belongs to nothing. */
  readonly end: number;
  readonly commentBytes: number;
}

export interface ZipEntry {
  /** As the directory spells it: UTF-8, or Latin-1 where that is not valid. */
  readonly name: string;
  readonly rawName: Buffer;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly compressedBytes: number;
  readonly sizeBytes: number;
  /** Of the local header, in the source. */
  readonly offset: number;
  /** Unix mode; 0 when the archive was made elsewhere. */
  readonly mode: number;
}

const endBytes = 22;
const maxCommentBytes = 65_535;
const centralBytes = 46;
const maxDirectoryBytes = 256 * 1024 ** 2;
const all32 = 0xffff_ffff;
const signatures = { central: 0x02014b50, end: 0x06054b50, end64: 0x06064b50, locator64: 0x07064b50 } as const;

const fits = (value: bigint): number => (value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value));

function directoryAt(source: Source, tail: Buffer, tailStart: number, at: number): ZipDirectory | undefined {
  const endPosition = tailStart + at;
  let count = tail.readUInt16LE(at + 10);
  let sizeBytes = tail.readUInt32LE(at + 12);
  let offset = tail.readUInt32LE(at + 16);
  const commentBytes = tail.readUInt16LE(at + 20);
  let directoryEnd = endPosition;
  const locator = readUpTo(source, endPosition - 20, endPosition >= 20 ? 20 : 0);
  if (locator.length === 20 && locator.readUInt32LE(0) === signatures.locator64) {
    const recorded = fits(locator.readBigUInt64LE(8));
    // With something in front of the archive the record lies where it must, right before its locator.
    for (const position of [recorded, endPosition - 20 - 56]) {
      const record = position < 0 ? Buffer.alloc(0) : readUpTo(source, position, 56);
      if (record.length < 56 || record.readUInt32LE(0) !== signatures.end64) continue;
      count = fits(record.readBigUInt64LE(32));
      sizeBytes = fits(record.readBigUInt64LE(40));
      offset = fits(record.readBigUInt64LE(48));
      directoryEnd = position;
      break;
    }
  }
  const start = directoryEnd - sizeBytes;
  if (start < 0) return undefined;
  const isEmpty = sizeBytes === 0 && count === 0;
  const first = readUpTo(source, start, 4);
  if (!isEmpty && (first.length < 4 || first.readUInt32LE(0) !== signatures.central)) return undefined;
  return { start, sizeBytes, count, base: start - offset, end: endPosition + endBytes, commentBytes };
}

/** The directory that readers take: by the last end record that fits. Undefined when there is none. */
export function findZipDirectory(source: Source): ZipDirectory | undefined {
  const tailStart = Math.max(0, source.sizeBytes - endBytes - maxCommentBytes);
  const tail = readUpTo(source, tailStart, endBytes + maxCommentBytes);
  const signature = Buffer.from('504b0506', 'hex');
  let attempts = 0;
  for (
    let at = tail.lastIndexOf(signature);
    at !== -1 && attempts++ < 64;
    at = at === 0 ? -1 : tail.lastIndexOf(signature, at - 1)
  ) {
    if (at + endBytes > tail.length) continue;
    const directory = directoryAt(source, tail, tailStart, at);
    if (directory !== undefined) return directory;
  }
  return undefined;
}

function decodeName(raw: Buffer): string {
  const text = raw.toString('utf8');
  return text.includes('\ufffd') ? raw.toString('latin1') : text;
}

interface Sizes {
  compressedBytes: number;
  sizeBytes: number;
  offset: number;
}

/** ZIP64 values stand in extra field 1, only those that are all ones in the header, in this order. */
function readZip64(extra: Buffer, sizes: Sizes): void {
  for (let at = 0; at + 4 <= extra.length; ) {
    const id = extra.readUInt16LE(at);
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (id === 1) {
      let position = at + 4;
      for (const key of ['sizeBytes', 'compressedBytes', 'offset'] as const) {
        if (sizes[key] !== all32 || position + 8 > Math.min(end, extra.length)) continue;
        sizes[key] = fits(extra.readBigUInt64LE(position));
        position += 8;
      }
      return;
    }
    at = end;
  }
}

/** The entries as the directory lists them; ends early, with `isWhole` false, where it is damaged. */
export function readZipEntries(
  source: Source,
  directory: ZipDirectory,
  maxEntries: number,
): { entries: ZipEntry[]; isWhole: boolean } {
  const entries: ZipEntry[] = [];
  if (directory.sizeBytes > maxDirectoryBytes) return { entries, isWhole: false };
  const bytes = readUpTo(source, directory.start, directory.sizeBytes);
  let at = 0;
  while (at + centralBytes <= bytes.length && bytes.readUInt32LE(at) === signatures.central && entries.length < maxEntries) {
    const nameBytes = bytes.readUInt16LE(at + 28);
    const extraBytes = bytes.readUInt16LE(at + 30);
    const nameEnd = at + centralBytes + nameBytes;
    const end = nameEnd + extraBytes + bytes.readUInt16LE(at + 32);
    if (end > bytes.length) return { entries, isWhole: false };
    const sizes: Sizes = {
      compressedBytes: bytes.readUInt32LE(at + 20),
      sizeBytes: bytes.readUInt32LE(at + 24),
      offset: bytes.readUInt32LE(at + 42),
    };
    readZip64(bytes.subarray(nameEnd, nameEnd + extraBytes), sizes);
    const rawName = bytes.subarray(at + centralBytes, nameEnd);
    const isUnix = bytes[at + 5] === 3 || bytes[at + 5] === 19;
    entries.push({
      name: decodeName(rawName),
      rawName,
      flags: bytes.readUInt16LE(at + 8),
      method: bytes.readUInt16LE(at + 10),
      crc: bytes.readUInt32LE(at + 16),
      compressedBytes: sizes.compressedBytes,
      sizeBytes: sizes.sizeBytes,
      offset: sizes.offset + directory.base,
      mode: isUnix ? bytes.readUInt16LE(at + 40) : 0,
    });
    at = end;
  }
  return { entries, isWhole: at === bytes.length && entries.length % 65_536 === directory.count % 65_536 };
}

/** Names of an archive, at most 10,000, to see what kind it is. */
export function zipNames(source: Source): readonly string[] {
  const directory = findZipDirectory(source);
  return directory === undefined ? [] : readZipEntries(source, directory, 10_000).entries.map(({ name }) => name);
}
