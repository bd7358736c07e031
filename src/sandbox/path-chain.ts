// Follows a path link by link, so that the same path works in a tree that is built from nothing: /lib64/ld-linux-x86-64.so.2 is on most
// systems a link in a linked folder, and the kernel and the loader ask for it by that name.
import { lstatSync, readlinkSync } from 'node:fs';
import path from 'node:path';

export interface PathChain {
  /** Every link on the way, its place with its target as it is written there. */
  readonly links: ReadonlyMap<string, string>;
  /** The file or folder at the end, by a path without links. */
  readonly real: string;
}

/** As the kernel's own limit. */
const maxLinks = 40;

/** Follows an absolute path. @throws what lstat(2) says, for example ENOENT; ELOOP after 40 links. */
export function followPath(start: string): PathChain {
  const links = new Map<string, string>();
  const waiting = path.normalize(start).split('/').filter(Boolean);
  let real = '/';
  let followed = 0;
  while (waiting.length > 0) {
    const next = path.join(real, waiting.shift() ?? '');
    if (!lstatSync(next).isSymbolicLink()) {
      real = next;
      continue;
    }
    if (++followed > maxLinks) throw Object.assign(new Error(`ELOOP: too many links, ${start}`), { code: 'ELOOP' });
    const target = readlinkSync(next);
    links.set(next, target);
    const resolved = path.resolve(path.dirname(next), target);
    waiting.unshift(...resolved.split('/').filter(Boolean));
    real = '/';
  }
  return { links, real };
}
