// The control group of one process, which is a folder in each tree that has a controller for it. Made whole or not at all.
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Controller, Hierarchy } from './cgroup-hierarchies.ts';
import type { JailLimits } from './jail.ts';

const cpuPeriodUs = 100_000;

/** Pages of libraries and the kernel's own records are counted to whoever touched them first; they are not the model's fault. */
const sharedMemoryBytes = 512 * 1024 * 1024;

/** The group of one process. */
export interface ProcessGroup {
  /** Moves a process in, by its id; its later children are born in it. */
  add(processId: number): void;
  /** The limits as the kernel gives them back, if the process is really in the group. */
  limitsOf(processId: number): Record<string, string>;
  /** Whether the kernel ended a process of the group for lack of memory. */
  isOutOfMemory(): boolean;
  /** Removes the group when its processes are gone. Never rejects. */
  remove(): Promise<void>;
}

interface LimitFile {
  readonly controller: Controller;
  readonly name: string;
  readonly value: string;
  /** Whether a kernel may lack the file; then it is also not what shows that the limit is there. */
  readonly isOptional?: boolean;
}

function limitFiles(version: 1 | 2, controller: Controller, { memoryBytes, cpuPercent, maxTasks }: JailLimits): LimitFile[] {
  if (controller === 'tasks') return [{ controller, name: 'pids.max', value: String(maxTasks) }];
  if (controller === 'memory') {
    const bytes = String(memoryBytes + sharedMemoryBytes);
    return version === 2
      ? [
          { controller, name: 'memory.max', value: bytes },
          { controller, name: 'memory.swap.max', value: '0', isOptional: true },
        ]
      : [
          { controller, name: 'memory.limit_in_bytes', value: bytes },
          { controller, name: 'memory.memsw.limit_in_bytes', value: bytes, isOptional: true },
        ];
  }
  if (cpuPercent === undefined) return [];
  const quota = String(Math.ceil((cpuPercent / 100) * cpuPeriodUs));
  return version === 2
    ? [{ controller, name: 'cpu.max', value: `${quota} ${cpuPeriodUs}` }]
    : [
        { controller, name: 'cpu.cfs_period_us', value: String(cpuPeriodUs) },
        { controller, name: 'cpu.cfs_quota_us', value: quota },
      ];
}

/** One folder in one hierarchy. */
export class Group {
  readonly folder: string;
  /** False when there is nothing to limit in this hierarchy; then there is no folder. */
  readonly isLimiting: boolean;
  readonly #files: readonly LimitFile[];

  constructor({ version, folder, controllers }: Hierarchy, name: string, limits: JailLimits) {
    this.folder = path.join(folder, name);
    this.#files = controllers.flatMap((controller) => limitFiles(version, controller, limits));
    this.isLimiting = this.#files.length > 0;
    if (!this.isLimiting) return;
    mkdirSync(this.folder);
    for (const file of this.#files) this.#write(file);
  }

  #write({ name, value, isOptional = false }: LimitFile): void {
    try {
      writeFileSync(path.join(this.folder, name), value, { flag: 'r+' });
    } catch (thrown) {
      if (isOptional) return;
      rmdirSync(this.folder);
      throw thrown;
    }
  }

  /** Per controller, the limit that it has. */
  limits(): Record<string, string> {
    const demanded = this.#files.filter(({ isOptional }) => !isOptional);
    return Object.fromEntries(demanded.map(({ controller, name }) => [controller, this.read(name).trim()]));
  }

  read(file: string): string {
    return readFileSync(path.join(this.folder, file), 'latin1');
  }
}

/** A group in each hierarchy that can limit something; undefined when none can. @throws what mkdir(2) and write(2) say. */
export function makeGroup(hierarchies: readonly Hierarchy[], name: string, limits: JailLimits): ProcessGroup | undefined {
  const groups: Group[] = [];
  try {
    for (const hierarchy of hierarchies) groups.push(new Group(hierarchy, name, limits));
  } catch (thrown) {
    for (const group of groups) if (group.isLimiting) rmdirSync(group.folder);
    throw thrown;
  }
  const limiting = groups.filter((group) => group.isLimiting);
  return limiting.length === 0 ? undefined : joinGroups(limiting);
}

function joinGroups(groups: readonly Group[]): ProcessGroup {
  return {
    add: (processId) => {
      for (const { folder } of groups) {
        try {
          writeFileSync(path.join(folder, 'cgroup.procs'), String(processId));
        } catch {
          // It is gone already; and if it is not, its attestation shows no limits.
        }
      }
    },
    limitsOf: (processId) => {
      const inside = groups.filter((group) => group.read('cgroup.procs').split('\n').includes(String(processId)));
      return Object.assign({}, ...inside.map((group) => group.limits()));
    },
    isOutOfMemory: () => groups.some(({ folder }) => oomKills(folder) > 0),
    remove: async () => {
      for (const { folder } of groups) await removeFolder(folder);
    },
  };
}

/** Version 2 has it among its events, version 1 in the file that turns the killer off. */
function oomKills(folder: string): number {
  for (const file of ['memory.events', 'memory.oom_control']) {
    try {
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(path.join(folder, file), 'latin1'))?.[1] ?? 0);
    } catch {
      // The other version, or another controller's folder.
    }
  }
  return 0;
}

/** A group is busy until the kernel has put away the last process, which is a moment after its parent heard of it. */
async function removeFolder(folder: string): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      rmdirSync(folder);
      return;
    } catch (thrown) {
      if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EBUSY')) return;
    }
    await delay(20);
  }
}
