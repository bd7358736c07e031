// The only way in which this folder enters a model's folder. It is opened once; everything below is opened from that descriptor, component
// by component, through /proc/self/fd, which is openat(2) for a program that has none. So whoever renames folders or puts links in their
// place while we read changes nothing about where we are. No link is followed, and nothing but regular files is opened to be read.
import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, opendir } from 'node:fs/promises';
import { errnoOf } from '../../core/index.ts';
import { modelError } from './store-error.ts';

/** Why something below a model's folder cannot be used as a file. */
export type EntryProblem = 'missing' | 'link' | 'special' | 'unreadable';

export interface TreeEntry {
  /** Undefined when the name is not UTF-8: no manifest can name it. */
  readonly name: string | undefined;
  /** The bytes of the name, each as one character. */
  readonly rawName: string;
  readonly kind: 'file' | 'folder' | Exclude<EntryProblem, 'missing'>;
  /** Of a file. */
  readonly sizeBytes: number;
}

export interface OpenFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
}

/** An open model: a folder, or one file. */
export interface Tree {
  /** Of a model that is one file; undefined for a folder. */
  readonly fileBytes: number | undefined;
  /** Device and inode, which tell this very folder from another one that later has its name. */
  readonly id: string;
  /** `name` is relative with `/`, and not looked at when the model is one file. The caller closes the handle. */
  openFile(name: string): Promise<OpenFile | EntryProblem>;
  /** What is in a folder (`''` for the model's own), in any order, in portions. @throws what open(2) and getdents(2) say. */
  list(folder: string): AsyncGenerator<TreeEntry[]>;
  close(): Promise<void>;
}

// O_NONBLOCK: opening a named pipe would wait for a writer for ever. O_NOCTTY: a terminal must not become ours.
const reading = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const portion = 64;

/**
 * Opens the folder or file at `path`; links before its last component are the caller's business.
 * @throws MODEL_NOT_FOUND; MODEL_INVALID when it is a link, a device or the like; MODEL_NOT_AVAILABLE when it cannot be read.
 */
export async function openTree(path: string): Promise<Tree> {
  const root = await open(path, reading).catch((thrown: unknown) => {
    const code = errnoOf(thrown);
    if (['ENOENT', 'ENOTDIR'].includes(code)) throw modelError('MODEL_NOT_FOUND', 'is not there', path, thrown);
    if (code === 'ELOOP') throw modelError('MODEL_INVALID', 'is a symbolic link', path, thrown);
    if (code === 'ENXIO') throw modelError('MODEL_INVALID', 'is neither a folder nor a regular file', path, thrown);
    throw modelError('MODEL_NOT_AVAILABLE', `cannot be read (${code})`, path, thrown);
  });
  const stats = await root.stat({ bigint: true });
  if (!stats.isDirectory() && !stats.isFile()) {
    await root.close();
    throw modelError('MODEL_INVALID', 'is neither a folder nor a regular file', path);
  }
  return {
    fileBytes: stats.isFile() ? Number(stats.size) : undefined,
    id: `${stats.dev}:${stats.ino}`,
    openFile: (name) => openFile(root, stats.isFile() ? undefined : name),
    list: (folder) => list(root, folder),
    close: () => root.close(),
  };
}

function below(folder: FileHandle, name: string): string {
  return `/proc/self/fd/${folder.fd}/${name}`;
}

async function openFile(root: FileHandle, name: string | undefined): Promise<OpenFile | EntryProblem> {
  let handle: FileHandle | undefined;
  try {
    // The magic link of a descriptor leads to its own file, whatever happened to its name; it must be followed.
    handle =
      name === undefined ? await open(`/proc/self/fd/${root.fd}`, reading & ~constants.O_NOFOLLOW) : await openBelow(root, name);
    const stats = await handle.stat();
    if (stats.isFile()) return { handle, sizeBytes: stats.size };
    await handle.close();
    return 'special';
  } catch (thrown) {
    await handle?.close();
    return problemOf(thrown);
  }
}

async function openBelow(root: FileHandle, name: string): Promise<FileHandle> {
  const slash = name.lastIndexOf('/');
  const folder = await openFolder(root, name.slice(0, Math.max(slash, 0)));
  try {
    return await open(below(folder, name.slice(slash + 1)), reading);
  } finally {
    await folder.close();
  }
}

/** A descriptor of its own, also for `''`. */
async function openFolder(root: FileHandle, name: string): Promise<FileHandle> {
  let folder = await open(below(root, '.'), reading | constants.O_DIRECTORY);
  for (const part of name.split('/').filter((component) => component !== '')) {
    const parent = folder;
    try {
      folder = await open(below(parent, part), reading | constants.O_DIRECTORY);
    } finally {
      await parent.close();
    }
  }
  return folder;
}

function problemOf(thrown: unknown): EntryProblem {
  // A component that is a link or a file answers ENOTDIR because of O_DIRECTORY, so what is below it is missing.
  const problems: Readonly<Record<string, EntryProblem>> = {
    ENOENT: 'missing',
    ENOTDIR: 'missing',
    ELOOP: 'link',
    ENXIO: 'special',
  };
  return problems[errnoOf(thrown)] ?? 'unreadable';
}

async function* list(root: FileHandle, name: string): AsyncGenerator<TreeEntry[]> {
  const folder = await openFolder(root, name);
  try {
    let names: string[] = [];
    // Not as UTF-8: names that are none would come as other names.
    for await (const { name: rawName } of await opendir(below(folder, '.'), { encoding: 'latin1', bufferSize: portion })) {
      names.push(rawName);
      if (names.length < portion) continue;
      yield await Promise.all(names.map((next) => describe(folder, next)));
      names = [];
    }
    yield await Promise.all(names.map((next) => describe(folder, next)));
  } finally {
    await folder.close();
  }
}

async function describe(folder: FileHandle, rawName: string): Promise<TreeEntry> {
  const bytes = Buffer.from(rawName, 'latin1');
  if (!isUtf8(bytes)) return { name: undefined, rawName, kind: 'special', sizeBytes: 0 };
  const name = bytes.toString();
  try {
    const stats = await lstat(below(folder, name));
    if (stats.isFile()) return { name, rawName, kind: 'file', sizeBytes: stats.size };
    if (stats.isDirectory()) return { name, rawName, kind: 'folder', sizeBytes: 0 };
    return { name, rawName, kind: stats.isSymbolicLink() ? 'link' : 'special', sizeBytes: 0 };
  } catch {
    return { name, rawName, kind: 'unreadable', sizeBytes: 0 };
  }
}
