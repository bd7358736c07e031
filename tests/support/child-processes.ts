// The processes that this one has started and that still run, by what the kernel says: the server never names a worker's process.
import { readdirSync, readFileSync } from 'node:fs';

export function childrenOfThisProcess(): ReadonlySet<number> {
  const children = new Set<number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // Behind the name in brackets, which may hold anything: state and parent.
      const parent = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1];
      if (Number(parent) === process.pid) children.add(Number(name));
    } catch {
      // It ended meanwhile.
    }
  }
  return children;
}

/** The one that has come since `before`. */
export function newestChild(before: ReadonlySet<number>): number {
  const added = [...childrenOfThisProcess()].filter((pid) => !before.has(pid));
  if (added.length !== 1) throw new Error(`expected one new worker, found ${added.length}`);
  return added[0];
}
