// Finds the superblock, the root of an HDF5 file: at 0, or after a user block at 512, 1024 and so on (HDF5 file format specification, II.A).
import type { Source } from '../scan-context.ts';
import { damaged, Hdf5Bytes } from './hdf5-bytes.ts';

const signature = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');
const maxUserBlockBytes = 2 ** 40;

export interface Superblock {
  readonly version: number;
  readonly userBlockBytes: number;
  /** From the beginning of the file. */
  readonly endBytes: number;
  readonly rootAddress: number;
  readonly bytes: Hdf5Bytes;
  /** Something of it that is not looked into, and may change what the rest means. */
  readonly extensionAddress: number | undefined;
}

/** Where the superblock stands, or undefined. */
export function findSuperblock(source: Source): number | undefined {
  for (let at = 0; at + signature.length <= source.sizeBytes && at <= maxUserBlockBytes; at = at === 0 ? 512 : at * 2) {
    if (source.read(at, signature.length).equals(signature)) return at;
  }
  return undefined;
}

/** @throws MODEL_INVALID, MODEL_INCOMPLETE. */
export function readSuperblock(source: Source): Superblock {
  const start = findSuperblock(source);
  if (start === undefined) throw damaged(source.name, 'it has no superblock');
  const head = source.read(start, Math.min(128, source.sizeBytes - start));
  const version = head[8] ?? 255;
  if (version > 3) throw damaged(source.name, `its superblock has version ${version}, which is not known`);
  const [offsetBytes, lengthBytes] = version < 2 ? [head[13], head[14]] : [head[9], head[10]];
  if (![2, 4, 8].includes(offsetBytes) || ![2, 4, 8].includes(lengthBytes))
    throw damaged(source.name, 'addresses have an odd size');
  const probe = new Hdf5Bytes(source, start, offsetBytes, lengthBytes);
  const cursor = probe.cursor(head, 'the superblock');
  cursor.skip(version < 2 ? (version === 0 ? 24 : 28) : 12);
  const base = cursor.address() ?? start;
  let extensionAddress = cursor.address();
  const end = cursor.address() ?? 0;
  if (version < 2) {
    extensionAddress = undefined;
    cursor.skip(offsetBytes);
    // The root's symbol table entry: the offset of its name, then the address of its header.
    cursor.skip(offsetBytes);
  }
  const rootAddress = cursor.address();
  if (rootAddress === undefined) throw damaged(source.name, 'it has no root group');
  // With a user block, writers differ in whether they count it in.
  const isRelocated = base !== start;
  const bytes = new Hdf5Bytes(source, isRelocated && base === 0 ? start : base, offsetBytes, lengthBytes);
  return {
    version,
    userBlockBytes: start,
    endBytes: Math.max(end, end + (isRelocated ? start : 0)),
    rootAddress,
    bytes,
    extensionAddress,
  };
}
