// Replaces this process by another program (execve), and decides which open files that program gets.
import koffi from 'koffi';
import { AirlockError } from '../core/index.ts';
import { callValues, resourceLimitNumbers } from '../jail/index.ts';
import { cString, mustCall, tryCall } from './system-call.ts';

const { setDescriptorFlags } = callValues.fcntl;
const closeOnExec = 1;
const closeRangeOnExec = 4;
const lastDescriptor = 0xffffffff;

/** What fs.nr_open is unless somebody raised it: no process has more. */
const mostDescriptors = 1 << 20;

/**
 * Keeps the file descriptors below `count` across execve and marks all others to be closed by it. The server's own are marked
 * already; this is for what native code opened without that flag, which spawn() and bubblewrap would hand on.
 * @throws WORKER_START_FAILED when one of those that are kept is not open.
 */
export function keepDescriptors(count: number): void {
  for (let fd = 0; fd < count; fd++) {
    // SAFETY: numbers only.
    mustCall(`file descriptor ${fd}`, 'fcntl', fd, setDescriptorFlags, 0);
  }
  // SAFETY: numbers only; nothing is closed before execve.
  if (tryCall('close_range', count, lastDescriptor, closeRangeOnExec) === 0n) return;
  // Kernels before 5.11 lack the call or its flag.
  for (let fd = count; fd < openFilesHardLimit(); fd++) tryCall('fcntl', fd, setDescriptorFlags, closeOnExec);
}

function openFilesHardLimit(): number {
  const limit = Buffer.alloc(16);
  // SAFETY: struct rlimit64 is 16 bytes, which the kernel fills.
  mustCall('limit openFiles', 'prlimit64', 0, resourceLimitNumbers.openFiles, 0, limit);
  return Math.min(Number(limit.readBigUInt64LE(8)), mostDescriptors);
}

/** A char*[] that ends with NULL and, behind it in the same memory, the strings that it points to. */
function stringTable(strings: readonly string[]): Buffer {
  const pointerBytes = (strings.length + 1) * 8;
  const texts = strings.map(cString);
  const table = Buffer.concat([Buffer.alloc(pointerBytes), ...texts]);
  let address = koffi.address(table) + BigInt(pointerBytes);
  texts.forEach((text, index) => {
    table.writeBigUInt64LE(address, index * 8);
    address += BigInt(text.length);
  });
  return table;
}

/**
 * Becomes `program`, an absolute path, with exactly these arguments and this environment. Returns only by throwing.
 * @throws WORKER_START_FAILED.
 */
export function becomeProgram(program: string, args: readonly string[], environment: Readonly<Record<string, string>>): never {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  // SAFETY: a path that ends with 0 and two tables that end with NULL; koffi keeps the three buffers until the kernel has copied
  // them, after which this program is gone.
  mustCall(program, 'execve', cString(program), stringTable([program, ...args]), stringTable(variables));
  throw new AirlockError('INTERNAL', { detail: 'execve returned' });
}
