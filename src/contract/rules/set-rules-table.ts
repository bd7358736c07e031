// A hash table of byte ranges: a set of strings that is asked without making a JavaScript string of what is looked for, and the search for
// a range that comes twice. Entries are compared byte by byte; the hash only says where to look.
import { keyedHash } from './set-rules-hash.ts';

/** `count` byte ranges of one array; range i is `bytes[startOf(i) … endOf(i)]`. */
export interface Ranges {
  readonly bytes: Uint8Array;
  readonly count: number;
  startOf(index: number): number;
  endOf(index: number): number;
}

/** Of `count` ranges, each `width` bytes long, one after the other. */
export function equalRanges(bytes: Uint8Array, count: number, width: number): Ranges {
  return { bytes, count, startOf: (index) => index * width, endOf: (index) => (index + 1) * width };
}

/** Of the strings of a tensor. */
export function stringRanges({ bytes, offsets }: { readonly bytes: Uint8Array; readonly offsets: Uint32Array }): Ranges {
  return { bytes, count: offsets.length - 1, startOf: (index) => offsets[index], endOf: (index) => offsets[index + 1] };
}

/**
 * Calls `found` with the second and every later appearance of a range, and where it was first, until it gives false.
 * Takes 8 to 16 bytes of memory per range.
 */
export function eachRepeated(ranges: Ranges, found: (index: number, first: number) => boolean): void {
  const table = new RangeTable(ranges);
  for (let index = 0; index < ranges.count; index++) {
    const first = table.add(index);
    if (first !== index && !found(index, first)) return;
  }
}

/** The strings of a contract, asked with bytes of a request. */
export class ByteSet {
  readonly #table: RangeTable;

  constructor(entries: Iterable<string>) {
    const list = [...entries];
    const encoder = new TextEncoder();
    const parts = list.map((entry) => encoder.encode(entry));
    const offsets = new Uint32Array(parts.length + 1);
    for (const [index, part] of parts.entries()) offsets[index + 1] = offsets[index] + part.byteLength;
    const bytes = new Uint8Array(offsets[parts.length]);
    for (const [index, part] of parts.entries()) bytes.set(part, offsets[index]);
    const ranges = stringRanges({ bytes, offsets });
    this.#table = new RangeTable(ranges);
    for (let index = 0; index < ranges.count; index++) this.#table.add(index);
  }

  has(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#table.has(bytes, start, end);
  }
}

class RangeTable {
  readonly #ranges: Ranges;
  /** Index of a range + 1, 0 where nothing is. At most half full. */
  readonly #slots: Uint32Array;
  readonly #mask: number;

  constructor(ranges: Ranges) {
    this.#ranges = ranges;
    const size = 2 ** Math.ceil(Math.log2(2 * ranges.count + 2));
    this.#slots = new Uint32Array(size);
    this.#mask = size - 1;
  }

  /** The index of the equal range that is there already; otherwise it is added, and its own index given. */
  add(index: number): number {
    const { bytes } = this.#ranges;
    const start = this.#ranges.startOf(index);
    const slot = this.#slotOf(bytes, start, this.#ranges.endOf(index));
    if (this.#slots[slot] !== 0) return this.#slots[slot] - 1;
    this.#slots[slot] = index + 1;
    return index;
  }

  has(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#slots[this.#slotOf(bytes, start, end)] !== 0;
  }

  /** Where the range is, or the free slot where it would be. */
  #slotOf(bytes: Uint8Array, start: number, end: number): number {
    let slot = keyedHash(bytes, start, end) & this.#mask;
    while (this.#slots[slot] !== 0 && !this.#holds(this.#slots[slot] - 1, bytes, start, end)) slot = (slot + 1) & this.#mask;
    return slot;
  }

  #holds(index: number, bytes: Uint8Array, start: number, end: number): boolean {
    const ranges = this.#ranges;
    const from = ranges.startOf(index);
    if (ranges.endOf(index) - from !== end - start) return false;
    for (let i = start, j = from; i < end; i++, j++) if (bytes[i] !== ranges.bytes[j]) return false;
    return true;
  }
}
