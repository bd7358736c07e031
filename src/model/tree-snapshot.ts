// Takes a picture of a folder (names, sizes, times, inodes) to tell whether somebody is still writing into it. Contents are not
// read: a copy that is under way changes at least one of these with every write.
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { AirlockError } from '../core/index.ts';
import { fileError, listModelFolder } from './model-files.ts';

export interface TreeSnapshot {
  /** Device and inode of the folder itself: another value under the same name is another folder. */
  readonly folderId: string;
  /** Equal exactly when nothing in the tree has changed. */
  readonly digest: string;
  /** The newest status change in the tree, in milliseconds of the wall clock. No program can set it, unlike a file's mtime. */
  readonly newestChangeMs: number;
}

const maxDepth = 32;
/** Files and folders in one model. */
export const maxModelEntries = 10_000;

async function statEntry(directory: string, name: string): Promise<BigIntStats> {
  try {
    return await lstat(join(directory, name), { bigint: true });
  } catch (thrown) {
    throw fileError('MODEL_INCOMPLETE', directory, name, 'went away or cannot be read', thrown);
  }
}

/** Something in a model's folder; `name` is relative to it, and empty for the folder itself. */
export interface TreeEntry {
  readonly name: string;
  readonly stats: BigIntStats;
}

/**
 * Goes through everything below a model's folder, parents first. At most `maxEntries` files and folders, 32 levels deep.
 * @throws as `snapshotTree`.
 */
export async function* walkTree(directory: string, maxEntries: number): AsyncGenerator<TreeEntry> {
  const pending = [''];
  let entries = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const stats = await statEntry(directory, name);
    if (!stats.isFile() && !stats.isDirectory()) {
      throw fileError('MODEL_INVALID', directory, name, stats.isSymbolicLink() ? 'is a symbolic link' : 'is not a regular file');
    }
    yield { name, stats };
    if (!stats.isDirectory()) continue;
    if (name.split('/').length > maxDepth) throw fileError('MODEL_INVALID', directory, name, 'is nested too deep');
    const names = (await listModelFolder(directory, name, maxEntries)) ?? [];
    entries += names.length;
    if (entries > maxEntries) {
      throw new AirlockError('MODEL_INVALID', { message: `The folder has more than ${maxEntries} files`, detail: directory });
    }
    for (const child of names.sort()) pending.push(name === '' ? child : `${name}/${child}`);
  }
}

/**
 * Takes the picture of `directory`. At most `maxEntries` (default 10,000) files and folders, 32 levels deep.
 * @throws MODEL_INVALID when a limit is passed or something in the tree is neither a regular file nor a folder (no link may lead a
 * reader elsewhere, or change what a name means later); MODEL_INCOMPLETE when something goes away meanwhile.
 */
export async function snapshotTree(directory: string, maxEntries = maxModelEntries): Promise<TreeSnapshot> {
  const hash = createHash('sha256');
  let newestChangeNs = 0n;
  let folderId = '';
  for await (const { name, stats } of walkTree(directory, maxEntries)) {
    if (name === '') folderId = `${stats.dev}:${stats.ino}`;
    if (stats.ctimeNs > newestChangeNs) newestChangeNs = stats.ctimeNs;
    const parts = [name, stats.dev, stats.ino, stats.mode, stats.size, stats.mtimeNs, stats.ctimeNs];
    hash.update(JSON.stringify(parts.map(String)));
  }
  return { folderId, digest: hash.digest('hex'), newestChangeMs: Number(newestChangeNs / 1_000_000n) };
}
