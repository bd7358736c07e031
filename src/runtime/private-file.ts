// Small files of a store that decide something: which TensorFlow serves, and what a rehearsal said. Written whole or not at all, for this user only, and
// read back only when no other user could have written them. Their contents are judged elsewhere. It blocks, as the audit log does: each is small and rare.
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';
import { hasCode, runtimeError } from './runtime-error.ts';

const writableByOthers = 0o022;

function unsafe(place: string, why: string, cause?: unknown): AirlockError {
  return new AirlockError('STORE_UNSAFE', { detail: `${printable(place, 4_096)} ${why}`, cause });
}

function assertOwn(stats: Stats, place: string): void {
  // The programs of root may do what they want in any case.
  if (stats.uid !== 0 && stats.uid !== process.geteuid?.()) throw unsafe(place, `belongs to user ${stats.uid}`);
  if ((stats.mode & writableByOthers) !== 0) throw unsafe(place, 'may be written by others');
}

function writing<T>(job: () => T): T {
  try {
    return job();
  } catch (thrown) {
    throw runtimeError(thrown, 'STORE_NOT_WRITABLE');
  }
}

/** False when it is not there. @throws STORE_UNSAFE when another user could change what lies in it, or it is no folder. */
function isPrivateFolder(folder: string): boolean {
  const stats = writing(() => lstatSync(folder, { throwIfNoEntry: false }));
  if (stats === undefined) return false;
  if (!stats.isDirectory()) throw unsafe(folder, 'is not a folder');
  assertOwn(stats, folder);
  return true;
}

/** Makes `folder` with mode 0700, unless it is there. @throws STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL. */
export function makePrivateFolder(folder: string): void {
  writing(() => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  isPrivateFolder(folder);
}

/**
 * Gives `folder`/`name` this text, with mode 0600, in one step that lasts through a power cut; makes the folder when it is missing.
 * @param lasts false for what may be gone after a power cut: then nothing waits for the disk. Default true.
 * @throws STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL.
 */
export function writePrivateFile(folder: string, name: string, text: string, lasts = true): void {
  makePrivateFolder(folder);
  const aside = join(folder, `.new-${randomUUID()}`);
  writing(() => {
    try {
      writeFileSync(aside, text, { flag: 'wx', mode: 0o600, flush: lasts });
      renameSync(aside, join(folder, name));
      if (!lasts) return;
      const directory = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        fsyncSync(directory);
      } finally {
        closeSync(directory);
      }
    } finally {
      rmSync(aside, { force: true });
    }
  });
}

/**
 * The text of a file of at most `maxBytes` in a folder of this user; undefined when there is none.
 * @throws STORE_UNSAFE when another user could have written it, or it is a link, no plain file or larger than that.
 */
export function readPrivateFile(place: string, maxBytes: number): string | undefined {
  if (!isPrivateFolder(dirname(place))) return undefined;
  const fd = openPlain(place);
  if (fd === undefined) return undefined;
  try {
    const stats = fstatSync(fd);
    assertOwn(stats, place);
    if (!stats.isFile()) throw unsafe(place, 'is not a plain file');
    // One byte more shows that it grew.
    const bytes = Buffer.alloc(Math.min(stats.size, maxBytes) + 1);
    const count = readSync(fd, bytes, 0, bytes.length, 0);
    if (count > maxBytes) throw unsafe(place, `is larger than ${maxBytes} bytes`);
    return bytes.toString('utf8', 0, count);
  } finally {
    closeSync(fd);
  }
}

function openPlain(place: string): number | undefined {
  try {
    // O_NONBLOCK: opening a named pipe would otherwise wait for ever.
    return openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return undefined;
    throw unsafe(place, 'cannot be opened as a plain file', thrown);
  }
}
