// Finds where in the trees of control groups this process stands, and makes ready what it needs to have groups below itself. Moves no
// process but this one.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export type Controller = 'memory' | 'cpu' | 'tasks';

/** One tree, and the folder in it below which this server may try to make groups. */
export interface Hierarchy {
  readonly version: 1 | 2;
  readonly folder: string;
  readonly controllers: readonly Controller[];
}

const kernelNames: ReadonlyMap<string, Controller> = new Map([
  ['memory', 'memory'],
  ['cpu', 'cpu'],
  ['pids', 'tasks'],
]);

/** The group into which a server steps so that its own group may have others below it. */
const ownGroup = 'airlock-server';

/** Hierarchies with at least one of the three controllers; empty where no control groups are mounted. */
export function findHierarchies(): Hierarchy[] {
  try {
    return parseHierarchies(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8')).flatMap(
      prepare,
    );
  } catch {
    return [];
  }
}

/** Pure part: from the texts of /proc/self/mountinfo and /proc/self/cgroup. Version 2 has no controllers yet. */
export function parseHierarchies(mountinfo: string, membership: string): Hierarchy[] {
  const paths = new Map(
    membership
      .trim()
      .split('\n')
      .map((line) => {
        const [, names, place] = /^\d+:([^:]*):(.*)$/.exec(line) ?? ['', '', '/'];
        return [names, place];
      }),
  );
  return mountinfo.split('\n').flatMap((line): Hierarchy[] => {
    const [before, after] = line.split(' - ');
    const [type, , options] = (after ?? '').split(' ');
    if (type !== 'cgroup' && type !== 'cgroup2') return [];
    const [, , , root, mount] = before.split(' ');
    const names = type === 'cgroup2' ? [] : options.split(',').filter((name) => kernelNames.has(name));
    const place = [...paths].find(([list]) =>
      type === 'cgroup2' ? list === '' : names.some((name) => list.split(',').includes(name)),
    );
    if (place === undefined) return [];
    const controllers = names.flatMap((name) => kernelNames.get(name) ?? []);
    // In a container the mount shows a part of the tree: the path counts from there.
    const relative = (place[1].startsWith(root) ? place[1].slice(root.length) : '').replace(new RegExp(`/${ownGroup}$`), '');
    return [{ version: type === 'cgroup2' ? 2 : 1, folder: path.join(mount, relative), controllers }];
  });
}

/** Version 2 hands controllers down only where they are switched on, and only from a group without processes of its own. */
function prepare(hierarchy: Hierarchy): Hierarchy[] {
  if (hierarchy.version === 1) return [hierarchy];
  const names = availableIn(hierarchy.folder).filter((name) => kernelNames.has(name));
  if (names.length === 0) return [];
  switchOn(hierarchy.folder, names);
  return [{ ...hierarchy, controllers: names.flatMap((name) => kernelNames.get(name) ?? []) }];
}

/** None where the folder is closed or not shown: other hierarchies may still be of use. */
function availableIn(folder: string): string[] {
  try {
    return readFileSync(path.join(folder, 'cgroup.controllers'), 'latin1').trim().split(' ');
  } catch {
    return [];
  }
}

function switchOn(folder: string, names: readonly string[]): void {
  const write = (): void => writeFileSync(path.join(folder, 'cgroup.subtree_control'), names.map((name) => `+${name}`).join(' '));
  try {
    write();
  } catch {
    // Busy when a process stands in the group. The server steps into a group of its own if it is the only one.
    try {
      const inside = readFileSync(path.join(folder, 'cgroup.procs'), 'latin1').trim();
      if (inside !== String(process.pid)) return;
      const own = path.join(folder, ownGroup);
      mkdirSync(own, { recursive: true });
      writeFileSync(path.join(own, 'cgroup.procs'), String(process.pid));
      write();
    } catch {
      // Not ours to change: trying to make a group will say so.
    }
  }
}
