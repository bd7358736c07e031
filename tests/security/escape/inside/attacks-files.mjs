// Attacks on files: read what is not the worker's, write anywhere, and the ways around a path that is checked.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { atCurrentFolder, call, O, open, Refused, read, readDescriptor, text } from './native.mjs';

const here = atCurrentFolder;

/** A path that no other attack uses, in a folder where everybody may write. */
const inOpenFolder = (targets, name) => text(`${targets.openFolder}/${name}`);

function list(path) {
  return call('getdents64', open(path, O.DIRECTORY), Buffer.alloc(4096), 4096) > 0;
}

export const fileAttacks = [
  { name: 'read-users', shows: 'reads /etc/passwd', attempt: () => read('/etc/passwd') },
  { name: 'read-users-by-node', shows: 'reads /etc/passwd with node:fs', attempt: () => readFileSync('/etc/passwd').length > 0 },
  {
    name: 'read-users-in-thread-pool',
    shows: "reads /etc/passwd in one of libuv's threads, which a restriction of the main thread misses",
    attempt: async () => (await readFile('/etc/passwd')).length > 0,
  },
  {
    name: 'read-store',
    shows: "reads a file of the server's store that only its user may read",
    attempt: (t) => read(t.secretFile),
  },
  { name: 'read-other-model', shows: 'reads the model of another worker', attempt: (t) => read(t.otherModelFile) },
  { name: 'read-by-openat2', shows: 'opens by the newer call', attempt: (t) => openByOpenat2(t.otherModelFile) },
  { name: 'read-machine-secrets', shows: 'reads /etc/shadow', needs: 'root', attempt: () => read('/etc/shadow') },
  { name: 'read-memory-information', shows: "reads the machine's memory use", attempt: () => read('/proc/meminfo') },
  { name: 'list-root', shows: 'lists /', attempt: () => list('/') },
  { name: 'list-models', shows: 'lists the folder of all models', attempt: (t) => list(t.modelsFolder) },
  {
    name: 'test-existence',
    shows: "learns by stat whether a file of another worker is there, and thus when it works: Landlock doesn't cover it",
    attempt: (t) => call('newfstatat', here, text(t.otherModelFile), Buffer.alloc(256), 0) === 0,
  },
  {
    name: 'test-access',
    shows: 'the same by access',
    attempt: (t) => call('faccessat', here, text(t.otherModelFile), 0) === 0,
  },
  {
    name: 'read-link-of-server',
    shows: "learns the path of the server's program",
    attempt: (t) => call('readlinkat', here, text(`/proc/${t.server}/exe`), Buffer.alloc(256), 256) > 0,
  },
  { name: 'root-by-proc', shows: 'goes to /etc/passwd by /proc/self/root', attempt: () => read('/proc/self/root/etc/passwd') },
  {
    name: 'root-by-server-proc',
    shows: "goes to a model by the server's /proc/PID/root",
    attempt: (t) => read(`/proc/${t.server}/root${t.otherModelFile}`),
  },
  { name: 'read-init', shows: 'reads the command line of process 1', attempt: () => read('/proc/1/cmdline') },
  {
    name: 'open-by-handle',
    shows: 'opens a file by number, past every path: a known way out of containers',
    needs: 'root and a file system with handles',
    attempt: openByHandle,
  },
  { name: 'create-file', shows: 'creates a file where everybody may', attempt: (t) => createFile(t) },
  { name: 'create-file-in-root', shows: 'creates a file in /', needs: 'root', attempt: (t) => createInRoot(t) },
  {
    name: 'overwrite-file',
    shows: 'writes over a file',
    attempt: (t) => call('write', open(t.publicFile, O.WRONLY), text('worker'), 6),
  },
  { name: 'truncate-file', shows: 'empties a file', attempt: (t) => call('truncate', text(t.publicFile), 0) },
  { name: 'remove-file', shows: 'removes a file', attempt: (t) => call('unlinkat', here, text(t.removableFile), 0) },
  { name: 'rename-file', shows: 'puts a file in place of another', attempt: (t) => renameFile(t) },
  { name: 'make-folder', shows: 'makes a folder', attempt: (t) => call('mkdirat', here, inOpenFolder(t, 'folder'), 0o700) },
  {
    name: 'nameless-file',
    shows: 'makes a file that has no name',
    attempt: (t) => open(t.openFolder, O.TMPFILE | O.RDWR),
  },
  {
    name: 'plant-symbolic-link',
    shows: 'leaves a link to a secret for a careless reader',
    attempt: (t) => call('symlinkat', text(t.secretFile), here, inOpenFolder(t, 'symbolic')),
  },
  {
    name: 'plant-hard-link',
    shows: 'keeps a secret by a second name',
    attempt: (t) => call('linkat', here, text(t.secretFile), here, inOpenFolder(t, 'hard'), 0),
  },
  {
    name: 'make-pipe',
    shows: 'makes a pipe to wait at',
    attempt: (t) => call('mknodat', here, inOpenFolder(t, 'pipe'), 0o010600, 0),
  },
  { name: 'make-device', shows: 'makes the device of all memory', needs: 'root', attempt: (t) => makeDevice(t) },
  { name: 'change-mode', shows: 'opens a file to everybody', attempt: (t) => call('fchmodat', here, text(t.secretFile), 0o644) },
  {
    name: 'change-owner',
    shows: 'gives a file away',
    needs: 'root',
    attempt: (t) => call('fchownat', here, text(t.publicFile), t.otherUser, t.otherUser, 0),
  },
  {
    name: 'change-times',
    shows: 'hides that a file was changed',
    attempt: (t) => call('utimensat', here, text(t.publicFile), 0, 0),
  },
  {
    name: 'change-attributes',
    shows: 'hangs data on a file',
    needs: 'a file system with user attributes',
    attempt: (t) => call('setxattr', text(t.publicFile), text('user.airlock'), text('x'), 1, 0),
  },
  {
    name: 'fill-disk',
    shows: 'writes 64 MiB to the disk',
    attempt: (t) => fillDisk(t),
  },
  {
    name: 'fill-shared-memory',
    shows: 'writes to the memory that /dev/shm is',
    needs: '/dev/shm',
    attempt: (t) => call('write', open(`/dev/shm/${t.uniqueName}`, O.WRONLY | O.CREAT), Buffer.alloc(65_536), 65_536),
  },
  {
    name: 'rewrite-package',
    shows: "opens the worker's own code for writing, so that the next one runs the attacker's",
    needs: 'code that its user may write',
    attempt: (t) => open(t.ownCode, O.WRONLY),
  },
  {
    name: 'rewrite-program',
    shows: 'opens the running program for writing',
    apart: 'Linux refuses it to everybody while the program runs (ETXTBSY)',
    attempt: (t) => open(t.program, O.WRONLY),
  },
  {
    name: 'become-dump-handler',
    shows: 'opens the setting by which the kernel starts a program as root when any process crashes',
    needs: 'root and a writable /proc/sys',
    attempt: () => open('/proc/sys/kernel/core_pattern', O.WRONLY),
  },
  {
    name: 'watch-files',
    shows: 'watches what others do in a folder',
    attempt: (t) => call('inotify_add_watch', call('inotify_init1', 0), text(t.modelsFolder), 0xfff),
  },
  {
    name: 'watch-all-files',
    shows: 'watches every file of the machine',
    needs: 'root',
    attempt: () => call('fanotify_init', 0, 0),
  },
  {
    name: 'use-leaked-descriptor',
    shows: 'reads a file that the server had open',
    attempt: (t) => readDescriptor(t.leakedDescriptor),
  },
];

