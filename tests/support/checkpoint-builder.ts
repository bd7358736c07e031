// Builds bundles for tests, byte by byte, so that every lie that a file can tell can be told. Written from tensor_bundle.cc and table_builder.cc.
import { extendCrc32c, maskCrc32c } from '../../src/model/index.ts';
import type { CheckpointFolder } from '../../src/scan/checkpoint/index.ts';
import { sourceOf } from './recording-context.ts';

export function varint(value: bigint | number): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

export const numberField = (field: number, value: bigint | number): Buffer => Buffer.concat([varint(field * 8), varint(value)]);

export function bytesField(field: number, bytes: Buffer | string): Buffer {
  const content = Buffer.from(bytes);
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export const maskedCrc = (bytes: Buffer): number => maskCrc32c(extendCrc32c(0, bytes));

type Entries = readonly (readonly [Buffer, Buffer])[];

function block(entries: Entries): Buffer {
  const parts = entries.map(([key, value]) => Buffer.concat([varint(0), varint(key.length), varint(value.length), key, value]));
  const restarts: Buffer[] = [];
  let at = 0;
  for (const part of parts) {
    restarts.push(uint32(at));
    at += part.length;
  }
  if (restarts.length === 0) restarts.push(uint32(0));
  return Buffer.concat([...parts, ...restarts, uint32(restarts.length)]);
}

/** A sorted table with one block of data. Entries must be in order, unless that is what is tested. */
export function sortedTable(entries: Entries): Buffer {
  let file = Buffer.alloc(0);
  const add = (content: Buffer): Buffer => {
    const handle = Buffer.concat([varint(file.length), varint(content.length)]);
    const stored = Buffer.concat([content, Buffer.from([0])]);
    file = Buffer.concat([file, stored, uint32(maskedCrc(stored))]);
    return handle;
  };
  const data = add(block(entries));
  const meta = add(block([]));
  const index = add(block([[Buffer.concat([entries.at(-1)?.[0] ?? Buffer.alloc(0), Buffer.from('z')]), data]]));
  const footer = Buffer.concat([meta, index]);
  return Buffer.concat([file, footer, Buffer.alloc(40 - footer.length), Buffer.from('57fb808b247547db', 'hex')]);
}

export const shapeProto = (shape: readonly (bigint | number)[]): Buffer =>
  Buffer.concat(shape.map((size) => bytesField(2, numberField(1, size))));

export interface EntryLie {
  readonly dtype?: number;
  readonly shape?: readonly (bigint | number)[];
  readonly shapeBytes?: Buffer;
  readonly shard?: number;
  readonly offset?: bigint | number;
  readonly size?: bigint | number;
  readonly crc?: number;
  /** `[start, length]` by dimension, by slice. */
  readonly slices?: readonly (readonly (readonly [number, number])[])[];
}

/** Strings as a bundle has them; `claimed` lengths instead of the real ones where given. */
export function stringValues(values: readonly (Buffer | string)[], claimed?: readonly bigint[]): { bytes: Buffer; crc: number } {
  const lengths = claimed ?? values.map((value) => BigInt(Buffer.from(value).length));
  let crc = 0;
  for (const length of lengths) {
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(length);
    crc = extendCrc32c(crc, length < 2n ** 32n ? word.subarray(0, 4) : word);
  }
  const checksum = uint32(maskCrc32c(crc));
  const body = Buffer.concat(values.map((value) => Buffer.from(value)));
  crc = extendCrc32c(extendCrc32c(crc, checksum), body);
  return { bytes: Buffer.concat([...lengths.map(varint), checksum, body]), crc: maskCrc32c(crc) };
}

export function entryProto(lie: EntryLie): Buffer {
  const parts = [
    numberField(1, lie.dtype ?? 1),
    bytesField(2, lie.shapeBytes ?? shapeProto(lie.shape ?? [])),
    numberField(3, lie.shard ?? 0),
    numberField(4, lie.offset ?? 0),
    numberField(5, lie.size ?? 0),
    Buffer.concat([Buffer.from([6 * 8 + 5]), uint32(lie.crc ?? 0)]),
  ];
  for (const slice of lie.slices ?? []) {
    const extents = slice.map(([start, length]) => bytesField(1, Buffer.concat([numberField(1, start), numberField(2, length)])));
    parts.push(bytesField(7, Buffer.concat(extents)));
  }
  return Buffer.concat(parts);
}

export interface Variable {
  readonly name: string | Buffer;
  readonly bytes: Buffer;
  readonly lie?: EntryLie | undefined;
}

export interface BundleOptions {
  readonly prefix?: string;
  readonly header?: Buffer;
  /** After the last variable. */
  readonly trailer?: Buffer;
  readonly extraFiles?: Readonly<Record<string, Buffer>>;
  readonly withoutData?: boolean;
}

export const headerProto = (shards: bigint | number): Buffer =>
  Buffer.concat([numberField(1, shards), bytesField(3, numberField(1, 1))]);

/** A folder with one bundle; entries are true where `lie` does not say otherwise. */
export function bundleFolder(variables: readonly Variable[], options: BundleOptions = {}): CheckpointFolder {
  const { prefix = 'ckpt-1', header = headerProto(1), trailer = Buffer.alloc(0), extraFiles = {}, withoutData = false } = options;
  let at = 0;
  const entries = variables.map(({ name, bytes, lie }): [Buffer, Buffer] => {
    const entry = { shape: [bytes.length / 4], offset: at, size: bytes.length, crc: maskedCrc(bytes), ...lie };
    at += bytes.length;
    return [Buffer.from(name), entryProto(entry)];
  });
  entries.sort(([a], [b]) => a.compare(b));
  return folderOf({
    [`${prefix}.index`]: sortedTable([[Buffer.alloc(0), header], ...entries]),
    ...(withoutData
      ? {}
      : { [`${prefix}.data-00000-of-00001`]: Buffer.concat([...variables.map(({ bytes }) => bytes), trailer]) }),
    ...extraFiles,
  });
}

export function folderOf(files: Readonly<Record<string, Buffer>>): CheckpointFolder {
  return {
    names: Object.keys(files),
    open: (name) => (Object.hasOwn(files, name) ? sourceOf(files[name], name) : undefined),
  };
}

export function floats(...values: readonly number[]): Buffer {
  return Buffer.from(new Float32Array(values).buffer);
}
