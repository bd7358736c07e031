// Data types and sizes: the datatype and dataspace messages (HDF5 file format specification, IV.A.2.b and d).
import type { Hdf5Cursor } from './hdf5-bytes.ts';
import type { Hdf5Class, Hdf5Type } from './hdf5-types.ts';

const classes: readonly Hdf5Class[] = [
  'integer',
  'float',
  'time',
  'string',
  'bitfield',
  'opaque',
  'compound',
  'reference',
  'enum',
  'vlen',
  'array',
];
const maxDepth = 16;
const maxMembers = 4096;
const maxRank = 32;

function skipPadded(cursor: Hdf5Cursor, start: number): void {
  const over = (cursor.position - start) % 8;
  if (over !== 0) cursor.skip(Math.min(8 - over, cursor.left));
}

/** Reads one, nested ones included: at most 16 deep. @throws MODEL_INVALID. */
export function readDatatype(cursor: Hdf5Cursor, depth = 0): Hdf5Type {
  if (depth > maxDepth) throw cursor.file.fail('a data type is nested too deeply');
  const first = cursor.u8();
  const version = first >> 4;
  const kind = classes[first & 15] ?? 'unknown';
  const bits = cursor.uint(3);
  const sizeBytes = cursor.u32();
  const isBigEndian = (bits & 1) !== 0;
  const order = isBigEndian ? '>' : '<';
  const simple = { class: kind, sizeBytes, isBigEndian, isText: false } as const;
  switch (kind) {
    case 'integer':
      cursor.skip(4);
      return { ...simple, numpy: `${order}${(bits & 8) !== 0 ? 'i' : 'u'}${sizeBytes}` };
    case 'bitfield':
      cursor.skip(4);
      return simple;
    case 'float': {
      const [bitOffset, precision, , exponentBits] = [cursor.u16(), cursor.u16(), cursor.u8(), cursor.u8()];
      cursor.skip(6);
      // bfloat16 has an exponent of 8 bits in 16.
      const isBrain = precision === 16 && exponentBits === 8 && bitOffset === 0;
      return { ...simple, numpy: isBrain ? 'bfloat16' : `${order}f${sizeBytes}` };
    }
    case 'time':
      cursor.skip(2);
      return simple;
    case 'string':
      return { ...simple, isText: true, isBigEndian: false };
    case 'opaque': {
      const tag = cursor.take(Math.min(bits & 0xff, cursor.left));
      const end = tag.indexOf(0);
      return { ...simple, tag: tag.toString('latin1', 0, end === -1 ? tag.length : end) };
    }
    case 'reference':
      return simple;
    case 'vlen':
      return { ...simple, isText: (bits & 15) === 1, base: readDatatype(cursor, depth + 1) };
    case 'enum': {
      const base = readDatatype(cursor, depth + 1);
      const count = bits & 0xffff;
      for (let index = 0; index < count; index++) {
        const start = cursor.position;
        cursor.text();
        if (version < 3) skipPadded(cursor, start);
      }
      cursor.skip(count * base.sizeBytes);
      return { ...simple, base, ...(base.numpy === undefined ? {} : { numpy: base.numpy }) };
    }
    case 'array': {
      const rank = cursor.u8();
      if (version < 3) cursor.skip(3);
      if (rank > maxRank) throw cursor.file.fail('an array type has too many dimensions');
      const dims = Array.from({ length: rank }, () => cursor.u32());
      if (version < 3) cursor.skip(4 * rank);
      return { ...simple, dims, base: readDatatype(cursor, depth + 1) };
    }
    case 'compound': {
      const count = bits & 0xffff;
      if (count > maxMembers) throw cursor.file.fail('a compound type has too many members');
      const members = Array.from({ length: count }, () => {
        const start = cursor.position;
        const name = cursor.text();
        if (version < 3) skipPadded(cursor, start);
        // In version 3 the offset takes as many bytes as the size of the whole needs.
        const offset = version < 3 ? cursor.u32() : cursor.uint(bytesFor(sizeBytes));
        if (version === 1) cursor.skip(28);
        return { name, offset, type: readDatatype(cursor, depth + 1) };
      });
      return { ...simple, members };
    }
    default:
      return { ...simple, class: 'unknown' };
  }
}

/** Bytes that a number up to `limit` needs. */
export function bytesFor(limit: number): number {
  let count = 1;
  for (let left = Math.floor(limit / 256); left > 0 && count < 8; left = Math.floor(left / 256)) count++;
  return count;
}

export interface Dataspace {
  /** Undefined: no elements at all. Empty: one. */
  readonly shape: readonly number[] | undefined;
  /** What it may grow to; Infinity without limit. Empty where it is not given. */
  readonly maxShape: readonly number[];
}

/** @throws MODEL_INVALID. */
export function readDataspace(cursor: Hdf5Cursor): Dataspace {
  const version = cursor.u8();
  const rank = cursor.u8();
  if (rank > maxRank) throw cursor.file.fail('a dataspace has too many dimensions');
  const flags = cursor.u8();
  if (version === 1) cursor.skip(5);
  else if (version === 2) {
    if (cursor.u8() === 2) return { shape: undefined, maxShape: [] };
  } else throw cursor.file.fail('a dataspace has an unknown version');
  const shape = Array.from({ length: rank }, () => cursor.length());
  if ((flags & 1) === 0) return { shape, maxShape: [] };
  const unlimited = 2 ** (8 * cursor.file.lengthBytes) - 1;
  return {
    shape,
    maxShape: Array.from({ length: rank }, () => cursor.length()).map((size) =>
      size >= unlimited ? Number.POSITIVE_INFINITY : size,
    ),
  };
}
