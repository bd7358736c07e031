// Removes what the store made and sealed: its folders are read-only, which stops rm for everybody but root. Follows no link.
import { chmod, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from './store-error.ts';

/** Bytes of the files that are gone; nothing happens when `place` is not there. @throws what the system says. */
export async function removeTree(place: string): Promise<number> {
  const pending = [place];
  let freedBytes = 0;
  try {
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const stats = await lstat(next);
      if (!stats.isDirectory()) {
        freedBytes += stats.size;
        continue;
      }
      await chmod(next, 0o700);
      for (const name of await readdir(next)) pending.push(join(next, name));
    }
  } catch (thrown) {
    // Somebody else removes it too.
    if (errnoOf(thrown) !== 'ENOENT') throw thrown;
  }
  await rm(place, { recursive: true, force: true, maxRetries: 3 });
  return freedBytes;
}
