// Installs a seccomp filter, which can never be taken away. Never call it in a loop: the kernel keeps every one.
import koffi from 'koffi';
import { AirlockError } from '../core/index.ts';
import { callValues, instructionBytes } from '../jail/index.ts';
import { mustCall } from './system-call.ts';

const { setModeFilter, synchronizeThreads } = callValues.seccomp;
const headerBytes = 16;

/** struct sock_fprog and behind it the instructions that it points to, in one piece of memory that lives as long as the call. */
function filterProgram(instructions: Buffer): Buffer {
  const program = Buffer.concat([Buffer.alloc(headerBytes), instructions]);
  program.writeUInt16LE(instructions.length / instructionBytes, 0);
  program.writeBigUInt64LE(koffi.address(program) + BigInt(headerBytes), 8);
  return program;
}

/**
 * Installs a program of src/jail on the calling thread, or on every thread of the process at once. Needs no_new_privs.
 * @throws WORKER_START_FAILED when the kernel refuses, or a thread cannot take it.
 */
export function installFilter(instructions: Buffer, { allThreads }: { readonly allThreads: boolean }): void {
  const flags = allThreads ? synchronizeThreads : 0;
  // SAFETY: the program is as long as its header says, and koffi keeps the buffer until the kernel has copied it.
  const thread = mustCall('seccomp', 'seccomp', setModeFilter, flags, filterProgram(instructions));
  // With the flag, a result above 0 is the thread that has another filter of its own; nothing was installed.
  if (thread !== 0n)
    throw new AirlockError('WORKER_START_FAILED', { detail: `seccomp: thread ${thread} cannot take the filter` });
}
