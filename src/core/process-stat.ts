// The few facts of /proc that tell one process from another. Trusts only what the kernel writes: a process may choose its own name, which
// stands before the last parenthesis of `stat`.
import { closeSync, openSync, readSync } from 'node:fs';

const buffer = Buffer.allocUnsafe(4096);

/** The first 4 KiB of a file of /proc, in a quarter of readFileSync's time; undefined when it cannot be read. */
export function readProcFile(file: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The fields of `stat` behind the name: the state first. Undefined when the process is gone. */
export function readProcessStat(processId: number): string[] | undefined {
  return readProcFile(`/proc/${processId}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ');
}

/** In clock ticks since boot, which tells a process from a later one with the same id; undefined when it cannot be read. */
export function readStartTime(processId: number): string | undefined {
  return readProcessStat(processId)?.[19];
}
