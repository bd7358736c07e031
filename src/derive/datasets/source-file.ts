// One file of a data set, read once from front to back in pieces while its digest is computed. It opens regular files only, never waits
// on a pipe or a device, and reads no further than the size that the file had when it was opened.
import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AirlockError } from '../../core/index.ts';
import { datasetError } from './dataset-error.ts';

const pieceBytes = 1024 * 1024;
const groupOrOthersWrite = 0o022;
const othersWrite = 0o002;
const sticky = 0o1000;

export class SourceFile {
  readonly name: string;
  readonly size: number;
  readonly writableByOthers: boolean;
  readonly #handle: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  readonly #onProgress: ((doneBytes: number) => void) | undefined;
  readonly #changedMs: number;
  #hashed = 0;
  #digest: string | undefined;

  private constructor(
    name: string,
    handle: FileHandle,
    size: number,
    changedMs: number,
    writableByOthers: boolean,
    onProgress: ((doneBytes: number) => void) | undefined,
  ) {
    this.name = name;
    this.size = size;
    this.writableByOthers = writableByOthers;
    this.#handle = handle;
    this.#changedMs = changedMs;
    this.#onProgress = onProgress;
  }

  /** @throws DATASET_INVALID when there is no regular file of at most `maxBytes`. */
  static async open(path: string, maxBytes: number, onProgress?: (doneBytes: number) => void): Promise<SourceFile> {
    // Without O_NONBLOCK the open of a pipe would wait for a writer for ever.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
      throw new AirlockError('DATASET_INVALID', { message: 'The data set cannot be opened', detail: path, cause });
    });
    try {
      const info = await handle.stat();
      if (!info.isFile()) throw datasetError({}, 'a regular file', 'something else');
      if (info.size > maxBytes) throw datasetError({}, `a file of at most ${maxBytes} bytes`, `${info.size} bytes`);
      const folder = await stat(dirname(path));
      const writable =
        (info.mode & groupOrOthersWrite) !== 0 || ((folder.mode & othersWrite) !== 0 && (folder.mode & sticky) === 0);
      return new SourceFile(basename(path), handle, info.size, info.mtimeMs, writable, onProgress);
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  /** The file in pieces; each piece may be kept. The next piece is read while the caller works on this one. */
  async *pieces(): AsyncGenerator<Buffer, void, undefined> {
    let pending = this.#piece(0);
    try {
      for (let at = 0; at < this.size; ) {
        const piece = await pending;
        if (piece.length === 0) throw changed();
        at += piece.length;
        pending = at < this.size ? this.#piece(at) : Promise.resolve(Buffer.alloc(0));
        this.#hash.update(piece);
        this.#hashed = at;
        this.#onProgress?.(at);
        yield piece;
      }
    } finally {
      // The handle must not be closed under a read that is still under way.
      await pending.catch(() => undefined);
    }
    await this.#assertUnchanged();
  }

  async #piece(at: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, this.size - at));
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, at);
    return buffer.subarray(0, bytesRead);
  }

  /** `length` bytes from `start`. @throws DATASET_INVALID when they are not all inside the file. */
  async bytesAt(start: number, length: number): Promise<Buffer> {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(length) || start < 0 || length < 0 || start + length > this.size)
      throw datasetError({}, 'offsets inside the file', `${length} bytes at ${start} of ${this.size}`);
    const buffer = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#handle.read(buffer, done, length - done, start + done);
      if (bytesRead === 0) throw changed();
      done += bytesRead;
    }
    return buffer;
  }

  /** For formats that are read out of order: digests the whole file first. */
  async digestFirst(): Promise<void> {
    for await (const piece of this.pieces()) void piece;
  }

  /** @throws DATASET_INVALID when the file is no longer what was opened. */
  async assertUnchanged(): Promise<void> {
    await this.#assertUnchanged();
  }

  async #assertUnchanged(): Promise<void> {
    const { size, mtimeMs } = await this.#handle.stat();
    if (size !== this.size || mtimeMs !== this.#changedMs) throw changed();
  }

  /** Hex, of the whole file. */
  sha256(): string {
    if (this.#hashed < this.size) throw datasetError({}, 'a data set that was read to its end', 'one that was not');
    this.#digest ??= this.#hash.digest('hex');
    return this.#digest;
  }

  /** For libraries that read by descriptor; it stays ours to close. */
  get fd(): number {
    return this.#handle.fd;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function changed(): AirlockError {
  return datasetError({}, 'a file that stays as it is', 'one that changes while it is read');
}
