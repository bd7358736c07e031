// Attacks by memory: more of it than the worker has, kinds that its limit does not count, and code of its own making.
import { call, map, mapFlags, readExecute, runCode, text, writable, writableAndExecutable } from './native.mjs';

const pieceBytes = 64 * 1024 * 1024;
const pieces = 32;

/** 2 GiB of writable memory in pieces. It is not touched: a machine that grants it has promised it. */
function takeMemory(flags) {
  for (let taken = 0; taken < pieces; taken++) map(pieceBytes, flags);
}

export const memoryAttacks = [
  { name: 'memory-private', shows: 'takes 2 GiB of memory', attempt: () => takeMemory(mapFlags.PRIVATE) },
  { name: 'memory-shared', shows: 'takes 2 GiB that RLIMIT_DATA does not count', attempt: () => takeMemory(mapFlags.SHARED) },
  {
    name: 'memory-as-stack',
    shows: 'takes 2 GiB as stacks, which RLIMIT_DATA does not count either',
    attempt: () => takeMemory(mapFlags.PRIVATE | mapFlags.GROWSDOWN),
  },
  {
    name: 'memory-file',
    shows: 'makes a file in memory, to fill or to execute',
    attempt: () => call('memfd_create', text('x'), 0),
  },
  {
    name: 'secret-memory',
    shows: 'takes memory that even the kernel cannot look at',
    needs: 'a kernel with memfd_secret',
    attempt: () => call('memfd_secret', 0),
  },
  {
    name: 'memory-of-code',
    shows: 'gets memory to write code into',
    withoutCode: true,
    attempt: () => map(65_536, mapFlags.PRIVATE, writableAndExecutable),
  },
  {
    name: 'memory-becomes-code',
    shows: 'makes code of memory that it wrote',
    withoutCode: true,
    attempt: () => call('mprotect', map(65_536, mapFlags.PRIVATE, writable), 65_536, readExecute),
  },
  {
    name: 'call-of-32-bits',
    shows: 'makes calls by the numbers of 32-bit Linux, where the same number is another call',
    needs: 'x86_64 and a kernel with 32-bit calls',
    // mov eax, 20 (getpid); int 0x80; ret
    attempt: () => process.arch === 'x64' && runCode([0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3]) > 0,
  },
];
