// Rules that both filters have in the same words: memory, threads, signals, and what an older C library calls instead.
// A call must pass both filters once both are installed, so what serving allows, loading must allow too.
import { callValues } from './call-values.ts';
import { int, long, type Rule, rulesFor } from './rules.ts';

// linux/mman.h
const protRead = 1;
const protWrite = 2;
const protExec = 4;
export const mapPrivate = 0x02;
export const mapFixed = 0x10;
export const mapAnonymous = 0x20;
export const mapDenyWrite = 0x800;
export const mapNoReserve = 0x4000;
export const mapStack = 0x20000;
const mayMove = 1;
const advice = { dontNeed: 4, free: 8, dontFork: 10, hugePage: 14, guardInstall: 102, guardRemove: 103 };

// linux/futex.h; the two flags say that a futex is of this process only, and which clock a timeout is of.
const futexWait = 0;
const futexWake = 1;
const futexWaitBitset = 9;
const futexFlags = 128 | 256;

const { setDumpable, setMemoryDenyWriteExecute, refuseExecutableGain } = callValues.prctl;
// linux/prctl.h
const setName = 15;

/** VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID: a thread as pthread_create makes it. */
const cloneThread = 0x3d0f00;

export const memoryRules: readonly Rule[] = [
  ...rulesFor('allow', ['munmap', 'brk'], 'malloc, V8'),
  ...rulesFor('allow', ['mprotect'], 'malloc, V8 and thread stacks; oneDNN makes the code that it generates executable', {
    when: [long(2, [0], protRead | protWrite | protExec)],
  }),
  ...rulesFor('allow', ['mremap'], 'realloc of a large block', {
    when: [long(3, [mayMove])],
    rare: 'no test model makes TensorFlow grow a large block in place',
  }),
  ...rulesFor('allow', ['madvise'], 'malloc and V8 give memory back; koffi keeps its stacks out of forks', {
    when: [int(2, Object.values(advice))],
  }),
];

export const threadRules: readonly Rule[] = [
  // Not those with priorities and requeueing, which nothing here uses and which once gave root (CVE-2014-3153).
  ...rulesFor('allow', ['futex'], 'locks of C, C++, V8 and TensorFlow', {
    when: [int(1, [futexWait, futexWake, futexWaitBitset], futexFlags)],
  }),
  // Its flags lie in memory, where a filter cannot see them.
  ...rulesFor('ENOSYS', ['clone3'], 'pthread_create goes on with clone'),
  ...rulesFor('allow', ['clone'], 'pthread_create: TensorFlow starts threads when it makes a session and when it first runs', {
    when: [long(0, [cloneThread])],
  }),
  ...rulesFor('allow', ['set_robust_list', 'rseq', 'exit', 'gettid'], 'begin and end of a thread'),
  ...rulesFor('allow', ['sched_yield'], 'absl and Eigen spin before they wait', {
    rare: 'only when two threads want the same lock',
  }),
  ...rulesFor('allow', ['sched_getaffinity'], 'TensorFlow counts processors; V8 asks glibc where its stack begins'),
  ...rulesFor('allow', ['sched_getparam', 'sched_getscheduler'], 'absl asks for the priority of a thread that waits for a lock', {
    rare: 'only when two threads want the same lock',
  }),
  ...rulesFor(
    'allow',
    ['clock_nanosleep'],
    'absl measures the processor when a lock is first waited for; TensorFlow waits for memory',
    {
      rare: 'only when two threads want the same lock',
    },
  ),
  ...rulesFor('allow', ['prctl'], 'threads give themselves names', {
    when: [int(0, [setName])],
    rare: 'Node 20 does not',
  }),
];

/** Signals to its own threads only. */
export function abortRules(processId: number): Rule[] {
  return rulesFor('allow', ['tgkill'], 'abort()', {
    when: [int(0, [processId])],
    rare: 'only when Node or TensorFlow give up, which must end by their own signal',
  });
}

export const processRules: readonly Rule[] = [
  ...rulesFor('allow', ['prctl'], 'the worker makes itself undumpable', { when: [int(0, [setDumpable]), long(1, [0])] }),
  ...rulesFor('allow', ['prctl'], 'the worker gives up executable memory', {
    when: [int(0, [setMemoryDenyWriteExecute]), long(1, [refuseExecutableGain]), long(2, [0]), long(3, [0]), long(4, [0])],
  }),
  ...rulesFor('allow', ['exit_group'], 'the end of a worker'),
  ...rulesFor('allow', ['getpid'], 'Node asks which process it is, V8 in each garbage collection', {
    rare: 'in serving only in a garbage collection',
  }),
  ...rulesFor(
    'allow',
    ['sysinfo', 'uname'],
    "TensorFlow's allocators ask for the size of memory, its messages for the name of the host",
  ),
  ...rulesFor('allow', ['rt_sigprocmask'], 'glibc blocks signals while it starts a thread'),
  ...rulesFor('allow', ['rt_sigaction', 'rt_sigreturn'], "Node's handler of a crash puts the default back and returns", {
    rare: 'in serving only after a crash, which must end by its own signal and not look like a break-out',
  }),
  ...rulesFor('allow', ['restart_syscall'], 'the kernel itself goes on so after a SIGSTOP', { rare: 'nothing stops a test' }),
  ...rulesFor('allow', ['clock_gettime', 'gettimeofday', 'getcpu'], 'the vDSO falls back to these', {
    rare: 'only where the clock cannot be read without the kernel, as on some virtual machines',
  }),
  ...rulesFor('allow', ['getrandom'], 'hash seeds of V8 and malloc', { rare: 'in serving only when V8 needs another seed' }),
  ...rulesFor('allow', ['nanosleep'], 'as clock_nanosleep', { rare: 'glibc before 2.31' }),
];
