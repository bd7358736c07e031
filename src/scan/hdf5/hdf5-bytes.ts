// Reads the numbers of an HDF5 file: addresses and lengths have the sizes that the superblock says, and an address of all ones means none. What
// is read for structures is counted, because structures may share their bytes and a file of a kilobyte could ask for a gigabyte of them.
import { AirlockError, printable } from '../../core/index.ts';
import type { Source } from '../scan-context.ts';

/** All that is read of headers, indexes and heaps of one file. */
const maxStructureBytes = 512 * 1024 ** 2;

const maxHeapTextBytes = 64 * 1024;
/** What is read is soon let go, names stay: with this, 64 MiB of them do. */
const heldCost = 8;

export function damaged(file: string, what: string): AirlockError {
  return new AirlockError('MODEL_INVALID', { message: `${printable(file, 200)} is no valid HDF5 file: ${what}` });
}

export class Hdf5Bytes {
  readonly source: Source;
  /** Where the superblock stands; addresses count from here. */
  readonly base: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  #left = maxStructureBytes;

  constructor(source: Source, base: number, offsetBytes: number, lengthBytes: number) {
    this.source = source;
    this.base = base;
    this.offsetBytes = offsetBytes;
    this.lengthBytes = lengthBytes;
  }

  fail(what: string): AirlockError {
    return damaged(this.source.name, what);
  }

  /** Bytes of a structure. @throws MODEL_INVALID when they are not in the file or too many were read. */
  at(address: number, length: number): Buffer {
    const start = this.base + address;
    if (!(start >= 0 && length >= 0 && start + length <= this.source.sizeBytes))
      throw this.fail('an address leads out of the file');
    this.#spend(length);
    return this.source.read(start, length);
  }

  #spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw this.fail('its structures are too large or used too often');
  }

  /**
   * NUL-terminated text in a local heap, where texts may share their bytes: each is counted as if it did not.
   * @throws MODEL_INVALID when it is longer than 64 KiB, or there are too many.
   */
  heapText(heap: Buffer, offset: number): string {
    if (offset < 0 || offset >= heap.length) return '';
    const rest = heap.subarray(offset, offset + maxHeapTextBytes);
    const end = rest.indexOf(0);
    if (end === -1 && rest.length === maxHeapTextBytes) throw this.fail('a name in a local heap has no end');
    const text = end === -1 ? rest : rest.subarray(0, end);
    // Short ones cost as much as what is read to find them; long ones are held for as long as the file is.
    this.#spend(text.length * heldCost);
    return text.toString('utf8');
  }

  /** As many bytes as there are, up to `length`. */
  upTo(address: number, length: number): Buffer {
    const left = this.source.sizeBytes - this.base - address;
    return this.at(address, Math.max(0, Math.min(length, left)));
  }

  cursor(bytes: Buffer, what: string): Hdf5Cursor {
    return new Hdf5Cursor(bytes, this, what);
  }
}

/** Reads one structure from front to back. @throws MODEL_INVALID, naming the structure, where it ends too early. */
export class Hdf5Cursor {
  readonly bytes: Buffer;
  readonly file: Hdf5Bytes;
  readonly what: string;
  position = 0;

  constructor(bytes: Buffer, file: Hdf5Bytes, what: string) {
    this.bytes = bytes;
    this.file = file;
    this.what = what;
  }

  get left(): number {
    return this.bytes.length - this.position;
  }

  #need(count: number): number {
    if (!(count >= 0) || count > this.left) throw this.file.fail(`${this.what} is cut short`);
    const at = this.position;
    this.position += count;
    return at;
  }

  skip(count: number): void {
    this.#need(count);
  }

  u8(): number {
    return this.bytes[this.#need(1)];
  }

  u16(): number {
    return this.bytes.readUInt16LE(this.#need(2));
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.#need(4));
  }

  /** Of 1 to 8 bytes; beyond 2^53 it is rounded, and out of every file. */
  uint(count: number): number {
    const at = this.#need(count);
    if (count <= 6) return count === 0 ? 0 : this.bytes.readUIntLE(at, count);
    let value = 0;
    for (let index = count - 1; index >= 0; index--) value = value * 256 + this.bytes[at + index];
    return value;
  }

  /** Undefined when it is the address that means none. */
  address(): number | undefined {
    const count = this.file.offsetBytes;
    const start = this.position;
    const value = this.uint(count);
    for (let index = start; index < start + count; index++) if (this.bytes[index] !== 0xff) return value;
    return undefined;
  }

  length(): number {
    return this.uint(this.file.lengthBytes);
  }

  take(count: number): Buffer {
    const at = this.#need(count);
    return this.bytes.subarray(at, at + count);
  }

  signature(expected: string): void {
    if (this.take(4).toString('latin1') !== expected) throw this.file.fail(`${this.what} does not begin with ${expected}`);
  }

  /** Text up to a NUL byte or the end. */
  text(): string {
    const end = this.bytes.indexOf(0, this.position);
    const stop = end === -1 ? this.bytes.length : end;
    const text = this.bytes.toString('utf8', this.position, stop);
    this.position = Math.min(stop + 1, this.bytes.length);
    return text;
  }
}

/** NUL-terminated text in a buffer. */
export function textAt(bytes: Buffer, offset: number): string {
  if (offset < 0 || offset >= bytes.length) return '';
  const end = bytes.indexOf(0, offset);
  return bytes.toString('utf8', offset, end === -1 ? bytes.length : end);
}
