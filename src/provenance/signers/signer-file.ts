// Reads the files that a signer's entry names: once, when the trust section is loaded, and never because of a bundle.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { AirlockError, isAirlockError } from '../../core/index.ts';

const maxFileBytes = 4 * 2 ** 20;

/**
 * What `read` makes of the file at `path`, at most 4 MiB. TRUST_INVALID otherwise; its message names `key`, the place in
 * airlock.yaml, and only its detail the path.
 */
export async function readSignerFile<T>(key: string, path: string, read: (bytes: Buffer) => T): Promise<T> {
  try {
    return read(await readWhole(path));
  } catch (error) {
    const what = isAirlockError(error) ? error.message : 'the file cannot be read';
    throw new AirlockError('TRUST_INVALID', { message: `${key}: ${what}`, detail: path, cause: error });
  }
}

/** Symlinks are followed: secrets that Kubernetes mounts are links. Whether others may write there is asked by the policy. */
async function readWhole(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const status = await file.stat();
    if (!status.isFile()) {
      throw new AirlockError('TRUST_INVALID', { message: 'it is not a regular file' });
    }
    // One byte more than allowed, so that a file that grows meanwhile is noticed too.
    const buffer = Buffer.alloc(Math.min(status.size, maxFileBytes) + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < buffer.length; length += got) {
      got = (await file.read(buffer, length, buffer.length - length, length)).bytesRead;
    }
    if (length !== status.size || length > maxFileBytes) {
      throw new AirlockError('TRUST_INVALID', {
        message: `it is larger than ${maxFileBytes} bytes, or changed while it was read`,
      });
    }
    return buffer.subarray(0, length);
  } finally {
    await file.close();
  }
}
