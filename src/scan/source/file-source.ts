// Files as sources. A file is opened without following a link and without waiting for a pipe, it must be the very file that was listed
// (device and inode), and only a few are open at a time, however many there are. Never writes.
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { AirlockError, errnoOf, printable } from '../../core/index.ts';
import type { Source } from '../scan-context.ts';

const maxOpenFiles = 32;

/** Which file it is: somebody may put another one under the same name while a scan runs. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
  readonly sizeBytes: number;
}

function changed(name: string): AirlockError {
  return new AirlockError('MODEL_INCOMPLETE', { message: `${printable(name, 256)} changed while it was read` });
}

function unavailable(name: string, thrown: unknown): AirlockError {
  return new AirlockError('MODEL_NOT_AVAILABLE', {
    message: `${printable(name, 256)} cannot be read (${errnoOf(thrown) || 'unknown error'})`,
    cause: thrown,
  });
}

/** Opens files when they are read and closes the one that was used longest ago when there are too many. */
export class FilePool {
  readonly #open = new Map<string, number>();

  #descriptor(path: string, name: string, identity: FileIdentity): number {
    const known = this.#open.get(path);
    if (known !== undefined) {
      this.#open.delete(path);
      this.#open.set(path, known);
      return known;
    }
    let descriptor: number;
    try {
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (thrown) {
      throw unavailable(name, thrown);
    }
    const stats = fstatSync(descriptor, { bigint: true });
    if (!stats.isFile() || stats.dev !== identity.device || stats.ino !== identity.inode) {
      closeSync(descriptor);
      throw changed(name);
    }
    for (const [oldest, open] of this.#open) {
      if (this.#open.size < maxOpenFiles) break;
      this.#open.delete(oldest);
      closeSync(open);
    }
    this.#open.set(path, descriptor);
    return descriptor;
  }

  source(path: string, name: string, identity: FileIdentity): Source {
    return {
      name,
      sizeBytes: identity.sizeBytes,
      path,
      read: (offset, length) => {
        const isInside = offset >= 0 && length >= 0 && offset + length <= identity.sizeBytes;
        if (!isInside || !Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) {
          throw new AirlockError('MODEL_INCOMPLETE', { message: `${printable(name, 256)} is cut short` });
        }
        const bytes = Buffer.allocUnsafeSlow(length);
        const descriptor = this.#descriptor(path, name, identity);
        for (let done = 0; done < length; ) {
          let count: number;
          try {
            count = readSync(descriptor, bytes, done, length - done, offset + done);
          } catch (thrown) {
            throw unavailable(name, thrown);
          }
          if (count === 0) throw changed(name);
          done += count;
        }
        return bytes;
      },
    };
  }

  close(): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor);
    this.#open.clear();
  }
}

export interface FileSource extends Source {
  readonly path: string;
  close(): void;
}

/**
 * A plain file by itself. `name` (default: the last part of the path) is what findings say.
 * @throws MODEL_NOT_AVAILABLE when it cannot be read, MODEL_INVALID when it is no plain file.
 */
export function openFile(path: string, name: string = basename(path)): FileSource {
  const pool = new FilePool();
  let identity: FileIdentity;
  try {
    const stats = lstatSync(path, { bigint: true });
    if (!stats.isFile()) throw new AirlockError('MODEL_INVALID', { message: `${printable(name, 256)} is not a plain file` });
    identity = { device: stats.dev, inode: stats.ino, sizeBytes: Number(stats.size) };
  } catch (thrown) {
    throw errnoOf(thrown) === 'MODEL_INVALID' ? thrown : unavailable(name, thrown);
  }
  return { ...pool.source(path, name, identity), path, close: () => pool.close() };
}
