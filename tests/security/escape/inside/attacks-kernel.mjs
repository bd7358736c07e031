// Attacks on the kernel: rarely used calls where its holes are found, and calls that change what the whole machine does.
import { addressOf, call, callByNumber, callNumberOf, map, text } from './native.mjs';

const PR = { SET_DUMPABLE: 4, SET_PDEATHSIG: 1, SET_MM: 35, SET_NO_NEW_PRIVS: 38 };
const CLONE_NEWNS = 0x2_0000;
const MS_PRIVATE_BELOW = 0x4_4000;
const PERF_WITHOUT_KERNEL = 0x60n;
const RLIMIT_CORE = 4;

export const kernelAttacks = [
  {
    name: 'io-uring',
    shows: 'opens files and sockets by a queue that no filter of system calls sees',
    needs: 'a kernel with io_uring',
    attempt: () => call('io_uring_setup', 4, Buffer.alloc(120)),
  },
  { name: 'bpf', shows: 'loads data or programs into the kernel', needs: 'root', attempt: createBpfMap },
  {
    name: 'performance-events',
    shows: 'measures itself finely enough for side channels',
    needs: 'perf for this user',
    attempt: openCounter,
  },
  {
    name: 'page-fault-handler',
    shows: 'stops the kernel in the middle of a copy, a usual step of exploits',
    needs: 'a kernel with userfaultfd for this user',
    attempt: () => call('userfaultfd', 1),
  },
  { name: 'read-keyring', shows: "finds the session's keys", attempt: () => call('keyctl', 0, -3, 0) },
  {
    name: 'add-key',
    shows: 'stores keys in the kernel',
    attempt: () => call('add_key', text('user'), text('airlock'), text('x'), 1, -2),
  },
  { name: 'kernel-log', shows: 'reads the log of the kernel, which holds addresses', needs: 'root', attempt: readKernelLog },
  { name: 'rename-machine', shows: 'changes the name of the machine (to what it is)', needs: 'root', attempt: renameMachine },
  { name: 'reach-ports', shows: 'speaks with hardware directly', needs: 'root on x86_64', attempt: () => call('iopl', 3) },
  { name: 'mount', shows: 'mounts a file system over a folder', needs: 'root', attempt: mountAndUnmount },
  {
    name: 'mount-by-descriptor',
    shows: 'the same by the newer calls',
    needs: 'root',
    attempt: () => call('fsopen', text('tmpfs'), 0),
  },
  { name: 'pivot-root', shows: 'changes what / is', needs: 'root', attempt: pivotRoot },
  { name: 'change-root', shows: 'the same by chroot', needs: 'root', attempt: () => call('chroot', text('/')) },
  {
    name: 'personality',
    shows: 'has its addresses no longer chosen at random after the next start',
    attempt: () => call('personality', 0x4_0000),
  },
  { name: 'be-dumpable', shows: 'lets others of its user read its memory', attempt: () => call('prctl', PR.SET_DUMPABLE, 1) },
  { name: 'outlive-server', shows: 'takes back that it dies with the server', attempt: () => call('prctl', PR.SET_PDEATHSIG, 0) },
  {
    name: 'hide-arguments',
    shows: 'changes where the kernel thinks that its arguments lie',
    needs: 'root',
    attempt: () => call('prctl', PR.SET_MM, 8, map(65_536), 0, 0),
  },
  {
    name: 'another-filter',
    shows: 'adds one filter to all its calls (once: many would slow down the kernel)',
    attempt: addFilter,
  },
  {
    name: 'raise-core-limit',
    shows: 'has crashes write its memory to the disk',
    needs: 'a hard limit above 0',
    attempt: raiseCoreLimit,
  },
  {
    name: 'call-of-x32',
    shows: 'makes calls by the numbers of another interface, which a filter by number may miss',
    apart: 'few kernels have x32; where one has, this must be refused too',
    attempt: () => callByNumber(0x4000_0000 + callNumberOf('getpid'), []),
  },
];

function createBpfMap() {
  const attributes = Buffer.alloc(72);
  // An array of one element with a key and a value of 4 bytes.
  for (const [at, value] of [2, 4, 4, 1].entries()) attributes.writeUInt32LE(value, at * 4);
  return call('bpf', 0, attributes, attributes.length);
}

function openCounter() {
  const attributes = Buffer.alloc(128);
  attributes.writeUInt32LE(1, 0);
  attributes.writeUInt32LE(attributes.length, 4);
  attributes.writeBigUInt64LE(PERF_WITHOUT_KERNEL, 40);
  return call('perf_event_open', attributes, 0, -1, -1, 0);
}

function readKernelLog() {
  const readAll = 3;
  return call('syslog', readAll, Buffer.alloc(4096), 4096);
}

function renameMachine(targets) {
  return call('sethostname', text(targets.machineName), targets.machineName.length);
}

function mountAndUnmount(targets) {
  call('mount', text('none'), text(targets.mountPoint), text('tmpfs'), 0, 0);
  return call('umount2', text(targets.mountPoint), 0);
}

/** In mounts of its own, so that nothing is left when the process ends. */
function pivotRoot(targets) {
  call('unshare', CLONE_NEWNS);
  call('mount', text('none'), text('/'), 0, MS_PRIVATE_BELOW, 0);
  call('mount', text('none'), text(targets.mountPoint), text('tmpfs'), 0, 0);
  const old = `${targets.mountPoint}/old`;
  call('mkdirat', -100, text(old), 0o700);
  return call('pivot_root', text(targets.mountPoint), text(old));
}

/** A filter of one instruction, which allows everything. */
function addFilter() {
  const instruction = Buffer.from([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]);
  const program = Buffer.alloc(16);
  program.writeUInt16LE(1, 0);
  program.writeBigUInt64LE(addressOf(instruction), 8);
  call('prctl', PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return call('seccomp', 1, 0, program);
}

function raiseCoreLimit() {
  const limit = Buffer.alloc(16);
  limit.writeBigUInt64LE(1n << 20n, 0);
  limit.writeBigUInt64LE(1n << 20n, 8);
  return call('prlimit64', 0, RLIMIT_CORE, limit, 0);
}
