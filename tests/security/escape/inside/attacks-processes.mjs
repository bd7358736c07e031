// Attacks on other processes, above all the server, and new processes that nobody holds.
import { spawnSync } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { addressOf, call, open, pointers, read, readDescriptor, signals, spawnProgram, text, vector } from './native.mjs';

const CLONE = { NEWNS: 0x2_0000, NEWUSER: 0x1000_0000 };
const PTRACE_SEIZE = 0x4206;
const RLIMIT = { SIGPENDING: 11 };
const AT_EMPTY_PATH = 0x1000;
const bombSize = 50;

/** A process that became a shell can no longer say so by any other means: Node's descriptors are closed by execve. */
const shellExit = 77;
const shellArguments = pointers(['sh', '-c', `exit ${shellExit}`]);

/** A new process by `clone`, which ends at once; its parent waits for it. */
function fork(flags = 0) {
  return collect(call('clone', flags | signals.CHLD, 0, 0, 0, 0));
}

function collect(processId) {
  if (processId === 0) call('exit_group', 0);
  return call('wait4', processId, 0, 0, 0);
}

export const processAttacks = [
  {
    name: 'read-server-environment',
    shows: "reads the server's environment, where secrets are",
    attempt: (t) => read(`/proc/${t.server}/environ`),
  },
  { name: 'read-server-arguments', shows: "reads the server's command line", attempt: (t) => read(`/proc/${t.server}/cmdline`) },
  {
    name: 'read-server-memory-file',
    shows: "reads a secret in the server's memory by /proc",
    attempt: (t) => call('pread64', open(`/proc/${t.server}/mem`), Buffer.alloc(16), 16, BigInt(t.secretAddress)) === 16,
  },
  { name: 'read-server-memory', shows: "reads a secret in the server's memory by process_vm_readv", attempt: readMemory },
  {
    name: 'open-server-descriptor',
    shows: 'opens a file that the server has open by /proc/PID/fd',
    attempt: (t) => read(`/proc/${t.server}/fd/${t.serverDescriptor}`),
  },
  {
    name: 'take-server-descriptor',
    shows: 'copies a descriptor out of the server',
    needs: 'Linux 5.6',
    attempt: (t) => readDescriptor(call('pidfd_getfd', call('pidfd_open', t.server, 0), t.serverDescriptor, 0)),
  },
  {
    name: 'trace-server',
    shows: 'attaches to the server as a debugger',
    attempt: (t) => call('ptrace', PTRACE_SEIZE, t.server, 0, 0),
  },
  { name: 'signal-server', shows: 'sends the server a signal', attempt: (t) => call('kill', t.server, signals.USR2) },
  { name: 'signal-server-thread', shows: 'the same by tgkill', attempt: (t) => call('tgkill', t.server, t.server, signals.USR2) },
  {
    name: 'signal-server-by-descriptor',
    shows: 'the same by pidfd_send_signal',
    needs: 'Linux 5.3',
    attempt: (t) => call('pidfd_send_signal', call('pidfd_open', t.server, 0), signals.USR2, 0, 0),
  },
  { name: 'queue-signal', shows: 'the same by rt_sigqueueinfo', attempt: queueSignal },
  // Signal 0 asks whether one could be sent and sends none: all other processes of the machine are meant.
  { name: 'signal-everybody', shows: 'may send signals to every process', attempt: () => call('kill', -1, 0) },
  { name: 'limit-server', shows: "lowers the server's limits", attempt: limitServer },
  {
    name: 'pin-server',
    shows: 'holds the server to one core',
    attempt: (t) => call('sched_setaffinity', t.server, 8, Buffer.of(1, 0, 0, 0, 0, 0, 0, 0)),
  },
  { name: 'slow-server', shows: 'puts the server behind all others', attempt: (t) => call('setpriority', 0, t.server, 5) },
  {
    name: 'schedule-server',
    shows: 'has the server run only when nothing else does',
    attempt: (t) => call('sched_setscheduler', t.server, 5, Buffer.alloc(4)),
  },
  {
    name: 'slow-server-disk',
    shows: 'puts the disk use of the server last',
    attempt: (t) => call('ioprio_set', 1, t.server, 3 << 13),
  },
  { name: 'ask-server-group', shows: 'learns whether a process lives', attempt: (t) => call('getpgid', t.server) },
  { name: 'compare-with-server', shows: "learns addresses in the kernel from the server's", attempt: compareWithServer },
  {
    name: 'execute-shell',
    shows: 'becomes a shell',
    exitCode: shellExit,
    attempt: () => call('execve', text('/bin/sh'), shellArguments, pointers([])),
  },
  {
    name: 'execute-descriptor',
    shows: 'becomes a program that it has open',
    exitCode: shellExit,
    attempt: () => call('execveat', open('/bin/sh'), text(''), shellArguments, pointers([]), AT_EMPTY_PATH),
  },
  { name: 'fork', shows: 'makes a process by clone', attempt: () => fork() },
  { name: 'fork-by-clone3', shows: 'makes a process by the newer call', needs: 'Linux 5.3', attempt: forkByClone3 },
  { name: 'spawn-by-c-library', shows: 'starts a program by posix_spawn', attempt: () => collect(spawnProgram('/bin/true', [])) },
  { name: 'spawn-node', shows: 'starts Node again, without what holds this one', attempt: spawnNode },
  { name: 'fork-bomb', shows: `starts ${bombSize} processes that stay`, attempt: forkBomb },
  {
    name: 'work-in-new-thread',
    shows: 'reads /etc/passwd in a thread that is younger than the restriction',
    attempt: () =>
      new Promise((resolve, reject) => {
        const thread = new Worker("require('node:fs').readFileSync('/etc/passwd')", { eval: true });
        thread.on('error', reject).on('exit', resolve);
      }),
  },
  {
    name: 'new-user-namespace',
    shows: 'becomes root of a namespace of its own, from where most holes of the kernel are reached',
    needs: 'a kernel that lets this user make namespaces',
    attempt: () => fork(CLONE.NEWUSER),
  },
  {
    name: 'new-mount-namespace',
    shows: 'leaves the mounts that were made for it',
    needs: 'root',
    attempt: () => call('unshare', CLONE.NEWNS),
  },
  { name: 'join-server-namespace', shows: "enters the server's network", needs: 'root', attempt: (t) => joinNamespace(t) },
  {
    name: 'become-other-user',
    shows: "takes another worker's user",
    needs: 'root',
    attempt: (t) => call('setresuid', t.otherUser, t.otherUser, t.otherUser),
  },
  {
    name: 'become-other-group',
    shows: "takes another worker's group",
    needs: 'root',
    attempt: (t) => call('setresgid', t.otherUser, t.otherUser, t.otherUser),
  },
];

