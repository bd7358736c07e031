// What a process gives up for good, by prctl(2) and prlimit(2). Nothing here can be taken back by the process itself.
import { callValues, type ResourceLimits, resourceLimitNumbers } from '../jail/index.ts';
import { mustCall, tryCall } from './system-call.ts';

const { setDumpable, setMemoryDenyWriteExecute, refuseExecutableGain } = callValues.prctl;
// linux/prctl.h
const setParentDeathSignal = 1;
const setNoNewPrivileges = 38;
const ambientCapabilities = 47;
const clearAllAmbient = 4;
const sigkill = 9;

/** From here on no execve gives privileges (set-user-ID, file capabilities). Seccomp and Landlock demand it. */
export function noNewPrivileges(): void {
  // SAFETY: numbers only.
  mustCall('no_new_privs', 'prctl', setNoNewPrivileges, 1);
}

/**
 * Keeps execve from handing on capabilities that a service manager gave to the server (AmbientCapabilities=, for a port below 1024):
 * a process that is not root has none after its next execve.
 */
export function dropAmbientCapabilities(): void {
  // SAFETY: numbers only.
  mustCall('ambient capabilities', 'prctl', ambientCapabilities, clearAllAmbient);
}

/** Has the kernel end this process when the thread that started it ends. It survives execve. */
export function endWithParent(): void {
  // SAFETY: numbers only.
  mustCall('parent death signal', 'prctl', setParentDeathSignal, sigkill);
}

/** Soft and hard limit of this process, in the units of `ResourceLimits`. */
export function setResourceLimit(name: keyof ResourceLimits, value: number): void {
  const limit = Buffer.alloc(16);
  limit.writeBigUInt64LE(BigInt(value), 0);
  limit.writeBigUInt64LE(BigInt(value), 8);
  // SAFETY: struct rlimit64 is two 64-bit numbers, which `limit` holds; nothing is written back.
  mustCall(`limit ${name}`, 'prlimit64', 0, resourceLimitNumbers[name], limit);
}

/** No core dumps, and other processes of the same user can neither trace this one nor read its memory. */
export function makeUndumpable(): void {
  // SAFETY: numbers only.
  mustCall('undumpable', 'prctl', setDumpable, 0);
}

/**
 * From here on no memory becomes executable that was not, and none is writable and executable. False when this kernel (before 6.3)
 * cannot.
 */
export function denyExecutableMemory(): boolean {
  // SAFETY: numbers only.
  return tryCall('prctl', setMemoryDenyWriteExecute, refuseExecutableGain) === 0n;
}
