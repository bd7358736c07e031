// A TensorProto with all of its values as a tensor (tensorflow/core/framework/tensor.proto). Warm-up requests are files of a model: hostile bytes, so sizes are checked
// before anything is allocated, and what is not exactly a tensor is undefined.
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { type DType, dtypeOfCode, dtypes, elementCount, type Tensor } from '../tensor/index.ts';

/** Of one tensor, also where a few bytes stand for many elements. */
export const maxTensorBytes = 64 * 1024 * 1024;
const maxDims = 32;

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

/** Undefined for bytes that are no whole tensor of a type that can be served, and for a tensor of more than `maxBytes`. Never throws. */
export function parseTensorProto(bytes: Uint8Array, maxBytes: number = maxTensorBytes): Tensor | undefined {
  try {
    return read(bytes, maxBytes);
  } catch {
    return undefined;
  }
}

/** The values of a message one after the other: an object for each of millions would need many times their memory. */
class Values {
  readonly #maxBytes: number;
  #bytes = Buffer.alloc(64);
  /** Of all of `#bytes`. */
  view = viewOf(this.#bytes);
  #length = 0;
  /** Where each string ends. */
  readonly ends: number[] = [];

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get given(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Takes `bytes` more and gives where they begin in `view`, in which at least 8 may be written from there on. @throws RangeError above the limit. */
  next(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#maxBytes) throw new RangeError('more bytes than a tensor may have');
    const needed = at + Math.max(8, bytes);
    if (needed > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes], Math.max(needed, 2 * this.#bytes.length));
      this.view = viewOf(this.#bytes);
    }
    return at;
  }

  addString(bytes: Uint8Array): void {
    // Each offset has four bytes too.
    if (4 * this.ends.length >= this.#maxBytes) throw new RangeError('more strings than a tensor may have');
    this.next(bytes.length);
    this.#bytes.set(bytes, this.#length - bytes.length);
    this.ends.push(this.#length);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function read(bytes: Uint8Array, maxBytes: number): Tensor | undefined {
  const reader = new BinaryReader(bytes);
  let dtype: DType | undefined;
  let shape: readonly number[] = [];
  let content: Uint8Array | undefined;
  const values = new Values(maxBytes);
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
  if (!Number.isSafeInteger(elements) || elements > maxBytes) return undefined;
  return dtype === 'DT_STRING'
    ? strings(shape, elements, values, maxBytes)
    : numbers(dtype, shape, elements, content, values, maxBytes);
}

/** Undefined for a shape of unknown rank, or with a dimension below 0. */
function readShape(bytes: Uint8Array): readonly number[] | undefined {
  const reader = new BinaryReader(bytes);
  const shape: number[] = [];
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 3 && wire === WireType.Varint) {
      if (reader.bool()) return undefined;
    } else if (number === 2 && wire === WireType.LengthDelimited) {
      if (shape.push(readSize(reader.bytes())) > maxDims) return undefined;
    } else reader.skip(wire, number);
  }
  return shape.every((size) => size >= 0) ? shape : undefined;
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

function readValues(reader: BinaryReader, wire: WireType, field: ValueField, dtype: DType, into: Values): void {
  if (field === 'string') {
    into.addString(reader.bytes());
    return;
  }
  const end = wire === WireType.LengthDelimited ? reader.uint32() + reader.pos : undefined;
  if (end !== undefined && end > reader.len) throw new RangeError('a packed field that is cut short');
  const bytes = itemBytes(field, dtype);
  do {
    if (end !== undefined && reader.pos >= end) break;
    readValue(reader, field, into, into.next(bytes));
  } while (end !== undefined);
}

function readValue(reader: BinaryReader, field: ValueField, { view }: Values, at: number): void {
  if (field === 'float' || field === 'scomplex') view.setFloat32(at, reader.float(), true);
  else if (field === 'double' || field === 'dcomplex') view.setFloat64(at, reader.double(), true);
  else if (field === 'int64') view.setBigInt64(at, BigInt(reader.int64()), true);
  else if (field === 'uint64') view.setBigUint64(at, BigInt(reader.uint64()), true);
  else if (field === 'bool') view.setUint8(at, reader.bool() ? 1 : 0);
  else if (field === 'uint32') view.setUint32(at, reader.uint32(), true);
  else view.setInt32(at, reader.int32(), true);
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
  { given }: Values,
  maxBytes: number,
): Tensor | undefined {
  const { itemBytes: elementBytes, kind } = dtypes[dtype];
  const totalBytes = elements * elementBytes;
  if (totalBytes > maxBytes) return undefined;
  if (content !== undefined && content.length > 0)
    return content.length === totalBytes ? { dtype, shape, bytes: new Uint8Array(content) } : undefined;
  if (kind === 'complex' && given.length !== totalBytes) return undefined;
  if (given.length > totalBytes) return undefined;
  const bytes = new Uint8Array(totalBytes);
  bytes.set(given);
  repeat(bytes, given.length, given.subarray(Math.max(0, given.length - elementBytes)));
  return { dtype, shape, bytes };
}

function strings(shape: readonly number[], elements: number, { given, ends }: Values, maxBytes: number): Tensor | undefined {
  const count = ends.length;
  if (count > elements) return undefined;
  const last = given.subarray(ends[count - 2] ?? 0);
  // A few bytes may stand for many elements.
  const totalBytes = given.length + (elements - count) * last.length;
  if (totalBytes + 4 * elements > maxBytes) return undefined;
  const bytes = new Uint8Array(totalBytes);
  bytes.set(given);
  repeat(bytes, given.length, last);
  const offsets = new Uint32Array(elements + 1);
  for (let at = 0; at < elements; at++) offsets[at + 1] = ends[at] ?? offsets[at] + last.length;
  return { dtype: 'DT_STRING', shape, bytes, offsets };
}

/** Writes `pattern` again and again from `at` on. */
function repeat(bytes: Uint8Array, at: number, pattern: Uint8Array): void {
  if (pattern.length > 0) Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).fill(pattern, at);
}
