// Puts a signature under its name: whole or not at all, also after a power cut, and over another one only when that was asked for.
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';

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

function ignoreExisting(thrown: unknown): void {
  if (codeOf(thrown) !== 'EEXIST') throw thrown;
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
}

function refusal(file: string, cause: unknown): AirlockError {
  const name = printable(basename(file), 200);
  const detail = printable(file, 4_096);
  return codeOf(cause) === 'EEXIST'
    ? new AirlockError('USAGE', { message: `${name} exists already; --force replaces it`, detail, cause })
    : new AirlockError('SIGNING_FAILED', { message: `${name} could not be written`, detail, cause });
}
