// The members of an archive as a folder, so that a SavedModel in an archive is judged as one on disk.
import { AirlockError, printable } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import type { ArchiveMember } from './archive-member.ts';
import { type FolderEntry, type FolderView, maxFolders, resolveEntry } from './folder-view.ts';
import type { Format } from './formats.ts';
import { readGzip } from './gzip-reader.ts';
import { reportFile } from './report-file.ts';
import { readTar } from './tar-reader.ts';
import { readZip } from './zip-reader.ts';

/**
 * `label` is what comes before the names: `model.zip!/`. Folders that no member names are added, and count as files.
 * @throws MODEL_INVALID when there are more of them than `maxFiles`.
 */
export function folderOfMembers(label: string, members: readonly ArchiveMember[], context?: ScanContext): FolderView {
  const entries = new Map<string, FolderEntry>();
  const byName = new Map<string, ArchiveMember>();
  for (const member of members) {
    const { name, kind, mode, linkTarget } = member;
    if (name === '' || name === '.') continue;
    const parts = name.split('/', maxFolders);
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      if (parent === '' || entries.has(parent)) continue;
      // A member whose name is a hundred folders deep costs as much as a hundred members.
      context?.takeFile(label);
      entries.set(parent, { name: parent, kind: 'folder', sizeBytes: 0, mode: 0 });
    }
    const entry = { name, kind, mode, sizeBytes: kind === 'file' ? member.sizeBytes : 0 };
    entries.set(name, linkTarget === undefined ? entry : { ...entry, linkTarget });
    byName.set(name, member);
  }
  return {
    label,
    entries: [...entries.values()],
    get: (name) => entries.get(name),
    open(name): Source {
      const { entry } = resolveEntry(entries, name);
      const member = entry === undefined ? undefined : byName.get(entry.name);
      if (member === undefined || member.kind !== 'file') {
        throw new AirlockError('MODEL_INVALID', {
          message: `${printable(label + name, 256)} is not a plain file of this archive`,
        });
      }
      const source = member.source();
      return source.name === label + name ? source : { ...source, name: label + name };
    },
    close: () => undefined,
  };
}

function readMembers(source: Source, format: Format, context: ScanContext): readonly ArchiveMember[] {
  if (format === 'tar') return readTar(source, context);
  if (format === 'gzip') return [readGzip(source, context)];
  return readZip(source, context);
}

/**
 * Opens a zip, tar or gzip and reports what is wrong with it; members that cannot be read are said to be unreadable.
 * @throws MODEL_INVALID, MODEL_INCOMPLETE when it cannot be opened (also reported as `malformed/archive`), or archives are nested deeper than
 * `maxNesting`.
 */
export function openArchive(source: Source, format: Format, context: ScanContext): FolderView {
  const depth = source.name.split('!/').length;
  if (depth > context.limits.maxNesting) {
    const message = `${source.name} is nested in more than ${context.limits.maxNesting} archives`;
    reportFile(context, 'memory/archive-bomb', { file: source.name, severity: 'medium', message });
    throw new AirlockError('MODEL_INVALID', { message });
  }
  let members: readonly ArchiveMember[];
  try {
    members = readMembers(source, format, context);
  } catch (thrown) {
    const error = AirlockError.from(thrown);
    if (error.code === 'INTERNAL') throw thrown;
    reportFile(context, 'malformed/archive', { file: source.name, trigger: 'parse', message: error.message });
    throw thrown;
  }
  for (const { name, unreadable } of members) {
    if (unreadable !== undefined) context.unreadable(`${source.name}!/${name}`, unreadable);
  }
  return folderOfMembers(`${source.name}!/`, members, context);
}
