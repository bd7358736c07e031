// Steps over one struct of Thrift's compact protocol without building it: the check that Parquet's footer and page headers go through
// before the library reads them. The library allocates a list by its declared size and recurses into structs; after this walk every
// list has as many elements as there are bytes for, and nothing is deep.
import { datasetError } from './dataset-error.ts';

const types = { stop: 0, true: 1, false: 2, byte: 3, i16: 4, i32: 5, i64: 6, double: 7, binary: 8, list: 9, struct: 12 } as const;
const maxDepth = 16;

export interface ThriftInfo {
  /** The byte after the struct. */
  readonly end: number;
  /** Integers of at most 32 bits of the struct and of the structs directly in it, by field number: `3`, `5.1`. */
  readonly integers: ReadonlyMap<string, number>;
  readonly booleans: ReadonlyMap<string, boolean>;
}

/** An open struct or list. */
interface Level {
  readonly isStruct: boolean;
  /** Of a struct: the last field's number. Of a list: elements still to come. */
  count: number;
  /** Of a list: the type of its elements. */
  readonly elementType: number;
  /** Field numbers from the outermost struct, where they are of interest. */
  readonly path: string | undefined;
}

/** @throws DATASET_INVALID when the struct that begins at `start` is not whole before `limit`. */
export function walkThrift(bytes: Buffer, start: number, limit = bytes.length): ThriftInfo {
  const reader = new CompactReader(bytes, start, limit);
  const integers = new Map<string, number>();
  const booleans = new Map<string, boolean>();
  const levels: Level[] = [{ isStruct: true, count: 0, elementType: 0, path: '' }];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    let type: number;
    let path: string | undefined;
    if (level.isStruct) {
      const head = reader.byte();
      type = head & 0x0f;
      if (type === types.stop) {
        levels.pop();
        continue;
      }
      const field = head >> 4 === 0 ? reader.zigzag32() : level.count + (head >> 4);
      // A field that comes twice, once as a number and once as something else, would be read in two ways.
      if (field <= level.count) throw damaged('fields in order');
      level.count = field;
      path = level.path === undefined ? undefined : level.path === '' ? `${level.count}` : `${level.path}.${level.count}`;
    } else {
      if (level.count-- === 0) {
        levels.pop();
        continue;
      }
      type = level.elementType;
    }
    const inList = !level.isStruct;
    switch (type) {
      case types.true:
      case types.false:
        if (inList) reader.byte();
        else if (path !== undefined) booleans.set(path, type === types.true);
        break;
      case types.byte:
        reader.byte();
        break;
      case types.i16:
      case types.i32: {
        const value = reader.zigzag32();
        if (path !== undefined) integers.set(path, value);
        break;
      }
      case types.i64:
        reader.skipVarint(10);
        break;
      case types.double:
        reader.skip(8);
        break;
      case types.binary:
        reader.skip(reader.varint32());
        break;
      case types.list: {
        const head = reader.byte();
        const count = head >> 4 === 15 ? reader.varint32() : head >> 4;
        if (count > reader.remaining) throw damaged('lists that fit their bytes');
        push(levels, { isStruct: false, count, elementType: head & 0x0f, path: undefined });
        break;
      }
      case types.struct:
        push(levels, { isStruct: true, count: 0, elementType: 0, path: path?.includes('.') === false ? path : undefined });
        break;
      default:
        throw damaged('types that Parquet uses');
    }
  }
  return { end: reader.position, integers, booleans };
}

function push(levels: Level[], level: Level): void {
  if (levels.length === maxDepth) throw damaged(`at most ${maxDepth} levels`);
  levels.push(level);
}

function damaged(expected: string) {
  return datasetError({}, `Parquet's metadata: ${expected}`, 'something else');
}

class CompactReader {
  readonly #bytes: Buffer;
  readonly #limit: number;
  position: number;

  constructor(bytes: Buffer, position: number, limit: number) {
    this.#bytes = bytes;
    this.#limit = limit;
    this.position = position;
  }

  get remaining(): number {
    return this.#limit - this.position;
  }

  byte(): number {
    if (this.position >= this.#limit) throw damaged('a whole struct');
    return this.#bytes[this.position++];
  }

  skip(length: number): void {
    if (length > this.remaining) throw damaged('lengths inside the metadata');
    this.position += length;
  }

  skipVarint(maxBytes: number): void {
    for (let length = 0; length < maxBytes; length++) if (this.byte() < 0x80) return;
    throw damaged('numbers that fit their type');
  }

  /** At most 2^31 - 1, so that the library's 32-bit arithmetic reads the same. */
  varint32(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > 0x7fff_ffff) break;
        return value;
      }
    }
    throw damaged('numbers that fit their type');
  }

  zigzag32(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      }
    }
    throw damaged('numbers that fit their type');
  }
}
