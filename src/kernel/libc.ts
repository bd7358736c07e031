// The C library, loaded once for kernel and native. Imports nothing but koffi, so that the launcher starts quickly.
import koffi from 'koffi';

// koffi runs native code on a stack of its own, 2 MiB unless told otherwise. TensorFlow walks graphs by recursion and expects the
// 8 MiB of a Linux thread; the maximum is 16 MiB and costs nothing until it is touched. It must be set before the first library is
// loaded, which is here.
koffi.config({ sync_stack_size: 16 * 1024 * 1024 });

/** For src/native, which binds more of it. Functions bound from it are as dangerous as C. */
export const libc = koffi.load('libc.so.6');

const exitProcess = libc.func('void _exit(int)') as (code: number) => void;

/** Ends the process at once, without Node's and TensorFlow's exit handlers, which wait for threads and may use forbidden calls. */
export function exitNow(code: number): void {
  // SAFETY: takes a number and does not return.
  exitProcess(code);
}
