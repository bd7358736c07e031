// Puts a signature under its name: whole or not at all, also after a power cut, and over another one only when that was asked for.
import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AirlockError, errnoOf, printable } from '../core/index.ts';

/**
 * Writes `bytes` to `file`; its folder is made when it is missing, but not the folders above.
 * @param force replaces what is there
 * @throws USAGE when the file is there and `force` is not set; SIGNING_FAILED when it cannot be written
 */
export async function writeSignature(file: string, bytes: Buffer, force = false): Promise<void> {
  const folder = dirname(file);
  const draft = join(folder, `.${basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await mkdir(folder).catch(ignoreExisting);
    const handle = await open(draft, 'wx', 0o644);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike a rename, a link fails when the name is taken.
    await (force ? rename(draft, file) : link(draft, file));
  } catch (cause) {
    throw refusal(file, cause);
  } finally {
    await rm(draft, { force: true });
  }
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** @throws USAGE when the name is taken, as writeSignature would without `force` */
export async function assertFree(file: string): Promise<void> {
  const stats = await lstat(file).catch(() => undefined);
  if (stats !== undefined) throw existing(file);
}

function ignoreExisting(thrown: unknown): void {
  if (errnoOf(thrown) !== 'EEXIST') throw thrown;
}

function refusal(file: string, cause: unknown): AirlockError {
  if (errnoOf(cause) === 'EEXIST') return existing(file);
  const message = `${printable(basename(file), 200)} could not be written`;
  return new AirlockError('SIGNING_FAILED', { message, detail: printable(file, 4_096), cause });
}

function existing(file: string): AirlockError {
  const message = `${printable(basename(file), 200)} exists already; --force replaces it`;
  return new AirlockError('USAGE', { message, detail: printable(file, 4_096) });
}
