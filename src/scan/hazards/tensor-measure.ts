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

// Bytes of one value in the packed form; 0 for varints. Resource handles and variants are not counted: their decoding has rules of its own.
const packed: ReadonlyMap<number, number> = new Map([
  ...[7, 10, 11, 13, 16, 17].map((field) => [field, 0] as const),
  [5, 4],
  [6, 8],
  [9, 8],
  [12, 16],
]);
const stringField = 8;

/** Reads one message field by field, without an object for each: models have hundreds of thousands of constants. */
class Fields {
  number = 0;
  wireType = 0;
  /** Of a varint; exact up to 2^53. */
  value = 0;
  start = 0;
  end = 0;
  readonly #bytes: Buffer;
  readonly #limit: number;
  #at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#limit = end;
  }

  /** -1 when it is cut short or too long. */
  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10 && this.#at < this.#limit; count++) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return -1;
  }

  /** False at the end and where the message is no message. */
  next(): boolean {
    if (this.#at >= this.#limit) return false;
    const tag = this.#varint();
    if (tag < 0) return false;
    this.number = Math.floor(tag / 8);
    this.wireType = tag % 8;
    let length = 0;
    if (this.wireType === 0) {
      this.value = this.#varint();
      if (this.value < 0) return false;
    } else if (this.wireType === 2) length = this.#varint();
    else if (this.wireType === 1) length = 8;
    else if (this.wireType === 5) length = 4;
    else return false;
    if (length < 0 || length > this.#limit - this.#at) return false;
    this.start = this.#at;
    this.end = this.#at + length;
    this.#at = this.end;
    return true;
  }
}

const negative = 2 ** 63;

function elementsOf(bytes: Buffer, start: number, end: number): number | undefined {
  let elements = 1;
  const shape = new Fields(bytes, start, end);
  while (shape.next()) {
    if (shape.number === 3 && shape.wireType === 0 && shape.value !== 0) return undefined;
    if (shape.number !== 2 || shape.wireType !== 2) continue;
    let size = 0;
    const dim = new Fields(bytes, shape.start, shape.end);
    while (dim.next()) if (dim.number === 1 && dim.wireType === 0) size = dim.value;
    if (size >= negative) return undefined;
    elements *= size;
    if (!Number.isSafeInteger(elements)) return undefined;
  }
  return elements;
}

function packedCount(bytes: Buffer, start: number, end: number, size: number): number {
  if (size > 0) return Math.floor((end - start) / size);
  let count = 0;
  for (let at = start; at < end; at++) if ((bytes[at] ?? 0) < 0x80) count++;
  return count;
}

/** Measures an encoded AttrValue that holds a tensor; undefined when it holds none. */
export function measureTensor(bytes: Buffer): TensorMeasure | undefined {
  const attr = new Fields(bytes, 0, bytes.length);
  let start = -1;
  let end = -1;
  while (attr.next()) if (attr.number === 8 && attr.wireType === 2) [start, end] = [attr.start, attr.end];
  if (start < 0) return undefined;
  let dtype = 0;
  let elements: number | undefined = 1;
  let contentBytes = 0;
  let values: number | undefined;
  const tensor = new Fields(bytes, start, end);
  while (tensor.next()) {
    const { number, wireType } = tensor;
    if (number === 1 && wireType === 0) dtype = tensor.value;
    else if (number === 2 && wireType === 2) elements = elementsOf(bytes, tensor.start, tensor.end);
    else if (number === 4 && wireType === 2) contentBytes = tensor.end - tensor.start;
    else if (number === stringField && wireType === 2) values = (values ?? 0) + 1;
    else {
      const size = packed.get(number);
      if (size !== undefined) values = (values ?? 0) + (wireType === 2 ? packedCount(bytes, tensor.start, tensor.end, size) : 1);
    }
  }
  return { dtype, elements, contentBytes, values };
}

/** The number in an encoded AttrValue of a type; undefined when it is none. */
export function measureType(bytes: Buffer): number | undefined {
  const attr = new Fields(bytes, 0, bytes.length);
  let type: number | undefined;
  while (attr.next()) if (attr.number === 6 && attr.wireType === 0) type = attr.value;
  return type;
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
