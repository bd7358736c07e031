// How a zip archive is laid out: members that share bytes, bytes that belong to no member, members that the directory does not list, and sizes
// that are out of all proportion. Nothing is inflated here.
import type { ScanContext, Source } from '../scan-context.ts';
import { readUpTo } from './memory-source.ts';
import { reportFile } from './report-file.ts';
import type { ZipEntry } from './zip-directory.ts';

/** Of a member's own header, without its name. */
export const localBytes = 30;
const maxGapBytes = 16 * 1024 ** 2;
const maxHidden = 20;
/** More than weights of zeros in an ordinary model would give. */
const bomb = { ratio: 100, minBytes: 32 * 1024 ** 2, highBytes: 1024 ** 3 } as const;

/** A member and where its data begins. */
export interface Located {
  readonly entry: ZipEntry;
  readonly name: string;
  readonly dataStart: number;
  readonly problem: string | undefined;
}

/** Reports a member that grows enormously, by what the directory says. */
export function judgeSizes(archive: Source, entry: ZipEntry, context: ScanContext): void {
  if (entry.sizeBytes < bomb.minBytes || entry.sizeBytes <= entry.compressedBytes * bomb.ratio) return;
  reportFile(context, 'memory/archive-bomb', {
    file: archive.name,
    severity: entry.sizeBytes >= bomb.highBytes ? 'high' : 'medium',
    trigger: 'parse',
    message: `Member "${entry.name}" of ${archive.name} grows from ${entry.compressedBytes} to ${entry.sizeBytes} bytes`,
    argument: { name: 'size', value: String(entry.sizeBytes) },
  });
}

/** The member whose own header stands at `offset`, for those that the directory does not list. */
function hiddenEntry(archive: Source, offset: number): ZipEntry {
  const header = archive.read(offset, localBytes);
  const rawName = readUpTo(archive, offset + localBytes, header.readUInt16LE(26));
  return {
    name: rawName.toString('latin1'),
    rawName,
    flags: header.readUInt16LE(6),
    method: header.readUInt16LE(8),
    crc: header.readUInt32LE(14),
    compressedBytes: header.readUInt32LE(18),
    sizeBytes: header.readUInt32LE(22),
    offset,
    mode: 0,
  };
}

/** What lies between the members: nothing in an ordinary archive, padding with zeros in some. Gives the members that are hidden there. */
function judgeGap(archive: Source, start: number, end: number, hidden: ZipEntry[], context: ScanContext): void {
  // A data descriptor follows a member whose size was not known: 12 to 24 bytes.
  if (end - start <= 24) return;
  const bytes = readUpTo(archive, start, Math.min(end - start, maxGapBytes));
  const header = bytes.indexOf(Buffer.from('504b0304', 'hex'));
  if (header !== -1 && header + localBytes <= bytes.length) {
    const entry = hiddenEntry(archive, start + header);
    hidden.push(entry);
    reportFile(context, 'parser-differential/hidden-member', {
      file: archive.name,
      message: `${archive.name} holds a member "${entry.name}" that its directory does not list`,
      offset: start + header,
    });
    const next = entry.offset + localBytes + entry.rawName.length + entry.compressedBytes;
    if (hidden.length < maxHidden && next < end) judgeGap(archive, next, end, hidden, context);
  } else if (bytes.some((byte) => byte !== 0)) {
    reportFile(context, 'payload/archive-remainder', {
      file: archive.name,
      message: `${archive.name} has ${end - start} bytes between its members that belong to none`,
      offset: start,
    });
  }
}

/** Members that share bytes with others and are read all the same: one may be there to be seen by some readers only, a thousand are a bomb. */
const maxOverlaps = 16;

export interface Layout {
  /** Members that the directory does not list. */
  readonly hidden: readonly ZipEntry[];
  /** Those that share their bytes with too many others. */
  readonly refused: ReadonlySet<ZipEntry>;
}

/** Reports members that share bytes, and what lies between members. */
export function judgeLayout(archive: Source, located: readonly Located[], directoryStart: number, context: ScanContext): Layout {
  const hidden: ZipEntry[] = [];
  const refused = new Set<ZipEntry>();
  const ranges = located
    .filter(({ problem }) => problem === undefined)
    .map(({ entry, dataStart }) => ({ start: entry.offset, end: dataStart + entry.compressedBytes, name: entry.name, entry }))
    .sort((a, b) => a.start - b.start);
  let end = ranges[0]?.start ?? 0;
  let overlaps = 0;
  for (const range of ranges) {
    if (range.start < end && overlaps >= maxOverlaps) refused.add(range.entry);
    if (range.start < end && overlaps++ === 0) {
      reportFile(context, 'memory/archive-bomb', {
        file: archive.name,
        trigger: 'parse',
        message: `Member "${range.name}" of ${archive.name} shares its bytes with another one: a few bytes unpack to many`,
        offset: range.start,
      });
    }
    if (range.start > end) judgeGap(archive, end, range.start, hidden, context);
    end = Math.max(end, range.end);
  }
  if (ranges.length > 0 && directoryStart > end) judgeGap(archive, end, directoryStart, hidden, context);
  return { hidden, refused };
}

/** Bytes before the first member and after the end. */
export function judgeSurroundings(archive: Source, located: readonly Located[], end: number, context: ScanContext): void {
  const first = located.reduce(
    (least, { entry, problem }) => (problem === undefined ? Math.min(least, entry.offset) : least),
    end,
  );
  if (first > 0 && located.length > 0) {
    reportFile(context, 'payload/archive-remainder', {
      file: archive.name,
      message: `${archive.name} has ${first} bytes before its first member, which readers of zip pass over`,
      offset: 0,
    });
  }
  if (end < archive.sizeBytes) {
    reportFile(context, 'payload/archive-remainder', {
      file: archive.name,
      message: `${archive.name} has ${archive.sizeBytes - end} bytes after its end`,
      offset: end,
    });
  }
}
