// Removes what the store made and sealed: its folders are read-only, which stops rm for everybody but root. Follows no link. One thing after
// the other: fs.rm does everything at once, which holds up a server when there are thousands of files.
import { chmod, lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../core/index.ts';

/** Bytes of the files that are gone; nothing happens when `place` is not there. @throws what the system says. */
export async function removeTree(place: string): Promise<number> {
  const pending = [place];
  const folders: string[] = [];
  let freedBytes = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const here = next;
    await unlessGone(async () => {
      const stats = await lstat(here);
      if (!stats.isDirectory()) {
        await unlink(here);
        freedBytes += stats.size;
        return;
      }
      await chmod(here, 0o700);
      folders.push(here);
      for (const name of await readdir(here)) pending.push(join(here, name));
    });
  }
  // Those inside others were found after them.
  for (const folder of folders.reverse()) await unlessGone(() => rmdir(folder));
  return freedBytes;
}

/** Somebody else may remove the same. */
async function unlessGone(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') throw thrown;
  }
}
