// Private folders beside the slots in which an install does all its work, so that the last step is one rename on one file system.
// Readers of the store never look into them, and an install that was killed leaves nothing that lasts.
import { lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, runtimeError } from './runtime-error.ts';
import { runtimesOf } from './slot.ts';

const prefix = '.staging-';

// A running install touches a file every few seconds. Process ids cannot tell: a store may be shared between containers.
const staleAfterMs = 60 * 60 * 1000;

export interface Staging {
  readonly root: string;
  /** pip's working and temporary folder. */
  readonly temporary: string;
  readonly download: string;
  /** Becomes the slot. */
  readonly slot: string;
}

export interface TreeUse {
  readonly bytes: number;
  /** When anything in the tree last changed. */
  readonly newestMs: number;
}

/** What a folder holds, all levels down, without following links. Files that vanish meanwhile count as nothing. */
export async function measureTree(root: string): Promise<TreeUse> {
  const names = await readdir(root, { recursive: true }).catch(() => []);
  const stats = await Promise.all(['.', ...names].map((name) => lstat(join(root, name)).catch(() => undefined)));
  return stats.reduce<TreeUse>(
    (use, stat) => ({
      bytes: use.bytes + (stat?.isFile() === true ? stat.size : 0),
      newestMs: Math.max(use.newestMs, stat?.mtimeMs ?? 0),
    }),
    { bytes: 0, newestMs: 0 },
  );
}

async function removeStale(runtimes: string, nowMs: number): Promise<void> {
  const names = await readdir(runtimes);
  for (const name of names.filter((candidate) => candidate.startsWith(prefix))) {
    const root = join(runtimes, name);
    const { newestMs } = await measureTree(root);
    if (nowMs - newestMs > staleAfterMs) await rm(root, { recursive: true, force: true });
  }
}

/** A new private staging folder in a store, which is made if need be; removes the ones that killed installs left more than an hour ago. Errors: STORE_NOT_WRITABLE, DISK_FULL. */
export async function createStaging(store: string, nowMs: number = Date.now()): Promise<Staging> {
  const runtimes = runtimesOf(store);
  try {
    await mkdir(runtimes, { recursive: true, mode: 0o755 });
    await removeStale(runtimes, nowMs);
    // mkdtemp makes it for this user only.
    const root = await mkdtemp(join(runtimes, prefix));
    const staging = { root, temporary: join(root, 'tmp'), download: join(root, 'download'), slot: join(root, 'slot') };
    await Promise.all([staging.temporary, staging.download, staging.slot].map((path) => mkdir(path, { mode: 0o755 })));
    return staging;
  } catch (error) {
    throw runtimeError(error, hasCode(error, 'ENOTDIR', 'EEXIST') ? 'STORE_NOT_WRITABLE' : 'INTERNAL');
  }
}

export async function removeStaging(staging: Staging): Promise<void> {
  await rm(staging.root, { recursive: true, force: true, maxRetries: 3 });
}
