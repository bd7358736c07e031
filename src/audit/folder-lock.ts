// One writer at a time for a folder that several processes share. The lock is a link to a file that names its owner: making a link succeeds for
// one only, and what a dead process left behind can be told from what a living one holds.
import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AirlockError, errnoOf, isDeadOwner, isLocalOwner, ownerMark } from '../core/index.ts';

/** A writer holds it for about a millisecond. */
const waitMs = 3;
const maxWaits = 1_000;
/** A lock from another container that is as old as this was left behind: whoever held it would be waiting for nothing. */
const abandonedMs = 600_000;

/** Runs `job` while nobody else does in this folder. Blocks; a log line is worth the wait. @throws AUDIT_LOG_FAILED after three seconds. */
export function withFolderLock<T>(folder: string, job: () => T): T {
  const lock = join(folder, 'lock');
  const own = join(folder, `.lock-${ownerMark()}`);
  writeFileSync(own, ownerMark(), { mode: 0o600 });
  try {
    for (let count = 0; !tryLock(folder, own, lock); count++) {
      if (count === maxWaits) throw new AirlockError('AUDIT_LOG_FAILED', { detail: `another process holds ${lock}` });
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs);
    }
    try {
      return job();
    } finally {
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

function tryLock(folder: string, own: string, lock: string): boolean {
  if (tryLink(own, lock)) return true;
  removeAbandoned(folder, own, lock);
  return false;
}

function tryLink(own: string, name: string): boolean {
  try {
    linkSync(own, name);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EEXIST') throw thrown;
    return false;
  }
}

/**
 * Removes what a dead process holds. Only one may do so at a time, and it looks again: between the look and the removal another process could have
 * removed it and taken the lock itself, and the removal would take that one's. Who may is a link named after the dead, which can make no new ones.
 */
function removeAbandoned(folder: string, own: string, file: string): void {
  const mark = readOrEmpty(file);
  if (!isAbandoned(file, mark)) return;
  const guard = join(folder, `.dead-${/^[\d-]{1,64}$/.test(mark) ? mark : 'unknown'}`);
  if (!tryLink(own, guard)) {
    // The one who removes may have died too; a guard is never that of its own owner.
    if (guard !== file) removeAbandoned(folder, own, guard);
    return;
  }
  try {
    if (readOrEmpty(file) === mark && isAbandoned(file, mark)) rmSync(file, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}

function isAbandoned(file: string, mark: string): boolean {
  if (isLocalOwner(mark)) return isDeadOwner(mark);
  // Who lives in another PID namespace cannot be told from here: a container that was started again must not be locked out by itself for ever.
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.mtimeMs > abandonedMs;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
