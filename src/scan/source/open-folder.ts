// Lists a folder on disk. Nothing is followed, opened or waited for while listing; how many and how deep is bounded.
import { lstatSync, opendirSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AirlockError, errnoOf, printable } from '../../core/index.ts';
import { type FileIdentity, FilePool } from './file-source.ts';
import { type EntryKind, type FolderEntry, type FolderView, resolveEntry } from './folder-view.ts';

export interface FolderLimits {
  /** Everything below the folder together. Default 100,000. */
  readonly maxEntries: number;
  /** Folders in each other. Default 64; real models have 4. */
  readonly maxDepth: number;
}

const defaultLimits: FolderLimits = { maxEntries: 100_000, maxDepth: 64 };

interface Listed {
  readonly entry: FolderEntry;
  readonly identity: FileIdentity;
}

function unavailable(name: string, thrown: unknown): AirlockError {
  return new AirlockError('MODEL_NOT_AVAILABLE', {
    message: `${printable(name, 256) || 'The folder'} cannot be read (${errnoOf(thrown) || 'unknown error'})`,
    cause: thrown,
  });
}

function look(root: string, name: string): Listed {
  try {
    const path = join(root, name);
    const stats = lstatSync(path, { bigint: true });
    let kind: EntryKind = 'device';
    if (stats.isFile()) kind = 'file';
    else if (stats.isDirectory()) kind = 'folder';
    else if (stats.isSymbolicLink()) kind = 'symlink';
    else if (stats.isFIFO()) kind = 'fifo';
    else if (stats.isSocket()) kind = 'socket';
    const identity = { device: stats.dev, inode: stats.ino, sizeBytes: Number(stats.size) };
    const facts = { name, kind, sizeBytes: kind === 'file' ? identity.sizeBytes : 0, mode: Number(stats.mode & 0o7777n) };
    return { entry: kind === 'symlink' ? { ...facts, linkTarget: readlinkSync(path) } : facts, identity };
  } catch (thrown) {
    throw unavailable(name, thrown);
  }
}

function namesIn(root: string, name: string, maxNames: number): string[] {
  const names: string[] = [];
  try {
    const folder = opendirSync(join(root, name));
    try {
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
        names.push(entry.name);
        if (names.length > maxNames) break;
      }
    } finally {
      folder.closeSync();
    }
  } catch (thrown) {
    throw unavailable(name, thrown);
  }
  return names.sort();
}

/**
 * Lists everything below `path`. A link at `path` itself is followed: it is what the caller asked for.
 * @throws MODEL_NOT_AVAILABLE when something cannot be listed, MODEL_INVALID when there is too much or it is nested too deep.
 */
export function openFolder(path: string, limits: FolderLimits = defaultLimits): FolderView {
  let root: string;
  try {
    root = realpathSync(path);
  } catch (thrown) {
    throw unavailable(basename(path), thrown);
  }
  const listed = new Map<string, Listed>();
  const pending = [''];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const children: string[] = [];
    for (const child of namesIn(root, folder, limits.maxEntries - listed.size)) {
      const name = folder === '' ? child : `${folder}/${child}`;
      if (listed.size >= limits.maxEntries) {
        throw new AirlockError('MODEL_INVALID', { message: `The folder has more than ${limits.maxEntries} files` });
      }
      const found = look(root, name);
      listed.set(name, found);
      if (found.entry.kind === 'folder') children.push(name);
    }
    if (children.length > 0 && folder.split('/').length >= limits.maxDepth) {
      throw new AirlockError('MODEL_INVALID', { message: `${printable(folder, 256)} is nested too deep` });
    }
    pending.push(...children.reverse());
  }
  const byName = new Map([...listed].map(([name, { entry }]) => [name, entry]));
  const pool = new FilePool();
  return {
    label: '',
    entries: [...byName.values()],
    get: (name) => byName.get(name),
    open(name) {
      const { entry } = resolveEntry(byName, name);
      const target = entry === undefined ? undefined : listed.get(entry.name);
      if (target === undefined || target.entry.kind !== 'file') {
        throw new AirlockError('MODEL_INVALID', { message: `${printable(name, 256)} is not a plain file of this folder` });
      }
      return pool.source(join(root, target.entry.name), name, target.identity);
    },
    close: () => pool.close(),
  };
}
