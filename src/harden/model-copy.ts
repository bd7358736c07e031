// Copies a model's folder into a new one, with another saved_model.pb. The copy appears under its name only when it is whole, and each file
// of it was read back. No link is followed or made: a hard or symbolic link would change with the original. Nobody may read the copy who may
// not read the original.
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AirlockError, errnoOf, isAirlockError } from '../core/index.ts';
import { maxModelEntries, openModelFile, walkTree } from '../model/index.ts';

const chunkBytes = 1024 * 1024;
/** More than any machine that this is for can hold. */
const maxFileBytes = 1024 ** 4;

/**
 * Files that are not copied: the one that is written anew, and TensorFlow's fingerprint, whose hashes would be those of another graph.
 * Loading a model needs no fingerprint.
 */
const leftOut: ReadonlySet<string> = new Set(['saved_model.pb', 'fingerprint.pb']);

export interface ModelCopy {
  /** Files that were copied, relative, each with the SHA-256 of its bytes. */
  readonly files: ReadonlyMap<string, string>;
  readonly removedFingerprint: boolean;
}

/**
 * Makes the folder `to`, which must not be there, from the model in `from`.
 * @throws USAGE when `to` is there or lies inside `from`; STORE_NOT_WRITABLE or DISK_FULL when it cannot be written; MODEL_INVALID when the
 * model holds links or other things that are no files; MODEL_INCOMPLETE when it changes meanwhile
 */
export async function copyModel(from: string, to: string, savedModel: Buffer): Promise<ModelCopy> {
  const source = resolve(from);
  const target = resolve(to);
  if (`${target}/`.startsWith(`${source}/`))
    throw new AirlockError('USAGE', { message: 'The new model must not lie inside the old one' });
  await refuseExisting(target);
  // Beside the target, so that it can be renamed; the name says whose it is when something kills this process.
  const draft = join(dirname(target), `.${basename(target)}.airlock-${process.pid}`);
  try {
    await makeFolder(draft, await stat(source, { bigint: true }));
    const copy = await fill(source, draft, savedModel);
    await refuseExisting(target);
    await rename(draft, target);
    return copy;
  } catch (thrown) {
    await rm(draft, { recursive: true, force: true });
    throw isAirlockError(thrown) ? thrown : cannotWrite(target, thrown);
  }
}

async function refuseExisting(target: string): Promise<void> {
  const handle = await open(target, 'r').catch((thrown: unknown) => {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw new AirlockError('USAGE', {
      message: 'The folder for the new model is there already, or cannot be looked at',
      detail: target,
    });
  });
  if (handle === undefined) return;
  await handle.close();
  throw new AirlockError('USAGE', { message: 'The folder for the new model is there already', detail: target });
}

function cannotWrite(target: string, cause: unknown): AirlockError {
  const code = errnoOf(cause) === 'ENOSPC' ? 'DISK_FULL' : 'STORE_NOT_WRITABLE';
  return new AirlockError(code, {
    message: `The new model cannot be written (${errnoOf(cause)})`,
    detail: target,
    cause,
  });
}

async function fill(source: string, draft: string, savedModel: Buffer): Promise<ModelCopy> {
  const files = new Map<string, string>();
  let removedFingerprint = false;
  let graphStats: BigIntStats | undefined;
  for await (const { name, stats } of walkTree(source, maxModelEntries)) {
    if (name === '') continue;
    if (stats.isDirectory()) await makeFolder(join(draft, name), stats);
    else if (!leftOut.has(name)) files.set(name, await copyFile(source, name, join(draft, name), stats));
    else if (name === 'fingerprint.pb') removedFingerprint = true;
    else graphStats = stats;
  }
  if (graphStats === undefined)
    throw new AirlockError('MODEL_INCOMPLETE', { message: 'A file of the model went away', detail: 'saved_model.pb' });
  await writeNew(join(draft, 'saved_model.pb'), graphStats, async (handle) => {
    await handle.writeFile(savedModel);
  });
  for (const [name, digest] of files) {
    if ((await digestOf(draft, name)) !== digest)
      throw new AirlockError('STORE_NOT_WRITABLE', { message: 'A file of the copy differs', detail: name });
  }
  return { files, removedFingerprint };
}

/**
 * The rights of a copy from its first moment on; the umask may take more away. For the owner enough to finish and to remove it, for all
 * others those of the original. The group of a new file is ours: where that of the original is another, ours gets what everybody has.
 */
function rightsOf({ mode, gid }: BigIntStats, owner: number): number {
  const bits = Number(mode & 0o777n);
  const others = bits & 0o007;
  const group = gid === BigInt(process.getegid?.() ?? -1) ? bits & 0o070 : others << 3;
  return owner | group | others;
}

async function makeFolder(path: string, original: BigIntStats): Promise<void> {
  await mkdir(path, { mode: rightsOf(original, 0o700) });
}

async function writeNew(path: string, original: BigIntStats, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(path, 'wx', rightsOf(original, 0o600));
  try {
    await write(handle);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function copyFile(source: string, name: string, to: string, original: BigIntStats): Promise<string> {
  const hash = createHash('sha256');
  await writeNew(to, original, async (handle) => {
    for await (const chunk of chunksOf(source, name)) {
      hash.update(chunk);
      await handle.writeFile(chunk);
    }
  });
  return hash.digest('hex');
}

async function digestOf(folder: string, name: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(folder, name)) hash.update(chunk);
  return hash.digest('hex');
}

async function* chunksOf(folder: string, name: string): AsyncGenerator<Buffer> {
  const file = await openModelFile(folder, name, maxFileBytes);
  if (file === undefined) throw new AirlockError('MODEL_INCOMPLETE', { message: 'A file of the model went away', detail: name });
  try {
    for (let position = 0; position < file.sizeBytes; position += chunkBytes) {
      yield await file.read(position, Math.min(chunkBytes, file.sizeBytes - position));
    }
  } finally {
    await file.close();
  }
}
