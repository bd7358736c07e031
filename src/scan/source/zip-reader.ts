// Reads zip archives as data to be judged: every way in which two readers of zip may differ is reported, and nothing is written anywhere.
// Members are inflated one at a time, when they are asked for, and never beyond the size that was announced and paid for.
import { crc32, inflateRawSync } from 'node:zlib';
import { AirlockError, isAirlockError, printable } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { type ArchiveMember, judgeMemberName, judgeMembersBehindLinks, NameRegister } from './archive-member.ts';
import type { EntryKind } from './folder-view.ts';
import { maxHeldBytes, memorySource, readUpTo, sliceSource } from './memory-source.ts';
import { damaged, payExpanded, reportFile } from './report-file.ts';
import { crc32Of } from './source-crc.ts';
import { findZipDirectory, readZipEntries, type ZipEntry } from './zip-directory.ts';
import { judgeLayout, judgeSizes, judgeSurroundings, type Located, localBytes } from './zip-layout.ts';

const localSignature = 0x04034b50;
/** Deflate cannot do more. */
const maxRatio = 1040;
const methods: ReadonlyMap<number, string> = new Map([
  [1, 'Shrink'],
  [6, 'Implode'],
  [9, 'Deflate64'],
  [12, 'bzip2'],
  [14, 'LZMA'],
  [93, 'Zstandard'],
  [95, 'xz'],
  [98, 'PPMd'],
  [99, 'AES encryption'],
]);
function kindOf(mode: number, name: string): EntryKind {
  const type = mode & 0o170000;
  if (name.endsWith('/') || type === 0o040000) return 'folder';
  if (type === 0o120000) return 'symlink';
  if (type === 0o010000) return 'fifo';
  if (type === 0o140000) return 'socket';
  return type === 0o020000 || type === 0o060000 ? 'device' : 'file';
}

/** Compares the local header with the directory's entry and finds the data. */
function locate(archive: Source, entry: ZipEntry, name: string, context: ScanContext): Located {
  const shown = printable(entry.name, 128);
  const header = readUpTo(archive, entry.offset, localBytes);
  if (entry.offset < 0 || header.length < localBytes || header.readUInt32LE(0) !== localSignature) {
    return { entry, name, dataStart: 0, problem: `member "${shown}" is not where the directory says` };
  }
  const nameBytes = header.readUInt16LE(26);
  const rawName = readUpTo(archive, entry.offset + localBytes, nameBytes);
  const dataStart = entry.offset + localBytes + nameBytes + header.readUInt16LE(28);
  const differences: string[] = [];
  if (!rawName.equals(entry.rawName)) differences.push(`its own header calls it "${rawName.toString('latin1')}"`);
  if (header.readUInt16LE(8) !== entry.method) differences.push('the compression methods differ');
  if (((header.readUInt16LE(6) ^ entry.flags) & 1) !== 0) differences.push('only one header says that it is encrypted');
  // With bit 3 sizes come after the data, and a local 0xffffffff means that they are in a ZIP64 field.
  if ((header.readUInt16LE(6) & 8) === 0) {
    const compressed = header.readUInt32LE(18);
    const size = header.readUInt32LE(22);
    if (compressed !== 0xffff_ffff && compressed !== entry.compressedBytes) differences.push('the compressed sizes differ');
    if (size !== 0xffff_ffff && size !== entry.sizeBytes) differences.push('the sizes differ');
    if (header.readUInt32LE(14) !== entry.crc) differences.push('the checksums differ');
  }
  if (differences.length > 0) {
    reportFile(context, 'parser-differential/archive-header', {
      file: archive.name,
      message: `Member "${entry.name}" of ${archive.name} is described twice and differently: ${differences.join(', ')}`,
      offset: entry.offset,
    });
  }
  const isCut = dataStart + entry.compressedBytes > archive.sizeBytes;
  return { entry, name, dataStart, problem: isCut ? `member "${shown}" is cut short` : undefined };
}

