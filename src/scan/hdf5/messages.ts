// The messages of object headers that say something about hazards: layout, filters, files outside, links, attributes (HDF5 file format
// specification, IV.A.2).
import { readLocalHeap } from './btree-1.ts';
import { readDataspace, readDatatype } from './datatype.ts';
import type { GlobalHeap } from './global-heap.ts';
import { type Hdf5Bytes, type Hdf5Cursor, textAt } from './hdf5-bytes.ts';
import type { Hdf5Attribute, Hdf5External, Hdf5Filter, Hdf5Layout, Hdf5Link, Hdf5Type } from './hdf5-types.ts';

const maxRank = 33;

const chunkIndexes = ['single', 'implicit', 'fixed-array', 'extensible-array', 'btree-2'] as const;

function readOldLayout(cursor: Hdf5Cursor): Hdf5Layout {
  const rank = cursor.u8();
  const kind = cursor.u8();
  cursor.skip(5);
  if (rank > maxRank) throw cursor.file.fail('a layout has too many dimensions');
  const address = kind === 0 ? undefined : cursor.address();
  const dims = Array.from({ length: rank }, () => cursor.u32());
  if (kind === 0) return { kind: 'compact', data: cursor.take(cursor.u32()) };
  if (kind === 1) return { kind: 'contiguous', address, sizeBytes: dims.reduce((product, size) => product * size, 1) };
  return kind === 2
    ? { kind: 'chunked', chunk: dims.slice(0, -1), index: 'btree-1', address }
    : { kind: 'unknown', reason: `layout class ${kind}` };
}

function readVirtual(cursor: Hdf5Cursor, heap: GlobalHeap): Hdf5Layout {
  const address = cursor.address();
  const index = cursor.u32();
  const block = address === undefined ? undefined : heap.object(address, index);
  if (block === undefined) return { kind: 'virtual', sources: [] };
  const list = cursor.file.cursor(block, 'a virtual dataset');
  const version = list.u8();
  const count = Math.min(list.length(), 10_000);
  const sources: { file: string; dataset: string }[] = [];
  // The selections between the names have no length of their own: the first source is enough to say what it does.
  if (version <= 1 && count > 0) sources.push({ file: list.text(), dataset: list.text() });
  return { kind: 'virtual', sources };
}

export function readLayout(cursor: Hdf5Cursor, heap: GlobalHeap, isFiltered: boolean): Hdf5Layout {
  const version = cursor.u8();
  if (version < 3) return readOldLayout(cursor);
  if (version > 5) return { kind: 'unknown', reason: `layout version ${version}` };
  const kind = cursor.u8();
  if (kind === 0) return { kind: 'compact', data: cursor.take(cursor.u16()) };
  if (kind === 1) return { kind: 'contiguous', address: cursor.address(), sizeBytes: cursor.length() };
  if (kind === 3) return readVirtual(cursor, heap);
  if (kind !== 2) return { kind: 'unknown', reason: `layout class ${kind}` };
  if (version === 3) {
    const rank = cursor.u8();
    if (rank > maxRank) throw cursor.file.fail('a layout has too many dimensions');
    const address = cursor.address();
    const dims = Array.from({ length: rank }, () => cursor.u32());
    return { kind: 'chunked', chunk: dims.slice(0, -1), index: 'btree-1', address };
  }
  const flags = cursor.u8();
  const rank = cursor.u8();
  const sizeBytes = cursor.u8();
  if (rank > maxRank || sizeBytes > 8) throw cursor.file.fail('a layout has too many dimensions');
  const dims = Array.from({ length: rank }, () => cursor.uint(sizeBytes));
  const index = chunkIndexes[cursor.u8() - 1];
  if (index === undefined) return { kind: 'unknown', reason: 'an unknown index of chunks' };
  let filteredBytes: number | undefined;
  if (index === 'single' && (flags & 2) !== 0 && isFiltered) {
    filteredBytes = cursor.length();
    cursor.skip(4);
  }
  cursor.skip(index === 'fixed-array' ? 1 : index === 'extensible-array' ? 5 : index === 'btree-2' ? 6 : 0);
  const address = cursor.address();
  return { kind: 'chunked', chunk: dims.slice(0, -1), index, address, ...(filteredBytes === undefined ? {} : { filteredBytes }) };
}

