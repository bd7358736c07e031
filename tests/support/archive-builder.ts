// Makes zip, tar and gzip archives for tests byte by byte, so that a test can also make those that no ordinary program writes.
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipItem {
  readonly name: string;
  readonly content?: Buffer | string;
  /** Default 8, Deflate; 0 stores. Others are only claimed. */
  readonly method?: number;
  readonly flags?: number;
  /** Unix mode. */
  readonly mode?: number;
  /** What the directory says where it differs from the truth. */
  readonly directory?: { readonly name?: string; readonly sizeBytes?: number; readonly crc?: number; readonly offset?: number };
  /** Left out of the directory. */
  readonly isHidden?: boolean;
  readonly before?: Buffer;
}

function zipHeader(item: ZipItem, data: Buffer, content: Buffer, offset: number | undefined): Buffer {
  const isCentral = offset !== undefined;
  const own = isCentral ? (item.directory ?? {}) : {};
  const name = Buffer.from(own.name ?? item.name, 'utf8');
  const header = Buffer.alloc(isCentral ? 46 : 30);
  header.writeUInt32LE(isCentral ? 0x02014b50 : 0x04034b50, 0);
  const at = isCentral ? 6 : 4;
  if (isCentral) header.writeUInt16LE((3 << 8) | 20, 4);
  header.writeUInt16LE(20, at);
  header.writeUInt16LE(item.flags ?? 0, at + 2);
  header.writeUInt16LE(item.method ?? 8, at + 4);
  header.writeUInt32LE(own.crc ?? crc32(content), at + 10);
  header.writeUInt32LE(data.length, at + 14);
  header.writeUInt32LE(own.sizeBytes ?? content.length, at + 18);
  header.writeUInt16LE(name.length, at + 22);
  if (isCentral) {
    header.writeUInt32LE((((item.mode ?? 0o100644) << 16) | 0) >>> 0, 38);
    header.writeUInt32LE(own.offset ?? offset, 42);
  }
  return Buffer.concat([header, name]);
}

export interface ZipExtras {
  readonly front?: Buffer;
  readonly beforeDirectory?: Buffer;
  readonly after?: Buffer;
}

export function zipOf(items: readonly ZipItem[], { front, beforeDirectory, after }: ZipExtras = {}): Buffer {
  const parts: Buffer[] = front === undefined ? [] : [front];
  const directory: Buffer[] = [];
  const length = () => parts.reduce((sum, part) => sum + part.length, 0);
  const frontBytes = front?.length ?? 0;
  for (const item of items) {
    if (item.before !== undefined) parts.push(item.before);
    const content = Buffer.from(item.content ?? '');
    const data = (item.method ?? 8) === 8 ? deflateRawSync(content) : content;
    const offset = length() - frontBytes;
    parts.push(zipHeader(item, data, content, undefined), data);
    if (item.isHidden !== true) directory.push(zipHeader(item, data, content, offset));
  }
  if (beforeDirectory !== undefined) parts.push(beforeDirectory);
  const start = length() - frontBytes;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(start, 16);
  return Buffer.concat([...parts, ...directory, end, after ?? Buffer.alloc(0)]);
}

export interface TarItem {
  readonly name: string;
  readonly content?: Buffer | string;
  /** Default `0`, a file. */
  readonly type?: string;
  readonly linkTarget?: string;
  readonly mode?: number;
  readonly sizeBytes?: number;
  /** Default `ustar`; `v7` has no magic. */
  readonly format?: 'ustar' | 'v7';
}

export function tarHeader({ name, content = '', type = '0', linkTarget = '', mode = 0o644, sizeBytes, format }: TarItem): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, 100, 'utf8');
  block.write(`${mode.toString(8).padStart(7, '0')}\0`, 100, 'latin1');
  block.write(`0000000\0`, 108, 'latin1');
  block.write(`0000000\0`, 116, 'latin1');
  block.write(`${(sizeBytes ?? Buffer.from(content).length).toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write('00000000000\0', 136, 'latin1');
  block.write('        ', 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write(linkTarget, 157, 100, 'utf8');
  if (format !== 'v7') block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

export function tarOf(items: readonly TarItem[], after: Buffer = Buffer.alloc(0)): Buffer {
  const blocks = items.flatMap((item) => [tarHeader(item), padded(Buffer.from(item.content ?? ''))]);
  return Buffer.concat([...blocks, Buffer.alloc(1024), after]);
}

/** One record of a pax header: `27 path=…\n`. */
export function paxRecord(key: string, value: string): string {
  let length = key.length + Buffer.byteLength(value) + 3;
  while (String(length).length + key.length + Buffer.byteLength(value) + 3 !== length) {
    length = String(length).length + key.length + Buffer.byteLength(value) + 3;
  }
  return `${length} ${key}=${value}\n`;
}
