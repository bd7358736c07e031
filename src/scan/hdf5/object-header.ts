// The messages of an object header, versions 1 and 2, with its continuation blocks (HDF5 file format specification, IV.A). Checksums are not
// compared: the library refuses a file where they are wrong, and what would be in it is judged anyway.
import type { Hdf5Bytes, Hdf5Cursor } from './hdf5-bytes.ts';

export interface HeaderMessage {
  readonly type: number;
  /** The body stands elsewhere: in another object's header, or in a heap of shared messages. */
  readonly isShared: boolean;
  readonly body: Buffer;
}

const continuation = 0x10;
/** Of one object. */
const maxBlocks = 1000;
const maxMessages = 100_000;

interface Block {
  readonly address: number;
  readonly length: number;
}

function readMessages(cursor: Hdf5Cursor, version: number, hasOrder: boolean, found: HeaderMessage[], blocks: Block[]): void {
  const headBytes = version === 1 ? 8 : hasOrder ? 6 : 4;
  while (cursor.left >= headBytes && found.length < maxMessages) {
    const type = version === 1 ? cursor.u16() : cursor.u8();
    const size = cursor.u16();
    const flags = cursor.u8();
    cursor.skip(headBytes - (version === 1 ? 5 : 4));
    if (size > cursor.left) {
      // What is left of a version 2 block may be a gap.
      if (version === 2) return;
      throw cursor.file.fail('a message of an object header is cut short');
    }
    const body = cursor.take(size);
    if (type === continuation) {
      const place = cursor.file.cursor(body, 'a continuation of an object header');
      const address = place.address();
      const length = place.length();
      if (address !== undefined && blocks.length < maxBlocks) blocks.push({ address, length });
    } else if (type !== 0) found.push({ type, isShared: (flags & 2) !== 0, body });
  }
}

/** @throws MODEL_INVALID. */
export function readObjectHeader(file: Hdf5Bytes, address: number): readonly HeaderMessage[] {
  const head = file.upTo(address, 64);
  const found: HeaderMessage[] = [];
  const blocks: Block[] = [];
  const start = file.cursor(head, 'an object header');
  if (head.toString('latin1', 0, 4) === 'OHDR') {
    start.skip(4);
    if (start.u8() !== 2) throw file.fail('an object header has an unknown version');
    const flags = start.u8();
    if ((flags & 0x20) !== 0) start.skip(16);
    if ((flags & 0x10) !== 0) start.skip(4);
    const size = start.uint(1 << (flags & 3));
    const hasOrder = (flags & 4) !== 0;
    readMessages(file.cursor(file.at(address + start.position, size), 'an object header'), 2, hasOrder, found, blocks);
    for (let index = 0; index < blocks.length; index++) {
      const { address: at, length } = blocks[index];
      const block = file.cursor(file.at(at, length), 'a continuation block');
      block.signature('OCHK');
      if (length < 8) throw file.fail('a continuation block is cut short');
      readMessages(file.cursor(block.bytes.subarray(4, length - 4), 'a continuation block'), 2, hasOrder, found, blocks);
    }
    return found;
  }
  if (start.u8() !== 1) throw file.fail('an object header has an unknown version');
  start.skip(7);
  const size = start.u32();
  readMessages(file.cursor(file.at(address + 16, size), 'an object header'), 1, false, found, blocks);
  for (let index = 0; index < blocks.length; index++) {
    const { address: at, length } = blocks[index];
    readMessages(file.cursor(file.at(at, length), 'a continuation block'), 1, false, found, blocks);
  }
  return found;
}
