// Control groups of versions 1 and 2, for what resource limits cannot say: memory of a whole process with what the kernel spends on it,
// a share of the processor, tasks. Used where somebody delegated them to the server, and never demanded: without them the server's
// own watchdog holds the same limits, later by its 50 ms.
import { readdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { isDeadOwner, ownerMark } from '../core/index.ts';
import { type Controller, findHierarchies, type Hierarchy } from './cgroup-hierarchies.ts';
import type { JailLimits, LayerReport } from './jail.ts';
import { Group, makeGroup, type ProcessGroup } from './process-group.ts';

const prefix = 'airlock-';

export interface Cgroups {
  readonly layers: readonly LayerReport[];
  /** A new group with these limits, as far as there are controllers; undefined without any. @throws what mkdir(2) and write(2) say. */
  create(limits: JailLimits): ProcessGroup | undefined;
}

/** Of all jails of this process: their groups lie side by side. */
let serial = 0;

/** Looks for groups that this server may make, by making one, and removes those that dead servers left. */
export function openCgroups(hierarchies: readonly Hierarchy[] = findHierarchies()): Cgroups {
  const reports = new Map<Controller, LayerReport>();
  const usable: Hierarchy[] = [];
  for (const hierarchy of hierarchies) {
    // The same tree can be mounted twice.
    if (hierarchy.controllers.every((controller) => reports.get(controller)?.works)) continue;
    const failure = tryHierarchy(hierarchy);
    if (failure === undefined) usable.push(hierarchy);
    for (const controller of hierarchy.controllers) {
      const detail = failure ?? `version ${hierarchy.version}`;
      reports.set(controller, { layer: `cgroup-${controller}`, works: failure === undefined, detail });
    }
  }
  const absent = 'no such controller is delegated to this process; systemd does it with Delegate=yes';
  const controllers: readonly Controller[] = ['memory', 'cpu', 'tasks'];
  return {
    layers: controllers.map((name) => reports.get(name) ?? { layer: `cgroup-${name}`, works: false, detail: absent }),
    create: (limits) => makeGroup(usable, `${prefix}${ownerMark()}-${++serial}`, limits),
  };
}

/** Why no group can be made there; undefined when one can. */
function tryHierarchy(hierarchy: Hierarchy): string | undefined {
  try {
    removeStaleGroups(hierarchy.folder);
    const group = new Group(hierarchy, `${prefix}${ownerMark()}-try`, { memoryBytes: 2 ** 30, cpuPercent: 50, maxTasks: 64 });
    const count = Object.keys(group.limits()).length;
    rmdirSync(group.folder);
    return count === hierarchy.controllers.length ? undefined : 'a limit was not taken by the kernel';
  } catch (thrown) {
    return `groups cannot be made: ${thrown instanceof Error && 'code' in thrown ? thrown.code : thrown}`;
  }
}

function removeStaleGroups(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix) || !isDeadOwner(name.slice(prefix.length, name.lastIndexOf('-')))) continue;
    try {
      rmdirSync(path.join(folder, name));
    } catch {
      // Something still lives in it, or it is another user's.
    }
  }
}
