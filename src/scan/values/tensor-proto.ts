// Reads a TensorProto without decoding it: type, shape and how many bytes hold its values; the values only of small tensors. A weight of a
// gigabyte costs nothing here, and a shape of 2^62 elements allocates nothing. Never throws: what is cut short is undefined.
import type { Constant } from './value-types.ts';

/** Larger tensors are never held as constants. */
export const maxConstantElements = 4096;
const maxConstantBytes = 65_536;

export interface TensorFacts {
  readonly dtype: number;
  /** Undefined: unknown rank. As written, so perhaps negative. */
  readonly shape: readonly bigint[] | undefined;
  /** Bytes of the encoded values. */
  readonly valueBytes: number;
  /** The content when it is small; a number of 64 bits is rounded as JavaScript does. */
  content(): Constant | undefined;
}

interface Field {
  readonly number: number;
  readonly wireType: number;
  readonly start: number;
  readonly end: number;
}

const maxVarintBytes = 10;

function varintEnd(bytes: Buffer, start: number, end: number): number | undefined {
  for (let at = start; at < end && at < start + maxVarintBytes; at++) if (bytes[at] < 0x80) return at + 1;
  return undefined;
}

function varint(bytes: Buffer, start: number, end: number): bigint {
  let value = 0n;
  let shift = 0n;
  for (let at = start; at < end; at++, shift += 7n) value |= BigInt(bytes[at] & 0x7f) << shift;
  return BigInt.asIntN(64, value);
}

function smallVarint(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let at = start, scale = 1; at < end; at++, scale *= 128) value += (bytes[at] & 0x7f) * scale;
  return value;
}

/** Fields of a message in order; undefined at the end or where it is cut short (`isBroken` then). */
function* fields(bytes: Buffer, start: number, end: number): Generator<Field, boolean> {
  let at = start;
  while (at < end) {
    const keyEnd = varintEnd(bytes, at, end);
    if (keyEnd === undefined) return false;
    const key = smallVarint(bytes, at, keyEnd);
    const wireType = key & 7;
    const number = Math.floor(key / 8);
    let from = keyEnd;
    let to: number | undefined;
    if (wireType === 0) to = varintEnd(bytes, from, end);
    else if (wireType === 1) to = from + 8;
    else if (wireType === 5) to = from + 4;
    else if (wireType === 2) {
      const lengthEnd = varintEnd(bytes, from, end);
      if (lengthEnd === undefined) return false;
      to = lengthEnd + smallVarint(bytes, from, lengthEnd);
      from = lengthEnd;
    }
    if (to === undefined || to > end) return false;
    yield { number, wireType, start: from, end: to };
    at = to;
  }
  return true;
}

const maxRank = 254;

function readShape(bytes: Buffer, start: number, end: number, dims: bigint[]): boolean {
  let hasUnknownRank = false;
  for (const field of fields(bytes, start, end)) {
    if (field.number === 3 && field.wireType === 0) hasUnknownRank = varint(bytes, field.start, field.end) !== 0n;
    if (field.number !== 2 || field.wireType !== 2 || dims.length > maxRank) continue;
    let size = 0n;
    for (const inner of fields(bytes, field.start, field.end)) {
      if (inner.number === 1 && inner.wireType === 0) size = varint(bytes, inner.start, inner.end);
    }
    dims.push(size);
  }
  return hasUnknownRank;
}

// How the values of each type lie in tensor_content, little-endian.
const rawReaders: ReadonlyMap<number, readonly [number, (bytes: Buffer, at: number) => number]> = new Map([
  [1, [4, (bytes, at) => bytes.readFloatLE(at)]],
  [2, [8, (bytes, at) => bytes.readDoubleLE(at)]],
  [3, [4, (bytes, at) => bytes.readInt32LE(at)]],
  [4, [1, (bytes, at) => bytes.readUInt8(at)]],
  [5, [2, (bytes, at) => bytes.readInt16LE(at)]],
  [6, [1, (bytes, at) => bytes.readInt8(at)]],
  [9, [8, (bytes, at) => Number(bytes.readBigInt64LE(at))]],
  [10, [1, (bytes, at) => (bytes.readUInt8(at) === 0 ? 0 : 1)]],
  [17, [2, (bytes, at) => bytes.readUInt16LE(at)]],
  [22, [4, (bytes, at) => bytes.readUInt32LE(at)]],
  [23, [8, (bytes, at) => Number(bytes.readBigUInt64LE(at))]],
]);

