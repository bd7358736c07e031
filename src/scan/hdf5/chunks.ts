// The data of a dataset, with filters undone where they are the library's own and simple: deflate, shuffle and checksums. Bounded by what the
// caller wants to hold; nothing is allocated for what is only declared.
import { inflateSync } from 'node:zlib';
import { isAirlockError } from '../../core/index.ts';
import { readChunkTree, type StoredChunk } from './btree-1.ts';
import { chunkGrid, readChunkTree2, readFixedArray, readImplicitChunks } from './chunk-index.ts';
import type { Hdf5Bytes } from './hdf5-bytes.ts';
import { elementsOf, type Hdf5Dataset, type Hdf5Filter } from './hdf5-types.ts';
import { unpackLzf } from './lzf.ts';

const deflate = 1;
const shuffle = 2;
const fletcher32 = 3;
const lzf = 32000;
const maxChunks = 1_000_000;

function unshuffle(bytes: Buffer, elementBytes: number): Buffer {
  if (elementBytes <= 1) return bytes;
  const count = Math.floor(bytes.length / elementBytes);
  const plain = Buffer.from(bytes);
  for (let byte = 0; byte < elementBytes; byte++) {
    for (let index = 0; index < count; index++) plain[index * elementBytes + byte] = bytes[byte * count + index];
  }
  return plain;
}

/** Undoes the filters in reverse; undefined when one is not known. */
function unfilter(
  stored: Buffer,
  filters: readonly Hdf5Filter[],
  mask: number,
  elementBytes: number,
  chunkBytes: number,
): Buffer | undefined {
  let bytes = stored;
  for (let index = filters.length - 1; index >= 0; index--) {
    if (((mask >> index) & 1) === 1) continue;
    const { id, values } = filters[index];
    if (id === fletcher32) bytes = bytes.subarray(0, Math.max(0, bytes.length - 4));
    else if (id === shuffle) bytes = unshuffle(bytes, values[0] ?? elementBytes);
    else if (id === lzf) {
      const plain = unpackLzf(bytes, Math.min(values[2] ?? chunkBytes, chunkBytes));
      if (plain === undefined) return undefined;
      bytes = plain;
    } else if (id === deflate) {
      try {
        bytes = inflateSync(bytes, { maxOutputLength: Math.max(chunkBytes + 64, 1) });
      } catch (thrown) {
        if (isAirlockError(thrown)) throw thrown;
        return undefined;
      }
    } else return undefined;
  }
  return bytes;
}

function chunksOf(file: Hdf5Bytes, dataset: Hdf5Dataset): Iterable<StoredChunk> | undefined {
  const { layout, shape, type } = dataset;
  if (layout.kind !== 'chunked' || shape === undefined) return undefined;
  if (layout.address === undefined) return [];
  if (layout.index === 'btree-1') return readChunkTree(file, layout.address, shape.length);
  if (layout.chunk.length !== shape.length || layout.chunk.some((size) => size < 1))
    throw file.fail('a layout does not fit its dataset');
  const grid = chunkGrid(shape, dataset.maxShape, layout.chunk, type.sizeBytes);
  switch (layout.index) {
    case 'single': {
      const sizeBytes = layout.filteredBytes ?? grid.chunkBytes;
      return [{ address: layout.address, sizeBytes, filterMask: 0, offsets: shape.map(() => 0) }];
    }
    case 'implicit':
      return readImplicitChunks(layout.address, grid);
    case 'fixed-array':
      return readFixedArray(file, layout.address, grid);
    case 'btree-2':
      return readChunkTree2(file, layout.address, grid);
    default:
      return undefined;
  }
}

/** Copies the part of a chunk that lies inside of the dataset. */
function place(
  target: Buffer,
  shape: readonly number[],
  chunk: readonly number[],
  elementBytes: number,
  offsets: readonly number[],
  bytes: Buffer,
): void {
  const rank = shape.length;
  const last = rank - 1;
  // Only what lies inside is walked: a chunk may be declared far larger than the dataset.
  const inside = chunk.map((size, axis) => Math.min(size, shape[axis] - offsets[axis]));
  if (inside.some((size) => size <= 0)) return;
  const runBytes = inside[last] * elementBytes;
  const rows = elementsOf(inside.slice(0, last));
  const at: number[] = new Array(rank).fill(0);
  for (let row = 0; row < rows; row++) {
    let from = 0;
    let to = 0;
    for (let axis = 0; axis < rank; axis++) {
      from = from * chunk[axis] + at[axis];
      to = to * shape[axis] + offsets[axis] + at[axis];
    }
    bytes.copy(target, to * elementBytes, from * elementBytes, Math.min(from * elementBytes + runBytes, bytes.length));
    for (let axis = last - 1; axis >= 0; axis--) {
      if (++at[axis] < inside[axis]) break;
      at[axis] = 0;
    }
  }
}

/** The elements as stored. Undefined: a filter or an index of chunks that is not known here, or more than `maxBytes`. @throws AirlockError. */
export function datasetBytes(file: Hdf5Bytes, dataset: Hdf5Dataset, maxBytes: number): Buffer | undefined {
  const { layout, shape, type, filters } = dataset;
  const declared = elementsOf(shape) * type.sizeBytes;
  if (!(declared <= maxBytes) || dataset.external.length > 0 || shape === undefined) return undefined;
  if (layout.kind === 'compact') return layout.data;
  if (layout.kind === 'contiguous') {
    if (layout.address === undefined) return Buffer.alloc(0);
    const start = file.base + layout.address;
    if (start + declared > file.source.sizeBytes) throw file.fail('the data of a dataset is cut short');
    return file.source.read(start, declared);
  }
  const chunks = chunksOf(file, dataset);
  if (layout.kind !== 'chunked' || chunks === undefined || shape.length === 0 || layout.chunk.length !== shape.length)
    return undefined;
  const chunkBytes = elementsOf(layout.chunk) * type.sizeBytes;
  if (chunkBytes > maxBytes || layout.chunk.some((size) => size < 1)) return undefined;
  const target = Buffer.alloc(declared);
  let expanded = 0;
  let count = 0;
  for (const chunk of chunks) {
    expanded += chunkBytes;
    // Chunks that overlap, or lie outside, could ask for any amount of work.
    if (++count > maxChunks || expanded > maxBytes * 2 + chunkBytes) throw file.fail('a dataset has too many chunks');
    const stored = file.at(chunk.address, chunk.sizeBytes);
    const plain = unfilter(stored, filters, chunk.filterMask, type.sizeBytes, chunkBytes);
    if (plain === undefined) return undefined;
    place(target, shape, layout.chunk, type.sizeBytes, chunk.offsets, plain);
  }
  return target;
}

/** What is stored for a dataset. Undefined when it is not known. @throws AirlockError. */
export function storedBytesOf(file: Hdf5Bytes, dataset: Hdf5Dataset): number | undefined {
  const { layout } = dataset;
  if (layout.kind === 'compact') return layout.data.length;
  if (layout.kind === 'contiguous') {
    if (layout.address === undefined) return 0;
    return Math.max(0, Math.min(layout.sizeBytes, file.source.sizeBytes - file.base - layout.address));
  }
  const chunks = chunksOf(file, dataset);
  if (chunks === undefined) return undefined;
  let total = 0;
  let count = 0;
  for (const { sizeBytes } of chunks) {
    total += sizeBytes;
    if (++count > maxChunks) return undefined;
  }
  return total;
}
