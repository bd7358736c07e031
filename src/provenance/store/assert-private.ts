// Whether others could change what lies at a path: then nothing that is kept there proves anything. Looks at every folder and every link on
// the way, because whoever may rename one of them may put another tree in its place.
import { type Stats, statSync } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AirlockError, errnoOf, printable } from '../../core/index.ts';

const sticky = 0o1000;
const groupWrite = 0o020;
const otherWrite = 0o002;

/** As the kernel's own limit. */
const maxLinks = 40;

/**
 * Refuses a path that somebody besides this user, root and the owner of the program could change. Everything on it belongs to one of those; others may not write,
 * except into folders above it that keep what is not theirs (as /tmp does); a group may write when it is this user's own primary one, or
 * root's. Access control lists are not read: what one grants beyond the group bits is not seen.
 * @param place absolute
 * @throws STORE_UNSAFE or TRUST_INVALID as told, also when there is no such path; `detail` says which component, and why.
 */
export async function assertPrivate(place: string, code: 'STORE_UNSAFE' | 'TRUST_INVALID'): Promise<void> {
  const refuse = (where: string, why: string): AirlockError =>
    new AirlockError(code, { detail: `${printable(where, 4_096)} ${why}` });
  const waiting = componentsOf(place);
  let real = '/';
  let links = 0;
  try {
    for (let next: string | undefined = ''; next !== undefined; next = waiting.shift()) {
      const here = path.join(real, next);
      const stats = await lstat(here);
      const why = whyUnsafe(stats, waiting.length > 0);
      if (why !== undefined) throw refuse(here, why);
      if (!stats.isSymbolicLink()) {
        real = here;
        continue;
      }
      if (++links > maxLinks) throw refuse(place, 'leads through too many links');
      const target = await readlink(here);
      if (path.isAbsolute(target)) real = '/';
      waiting.unshift(...componentsOf(target));
    }
  } catch (thrown) {
    const errno = errnoOf(thrown);
    // An AirlockError has a code too, which is none of the system's.
    throw errno === code ? thrown : refuse(place, `cannot be looked at (${errno})`);
  }
}

/** Whoever owns the program's own files can make it do anything: a container that runs a checkout of its host's user as root is no weaker for it. */
function programOwner(): number {
  return statSync(fileURLToPath(import.meta.url)).uid;
}

function componentsOf(place: string): string[] {
  return place.split('/').filter((part) => part !== '' && part !== '.');
}

function whyUnsafe(stats: Stats, isAbove: boolean): string | undefined {
  const { uid, gid, mode } = stats;
  if (uid !== 0 && uid !== process.geteuid?.() && uid !== programOwner()) return `belongs to user ${uid}`;
  // Nobody asks for the mode of a link; who may replace it, the folder around it says.
  if (stats.isSymbolicLink()) return undefined;
  if (isAbove && (mode & sticky) !== 0) return undefined;
  const shown = (mode & 0o7777).toString(8);
  if ((mode & otherWrite) !== 0) return `can be written by everybody (mode ${shown})`;
  if ((mode & groupWrite) !== 0 && gid !== 0 && gid !== process.getegid?.())
    return `can be written by group ${gid} (mode ${shown})`;
  return undefined;
}
