// Version 2 B-trees, as far as groups and attributes use them: all records, in any order (HDF5 file format specification, III.A.2).
import { bytesFor } from './datatype.ts';
import type { Hdf5Bytes } from './hdf5-bytes.ts';

const maxRecords = 1_000_000;
const maxNodes = 200_000;
/** Signature, version, type and checksum. */
const overheadBytes = 10;

interface Level {
  /** Records that fit into a node. */
  readonly records: number;
  /** Bytes of the number of records below a node of this level. */
  readonly totalBytes: number;
}

/** Records of a tree. @throws MODEL_INVALID. */
export function readTreeRecords(
  file: Hdf5Bytes,
  address: number,
): { readonly type: number; readonly records: readonly Buffer[] } {
  const head = file.cursor(file.upTo(address, 64), 'a B-tree of version 2');
  head.signature('BTHD');
  head.skip(1);
  const type = head.u8();
  const nodeBytes = head.u32();
  const recordBytes = head.u16();
  const depth = head.u16();
  head.skip(2);
  const root = head.address();
  const rootRecords = head.u16();
  const records: Buffer[] = [];
  if (root === undefined || rootRecords === 0) return { type, records };
  if (recordBytes === 0 || nodeBytes < overheadBytes + recordBytes || depth > 32)
    throw file.fail('a B-tree of version 2 cannot be right');

  const leafRecords = Math.floor((nodeBytes - overheadBytes) / recordBytes);
  const countBytes = bytesFor(leafRecords);
  const levels: Level[] = [{ records: leafRecords, totalBytes: 0 }];
  let total = leafRecords;
  for (let level = 1; level <= depth; level++) {
    const pointer = file.offsetBytes + countBytes + levels[level - 1].totalBytes;
    const fit = Math.floor((nodeBytes - overheadBytes - pointer) / (recordBytes + pointer));
    if (fit < 1) throw file.fail('a B-tree of version 2 cannot be right');
    total = (fit + 1) * total + fit;
    levels.push({ records: fit, totalBytes: bytesFor(total) });
  }

  const seen = new Set<number>();
  const stack = [{ address: root, count: rootRecords, level: depth }];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node.address)) throw file.fail('a B-tree leads back into itself');
    seen.add(node.address);
    if (seen.size > maxNodes || records.length > maxRecords) throw file.fail('a B-tree is too large');
    const cursor = file.cursor(file.at(node.address, nodeBytes), 'a B-tree of version 2');
    cursor.signature(node.level === 0 ? 'BTLF' : 'BTIN');
    cursor.skip(2);
    for (let index = 0; index < node.count; index++) records.push(cursor.take(recordBytes));
    if (node.level === 0) continue;
    for (let index = 0; index <= node.count; index++) {
      const child = cursor.address();
      const count = cursor.uint(countBytes);
      cursor.skip(levels[node.level - 1].totalBytes);
      if (child !== undefined) stack.push({ address: child, count, level: node.level - 1 });
    }
  }
  return { type, records };
}
