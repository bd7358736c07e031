// Where the chunks of a dataset lie, by the indexes of HDF5 1.10 and later: fixed arrays, version 2 B-trees, and no index at all (HDF5 file
// format specification, VII.A, VII.C). Extensible arrays, which only datasets that were made to grow have, are not read.
import type { StoredChunk } from './btree-1.ts';
import { readTreeRecords } from './btree-2.ts';
import type { Hdf5Bytes, Hdf5Cursor } from './hdf5-bytes.ts';
import { elementsOf } from './hdf5-types.ts';

const maxChunks = 1_000_000;

/** The grid of chunks: how many there are along each dimension, the most that there may be. */
export interface ChunkGrid {
  readonly chunk: readonly number[];
  readonly counts: readonly number[];
  readonly chunkBytes: number;
}

export function chunkGrid(
  shape: readonly number[],
  maxShape: readonly number[],
  chunk: readonly number[],
  elementBytes: number,
): ChunkGrid {
  const counts = chunk.map((size, axis) => Math.ceil(Math.max(shape[axis], maxShape[axis] ?? 0) / size));
  return { chunk, counts, chunkBytes: elementsOf(chunk) * elementBytes };
}

/** The first element of chunk `index`, in the order of rows. */
function offsetsOf(index: number, { chunk, counts }: ChunkGrid): number[] {
  const offsets: number[] = new Array(chunk.length).fill(0);
  let rest = index;
  for (let axis = chunk.length - 1; axis >= 0; axis--) {
    offsets[axis] = (rest % counts[axis]) * chunk[axis];
    rest = Math.floor(rest / counts[axis]);
  }
  return offsets;
}

/** Chunks one behind the other. */
export function* readImplicitChunks(address: number, grid: ChunkGrid): Generator<StoredChunk> {
  const count = Math.min(elementsOf(grid.counts), maxChunks);
  for (let index = 0; index < count; index++) {
    yield {
      address: address + index * grid.chunkBytes,
      sizeBytes: grid.chunkBytes,
      filterMask: 0,
      offsets: offsetsOf(index, grid),
    };
  }
}

function readEntry(
  cursor: Hdf5Cursor,
  isFiltered: boolean,
  entryBytes: number,
  chunkBytes: number,
): Omit<StoredChunk, 'offsets'> | undefined {
  const address = cursor.address();
  const sizeBytes = isFiltered ? cursor.uint(entryBytes - cursor.file.offsetBytes - 4) : chunkBytes;
  const filterMask = isFiltered ? cursor.u32() : 0;
  return address === undefined ? undefined : { address, sizeBytes, filterMask };
}

/** @throws MODEL_INVALID. */
export function* readFixedArray(file: Hdf5Bytes, address: number, grid: ChunkGrid): Generator<StoredChunk> {
  const head = file.cursor(file.upTo(address, 64), 'a fixed array');
  head.signature('FAHD');
  head.skip(1);
  const isFiltered = head.u8() === 1;
  const entryBytes = head.u8();
  const pageBits = head.u8();
  const count = head.length();
  const blockAddress = head.address();
  if (count > maxChunks || entryBytes > 32 || (isFiltered && entryBytes <= file.offsetBytes + 4))
    throw file.fail('a fixed array cannot be right');
  if (blockAddress === undefined) return;
  const pageEntries = 2 ** Math.min(pageBits, 32);
  const isPaged = count > pageEntries;
  const pages = isPaged ? Math.ceil(count / pageEntries) : 1;
  const headBytes = 6 + file.offsetBytes + (isPaged ? Math.ceil(pages / 8) + 4 : 0);
  const start = file.cursor(file.at(blockAddress, headBytes), 'a fixed array');
  start.signature('FADB');
  start.skip(2 + file.offsetBytes);
  const bitmap = isPaged ? start.take(Math.ceil(pages / 8)) : undefined;
  for (let page = 0; page < pages; page++) {
    // The pages' bits go from the highest down.
    if (bitmap !== undefined && ((bitmap[page >> 3] >> (7 - (page & 7))) & 1) === 0) continue;
    const entries = Math.min(pageEntries, count - page * pageEntries);
    const at = blockAddress + headBytes + page * (pageEntries * entryBytes + 4);
    const cursor = file.cursor(file.at(at, entries * entryBytes), 'a fixed array');
    for (let index = 0; index < entries; index++) {
      const entry = readEntry(cursor, isFiltered, entryBytes, grid.chunkBytes);
      cursor.position = (index + 1) * entryBytes;
      if (entry !== undefined) yield { ...entry, offsets: offsetsOf(page * pageEntries + index, grid) };
    }
  }
}

/** @throws MODEL_INVALID. */
export function* readChunkTree2(file: Hdf5Bytes, address: number, grid: ChunkGrid): Generator<StoredChunk> {
  const { type, records } = readTreeRecords(file, address);
  if (type !== 10 && type !== 11) throw file.fail('an index of chunks is of an unknown kind');
  const rank = grid.chunk.length;
  for (const record of records) {
    const cursor = file.cursor(record, 'a chunk');
    const entry = readEntry(cursor, type === 11, record.length - 8 * rank, grid.chunkBytes);
    const offsets = grid.chunk.map((size) => cursor.uint(8) * size);
    if (entry !== undefined) yield { ...entry, offsets };
  }
}
