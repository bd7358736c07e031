// The numbers of the system calls that rules name, and of those that src/kernel and the worker's self-test make. They never change: the
// kernel promises them to every program. syscall-numbers.test.ts compares them with the kernel's own headers where those are installed.
import { AirlockError } from '../core/index.ts';

/** The processors that Airlock has TensorFlow for, by the kernel's names. */
export type Architecture = 'x86_64' | 'aarch64';

/** By call: the number on x86_64, and on aarch64, which came later and lacks what has a successor. */
const numbers = {
  access: [21, undefined],
  arch_prctl: [158, undefined],
  brk: [12, 214],
  capget: [125, 90],
  clock_gettime: [228, 113],
  clock_nanosleep: [230, 115],
  clone: [56, 220],
  clone3: [435, 435],
  close: [3, 57],
  close_range: [436, 436],
  epoll_create1: [291, 20],
  epoll_ctl: [233, 21],
  epoll_pwait: [281, 22],
  eventfd2: [290, 19],
  execve: [59, 221],
  exit: [60, 93],
  exit_group: [231, 94],
  faccessat: [269, 48],
  faccessat2: [439, 439],
  fcntl: [72, 25],
  fstat: [5, 80],
  futex: [202, 98],
  getcpu: [309, 168],
  getcwd: [79, 17],
  getdents64: [217, 61],
  getegid: [108, 177],
  geteuid: [107, 175],
  getgid: [104, 176],
  getpid: [39, 172],
  getrandom: [318, 278],
  getsockname: [51, 204],
  getsockopt: [55, 209],
  gettid: [186, 178],
  gettimeofday: [96, 169],
  getuid: [102, 174],
  io_uring_setup: [425, 425],
  ioctl: [16, 29],
  kill: [62, 129],
  landlock_add_rule: [445, 445],
  landlock_create_ruleset: [444, 444],
  landlock_restrict_self: [446, 446],
  lseek: [8, 62],
  lstat: [6, undefined],
  madvise: [28, 233],
  memfd_create: [319, 279],
  mmap: [9, 222],
  mprotect: [10, 226],
  mremap: [25, 216],
  munmap: [11, 215],
  nanosleep: [35, 101],
  newfstatat: [262, 79],
  openat: [257, 56],
  pipe2: [293, 59],
  prctl: [157, 167],
  pread64: [17, 67],
  prlimit64: [302, 261],
  read: [0, 63],
  readlink: [89, undefined],
  readlinkat: [267, 78],
  restart_syscall: [219, 128],
  rseq: [334, 293],
  rt_sigaction: [13, 134],
  rt_sigprocmask: [14, 135],
  rt_sigreturn: [15, 139],
  sched_getaffinity: [204, 123],
  sched_getparam: [143, 121],
  sched_getscheduler: [145, 120],
  sched_yield: [24, 124],
  seccomp: [317, 277],
  set_robust_list: [273, 99],
  set_tid_address: [218, 96],
  socket: [41, 198],
  stat: [4, undefined],
  statx: [332, 291],
  sysinfo: [99, 179],
  tgkill: [234, 131],
  uname: [63, 160],
  unshare: [272, 97],
  write: [1, 64],
} as const satisfies Readonly<Record<string, readonly [number, number | undefined]>>;

export type CallName = keyof typeof numbers;

/** Every call that has a number here. */
export const callNames = Object.keys(numbers) as readonly CallName[];

/** The number of a call; undefined where the architecture has no such call. */
export function callNumber(call: CallName, architecture: Architecture): number | undefined {
  return numbers[call][architecture === 'x86_64' ? 0 : 1];
}

/**
 * The architecture for Node's word for it, `process.arch`.
 * @throws PLATFORM_UNSUPPORTED for all but x64 and arm64.
 */
export function architectureOf(processArch: string): Architecture {
  if (processArch === 'x64') return 'x86_64';
  if (processArch === 'arm64') return 'aarch64';
  throw new AirlockError('PLATFORM_UNSUPPORTED', { detail: processArch });
}

/** The architecture of this process. @throws PLATFORM_UNSUPPORTED. */
export function hostArchitecture(): Architecture {
  return architectureOf(process.arch);
}
