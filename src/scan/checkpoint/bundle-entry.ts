// What the index of a bundle says, message by message (tensorflow/core/protobuf/tensor_bundle.proto), with numbers as they are:
// nothing is trusted and nothing is judged here. It never clamps or wraps a number, because a wrong one is what is looked for.
import { AirlockError } from '../../core/index.ts';
import { signed, wireFields } from './wire.ts';

export interface BundleHeader {
  readonly shardCount: bigint;
  /** Of the machine that wrote the values. */
  readonly isBigEndian: boolean;
  /** Versions of the bundle format; a reader of version 1 refuses a file that asks for more. */
  readonly minConsumer: bigint;
}

/** Part of a partitioned variable: start and length by dimension; length undefined means all of it. */
export type SliceExtents = readonly { readonly start: bigint; readonly length: bigint | undefined }[];

export interface RawEntry {
  readonly dtype: number;
  /** Undefined when the rank is unknown. */
  readonly shape: readonly bigint[] | undefined;
  readonly shard: bigint;
  readonly offset: bigint;
  readonly size: bigint;
  /** Masked. */
  readonly crc: number;
  /** Not empty for a partitioned variable: its values are in other entries. */
  readonly slices: readonly SliceExtents[];
}

/** TensorShape allows no more (tensor_shape.h, MaxDimensions). */
export const maxRank = 254;
const maxSlices = 100_000;

/** @throws MODEL_INVALID when the bytes are no such message. */
export function readBundleHeader(bytes: Buffer, file: string): BundleHeader {
  let shardCount = 0n;
  let endianness = 0n;
  let minConsumer = 0n;
  for (const field of wireFields(bytes, file)) {
    if (field.number === 1) shardCount = BigInt.asIntN(32, field.value);
    else if (field.number === 2) endianness = field.value;
    else if (field.number === 3) {
      for (const version of wireFields(field.bytes, file)) if (version.number === 2) minConsumer = signed(version.value);
    }
  }
  return { shardCount, isBigEndian: endianness !== 0n, minConsumer };
}

/** A TensorShapeProto. @throws MODEL_INVALID when it is none or has more dimensions than any tensor (ten times 254). */
export function readShape(bytes: Buffer, file: string): bigint[] | undefined {
  const dimensions: bigint[] = [];
  let isUnknown = false;
  for (const field of wireFields(bytes, file)) {
    if (field.number === 3) isUnknown = field.value !== 0n;
    if (field.number !== 2) continue;
    let size = 0n;
    for (const part of wireFields(field.bytes, file)) if (part.number === 1) size = signed(part.value);
    dimensions.push(size);
    if (dimensions.length > maxRank * 10) throw new AirlockError('MODEL_INVALID', { message: `${file}: a shape has no end` });
  }
  return isUnknown ? undefined : dimensions;
}

/** A TensorSliceProto. @throws MODEL_INVALID when it is none. */
export function readSlice(bytes: Buffer, file: string): SliceExtents {
  const extents: { start: bigint; length: bigint | undefined }[] = [];
  for (const field of wireFields(bytes, file)) {
    if (field.number !== 1) continue;
    const extent: { start: bigint; length: bigint | undefined } = { start: 0n, length: undefined };
    for (const part of wireFields(field.bytes, file)) {
      if (part.number === 1) extent.start = signed(part.value);
      else if (part.number === 2) extent.length = signed(part.value);
    }
    extents.push(extent);
    if (extents.length > maxRank * 10) throw new AirlockError('MODEL_INVALID', { message: `${file}: a slice has no end` });
  }
  return extents;
}

/** @throws MODEL_INVALID when the bytes are no BundleEntryProto. */
export function readBundleEntry(bytes: Buffer, file: string): RawEntry {
  let dtype = 0;
  let shape: bigint[] | undefined = [];
  let shard = 0n;
  let offset = 0n;
  let size = 0n;
  let crc = 0;
  const slices: SliceExtents[] = [];
  for (const field of wireFields(bytes, file)) {
    if (field.number === 1) dtype = Number(BigInt.asIntN(32, field.value));
    else if (field.number === 2) shape = readShape(field.bytes, file);
    else if (field.number === 3) shard = BigInt.asIntN(32, field.value);
    else if (field.number === 4) offset = signed(field.value);
    else if (field.number === 5) size = signed(field.value);
    else if (field.number === 6) crc = Number(BigInt.asUintN(32, field.value));
    else if (field.number === 7) {
      slices.push(readSlice(field.bytes, file));
      if (slices.length > maxSlices) throw new AirlockError('MODEL_INVALID', { message: `${file}: too many slices` });
    }
  }
  return { dtype, shape, shard, offset, size, crc, slices };
}

/**
 * The name in a key. Parts of partitioned variables have keys in TensorFlow's ordered code (tensor_slice_util /
 * saved_tensor_slice_util.cc, EncodeTensorNameSlice): a zero, the name with escapes, `00 01`, then numbers.
 */
export function keyName(key: Buffer): { readonly name: string; readonly isSlice: boolean } {
  if (key[0] !== 0) return { name: key.toString('utf8'), isSlice: false };
  const name: number[] = [];
  for (let at = 1; at < key.length; at++) {
    if (key[at] === 0 && key[at + 1] === 1) break;
    if (key[at] === 0 && key[at + 1] === 0xff) at++;
    else if (key[at] === 0xff && key[at + 1] === 0) {
      name.push(0xff);
      at++;
      continue;
    }
    name.push(key[at]);
  }
  return { name: Buffer.from(name).toString('utf8'), isSlice: true };
}
