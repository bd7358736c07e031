// The few functions of the C library that tensors need: aligned memory that TensorFlow can free, and copies that make no view.
// Never hands a pointer to anything outside src/native, and makes no ArrayBuffer over native memory (koffi.view): Node frees the
// record it keeps for each only when its event loop turns, which in a worker that reads and runs synchronously is never.
import koffi from 'koffi';
import { AirlockError } from '../core/index.ts';
import { libc } from '../kernel/index.ts';

/** An address in this process. Never sent anywhere. */
export type Pointer = bigint;

/** The flags that keep a library in memory for good: RTLD_LAZY, RTLD_NOLOAD (it is there already), RTLD_NODELETE. */
const pinFlags = 0x0001 | 0x0004 | 0x1000;

/**
 * Copies bytes between native memory and a buffer. Both ends must hold `byteLength` bytes; the caller says why they do.
 * A call costs 0.05 µs.
 */
export const copyFromNative = libc.func('void memcpy(void*, const void*, size_t)') as (
  target: Uint8Array,
  source: Pointer,
  byteLength: number,
) => void;

/** As `copyFromNative`, the other way. */
export const copyToNative = copyFromNative as unknown as (target: Pointer, source: Uint8Array, byteLength: number) => void;

/** Memory for a tensor, as `aligned_alloc` gives it, or null. `byteLength` must be a multiple of `alignment`. */
export const allocateAligned = libc.func('void* aligned_alloc(size_t, size_t)') as (
  alignment: number,
  byteLength: number,
) => Pointer | null;

/** Gives back what `allocateAligned` gave. */
export const freeNative = libc.func('void free(void*)') as (memory: Pointer) => void;

/**
 * The address of `free`, for TensorFlow to call as a deallocator (data, length, argument): on the calling conventions of x86_64 and
 * aarch64 a function may be called with more arguments than it takes.
 */
export const freeFunction = libc.symbol('free') as Pointer;

const openLibrary = libc.func('void* dlopen(const char*, int)') as (path: string, flags: number) => Pointer | null;

/**
 * Keeps a loaded library in memory until the process ends. koffi closes its libraries when Node shuts down, while TensorFlow's
 * threads still run in them: every exit would be a segmentation fault.
 */
export function pinLibrary(path: string): void {
  // SAFETY: `path` is copied by koffi for the call; the handle is never closed, which is the purpose.
  openLibrary(path, pinFlags);
}

const readFile = libc.func('int64_t read(int, void*, size_t)') as (fd: number, target: Pointer, byteLength: number) => number;
const writeFile = libc.func('int64_t write(int, const void*, size_t)') as (
  fd: number,
  source: Pointer,
  byteLength: number,
) => number;

type Transfer = (fd: number, memory: Pointer, byteLength: number) => number;

function transferAll(transfer: Transfer, fd: number, memory: Pointer, byteLength: number): boolean {
  let done = 0;
  while (done < byteLength) {
    // SAFETY: the caller says that `memory` holds byteLength bytes and lives through the call; `done` is below that.
    const count = transfer(fd, memory + BigInt(done), byteLength - done);
    if (count === 0) return false;
    if (count > 0) done += count;
    else if (koffi.errno() !== koffi.os.errno.EINTR) throw new AirlockError('INTERNAL', { detail: `errno ${koffi.errno()}` });
  }
  return true;
}

/** Fills native memory from a blocking file descriptor; false when that ends first. */
export function readToNative(fd: number, target: Pointer, byteLength: number): boolean {
  return transferAll(readFile, fd, target, byteLength);
}

/** Writes native memory to a blocking file descriptor. */
export function writeFromNative(fd: number, source: Pointer, byteLength: number): void {
  transferAll(writeFile, fd, source, byteLength);
}
