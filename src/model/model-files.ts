// The only way that src/model touches a model's folder. Names are fixed or come from the model, so a name must never lead outside
// the folder: no link is followed, only regular files are opened, and opening never blocks on a pipe that somebody put there.
// What is wrong with the model is MODEL_INVALID or MODEL_INCOMPLETE; what the machine would not do is MODEL_NOT_AVAILABLE.
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { AirlockError, type ErrorCode, errnoOf, printable } from '../core/index.ts';

/** An open file of a model. `name` is relative to the model's folder and safe to show. */
export interface ModelFile {
  readonly name: string;
  readonly sizeBytes: number;
  /** Exactly `length` bytes from `position`. Throws MODEL_INCOMPLETE when the file has become shorter. */
  read(position: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** An error about one file of a model: the client reads its relative name, the operator also reads the whole path. */
export function fileError(code: ErrorCode, directory: string, name: string, text: string, cause?: unknown): AirlockError {
  const shown = name === '' ? 'The folder' : printable(name, 256);
  return new AirlockError(code, { message: `${shown} ${text}`, detail: join(directory, name), cause });
}

function isMissing(thrown: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errnoOf(thrown));
}

function unreadable(directory: string, name: string, thrown: unknown): AirlockError {
  // O_NOFOLLOW answers ELOOP for a link.
  if (errnoOf(thrown) === 'ELOOP') return fileError('MODEL_INVALID', directory, name, 'is a symbolic link', thrown);
  return fileError('MODEL_NOT_AVAILABLE', directory, name, `cannot be read (${errnoOf(thrown) || 'unknown error'})`, thrown);
}

async function statOf(directory: string, name: string): Promise<Stats | undefined> {
  try {
    return await lstat(join(directory, name));
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw unreadable(directory, name, thrown);
  }
}

/** False when a folder on the way to `name` is missing; O_NOFOLLOW and lstat look only at the last part of a path. */
async function foldersArePlain(directory: string, name: string): Promise<boolean> {
  const parts = name.split('/');
  for (let depth = 1; depth < parts.length; depth++) {
    const folder = parts.slice(0, depth).join('/');
    const stats = await statOf(directory, folder);
    if (stats === undefined) return false;
    if (!stats.isDirectory()) throw fileError('MODEL_INVALID', directory, folder, 'is not a plain folder');
  }
  return true;
}

/**
 * The size of a regular file of a model in bytes, or undefined when there is none.
 * @throws MODEL_INVALID when it is a link or anything else that is not a regular file.
 */
export async function modelFileBytes(directory: string, name: string): Promise<number | undefined> {
  if (!(await foldersArePlain(directory, name))) return undefined;
  const stats = await statOf(directory, name);
  if (stats !== undefined && !stats.isFile()) throw fileError('MODEL_INVALID', directory, name, 'is not a regular file');
  return stats?.size;
}

/**
 * Opens a regular file of a model; undefined when there is none.
 * @throws MODEL_INVALID when it is a link, not a regular file, or larger than `maxBytes`.
 */
export async function openModelFile(directory: string, name: string, maxBytes: number): Promise<ModelFile | undefined> {
  if (!(await foldersArePlain(directory, name))) return undefined;
  let handle: FileHandle;
  try {
    // O_NONBLOCK: opening a named pipe would wait for a writer for ever.
    handle = await open(join(directory, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw unreadable(directory, name, thrown);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw fileError('MODEL_INVALID', directory, name, 'is not a regular file');
    if (stats.size > maxBytes) {
      throw fileError('MODEL_INVALID', directory, name, `has ${stats.size} bytes, more than the limit of ${maxBytes}`);
    }
    return {
      name,
      sizeBytes: stats.size,
      read: (position, length) => readExactly(handle, directory, name, position, length),
      close: () => handle.close(),
    };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

async function readExactly(
  handle: FileHandle,
  directory: string,
  name: string,
  position: number,
  length: number,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done).catch((thrown: unknown) => {
      throw unreadable(directory, name, thrown);
    });
    if (bytesRead === 0) throw fileError('MODEL_INCOMPLETE', directory, name, 'became shorter while it was read');
    done += bytesRead;
  }
  return bytes;
}

/** The whole of a model's file, which must not be larger than `maxBytes`; undefined when there is none. Errors as `openModelFile`. */
export async function readModelFile(directory: string, name: string, maxBytes: number): Promise<Buffer | undefined> {
  const file = await openModelFile(directory, name, maxBytes);
  if (file === undefined) return undefined;
  try {
    return await file.read(0, file.sizeBytes);
  } finally {
    await file.close();
  }
}

/**
 * The names in a folder of a model (`''` for the model's own), or undefined when there is no such folder.
 * @throws MODEL_INVALID when it is not a folder or has more than `maxEntries` names.
 */
export async function listModelFolder(directory: string, name: string, maxEntries: number): Promise<string[] | undefined> {
  const stats = await statOf(directory, name);
  if (stats === undefined) return undefined;
  if (!stats.isDirectory()) throw fileError('MODEL_INVALID', directory, name, 'is not a plain folder');
  const names: string[] = [];
  try {
    for await (const entry of await opendir(join(directory, name))) {
      if (names.length === maxEntries) throw fileError('MODEL_INVALID', directory, name, `has more than ${maxEntries} entries`);
      names.push(entry.name);
    }
  } catch (thrown) {
    throw AirlockError.from(thrown).code === 'INTERNAL' ? unreadable(directory, name, thrown) : thrown;
  }
  return names;
}
