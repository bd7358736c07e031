// The update in a store: `<store>/advisories/advisories.json`. A server believes it, so a file that somebody else could have written is refused, and so is a
// damaged one: falling back to what Airlock came with would hide that newer advisories are missing.
import { randomBytes } from 'node:crypto';
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
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { AirlockError, errnoOf } from '../core/index.ts';
import type { AdvisoryDocument } from './advisory-types.ts';
import { invalid, maxDocumentBytes, readDocument } from './read-document.ts';

const what = 'The update in the store';
const groupOrOthersWrite = 0o022;

function fileOf(store: string): string {
  return join(store, 'advisories', 'advisories.json');
}

/** Changes whenever the file does; undefined when there is none. @throws ADVISORIES_INVALID when it cannot be looked at. */
export function updateState(store: string): string | undefined {
  try {
    const { mtimeMs, ctimeMs, size, ino } = lstatSync(fileOf(store));
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(String(errnoOf(cause)))) return undefined;
    throw invalid(what, `it cannot be looked at (${errnoOf(cause)})`, cause);
  }
}

/** Its bytes. @throws ADVISORIES_INVALID when it is a link, of another user, open to others, too large or not there any more. */
export function readUpdate(store: string): Buffer {
  let descriptor: number | undefined;
  try {
    refuseForeign(lstatSync(join(store, 'advisories')), 'the folder of the update');
    descriptor = openSync(fileOf(store), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw invalid(what, 'it is no plain file');
    refuseForeign(stats, 'it');
    if (stats.size > maxDocumentBytes) throw invalid(what, `it has more than ${maxDocumentBytes} bytes`);
    return readWhole(descriptor, stats.size);
  } catch (cause) {
    if (cause instanceof AirlockError) throw cause;
    throw invalid(what, `it cannot be read (${errnoOf(cause)})`, cause);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function readWhole(descriptor: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let at = 0;
  while (at < size) {
    const count = readSync(descriptor, bytes, at, size - at, at);
    if (count === 0) throw invalid(what, 'it became shorter while it was read');
    at += count;
  }
  return bytes;
}

/** Root may have written it for a server that runs as another user. */
function refuseForeign({ uid, mode }: Stats, name: string): void {
  const own = process.geteuid?.() ?? 0;
  if (uid !== own && uid !== 0) throw invalid(what, `${name} belongs to another user (${uid})`);
  if ((mode & groupOrOthersWrite) !== 0) throw invalid(what, `others may write ${name}`);
}

/**
 * Puts a document into the store at once or not at all.
 * @throws ADVISORIES_INVALID for one that could not be read again: it would keep every server from starting; STORE_NOT_WRITABLE, DISK_FULL
 */
export function writeUpdate(store: string, document: AdvisoryDocument): void {
  const bytes = Buffer.from(`${JSON.stringify(document)}\n`);
  readDocument(bytes, 'What was put together');
  const file = fileOf(store);
  const aside = `${file}.${randomBytes(6).toString('hex')}.new`;
  try {
    mkdirSync(join(store, 'advisories'), { recursive: true, mode: 0o755 });
    const descriptor = openSync(aside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(aside, file);
  } catch (cause) {
    rmSync(aside, { force: true });
    throw new AirlockError(errnoOf(cause) === 'ENOSPC' ? 'DISK_FULL' : 'STORE_NOT_WRITABLE', { detail: String(cause), cause });
  }
}
