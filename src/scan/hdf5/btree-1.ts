// Version 1 B-trees: the entries of an old-style group with their local heap, and the chunks of a dataset (HDF5 file format specification,
// III.A.1, III.B, III.D). Nodes are visited once, whatever points at them.
import type { Hdf5Bytes } from './hdf5-bytes.ts';
import type { Hdf5Link } from './hdf5-types.ts';

const maxNodes = 200_000;
const maxHeapBytes = 256 * 1024 ** 2;

/** The data of a local heap. @throws MODEL_INVALID. */
export function readLocalHeap(file: Hdf5Bytes, address: number): Buffer {
  const cursor = file.cursor(file.upTo(address, 64), 'a local heap');
  cursor.signature('HEAP');
  cursor.skip(4);
  const size = cursor.length();
  cursor.length();
  const data = cursor.address();
  if (data === undefined || size > maxHeapBytes) throw file.fail('a local heap cannot be right');
  return file.upTo(data, size);
}

interface Leaf {
  readonly address: number;
  /** The key before the child. */
  readonly key: Buffer;
}

/** The children of all leaves, in order. `type` 0 is a group, 1 is chunks. */
function* leaves(file: Hdf5Bytes, root: number, type: 0 | 1, keyBytes: number): Generator<Leaf> {
  const seen = new Set<number>();
  const stack = [root];
  for (let address = stack.pop(); address !== undefined; address = stack.pop()) {
    if (seen.has(address)) throw file.fail('a B-tree leads back into itself');
    seen.add(address);
    if (seen.size > maxNodes) throw file.fail('a B-tree has too many nodes');
    const head = file.cursor(file.at(address, 8 + 2 * file.offsetBytes), 'a B-tree');
    head.signature('TREE');
    if (head.u8() !== type) throw file.fail('a B-tree is of another kind than its owner says');
    const level = head.u8();
    const count = head.u16();
    const body = file.cursor(file.at(address + head.bytes.length, count * (keyBytes + file.offsetBytes)), 'a B-tree');
    const children: number[] = [];
    for (let index = 0; index < count; index++) {
      const key = body.take(keyBytes);
      const child = body.address();
      if (child === undefined) continue;
      if (level === 0) yield { address: child, key };
      else children.push(child);
    }
    stack.push(...children.reverse());
  }
}

/** The links of an old-style group. @throws MODEL_INVALID. */
export function readSymbolTable(file: Hdf5Bytes, tree: number, heapAddress: number, maxLinks: number): Hdf5Link[] {
  const heap = readLocalHeap(file, heapAddress);
  const links: Hdf5Link[] = [];
  for (const { address } of leaves(file, tree, 0, file.lengthBytes)) {
    const head = file.cursor(file.at(address, 8), 'a symbol table node');
    head.signature('SNOD');
    head.skip(2);
    const count = head.u16();
    const entryBytes = 2 * file.offsetBytes + 24;
    const cursor = file.cursor(file.at(address + 8, count * entryBytes), 'a symbol table node');
    for (let index = 0; index < count; index++) {
      const name = file.heapText(heap, cursor.uint(file.offsetBytes));
      const target = cursor.address();
      const cacheType = cursor.u32();
      cursor.skip(4);
      const scratch = cursor.take(16);
      if (links.length >= maxLinks) throw file.fail('a group has too many links');
      if (cacheType === 2) links.push({ kind: 'soft', name, target: file.heapText(heap, scratch.readUInt32LE(0)) });
      else if (target !== undefined) links.push({ kind: 'hard', name, address: target });
    }
  }
  return links;
}

export interface StoredChunk {
  readonly address: number;
  readonly sizeBytes: number;
  /** Bit n: filter n was left out. */
  readonly filterMask: number;
  /** Of its first element. */
  readonly offsets: readonly number[];
}

/** The chunks of a dataset of `rank` dimensions. */
export function* readChunkTree(file: Hdf5Bytes, tree: number, rank: number): Generator<StoredChunk> {
  for (const { address, key } of leaves(file, tree, 1, 8 + 8 * (rank + 1))) {
    const cursor = file.cursor(key, 'a chunk');
    const sizeBytes = cursor.u32();
    const filterMask = cursor.u32();
    const offsets = Array.from({ length: rank }, () => cursor.uint(8));
    yield { address, sizeBytes, filterMask, offsets };
  }
}
