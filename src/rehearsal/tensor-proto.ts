// A TensorProto with all of its values as a tensor (tensorflow/core/framework/tensor.proto). Warm-up requests are files of a model: hostile bytes, so sizes are checked
// before anything is allocated, and what is not exactly a tensor is undefined.
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { type DType, dtypeOfCode, dtypes, elementCount, type Tensor } from '../tensor/index.ts';

const maxTensorBytes = 64 * 1024 * 1024;

/** Fields that hold the values one by one, and how they are read: by TensorFlow a type has exactly one of them. */
type ValueField =
  | 'half'
  | 'float'
  | 'double'
  | 'int'
  | 'string'
  | 'int64'
  | 'bool'
  | 'uint32'
  | 'uint64'
  | 'scomplex'
  | 'dcomplex';
const fieldOf: ReadonlyMap<number, ValueField> = new Map([
  [5, 'float'],
  [6, 'double'],
  [7, 'int'],
  [8, 'string'],
  [9, 'scomplex'],
  [10, 'int64'],
  [11, 'bool'],
  [12, 'dcomplex'],
  [13, 'half'],
  [16, 'uint32'],
  [17, 'uint64'],
]);

const fieldOfType: Readonly<Record<DType, ValueField>> = {
  DT_FLOAT: 'float',
  DT_DOUBLE: 'double',
  DT_INT32: 'int',
  DT_UINT8: 'int',
  DT_INT16: 'int',
  DT_INT8: 'int',
  DT_UINT16: 'int',
  DT_STRING: 'string',
  DT_COMPLEX64: 'scomplex',
  DT_COMPLEX128: 'dcomplex',
  DT_INT64: 'int64',
  DT_BOOL: 'bool',
  DT_BFLOAT16: 'half',
  DT_HALF: 'half',
  DT_UINT32: 'uint32',
  DT_UINT64: 'uint64',
};

/** Undefined for bytes that are no whole tensor of a type that can be served. Never throws. */
export function parseTensorProto(bytes: Uint8Array): Tensor | undefined {
  try {
    return read(bytes);
  } catch {
    return undefined;
  }
}

function read(bytes: Uint8Array): Tensor | undefined {
  const reader = new BinaryReader(bytes);
  let dtype: DType | undefined;
  let shape: readonly number[] = [];
  let content: Uint8Array | undefined;
  const values: Uint8Array[] = [];
  let field: ValueField | undefined;
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1 && wire === WireType.Varint) dtype = dtypeOfCode(reader.uint32());
    else if (number === 2 && wire === WireType.LengthDelimited) {
      const read = readShape(reader.bytes());
      if (read === undefined) return undefined;
      shape = read;
    } else if (number === 4 && wire === WireType.LengthDelimited) content = reader.bytes();
    else if (fieldOf.has(number) && dtype !== undefined) {
      field = fieldOf.get(number);
      if (field === undefined || field !== fieldOfType[dtype]) return undefined;
      readValues(reader, wire, field, dtype, values);
    } else reader.skip(wire, number);
  }
  if (dtype === undefined) return undefined;
  const elements = elementCount(shape);
  if (!Number.isSafeInteger(elements) || elements > maxTensorBytes) return undefined;
  return dtype === 'DT_STRING' ? strings(shape, elements, values) : numbers(dtype, shape, elements, content, values);
}

/** Undefined for a shape of unknown rank, or with a dimension below 0. */
function readShape(bytes: Uint8Array): readonly number[] | undefined {
  const reader = new BinaryReader(bytes);
  const shape: number[] = [];
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 3 && wire === WireType.Varint) {
      if (reader.bool()) return undefined;
    } else if (number === 2 && wire === WireType.LengthDelimited) shape.push(readSize(reader.bytes()));
    else reader.skip(wire, number);
  }
  return shape.length <= 32 && shape.every((size) => size >= 0) ? shape : undefined;
}

function readSize(bytes: Uint8Array): number {
  const reader = new BinaryReader(bytes);
  let size = 0;
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1 && wire === WireType.Varint) size = Number(reader.int64());
    else reader.skip(wire, number);
  }
  return size;
}

function readValues(reader: BinaryReader, wire: WireType, field: ValueField, dtype: DType, into: Uint8Array[]): void {
  if (field === 'string') {
    into.push(reader.bytes());
    return;
  }
  const end = wire === WireType.LengthDelimited ? reader.uint32() + reader.pos : undefined;
  if (end !== undefined && end > reader.len) throw new RangeError('a packed field that is cut short');
  do {
    if (end !== undefined && reader.pos >= end) break;
    into.push(readValue(reader, field, dtype));
  } while (end !== undefined);
}

function readValue(reader: BinaryReader, field: ValueField, dtype: DType): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  if (field === 'float' || field === 'scomplex') view.setFloat32(0, reader.float(), true);
  else if (field === 'double' || field === 'dcomplex') view.setFloat64(0, reader.double(), true);
  else if (field === 'int64') view.setBigInt64(0, BigInt(reader.int64()), true);
  else if (field === 'uint64') view.setBigUint64(0, BigInt(reader.uint64()), true);
  else if (field === 'bool') bytes[0] = reader.bool() ? 1 : 0;
  else if (field === 'uint32') view.setUint32(0, reader.uint32(), true);
  else view.setInt32(0, reader.int32(), true);
  return bytes.subarray(0, itemBytes(field, dtype));
}

/** Of one value of a field: half of a complex number is one. */
function itemBytes(field: ValueField, dtype: DType): number {
  if (field === 'scomplex') return 4;
  if (field === 'dcomplex' || dtype === 'DT_STRING') return 8;
  return dtypes[dtype].itemBytes;
}

/** As TensorFlow has it: fewer values than elements mean that the last one is repeated. */
function numbers(
  dtype: Exclude<DType, 'DT_STRING'>,
  shape: readonly number[],
  elements: number,
  content: Uint8Array | undefined,
  values: readonly Uint8Array[],
): Tensor | undefined {
  const { itemBytes: elementBytes, kind } = dtypes[dtype];
  const totalBytes = elements * elementBytes;
  if (totalBytes > maxTensorBytes) return undefined;
  if (content !== undefined && content.length > 0)
    return content.length === totalBytes ? { dtype, shape, bytes: new Uint8Array(content) } : undefined;
  const given = Buffer.concat(values);
  if (kind === 'complex' && given.length !== totalBytes) return undefined;
  if (given.length > totalBytes) return undefined;
  const bytes = new Uint8Array(totalBytes);
  bytes.set(given);
  const last = given.subarray(Math.max(0, given.length - elementBytes));
  if (last.length > 0) for (let at = given.length; at < totalBytes; at += elementBytes) bytes.set(last, at);
  return { dtype, shape, bytes };
}

function strings(shape: readonly number[], elements: number, values: readonly Uint8Array[]): Tensor | undefined {
  if (values.length > elements) return undefined;
  const last = values.at(-1) ?? new Uint8Array(0);
  // A few bytes may stand for many elements.
  if (values.reduce((sum, { length }) => sum + length, 0) + (elements - values.length) * last.length > maxTensorBytes)
    return undefined;
  const offsets = new Uint32Array(elements + 1);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < elements; at++) {
    const part = values[at] ?? last;
    parts.push(part);
    offsets[at + 1] = offsets[at] + part.length;
  }
  return { dtype: 'DT_STRING', shape, bytes: new Uint8Array(Buffer.concat(parts)), offsets };
}
