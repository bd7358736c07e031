// System calls by number, without the C library's wrappers. The one place where a call is made; what each call means, and why its
// arguments are right, is said where it is made.
import koffi from 'koffi';
import { AirlockError } from '../core/index.ts';
import { type CallName, callNumber, hostArchitecture } from '../jail/index.ts';
import { libc } from './libc.ts';

/** A number, or memory whose address is given; it lives at least until the call returns. */
export type CallArgument = number | bigint | Uint8Array;

// Every argument as a pointer: on both processors a long and a pointer travel in the same registers, and koffi keeps a buffer that
// it is given in place until the call returns.
const syscall = libc.func('int64_t syscall(int64_t, void*, void*, void*, void*, void*, void*)') as (
  number: number,
  ...values: (bigint | Uint8Array)[]
) => number | bigint;

const argumentCount = 6;

/** Text as C has it: UTF-8 that ends with 0. */
export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

/** Makes the call of this number; gives what the kernel does: a result, or an error number below 0. */
export function systemCall(number: number, ...values: CallArgument[]): bigint {
  const registers = values.map((value) => (value instanceof Uint8Array ? value : BigInt.asUintN(64, BigInt(value))));
  while (registers.length < argumentCount) registers.push(0n);
  // SAFETY: the caller says that each buffer is as long as this call reads or writes.
  const result = BigInt(syscall(number, ...registers));
  return result === -1n ? BigInt(-koffi.errno()) : result;
}

/** The name of an error number, such as EPERM; the number where it has none. */
export function errnoName(number: number): string {
  return Object.entries(koffi.os.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
}

/** A system call that must not fail. @throws WORKER_START_FAILED; `detail` holds `what` and the error's name. */
export function mustCall(what: string, call: CallName, ...values: CallArgument[]): bigint {
  const result = tryCall(call, ...values);
  if (result < 0n) throw new AirlockError('WORKER_START_FAILED', { detail: `${what}: ${errnoName(Number(-result))}` });
  return result;
}

/** A system call by name; gives what `systemCall` does. */
export function tryCall(call: CallName, ...values: CallArgument[]): bigint {
  const number = callNumber(call, hostArchitecture());
  if (number === undefined) throw new AirlockError('INTERNAL', { detail: `${call} does not exist on this processor` });
  return systemCall(number, ...values);
}
