// Reads files that others may have put beside a model, or that the person at the command line names. Never more than a given size, and
// never a pipe or a device that would keep us waiting.
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { AirlockError, errnoOf, printable } from '../../core/index.ts';

export interface BoundedFileOptions {
  readonly maxBytes: number;
  /** False refuses a link in the last place; what lies beside a model must not lead away from it. Default true. */
  readonly followLink?: boolean;
}

/**
 * The whole content of a file; undefined when there is none.
 * @throws USAGE when it is no file, is larger than `maxBytes`, or cannot be read
 */
export async function readBoundedFile(file: string, options: BoundedFileOptions): Promise<Buffer | undefined> {
  return withFile(file, options.followLink ?? true, async (handle) => {
    const { size } = await handle.stat();
    if (size > options.maxBytes) throw refusal(file, `is larger than ${options.maxBytes} bytes`);
    // One byte more than it had, so that a file that grows meanwhile is seen.
    const bytes = Buffer.allocUnsafe(size + 1);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled);
      filled += bytesRead;
      if (filled > size) throw refusal(file, 'grows while it is read');
      if (bytesRead === 0) return bytes.subarray(0, filled);
    }
  });
}

/** Runs `job` on a regular file that is open for reading; undefined when there is none. @throws USAGE when it cannot be opened */
export async function withFile<T>(
  file: string,
  followLink: boolean,
  job: (handle: FileHandle) => Promise<T>,
): Promise<T | undefined> {
  const noFollow = followLink ? 0 : constants.O_NOFOLLOW;
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | noFollow);
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined;
    throw refusal(file, 'cannot be opened', cause);
  }
  try {
    if (!(await handle.stat()).isFile()) throw refusal(file, 'is not a file');
    return await job(handle);
  } finally {
    await handle.close();
  }
}

function refusal(file: string, what: string, cause?: unknown): AirlockError {
  const message = `${printable(basename(file), 200)} ${what}`;
  return new AirlockError('USAGE', { message, detail: printable(file, 4_096), cause });
}
