// Measures an encoded tensor without decoding it: type, number of elements, and how many values it really holds. Models carry gigabytes in
// these; and what a hostile one says about itself is what is checked here.

export interface TensorMeasure {
  /** DataType's number. */
  readonly dtype: number;
  /** Elements by its shape; undefined when the shape is unknown, negative or beyond 2^53. */
  readonly elements: number | undefined;
  readonly contentBytes: number;
  /** Values in the fields for single values; undefined when there are none. */
  readonly values: number | undefined;
}

interface Field {
  readonly number: number;
  readonly wireType: number;
  readonly value: bigint;
  readonly bytes: Buffer;
}

function* fieldsOf(bytes: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): bigint | undefined => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === undefined) return;
    const number = Number(tag >> 3n);
    const wireType = Number(tag & 7n);
    const start = wireType === 0 ? varint() : undefined;
    const length = wireType === 2 ? varint() : wireType === 1 ? 8n : wireType === 5 ? 4n : 0n;
    if ((wireType === 0 && start === undefined) || length === undefined) return;
    if (wireType !== 0 && wireType !== 1 && wireType !== 2 && wireType !== 5) return;
    if (length > BigInt(bytes.length - at)) return;
    const content = bytes.subarray(at, at + Number(length));
    at += Number(length);
    yield { number, wireType, value: start ?? 0n, bytes: content };
  }
}

function elementsOf(shape: Buffer): number | undefined {
  let elements = 1;
  for (const { number, wireType, bytes, value } of fieldsOf(shape)) {
    if (number === 3 && wireType === 0 && value !== 0n) return undefined;
    if (number !== 2 || wireType !== 2) continue;
    let size = 0n;
    for (const dim of fieldsOf(bytes)) if (dim.number === 1 && dim.wireType === 0) size = BigInt.asIntN(64, dim.value);
    if (size < 0n) return undefined;
    elements *= Number(size);
    if (!Number.isSafeInteger(elements)) return undefined;
  }
  return elements;
}

// Bytes of one value in the packed form; 0 for varints.
const packedBytes: ReadonlyMap<number, number> = new Map([
  [5, 4],
  [6, 8],
  [7, 0],
  [9, 8],
  [10, 0],
  [11, 0],
  [12, 16],
  [13, 0],
  [16, 0],
  [17, 0],
]);
// Resource handles and variants are not counted: their decoding has rules of its own.
const stringField = 8;

function packedCount(bytes: Buffer, size: number): number {
  if (size > 0) return Math.floor(bytes.length / size);
  let count = 0;
  for (const byte of bytes) if (byte < 0x80) count++;
  return count;
}

/** Measures an encoded AttrValue that holds a tensor; undefined when it holds none. */
export function measureTensor(attrValue: Buffer): TensorMeasure | undefined {
  let tensor: Buffer | undefined;
  for (const field of fieldsOf(attrValue)) if (field.number === 8 && field.wireType === 2) tensor = field.bytes;
  if (tensor === undefined) return undefined;
  let dtype = 0;
  let elements: number | undefined = 1;
  let contentBytes = 0;
  let values: number | undefined;
  for (const { number, wireType, value, bytes } of fieldsOf(tensor)) {
    if (number === 1 && wireType === 0) dtype = Number(value);
    else if (number === 2 && wireType === 2) elements = elementsOf(bytes);
    else if (number === 4 && wireType === 2) contentBytes = bytes.length;
    else if (number === stringField && wireType === 2) values = (values ?? 0) + 1;
    else {
      const size = packedBytes.get(number);
      if (size === undefined) continue;
      values = (values ?? 0) + (wireType === 2 ? packedCount(bytes, size) : 1);
    }
  }
  return { dtype, elements, contentBytes, values };
}

/** Bytes of one element in `tensor_content`; undefined for strings, resources and types that this does not know. */
export const elementBytes: ReadonlyMap<number, number> = new Map([
  [1, 4],
  [2, 8],
  [3, 4],
  [4, 1],
  [5, 2],
  [6, 1],
  [8, 8],
  [9, 8],
  [10, 1],
  [11, 1],
  [12, 1],
  [13, 4],
  [14, 2],
  [15, 2],
  [16, 2],
  [17, 2],
  [18, 16],
  [19, 2],
  [22, 4],
  [23, 8],
  [24, 1],
  [25, 1],
]);