// Which repeated field holds the values of each type, and how wide one is there (0: varint).
const valueFields: ReadonlyMap<number, readonly [number, 0 | 4 | 8]> = new Map([
  [1, [5, 4]],
  [2, [6, 8]],
  [3, [7, 0]],
  [4, [7, 0]],
  [5, [7, 0]],
  [6, [7, 0]],
  [9, [10, 0]],
  [10, [11, 0]],
  [17, [7, 0]],
  [22, [16, 0]],
  [23, [17, 0]],
]);

function readNumbers(bytes: Buffer, parts: readonly Field[], dtype: number, wanted: number): number[] | undefined {
  const layout = valueFields.get(dtype);
  if (layout === undefined) return undefined;
  const [number, width] = layout;
  const found: number[] = [];
  for (const part of parts) {
    if (part.number !== number) continue;
    for (let at = part.start; at < part.end && found.length < wanted; ) {
      if (width === 4 || width === 8) {
        if (at + width > part.end) return undefined;
        found.push(width === 4 ? bytes.readFloatLE(at) : bytes.readDoubleLE(at));
        at += width;
        continue;
      }
      const next = varintEnd(bytes, at, part.end);
      if (next === undefined) return undefined;
      found.push(Number(varint(bytes, at, next)));
      at = next;
    }
  }
  return found;
}

/** TensorFlow repeats the last value given, and takes zero where none is. */
function fillUp<Element>(found: Element[], wanted: number, none: Element): Element[] {
  const last = found.at(-1) ?? none;
  while (found.length < wanted) found.push(last);
  return found.slice(0, wanted);
}

function readContent(bytes: Buffer, parts: readonly Field[], dtype: number, shape: readonly bigint[]): Constant | undefined {
  let elements = 1;
  for (const size of shape) {
    if (size < 0n || size > BigInt(maxConstantElements)) return undefined;
    elements *= Number(size);
    if (elements > maxConstantElements) return undefined;
  }
  const sizes = shape.map(Number);
  if (dtype === 7) {
    const strings = parts.filter(({ number }) => number === 8);
    if (
      strings.length > maxConstantElements ||
      strings.reduce((sum, part) => sum + part.end - part.start, 0) > maxConstantBytes
    ) {
      return undefined;
    }
    const found = strings.map((part) => bytes.subarray(part.start, part.end));
    return { shape: sizes, strings: fillUp(found, elements, Buffer.alloc(0)) };
  }
  const content = parts.filter(({ number, wireType }) => number === 4 && wireType === 2).at(-1);
  if (content !== undefined && content.end > content.start) {
    const reader = rawReaders.get(dtype);
    if (reader === undefined || content.end - content.start !== elements * reader[0]) return undefined;
    return {
      shape: sizes,
      numbers: Array.from({ length: elements }, (_, index) => reader[1](bytes, content.start + index * reader[0])),
    };
  }
  const found = readNumbers(bytes, parts, dtype, elements);
  return found === undefined ? undefined : { shape: sizes, numbers: fillUp(found, elements, 0) };
}

/** Of the encoded AttrValue (`Body.attrBytes`) of a tensor. Undefined when it holds none. */
export function readTensorFacts(attr: Buffer): TensorFacts | undefined {
  const messages: { readonly start: number; readonly end: number }[] = [];
  // Pieces of one message count as one, as protobuf has it.
  for (const outer of fields(attr, 0, attr.length)) if (outer.number === 8 && outer.wireType === 2) messages.push(outer);
  return messages.length === 0 ? undefined : readMessages(attr, messages);
}

/** Of an encoded TensorProto: what ParseTensor reads. */
export function readTensorProto(message: Buffer): TensorFacts {
  return readMessages(message, [{ start: 0, end: message.length }]);
}

function readMessages(bytes: Buffer, messages: readonly { readonly start: number; readonly end: number }[]): TensorFacts {
  let dtype = 0;
  let hasUnknownRank = false;
  const shape: bigint[] = [];
  const parts: Field[] = [];
  let valueBytes = 0;
  for (const { start, end } of messages) {
    for (const field of fields(bytes, start, end)) {
      if (field.number === 1 && field.wireType === 0) dtype = Number(BigInt.asIntN(32, varint(bytes, field.start, field.end)));
      else if (field.number === 2 && field.wireType === 2) {
        hasUnknownRank = readShape(bytes, field.start, field.end, shape) || hasUnknownRank;
      } else if (field.number >= 4) {
        valueBytes += field.end - field.start;
        // A splat has few, a long list is never held: enough to know that it is too long.
        if (parts.length <= maxConstantElements) parts.push(field);
      }
    }
  }
  let known: Constant | undefined;
  let isRead = false;
  return {
    dtype,
    shape: hasUnknownRank ? undefined : shape,
    valueBytes,
    content() {
      if (!isRead && !hasUnknownRank) known = readContent(bytes, parts, dtype, shape);
      isRead = true;
      return known;
    },
  };
}
