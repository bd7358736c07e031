// What native code in a worker can do, for the attacks: raw system calls, C structures, memory that holds code. Everything throws what
// the kernel answered, so that an attack is written as if nothing could go wrong.
import { constants } from 'node:fs';
import koffi from 'koffi';
// The worker's own door to the kernel: an attacker finds it there.
import { errnoName, libc, systemCall } from '../../../../dist/kernel/index.js';
import { callNumbers } from './call-numbers.mjs';

const architecture = ['x64', 'arm64'].indexOf(process.arch);

export const O = {
  WRONLY: constants.O_WRONLY,
  RDWR: constants.O_RDWR,
  CREAT: constants.O_CREAT,
  DIRECTORY: constants.O_DIRECTORY,
  // Not among Node's constants; it contains O_DIRECTORY, which differs between architectures.
  TMPFILE: 0o20000000 | constants.O_DIRECTORY,
  NOCTTY: constants.O_NOCTTY,
};
export const atCurrentFolder = -100;
export const signals = { KILL: 9, USR2: 12, CHLD: 17 };
const pageBytes = 64 * 1024; // The largest page of any machine that TensorFlow's wheels run on.

/** A call that the kernel refused, with the errno's name as code. */
export class Refused extends Error {
  constructor(code, what) {
    super(`${what}: ${code}`);
    this.code = code;
  }
}

/** Makes call `number` as it is. */
export function callByNumber(number, args, what = `call ${number}`) {
  const result = systemCall(number, ...args);
  if (result < 0n) throw new Refused(errnoName(Number(-result)), what);
  return Number(result);
}

/** Makes a system call; numbers, bigints and buffers (as addresses) are its arguments. */
export function call(name, ...args) {
  const number = callNumberOf(name);
  if (number === undefined) throw new Refused('ENOSYS', name);
  return callByNumber(number, args, name);
}

/** The number of a call on this machine. */
export const callNumberOf = (name) => callNumbers[name][architecture];

export const text = (value) => Buffer.from(`${value}\0`);
export const addressOf = (buffer) => koffi.address(buffer);

/** An array of pointers to C strings with a null at its end, as execve takes it. The strings hang on it, or they would be collected. */
export function pointers(strings) {
  const kept = strings.map(text);
  const array = Buffer.alloc((kept.length + 1) * 8);
  for (const [at, string] of kept.entries()) array.writeBigUInt64LE(addressOf(string), at * 8);
  return Object.assign(array, { kept });
}

/** struct iovec for one piece of memory. */
export function vector(address, byteLength) {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(BigInt(address), 0);
  bytes.writeBigUInt64LE(BigInt(byteLength), 8);
  return bytes;
}

export const open = (path, flags = 0, mode = 0o600) => call('openat', atCurrentFolder, text(path), flags, mode);

/** The first bytes of a file; false when there are none. */
export function read(path) {
  return readDescriptor(open(path));
}

export function readDescriptor(descriptor) {
  return call('read', descriptor, Buffer.alloc(256), 256) > 0;
}

const posixSpawn = libc.func('int posix_spawn(_Out_ int*, const char*, void*, void*, void*, void*)');

/** Starts a program as the C library does; gives its process id. */
export function spawnProgram(path, args) {
  const processId = [0];
  const result = posixSpawn(processId, path, null, null, pointers([path, ...args]), pointers([]));
  if (result !== 0) throw new Refused(errnoName(result), 'posix_spawn');
  return processId[0];
}

const protections = { READ: 1, WRITE: 2, EXECUTE: 4 };
export const mapFlags = { SHARED: 0x01, PRIVATE: 0x02, ANONYMOUS: 0x20, GROWSDOWN: 0x100 };
export const writable = protections.READ | protections.WRITE;
export const readExecute = protections.READ | protections.EXECUTE;
export const writableAndExecutable = writable | protections.EXECUTE;

/** The address of new memory. */
export function map(byteLength, flags = mapFlags.PRIVATE, protection = writable) {
  return call('mmap', 0, byteLength, protection, flags | mapFlags.ANONYMOUS, -1, 0);
}

const copy = libc.func('void memcpy(void*, const void*, size_t)');
const codeType = koffi.proto('int64_t AttackCode()');

/** Runs machine code and gives what it returned, where memory may be written and executed. */
export function runCode(bytes) {
  const address = BigInt(map(pageBytes, mapFlags.PRIVATE, writableAndExecutable));
  copy(address, Buffer.from(bytes), bytes.length);
  return Number(koffi.call(address, codeType));
}
