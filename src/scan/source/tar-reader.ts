// Reads tar archives (v7, ustar, pax, GNU long names) as data to be judged. Members are parts of the archive, so nothing is copied and a tar
// cannot grow; what differs between readers, or would be written outside, is reported.
import { AirlockError } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { type ArchiveMember, judgeMemberName, judgeMembersBehindLinks, NameRegister } from './archive-member.ts';
import { type EntryKind, linkedName } from './folder-view.ts';
import { readUpTo, sliceSource } from './memory-source.ts';
import { damaged, reportFile } from './report-file.ts';
import { blockBytes, checksumFits, isZero, type Overrides, readHeader, readPax, type TarHeader, text } from './tar-header.ts';

/** Of a long name or a pax header. Real ones have a few hundred bytes. */
const maxTextBytes = 1024 ** 2;

const kinds: ReadonlyMap<string, EntryKind> = new Map([
  ['0', 'file'],
  ['\0', 'file'],
  ['7', 'file'],
  ['1', 'symlink'],
  ['2', 'symlink'],
  ['3', 'device'],
  ['4', 'device'],
  ['5', 'folder'],
  ['6', 'fifo'],
]);

function judgeLink(archive: Source, name: string, target: string, isHard: boolean, context: ScanContext): void {
  // A hard link's target is a name in the archive, a symbolic link's is relative to the link.
  const inside = isHard ? linkedName('x', target) : linkedName(name, target);
  if (inside !== undefined || !isHard) return;
  reportFile(context, 'path-traversal/archive-member', {
    file: archive.name,
    message: `Member "${name}" of ${archive.name} is a hard link to ${target}, outside of the folder where it is unpacked`,
    argument: { name: 'linkname', value: target },
  });
}

interface Found {
  readonly header: TarHeader;
  readonly overrides: Overrides;
  readonly dataStart: number;
  readonly sizeBytes: number;
}

function memberOf(archive: Source, found: Found, register: NameRegister, context: ScanContext): ArchiveMember {
  const { header, overrides, dataStart, sizeBytes } = found;
  const rawName = overrides.name ?? header.name;
  const linkTarget = overrides.linkTarget ?? header.linkTarget;
  judgeMemberName(archive, rawName, context);
  const plain = register.add(rawName.endsWith('/') ? rawName.slice(0, -1) : rawName, context);
  const name = rawName.startsWith('/') ? `/${plain}` : plain;
  const kind = rawName.endsWith('/') && header.type === '0' ? 'folder' : (kinds.get(header.type) ?? 'file');
  const isHard = header.type === '1';
  const isLink = kind === 'symlink';
  if (isLink) judgeLink(archive, rawName, linkTarget, isHard, context);
  const isSparse = header.type === 'S' || overrides.isSparse === true;
  const reason = isSparse
    ? 'it is sparse, which is not supported'
    : kinds.has(header.type)
      ? undefined
      : `it is of the unknown type "${header.type}"`;
  const label = `${archive.name}!/${name}`;
  return {
    name,
    kind,
    sizeBytes: kind === 'file' ? sizeBytes : 0,
    mode: header.mode & 0o7777,
    // Relative to the link, as for symbolic ones.
    ...(isLink ? { linkTarget: isHard ? `${'../'.repeat(name.split('/').length - 1)}${linkTarget}` : linkTarget } : {}),
    ...(reason === undefined ? {} : { unreadable: reason }),
    source() {
      if (reason !== undefined) throw damaged(label, reason);
      return sliceSource(archive, label, dataStart, kind === 'file' ? sizeBytes : 0);
    },
  };
}

/** Anything but zeros after the end; another archive there is seen by readers that go on (`tar -i`). */
function judgeEnd(archive: Source, end: number, context: ScanContext): void {
  for (let at = end; at + blockBytes <= archive.sizeBytes; at += blockBytes) {
    const block = archive.read(at, blockBytes);
    if (isZero(block)) continue;
    const isMember = checksumFits(block);
    const what = isMember
      ? `a member "${text(block, 0, 100)}" after its end, which readers with --ignore-zeros unpack`
      : 'data after its end';
    reportFile(context, isMember ? 'parser-differential/hidden-member' : 'payload/archive-remainder', {
      file: archive.name,
      message: `${archive.name} has ${what}`,
      offset: at,
    });
    return;
  }
}

/**
 * The members of a tar archive, in its order. Reports what is wrong with it on the way; members after a damaged header are lost, and said.
 * @throws MODEL_INVALID when its first header is damaged or a limit is passed.
 */
export function readTar(archive: Source, context: ScanContext): readonly ArchiveMember[] {
  const members = readHeaders(archive, context);
  judgeMembersBehindLinks(archive, members, context);
  return members;
}

function readHeaders(archive: Source, context: ScanContext): readonly ArchiveMember[] {
  const members: ArchiveMember[] = [];
  const register = new NameRegister(archive);
  let overrides: Overrides = {};
  const lasting: Overrides = {};
  let at = 0;
  while (at + blockBytes <= archive.sizeBytes) {
    const block = archive.read(at, blockBytes);
    if (isZero(block)) {
      judgeEnd(archive, at + blockBytes, context);
      return members;
    }
    if (!checksumFits(block)) {
      if (members.length === 0) throw damaged(archive.name, 'the checksum of its first header is wrong');
      const message = `A header of ${archive.name} is damaged at byte ${at}: what follows it cannot be read`;
      reportFile(context, 'malformed/archive', { file: archive.name, trigger: 'parse', message, offset: at });
      context.unreadable(archive.name, message);
      return members;
    }
    const header = readHeader(block, archive);
    const sizeBytes = overrides.sizeBytes ?? lasting.sizeBytes ?? header.sizeBytes;
    if (!Number.isSafeInteger(sizeBytes)) throw damaged(archive.name, 'the size of a member is no number');
    const dataStart = at + blockBytes;
    if (dataStart + sizeBytes > archive.sizeBytes)
      throw new AirlockError('MODEL_INCOMPLETE', { message: `${archive.name} is cut short` });
    at = dataStart + Math.ceil(sizeBytes / blockBytes) * blockBytes;
    const isText = ['x', 'g', 'L', 'K'].includes(header.type);
    if (isText) {
      if (sizeBytes > maxTextBytes) throw damaged(archive.name, 'a name is too long');
      const bytes = readUpTo(archive, dataStart, sizeBytes);
      if (header.type === 'x') readPax(bytes, overrides, archive);
      else if (header.type === 'g') readPax(bytes, lasting, archive);
      else if (header.type === 'L') overrides.name = text(bytes, 0, bytes.length);
      else overrides.linkTarget = text(bytes, 0, bytes.length);
      context.takeFile(archive.name);
      continue;
    }
    context.takeFile(archive.name);
    if (overrides.sizeBytes !== undefined && header.sizeBytes !== 0 && overrides.sizeBytes !== header.sizeBytes) {
      reportFile(context, 'parser-differential/archive-header', {
        file: archive.name,
        message: `Member "${overrides.name ?? header.name}" of ${archive.name} has two sizes: ${header.sizeBytes} in its header and ${overrides.sizeBytes} in a pax record`,
      });
    }
    members.push(memberOf(archive, { header, overrides: { ...lasting, ...overrides }, dataStart, sizeBytes }, register, context));
    overrides = {};
  }
  return members;
}
