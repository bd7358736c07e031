// What a server may leave behind: processes, descriptors, folders, control groups.
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** Fields of /proc/PID/stat from the state on; undefined when there is no such process. */
function statOf(processId) {
  try {
    // The name may hold blanks and parentheses.
    return readFileSync(`/proc/${processId}/stat`, 'latin1').split(') ').at(-1).split(' ');
  } catch {
    return undefined;
  }
}

/** True while it is there and not only waited for. */
export function isAlive(processId) {
  const state = statOf(processId)?.[0];
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** Every process that was ever seen below this one, also if it has another parent by now. */
export class Family {
  #seen = new Map();

  look() {
    const parents = new Map();
    for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      const stat = statOf(name);
      if (stat !== undefined) parents.set(Number(name), { parent: Number(stat[1]), startedAt: stat[19] });
    }
    for (const [processId, { startedAt }] of parents) {
      let ancestor = processId;
      while (ancestor > 1 && ancestor !== process.pid) ancestor = parents.get(ancestor)?.parent ?? 0;
      if (ancestor === process.pid && processId !== process.pid) this.#seen.set(processId, startedAt);
    }
  }

  get size() {
    return this.#seen.size;
  }

  /** Those that still live. A process id may have been given to another meanwhile. */
  get living() {
    return [...this.#seen].filter(([processId, startedAt]) => statOf(processId)?.[19] === startedAt && isAlive(processId));
  }
}

export function openDescriptors() {
  return readdirSync('/proc/self/fd').length;
}

/** Folders of this process's jails below the temporary folder and in the trees of control groups. */
export function foldersLeft() {
  const own = (name) => /^airlock-/.test(name) && name.includes(String(process.pid));
  const stages = readdirSync(tmpdir()).filter(own);
  let groups = [];
  try {
    groups = readdirSync('/sys/fs/cgroup', { recursive: true }).filter((name) => own(String(name).split('/').at(-1)));
  } catch {
    // A group that is removed while they are read; what stays is found by the next look.
    return foldersLeft();
  }
  return [...stages, ...groups];
}
