// Reads what the kernel says of another process in /proc. Trusts nothing that the process could have written itself: the only such text
// in these files is its name, which is escaped in `status` and comes before the last parenthesis in `stat`.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readProcessStat, readProcFile } from '../core/index.ts';
import type { ProcessUsage } from './jail.ts';

/** One thread's /proc/PID/task/TID/status, as far as a jail shows in it. */
export interface ThreadStatus {
  readonly filters: number;
  readonly noNewPrivileges: boolean;
  readonly userId: number;
  readonly withoutCapabilities: boolean;
}

const namespaces: readonly string[] = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];

// USER_HZ: 100 on every architecture that Node runs on.
const msPerTick = 10;

/** @throws what open(2) says when the process is gone. */
export function readThreads(processId: number | 'self'): ThreadStatus[] {
  const folder = `/proc/${processId}/task`;
  return readdirSync(folder).flatMap((thread) => {
    try {
      return [parseStatus(readFileSync(`${folder}/${thread}/status`, 'latin1'))];
    } catch {
      // A thread that ended since the folder was listed.
      return [];
    }
  });
}

/** Reads one `status`. A line that is missing counts against the process. */
export function parseStatus(text: string): ThreadStatus {
  const field = (name: string): string => new RegExp(`^${name}:\\t(\\S+)`, 'm').exec(text)?.[1] ?? '';
  // Before Linux 5.9, and in gVisor, filters are not counted: 2 says that there is at least one.
  const filters = field('Seccomp_filters') || (field('Seccomp') === '2' ? '1' : '0');
  return {
    filters: Number(filters),
    noNewPrivileges: field('NoNewPrivs') === '1',
    userId: Number(field('Uid') || 0),
    withoutCapabilities: ['CapPrm', 'CapEff', 'CapAmb'].every((name) => /^0+$/.test(field(name))),
  };
}

/** Whether this kernel counts filters; where it does not, one is all that can be seen of any number of them. */
export const filtersAreCounted: boolean = /^Seccomp_filters:/m.test(readFileSync('/proc/self/status', 'latin1'));

/** Namespaces in which the process is and this one is not; undefined when they are not shown to this user. */
export function readOwnNamespaces(processId: number): string[] | undefined {
  try {
    return namespaces.filter((name) => readlinkSync(`/proc/${processId}/ns/${name}`) !== readlinkSync(`/proc/self/ns/${name}`));
  } catch {
    return undefined;
  }
}

/** Soft limits by the kernel's names. @throws what open(2) says when the process is gone. */
export function readLimits(processId: number): Record<string, string> {
  const lines = readFileSync(`/proc/${processId}/limits`, 'latin1').matchAll(/^(Max [a-z ]+?) {2,}(\S+)/gm);
  return Object.fromEntries([...lines].map(([, name, soft]) => [name, soft]));
}

/** A process whose first thread has ended is a zombie to the kernel, whatever its other threads do. */
function isEnded(fields: readonly string[]): boolean {
  return fields[0] === 'X' || (fields[0] === 'Z' && Number(fields[17]) <= 1);
}

/** Undefined when the process is gone. About 30 µs; `computing` is looked up when it is asked for, and costs 10 µs per thread. */
export function readUsage(processId: number): ProcessUsage | undefined {
  const statm = readProcFile(`/proc/${processId}/statm`)?.split(' ').map(Number);
  const fields = readProcessStat(processId);
  if (statm === undefined || fields === undefined || isEnded(fields)) return undefined;
  return {
    memoryBytes: (statm[1] - statm[2]) * pageBytes,
    cpuMs: (Number(fields[11]) + Number(fields[12])) * msPerTick,
    threads: Number(fields[17]),
    isHeadless: fields[0] === 'Z',
    get computing() {
      return isComputing(processId);
    },
  };
}

/**
 * Whether the process that began at `startTime` is gone, also when a parent that reaps nothing leaves a zombie of it. Never says so
 * only because /proc could not be read: this process may be out of file descriptors.
 */
export function isGone(processId: number, startTime: string | undefined): boolean {
  try {
    process.kill(processId, 0);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH') return true;
  }
  const fields = readProcessStat(processId);
  return fields !== undefined && (isEnded(fields) || (startTime !== undefined && fields[19] !== startTime));
}

/**
 * Runs, waits for the processor or the disk (a machine that swaps must not look like a worker that sleeps), or was stopped. A thread's
 * name may hold anything, so what counts stands behind the last parenthesis.
 */
function isComputing(processId: number): boolean {
  try {
    const folder = `/proc/${processId}/task`;
    return readdirSync(folder).some((thread) => /^.*\) [RDTt] /s.test(readProcFile(`${folder}/${thread}/stat`) ?? ''));
  } catch {
    return false;
  }
}

/** From the kernel's auxiliary vector, entry 6 (AT_PAGESZ); 64 KiB pages exist on aarch64. */
const pageBytes: number = readPageBytes();

function readPageBytes(): number {
  const vector = readFileSync('/proc/self/auxv');
  for (let offset = 0; offset + 16 <= vector.length; offset += 16) {
    if (vector.readBigUInt64LE(offset) === 6n) return Number(vector.readBigUInt64LE(offset + 8));
  }
  return 4096;
}