export function readFilters(cursor: Hdf5Cursor): Hdf5Filter[] {
  const version = cursor.u8();
  const count = cursor.u8();
  if (version === 1) cursor.skip(6);
  return Array.from({ length: Math.min(count, 32) }, () => {
    const id = cursor.u16();
    const nameBytes = version === 1 || id >= 256 ? cursor.u16() : 0;
    cursor.skip(2);
    const valueCount = cursor.u16();
    const name = textAt(cursor.take(version === 1 ? Math.ceil(nameBytes / 8) * 8 : nameBytes), 0);
    const values = Array.from({ length: valueCount }, () => cursor.u32());
    if (version === 1 && valueCount % 2 === 1) cursor.skip(4);
    return { id, name, values };
  });
}

export function readExternalFiles(cursor: Hdf5Cursor): Hdf5External[] {
  cursor.skip(6);
  const count = cursor.u16();
  const heapAddress = cursor.address();
  if (heapAddress === undefined) return [];
  const heap = readLocalHeap(cursor.file, heapAddress);
  return Array.from({ length: count }, () => {
    const file = cursor.file.heapText(heap, cursor.length());
    return { file, offset: cursor.length(), sizeBytes: cursor.length() };
  });
}

export function readLink(cursor: Hdf5Cursor): Hdf5Link | undefined {
  cursor.skip(1);
  const flags = cursor.u8();
  const type = (flags & 8) !== 0 ? cursor.u8() : 0;
  if ((flags & 4) !== 0) cursor.skip(8);
  if ((flags & 0x10) !== 0) cursor.skip(1);
  const name = cursor.take(cursor.uint(1 << (flags & 3))).toString('utf8');
  if (type === 0) {
    const address = cursor.address();
    return address === undefined ? undefined : { kind: 'hard', name, address };
  }
  const value = cursor.take(cursor.u16());
  if (type === 1) return { kind: 'soft', name, target: value.toString('utf8') };
  if (type !== 64) return { kind: 'user', name, type };
  const file = textAt(value, 1);
  return { kind: 'external', name, file, target: textAt(value, 2 + Buffer.byteLength(file)) };
}

/** @param sharedType finds a data type that stands elsewhere; undefined when it cannot. */
export function readAttribute(
  cursor: Hdf5Cursor,
  file: Hdf5Bytes,
  sharedType: (body: Buffer) => Hdf5Type | undefined,
): Hdf5Attribute {
  const version = cursor.u8();
  const flags = cursor.u8();
  const [nameBytes, typeBytes, spaceBytes] = [cursor.u16(), cursor.u16(), cursor.u16()];
  if (version === 3) cursor.skip(1);
  const padded = (size: number) => (version === 1 ? Math.ceil(size / 8) * 8 : size);
  const name = textAt(cursor.take(padded(nameBytes)), 0);
  const typeBody = cursor.take(padded(typeBytes));
  const spaceBody = cursor.take(padded(spaceBytes));
  const isShared = version > 1 && (flags & 1) !== 0;
  const unknown: Hdf5Type = { class: 'unknown', sizeBytes: 0, isBigEndian: false, isText: false };
  const type = isShared
    ? (sharedType(typeBody) ?? unknown)
    : readDatatype(file.cursor(typeBody, `the type of attribute ${name}`));
  const shape =
    (flags & 2) !== 0 && version > 1 ? [] : readDataspace(file.cursor(spaceBody, `the size of attribute ${name}`)).shape;
  return { name, type, shape, data: cursor.take(cursor.left) };
}