function inflate(archive: Source, { entry, dataStart }: Located, label: string, context: ScanContext, isPaid: boolean): Source {
  const { sizeBytes, compressedBytes } = entry;
  if (entry.method === 0) {
    if (sizeBytes !== compressedBytes) throw damaged(label, 'a stored member has two sizes');
    const stored = sliceSource(archive, label, dataStart, sizeBytes);
    if (crc32Of(stored) !== entry.crc) throw damaged(label, 'its checksum is wrong');
    return stored;
  }
  if (sizeBytes > Math.min(context.limits.maxGraphBytes, maxHeldBytes))
    throw new AirlockError('MODEL_INVALID', { message: `${label} is too large to inflate` });
  if (!isPaid) payExpanded(context, sizeBytes, label);
  let bytes: Buffer;
  try {
    // In one piece: putting pieces together would take the memory twice.
    const chunkSize = Math.max(64, Math.min(sizeBytes, compressedBytes * maxRatio));
    bytes = inflateRawSync(archive.read(dataStart, compressedBytes), { maxOutputLength: Math.max(sizeBytes, 1), chunkSize });
  } catch (thrown) {
    if (isAirlockError(thrown)) throw thrown;
    throw damaged(label, 'it cannot be inflated to the size that is announced');
  }
  if (bytes.length !== sizeBytes) throw damaged(label, 'it is shorter than announced');
  if (crc32(bytes) !== entry.crc) throw damaged(label, 'its checksum is wrong');
  return memorySource(label, bytes);
}

function unreadableReason({ entry, problem }: Located): string | undefined {
  if (problem !== undefined) return problem;
  if ((entry.flags & 0x41) !== 0) return 'it is encrypted';
  if (entry.method === 0 || entry.method === 8) return undefined;
  return `it is compressed with ${methods.get(entry.method) ?? `method ${entry.method}`}, which is not supported`;
}

/** The member that was inflated last. Only one is held: weak references keep all of them for as long as a judge goes through a folder. */
interface Held {
  member?: Located;
  source?: Source;
}

function memberOf(archive: Source, located: Located, context: ScanContext, held: Held): ArchiveMember {
  const { entry, name } = located;
  const label = `${archive.name}!/${name}`;
  const kind = kindOf(entry.mode, entry.name);
  const reason = unreadableReason(located);
  let isPaid = false;
  const source = (): Source => {
    if (held.member === located && held.source !== undefined) return held.source;
    if (reason !== undefined) throw damaged(label, reason);
    delete held.source;
    const made = inflate(archive, located, label, context, isPaid);
    isPaid = true;
    held.member = located;
    held.source = made;
    return made;
  };
  const facts = { name, kind, sizeBytes: entry.sizeBytes, mode: entry.mode & 0o7777, source };
  if (reason !== undefined) return { ...facts, unreadable: reason };
  if (kind !== 'symlink' || entry.sizeBytes > 4096) return facts;
  return { ...facts, linkTarget: source().read(0, entry.sizeBytes).toString('utf8') };
}

export interface ZipOptions {
  /** Bytes before the archive and after it are somebody else's to judge: a TensorFlow Lite model with files appended. */
  readonly isAppended?: boolean;
}

/**
 * The members of a zip archive, folders included, in the order of its directory. Reports what is wrong with it on the way.
 * @throws MODEL_INVALID when there is no directory or it has too many entries.
 */
export function readZip(archive: Source, context: ScanContext, options: ZipOptions = {}): readonly ArchiveMember[] {
  const directory = findZipDirectory(archive);
  if (directory === undefined) throw damaged(archive.name, 'its directory is missing');
  const { entries, isWhole } = readZipEntries(archive, directory, context.limits.maxFiles);
  if (!isWhole) {
    const message = `The directory of ${archive.name} is damaged or has too many entries`;
    reportFile(context, 'malformed/archive', { file: archive.name, trigger: 'parse', message });
    context.unreadable(archive.name, message);
  }
  const register = new NameRegister(archive);
  const located: Located[] = [];
  for (const entry of entries) {
    context.takeFile(archive.name);
    judgeMemberName(archive, entry.name, context);
    judgeSizes(archive, entry, context);
    if ((entry.flags & 0x41) !== 0) {
      const message = `Member "${entry.name}" of ${archive.name} is encrypted and cannot be looked at`;
      reportFile(context, 'payload/encrypted', { file: archive.name, message });
    }
    const name = register.add(entry.name.endsWith('/') ? entry.name.slice(0, -1) : entry.name, context);
    located.push(locate(archive, entry, entry.name.startsWith('/') ? `/${name}` : name, context));
  }
  const { hidden, refused } = judgeLayout(archive, located, directory.start, context);
  for (const [index, place] of located.entries()) {
    if (refused.has(place.entry)) located[index] = { ...place, problem: 'it shares its bytes with too many others' };
  }
  for (const entry of hidden) {
    context.takeFile(archive.name);
    judgeMemberName(archive, entry.name, context);
    located.push(locate(archive, entry, `${register.add(entry.name, context)} (not in the directory)`, context));
  }
  if (options.isAppended !== true) judgeSurroundings(archive, located, directory.end + directory.commentBytes, context);
  const held: Held = {};
  const members = located.map((place) => memberOf(archive, place, context, held));
  judgeMembersBehindLinks(archive, members, context);
  return members;
}
