// How much memory this server may use: the machine's, or less where a control group around the server says so. Reads files of the kernel only.
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import path from 'node:path';

/** The workers' part of it; the rest is for the server itself and whatever else runs. */
const workersShare = 0.8;

/** Reads a file; undefined when it is not there. */
type ReadText = (file: string) => string | undefined;

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}

/** Bytes that all workers may have where nobody said so: 80 % of what the machine and the control group leave. */
export function defaultBudgetBytes(): number {
  return Math.floor(Math.min(totalmem(), groupLimitBytes(readText)) * workersShare);
}

/** The smallest limit of the control groups that this process is in, of both versions; Infinity where there is none. */
export function groupLimitBytes(read: ReadText): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, place] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (place === undefined) continue;
    const isOld = controllers.split(',').includes('memory');
    if (!isOld && controllers !== '') continue;
    const [root, name] = isOld ? ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'] : ['/sys/fs/cgroup', 'memory.max'];
    // In a container the path may be the host's while only the container's own part is mounted: then the root has the limit.
    for (let folder = path.normalize(place); ; folder = path.dirname(folder)) {
      const bytes = limitIn(read(path.join(root, folder, name)));
      smallest = Math.min(smallest, bytes);
      if (folder === '/') break;
    }
  }
  return smallest;
}

/** `max` says that there is none, and version 1 says so by a number near 2^63. */
function limitIn(text: string | undefined): number {
  const digits = text?.trim() ?? '';
  return /^\d{1,15}$/.test(digits) ? Number(digits) : Number.POSITIVE_INFINITY;
}
