// The door of source: files, folders and archives as bytes, what kind they are, and what is wrong with them as files. Reads only; nothing
// is unpacked to a disk, followed or run.
export type { ArchiveMember } from './archive-member.ts';
export { type FileSource, openFile } from './file-source.ts';
export {
  type EntryKind,
  type FolderEntry,
  type FolderView,
  isBelow,
  linkedName,
  resolveEntry,
  subfolder,
} from './folder-view.ts';
export { type Format, type FormatKind, formatKind, formatTitle } from './formats.ts';
export { readGzip } from './gzip-reader.ts';
export { judgeFile } from './judge-content.ts';
export { judgeFiles } from './judge-files.ts';
export { folderOfMembers, openArchive } from './member-folder.ts';
export { memorySource, readUpTo, sliceSource } from './memory-source.ts';
export { type FolderLimits, openFolder } from './open-folder.ts';
export { fileRules } from './rules.ts';
export { sniffFormat, sniffFormats } from './sniff-format.ts';
export { type PickleFacts, sniffPickle } from './sniff-pickle.ts';
export { readTar } from './tar-reader.ts';
export { readZip, type ZipOptions } from './zip-reader.ts';
