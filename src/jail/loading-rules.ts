// What a process may do from the launcher's execve until it seals itself: start Node, load koffi and TensorFlow, and nothing else.
// Only our own code runs in that time; which files it can read is up to Landlock and the namespaces. Never allows writing to a
// file, a socket, another process, or a call that the tables do not name; a refusal is EPERM, which Node and TensorFlow survive.
import { callValues } from './call-values.ts';
import { int, long, type Policy, type Rule, rulesFor } from './rules.ts';
import {
  abortRules,
  mapAnonymous,
  mapDenyWrite,
  mapFixed,
  mapNoReserve,
  mapPrivate,
  mapStack,
  memoryRules,
  processRules,
  threadRules,
} from './shared-rules.ts';

/**
 * Flags of open(2) that only say how to read. The numbers of O_DIRECTORY, O_NOFOLLOW, O_DIRECT and O_LARGEFILE are 0o40000 to
 * 0o400000 on both architectures, in another order.
 */
const readingFlags = 0o40000 | 0o100000 | 0o200000 | 0o400000 | 0o4000 /* NONBLOCK */ | 0o2000000; /* CLOEXEC */

const { setModeFilter, synchronizeThreads } = callValues.seccomp;
const { setDescriptorFlags } = callValues.fcntl;

// asm-generic/fcntl.h, asm-generic/ioctls.h
const getStatusFlags = 3;
const setStatusFlags = 4;
const isTerminal = 0x5401;
const setNonBlocking = 0x5421;

const startRules: readonly Rule[] = [
  // That it happens once cannot be said; the serving filter forbids it before anything hostile is there.
  ...rulesFor('allow', ['execve'], 'the launcher becomes the worker'),
  ...rulesFor('allow', ['arch_prctl', 'set_tid_address'], 'ld.so sets up the first thread'),
  ...rulesFor(
    'allow',
    ['getuid', 'geteuid', 'getgid', 'getegid', 'capget'],
    'Node asks whether it has more rights than its user',
  ),
  ...rulesFor('allow', ['prlimit64'], 'Node and V8 read their limits', { when: [int(0, [0]), long(2, [0])] }),
  ...rulesFor('allow', ['seccomp'], 'the worker seals itself, on all threads or not at all', {
    when: [int(0, [setModeFilter]), int(1, [synchronizeThreads])],
  }),
];

const fileRules: readonly Rule[] = [
  ...rulesFor('allow', ['openat'], 'ld.so, Node and TensorFlow read libraries, modules and what the machine has', {
    when: [int(2, [0], readingFlags)],
  }),
  ...rulesFor('allow', ['read', 'write', 'close', 'pread64'], 'files, and the socket to the server'),
  ...rulesFor('allow', ['lseek'], 'LLVM in TensorFlow asks whether standard error is a file'),
  ...rulesFor('allow', ['fstat', 'newfstatat', 'statx'], 'ld.so and Node look at what they open'),
  ...rulesFor('allow', ['access', 'readlink', 'getcwd'], 'ld.so and Node find their own files'),
  ...rulesFor('allow', ['faccessat2', 'getdents64'], "TensorFlow's hwloc lists processors and caches in /sys", {
    rare: 'not where it starts before there is anything to list',
  }),
  ...rulesFor('allow', ['readlinkat', 'faccessat'], 'as readlink and access', { rare: 'aarch64' }),
  ...rulesFor('allow', ['stat', 'lstat'], 'as newfstatat', { rare: 'glibc before 2.33' }),
  ...rulesFor('allow', ['fcntl'], 'Node marks its descriptors, asks how standard streams are open, and leaves them so', {
    when: [int(1, [setDescriptorFlags, getStatusFlags, setStatusFlags])],
  }),
  // RLIMIT_DATA, which backs the limit of memory, does not count shared memory.
  ...rulesFor('allow', ['mmap'], 'libraries and memory', {
    when: [long(3, [mapPrivate], mapFixed | mapAnonymous | mapDenyWrite | mapNoReserve | mapStack)],
  }),
];

const eventLoopRules: readonly Rule[] = [
  ...rulesFor('ENOSYS', ['io_uring_setup'], 'libuv goes on with epoll', { rare: 'Node 20 does not try' }),
  ...rulesFor('allow', ['epoll_create1', 'epoll_ctl', 'epoll_pwait', 'eventfd2', 'pipe2'], "Node's event loops"),
  ...rulesFor('allow', ['ioctl'], 'Node asks whether a stream is a terminal, and makes its pipes non-blocking', {
    when: [int(1, [isTerminal, setNonBlocking])],
  }),
  ...rulesFor('allow', ['getsockname', 'getsockopt'], 'Node asks what its standard streams are'),
];

/** @param processId The launcher's own, as it sees it itself; execve keeps it. */
export function loadingPolicy(processId: number): Policy {
  return {
    rules: [
      ...startRules,
      ...fileRules,
      ...abortRules(processId),
      ...memoryRules,
      ...threadRules,
      ...processRules,
      ...eventLoopRules,
    ],
    otherwise: 'EPERM',
  };
}