function readMemory(targets) {
  const bytes = Buffer.alloc(16);
  const local = vector(addressOf(bytes), bytes.length);
  const remote = vector(targets.secretAddress, bytes.length);
  return call('process_vm_readv', targets.server, local, 1, remote, 1, 0) === bytes.length;
}

function queueSignal(targets) {
  const information = Buffer.alloc(128);
  information.writeInt32LE(signals.USR2, 0);
  information.writeInt32LE(-1, 8); // SI_QUEUE, the code that a process may use.
  return call('rt_sigqueueinfo', targets.server, signals.USR2, information);
}

function limitServer(targets) {
  const limit = Buffer.alloc(16);
  limit.writeBigUInt64LE(77n, 0);
  limit.writeBigUInt64LE(77n, 8);
  return call('prlimit64', targets.server, RLIMIT.SIGPENDING, limit, 0);
}

function compareWithServer(targets) {
  const KCMP_VM = 1;
  return call('kcmp', targets.ownProcess, targets.server, KCMP_VM, 0, 0) > 0;
}

function forkByClone3() {
  const options = Buffer.alloc(64);
  options.writeBigUInt64LE(BigInt(signals.CHLD), 32);
  return collect(call('clone3', options, options.length));
}

function spawnNode() {
  const { error, status } = spawnSync(process.execPath, ['--version']);
  if (error) throw error;
  return status === 0;
}

function forkBomb() {
  const started = [];
  try {
    while (started.length < bombSize) started.push(spawnProgram('/bin/sleep', ['20']));
  } finally {
    for (const processId of started) {
      call('kill', processId, signals.KILL);
      call('wait4', processId, 0, 0, 0);
    }
  }
}

function joinNamespace(targets) {
  return call('setns', open(`/proc/${targets.server}/ns/net`), 0);
}
