// Finds names by their bytes. Millions of node names need no strings this way, and names that are no UTF-8 stay apart. The hash has random tables,
// so that nobody can write a file of names that all fall into one place and make the scan quadratic.
import { randomBytes } from 'node:crypto';
import { readName } from './read-name.ts';

function randomTable(): Int32Array {
  const table = new Int32Array(256);
  for (const index of table.keys()) table[index] = randomBytes(4).readInt32LE();
  return table;
}

// One for each byte of a step of four, which are then independent of each other; this is half the time of reading a large graph.
const [table0, table1, table2, table3] = [randomTable(), randomTable(), randomTable(), randomTable()];

export function hashBytes(bytes: Buffer, start: number, end: number, seed: number): number {
  let hash = Math.imul(seed ^ (end - start), 0x9e3779b1);
  let at = start;
  for (; at + 3 < end; at += 4) {
    const step = table0[bytes[at]] ^ table1[bytes[at + 1]] ^ table2[bytes[at + 2]] ^ table3[bytes[at + 3]];
    hash = Math.imul(hash ^ step, 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) {
    hash = Math.imul(hash ^ table0[bytes[at]], 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  return hash;
}

function isSame(left: Buffer, leftStart: number, right: Buffer, rightStart: number, length: number): boolean {
  for (let at = 0; at < length; at++) if (left[leftStart + at] !== right[rightStart + at]) return false;
  return true;
}

function slotCount(entries: number): number {
  let slots = 16;
  while (slots < entries * 2) slots *= 2;
  return slots;
}

/** From (group, name) to row, for rows whose names lie in one buffer. A group is one graph or function. */
export class NameIndex {
  readonly #bytes: Buffer;
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;
  readonly #slots: Int32Array;
  readonly #groups: Int32Array;

  /** `starts`, `lengths` and `groups` belong to the caller and are read when a row is added or sought. */
  constructor(bytes: Buffer, starts: Int32Array, lengths: Int32Array, groups: Int32Array) {
    this.#bytes = bytes;
    this.#starts = starts;
    this.#lengths = lengths;
    this.#groups = groups;
    this.#slots = new Int32Array(slotCount(starts.length)).fill(-1);
  }

  #slot(group: number, bytes: Buffer, start: number, end: number): number {
    const mask = this.#slots.length - 1;
    const length = end - start;
    for (let at = hashBytes(bytes, start, end, group) & mask; ; at = (at + 1) & mask) {
      const row = this.#slots[at];
      if (row === -1) return at;
      if (this.#groups[row] !== group || this.#lengths[row] !== length) continue;
      if (isSame(this.#bytes, this.#starts[row], bytes, start, length)) return at;
    }
  }

  /** False when the group has the name already; the first one stays. */
  add(row: number): boolean {
    const start = this.#starts[row];
    const slot = this.#slot(this.#groups[row], this.#bytes, start, start + this.#lengths[row]);
    if (this.#slots[slot] !== -1) return false;
    this.#slots[slot] = row;
    return true;
  }

  /** -1 when there is none. */
  find(group: number, bytes: Buffer, start: number, end: number): number {
    return this.#slots[this.#slot(group, bytes, start, end)];
  }
}

/** Numbers for few different names that occur often: operations, devices. */
export class Interner {
  readonly #numbers = new Map<number, number[]>();
  readonly #keys: Buffer[] = [];
  readonly names: string[] = [];

  find(bytes: Buffer, start: number, end: number): number | undefined {
    return this.#find(hashBytes(bytes, start, end, 0), bytes, start, end);
  }

  #find(hash: number, bytes: Buffer, start: number, end: number): number | undefined {
    for (const number of this.#numbers.get(hash) ?? []) {
      const key = this.#keys[number];
      if (key.length === end - start && isSame(key, 0, bytes, start, key.length)) return number;
    }
    return undefined;
  }

  intern(bytes: Buffer, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end, 0);
    const known = this.#find(hash, bytes, start, end);
    if (known !== undefined) return known;
    const number = this.names.length;
    this.names.push(readName(bytes, start, end));
    this.#keys.push(bytes.subarray(start, end));
    const list = this.#numbers.get(hash);
    if (list === undefined) this.#numbers.set(hash, [number]);
    else list.push(number);
    return number;
  }
}