function openByOpenat2(path) {
  return readDescriptor(call('openat2', atCurrentFolder, text(path), Buffer.alloc(24), 24));
}

function openByHandle() {
  const handle = Buffer.alloc(8 + 128);
  handle.writeUInt32LE(128, 0);
  call('name_to_handle_at', atCurrentFolder, text('/etc/passwd'), handle, Buffer.alloc(4), 0);
  return readDescriptor(call('open_by_handle_at', open('/etc'), handle, 0));
}

function createFile(targets) {
  return call('write', open(`${targets.openFolder}/created`, O.WRONLY | O.CREAT), text('worker'), 6);
}

function createInRoot(targets) {
  const path = `/${targets.uniqueName}`;
  open(path, O.WRONLY | O.CREAT);
  return call('unlinkat', atCurrentFolder, text(path), 0);
}

function renameFile(targets) {
  return call('renameat2', atCurrentFolder, text(targets.renamableFile), atCurrentFolder, text(targets.publicFile), 0);
}

function makeDevice(targets) {
  // Character device 1, 1: /dev/mem.
  return call('mknodat', atCurrentFolder, inOpenFolder(targets, 'device'), 0o020600, 0x101);
}

function fillDisk(targets) {
  const descriptor = open(`${targets.openFolder}/filled`, O.WRONLY | O.CREAT);
  const piece = Buffer.alloc(1024 * 1024);
  for (let written = 0; written < 64; written++) {
    if (call('write', descriptor, piece, piece.length) < piece.length) throw new Refused('ENOSPC', 'write');
  }
}
