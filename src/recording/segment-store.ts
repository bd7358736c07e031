// The encrypted segments in a store: written whole or not at all, readable by this user only, and never more or older than the configuration allows; the oldest go
// first. A segment's name says when it began, to which recording it belongs and how many requests are in it, so that they can be counted without a key.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AirlockError, errnoOf } from '../core/index.ts';
import { makePrivateFolder } from '../runtime/index.ts';
import { recordingsOf } from './recording-control.ts';
import { maxSegmentBytes } from './segment-format.ts';

export interface SegmentFile {
  readonly name: string;
  /** When its first request was recorded, milliseconds since 1970. */
  readonly startedMs: number;
  /** Id of the recording. */
  readonly recording: string;
  readonly requests: number;
  /** Encrypted. */
  readonly bytes: number;
}

export interface SegmentBounds {
  readonly maxBytes: number;
  readonly keepForMs: number;
}

const segmentName = /^(\d{13})-([0-9a-f]{16})-([0-9a-f]{12})-(\d{1,9})\.age$/;
const unfinishedName = /^\.new-[0-9a-f]{12}$/;
/** Of age's header for 16 recipients, and 16 bytes for each chunk. */
const maxSealedBytes = maxSegmentBytes + 64 * 1024;
/** An unfinished file that is as old as this was left behind by a process that died. */
const abandonedMs = 600_000;

/** Keeps an encrypted segment. @throws STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL. */
export async function writeSegment(
  store: string,
  about: Pick<SegmentFile, 'startedMs' | 'recording' | 'requests'>,
  sealed: Uint8Array,
): Promise<SegmentFile> {
  const folder = recordingsOf(store);
  await makePrivateFolder(folder);
  const random = randomBytes(6).toString('hex');
  const name = `${String(Math.floor(about.startedMs)).padStart(13, '0')}-${about.recording}-${random}-${about.requests}.age`;
  const aside = join(folder, `.new-${random}`);
  try {
    const file = await open(aside, 'wx', 0o600);
    await file.writeFile(sealed).finally(() => file.close());
    await rename(aside, join(folder, name));
  } catch (cause) {
    await rm(aside, { force: true }).catch(() => undefined);
    const errno = errnoOf(cause);
    throw new AirlockError(errno === 'ENOSPC' || errno === 'EDQUOT' ? 'DISK_FULL' : 'STORE_NOT_WRITABLE', { cause });
  }
  return { ...about, name, bytes: sealed.length };
}

/** The segments of a store, oldest first. */
export async function listSegments(store: string): Promise<readonly SegmentFile[]> {
  const folder = recordingsOf(store);
  const names = await readdir(folder).catch((thrown: unknown) => {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw new AirlockError('STORE_NOT_WRITABLE', { detail: 'the folder of recordings cannot be listed', cause: thrown });
  });
  const segments: SegmentFile[] = [];
  for (const name of names.sort()) {
    const [, started, recording, , requests] = segmentName.exec(name) ?? [];
    if (recording === undefined) continue;
    // It may have been removed since.
    const bytes = await stat(join(folder, name)).then(
      ({ size }) => size,
      () => undefined,
    );
    if (bytes !== undefined) segments.push({ name, startedMs: Number(started), recording, requests: Number(requests), bytes });
  }
  return segments;
}

/** @throws RECORDING_INVALID when it is larger than any that is written, or no plain file; undefined is given for one that went away. */
export async function readSegment(store: string, { name }: SegmentFile): Promise<Buffer | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(join(recordingsOf(store), name), flags).catch((thrown: unknown) => {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw new AirlockError('RECORDING_INVALID', { detail: `${name} cannot be opened`, cause: thrown });
  });
  if (file === undefined) return undefined;
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > maxSealedBytes)
      throw new AirlockError('RECORDING_INVALID', { detail: `${name} is not a plain file of at most ${maxSealedBytes} bytes` });
    return await file.readFile();
  } finally {
    await file.close();
  }
}

export async function removeSegments(store: string, segments: readonly SegmentFile[]): Promise<void> {
  for (const { name } of segments) await rm(join(recordingsOf(store), name), { force: true });
}

/** Removes what is too old, then the oldest until the rest fits, and what dead processes left. Gives how many segments went. */
export async function pruneSegments(store: string, { maxBytes, keepForMs }: SegmentBounds, nowMs: number): Promise<number> {
  const segments = await listSegments(store);
  const old = segments.filter(({ startedMs }) => startedMs < nowMs - keepForMs);
  const kept = segments.slice(old.length);
  let total = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  const removed = [...old];
  for (const segment of kept) {
    if (total <= maxBytes) break;
    total -= segment.bytes;
    removed.push(segment);
  }
  await removeSegments(store, removed);
  await removeAbandoned(store, nowMs);
  return removed.length;
}

async function removeAbandoned(store: string, nowMs: number): Promise<void> {
  const folder = recordingsOf(store);
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => unfinishedName.test(one))) {
    const stats = await stat(join(folder, name)).catch(() => undefined);
    if (stats !== undefined && nowMs - stats.mtimeMs > abandonedMs) await rm(join(folder, name), { force: true });
  }
}
