// Reads a sorted table (the format of LevelDB, which checkpoint indexes have) from untrusted bytes. The format lets a few bytes point
// at the same block again and again, or repeat a long key; both are refused, so that the work is linear in the file's size.
import { AirlockError } from '../core/index.ts';
import { ByteCursor } from './byte-cursor.ts';
import { maskedCrc32c } from './crc32c.ts';
import { decompressSnappy } from './snappy.ts';

export interface TableEntry {
  /** Valid until the next entry is read. */
  readonly key: Buffer;
  readonly value: Buffer;
}

const footerBytes = 48;
const trailerBytes = 5;
const magic = Buffer.from('57fb808b247547db', 'hex');
const compressions = { none: 0, snappy: 1 } as const;
const maxKeyBytes = 4096;

interface BlockHandle {
  readonly offset: number;
  readonly bytes: number;
}

function readHandle(cursor: ByteCursor): BlockHandle {
  return { offset: cursor.varint(), bytes: cursor.varint() };
}

/** A block's content, decompressed, after its checksum was compared. */
function readBlock(name: string, file: Buffer, handle: BlockHandle): Buffer {
  const cursor = new ByteCursor(name, file, 0, file.length - footerBytes);
  cursor.skip(handle.offset);
  const content = cursor.take(handle.bytes);
  const compression = cursor.byte();
  if (cursor.uint32() !== maskedCrc32c(file.subarray(handle.offset, handle.offset + handle.bytes + 1))) {
    throw cursor.damaged('the checksum of a block is wrong');
  }
  if (compression === compressions.none) return content;
  if (compression === compressions.snappy) return decompressSnappy(new ByteCursor(name, content));
  throw cursor.damaged('a block is compressed in an unknown way');
}

/** Where entries begin that stand alone; TensorFlow searches by them, so they must agree with the entries in between. */
function readRestarts(name: string, block: Buffer): { restarts: number[]; entriesEnd: number } {
  const cursor = new ByteCursor(name, block);
  if (block.length < 4) throw cursor.damaged('a block is too short');
  const count = block.readUInt32LE(block.length - 4);
  const entriesEnd = block.length - 4 - count * 4;
  if (count < 1 || entriesEnd < 0) throw cursor.damaged('a block has a wrong number of restarts');
  const restarts: number[] = [];
  cursor.skip(entriesEnd);
  for (let index = 0; index < count; index++) restarts.push(cursor.uint32());
  return { restarts, entriesEnd };
}

class KeyOrder {
  readonly #buffer = Buffer.alloc(maxKeyBytes);
  #length = -1;

  /** The next key, made of `shared` bytes of the last one and `rest`; it must sort after the last one. */
  next(cursor: ByteCursor, shared: number, rest: Buffer): Buffer {
    const last = Math.max(this.#length, 0);
    if (shared > last || shared + rest.length > maxKeyBytes) throw cursor.damaged('a key is too long');
    const isFirst = this.#length === -1;
    if (!isFirst && rest.compare(this.#buffer, shared, last) <= 0) throw cursor.damaged('its keys are not in order');
    rest.copy(this.#buffer, shared);
    this.#length = shared + rest.length;
    return this.#buffer.subarray(0, this.#length);
  }
}

function* entriesOf(name: string, block: Buffer, keys: KeyOrder): Generator<TableEntry> {
  const { restarts, entriesEnd } = readRestarts(name, block);
  const cursor = new ByteCursor(name, block, 0, entriesEnd);
  let nextRestart = 0;
  while (cursor.remaining > 0) {
    const start = cursor.position;
    const shared = cursor.varint();
    const restBytes = cursor.varint();
    const valueBytes = cursor.varint();
    if (start === restarts[nextRestart]) {
      if (shared !== 0) throw cursor.damaged('an entry does not stand alone');
      nextRestart++;
    }
    const key = keys.next(cursor, shared, cursor.take(restBytes));
    yield { key, value: cursor.take(valueBytes) };
  }
  const isEmpty = entriesEnd === 0 && restarts.length === 1 && restarts[0] === 0;
  if (nextRestart !== restarts.length && !isEmpty) throw cursor.damaged('a restart points between entries');
  if (restarts[0] !== 0) throw cursor.damaged('a block does not begin with an entry');
}

/**
 * The entries of a table in the order of their keys. `name` is for messages. Keys have at most 4,096 bytes.
 * @throws MODEL_INCOMPLETE when the end of the table is missing, MODEL_INVALID when it is damaged.
 */
export function* readSortedTable(name: string, file: Buffer): Generator<TableEntry> {
  if (file.length < footerBytes || !file.subarray(-magic.length).equals(magic)) {
    throw new AirlockError('MODEL_INCOMPLETE', { message: `${name} is cut short or is not the index of a checkpoint` });
  }
  const footer = new ByteCursor(name, file, file.length - footerBytes, file.length - magic.length);
  readHandle(footer);
  const index = readBlock(name, file, readHandle(footer));
  const keys = new KeyOrder();
  let end = 0;
  for (const { value } of entriesOf(name, index, new KeyOrder())) {
    const cursor = new ByteCursor(name, value);
    const handle = readHandle(cursor);
    if (handle.offset < end) throw cursor.damaged('its blocks overlap');
    end = handle.offset + handle.bytes + trailerBytes;
    yield* entriesOf(name, readBlock(name, file, handle), keys);
  }
}
