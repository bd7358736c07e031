// One writer at a time for a folder that several processes share. The lock is a link to a file that names its owner: making a link succeeds for
// one only, and what a dead process left behind can be told from what a living one holds.
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AirlockError, errnoOf, isDeadOwner, ownerMark } from '../core/index.ts';

/** A writer holds it for about a millisecond. */
const waitMs = 3;
const maxWaits = 1_000;

/** Runs `job` while nobody else does in this folder. Blocks; a log line is worth the wait. @throws AUDIT_LOG_FAILED after three seconds. */
export function withFolderLock<T>(folder: string, job: () => T): T {
  const lock = join(folder, 'lock');
  const own = join(folder, `.lock-${ownerMark()}`);
  writeFileSync(own, ownerMark(), { mode: 0o600 });
  try {
    for (let count = 0; !tryLock(own, lock); count++) {
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

function tryLock(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EEXIST') throw thrown;
    if (isDeadOwner(readOrEmpty(lock))) rmSync(lock, { force: true });
    return false;
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
