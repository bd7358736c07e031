// Reads TensorFlow's output tensors. The model made them, so sizes are compared with the limit before anything is allocated.
// Never frees anything: who ran the session owns the tensors, and an Output must not be used after its tensor is deleted.
import { writeSync } from 'node:fs';
import { AirlockError } from '../core/index.ts';
import {
  byteCount,
  type DType,
  dtypeName,
  dtypes,
  elementCount,
  formatShape,
  maxRank,
  shapeFits,
  type TensorSpec,
} from '../tensor/index.ts';
import { copyFromNative, type Pointer, writeFromNative } from './libc.ts';
import type { TensorFlowLibrary } from './tensorflow-library.ts';

const tstringBytes = 24;

// TF_TString_Type, the two low bits of a record's first byte.
const stringTypes = { small: 0, large: 1, offset: 2 } as const;

/** One output of a run, in the form that a frame's body has. Alive until `SignatureCall.run` returns. */
export interface Output {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bodyBytes: number;
  /** Copies the body to `target` at `offset`, which must have room for it. */
  copyTo(target: Buffer, offset: number): void;
  /** Writes the body to a blocking file descriptor, without a copy where it is numeric. */
  writeTo(fd: number): void;
}

function invalid(message: string): AirlockError {
  return new AirlockError('MODEL_OUTPUT_INVALID', { message });
}

function readShape(library: TensorFlowLibrary, tensor: Pointer): number[] {
  // SAFETY: the tensor is alive; the two functions read numbers of it.
  const rank = library.numDims(tensor);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) shape.push(library.dim(tensor, i));
  return shape;
}

/**
 * One output, checked.
 * @throws MODEL_OUTPUT_INVALID when type or shape are not the signature's, or the body passes `maxBytes`.
 */
export function readOutput(library: TensorFlowLibrary, tensor: Pointer, spec: TensorSpec, maxBytes: number): Output {
  // SAFETY: the tensor is alive until the caller deletes it, after this function.
  const typeCode = library.tensorType(tensor);
  if (typeCode !== dtypes[spec.dtype].code) {
    throw invalid(`The model's output has type ${dtypeName(typeCode)} where its signature says ${spec.dtype}`);
  }
  const shape = readShape(library, tensor);
  if (shape.length > maxRank || !shapeFits(spec.shape, shape)) {
    throw invalid(`The model's output has shape ${formatShape(shape)} where its signature says ${formatShape(spec.shape)}`);
  }
  if (spec.dtype === 'DT_STRING') return new StringOutput(shape, stringBody(library, tensor, shape, maxBytes));
  const bodyBytes = byteCount(spec.dtype, shape);
  // Not a number fails the comparison too.
  if (!(bodyBytes <= maxBytes)) throw invalid('An output is larger than the limit');
  return new NumericOutput(spec.dtype, shape, bodyBytes, bodyBytes === 0 ? 0n : dataOf(library, tensor, bodyBytes));
}

function dataOf(library: TensorFlowLibrary, tensor: Pointer, neededBytes: number): Pointer {
  // SAFETY: the tensor is alive. Its memory must hold what its shape needs before a byte is read.
  const data = library.tensorData(tensor);
  if (data === null || library.tensorByteSize(tensor) < neededBytes) throw invalid('An output is shorter than its shape');
  return data;
}

class NumericOutput implements Output {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bodyBytes: number;
  readonly #data: Pointer;

  constructor(dtype: DType, shape: readonly number[], bodyBytes: number, data: Pointer) {
    this.dtype = dtype;
    this.shape = shape;
    this.bodyBytes = bodyBytes;
    this.#data = data;
  }

  copyTo(target: Buffer, offset: number): void {
    if (this.bodyBytes === 0) return;
    // SAFETY: subarray cannot pass the target's end, and its length is compared; dataOf has checked the tensor's.
    const place = target.subarray(offset, offset + this.bodyBytes);
    if (place.byteLength !== this.bodyBytes) throw new RangeError('no room for an output');
    copyFromNative(place, this.#data, this.bodyBytes);
  }

  writeTo(fd: number): void {
    // SAFETY: dataOf has checked that the tensor holds bodyBytes.
    if (this.bodyBytes > 0) writeFromNative(fd, this.#data, this.bodyBytes);
  }
}

class StringOutput implements Output {
  readonly dtype = 'DT_STRING';
  readonly shape: readonly number[];
  readonly bodyBytes: number;
  readonly #body: Buffer;

  constructor(shape: readonly number[], body: Buffer) {
    this.shape = shape;
    this.bodyBytes = body.byteLength;
    this.#body = body;
  }

  copyTo(target: Buffer, offset: number): void {
    target.set(this.#body, offset);
  }

  writeTo(fd: number): void {
    for (let done = 0; done < this.#body.byteLength; ) done += writeSync(fd, this.#body, done);
  }
}

/** The lengths as u32, then the bytes. */
function stringBody(library: TensorFlowLibrary, tensor: Pointer, shape: readonly number[], maxBytes: number): Buffer {
  const elements = elementCount(shape);
  if (!(elements * 4 <= maxBytes)) throw invalid('An output is larger than the limit');
  if (elements === 0) return Buffer.alloc(0);
  const data = dataOf(library, tensor, elements * tstringBytes);
  const records = Buffer.allocUnsafe(elements * tstringBytes);
  // SAFETY: both ends hold elements × 24 bytes.
  copyFromNative(records, data, records.length);
  let bodyBytes = elements * 4;
  for (let i = 0; i < elements; i++) {
    bodyBytes += stringLength(records, i * tstringBytes);
    // At each step, so that no sum of lengths can leave the range of exact integers.
    if (bodyBytes > maxBytes) throw invalid('An output is larger than the limit');
  }
  const body = Buffer.allocUnsafe(bodyBytes);
  let at = elements * 4;
  for (let i = 0; i < elements; i++) {
    const length = stringLength(records, i * tstringBytes);
    body.writeUInt32LE(length, i * 4);
    if (length > 0) copyString(records, i * tstringBytes, data, body, at, length);
    at += length;
  }
  return body;
}

function stringLength(records: Buffer, at: number): number {
  const type = records[at] & 3;
  if (type === stringTypes.small) return records[at] >> 2;
  const low = records.readUInt32LE(at);
  return type === stringTypes.offset ? low >>> 2 : Math.floor((low + records.readUInt32LE(at + 4) * 0x1_0000_0000) / 4);
}

function copyString(records: Buffer, at: number, data: Pointer, body: Buffer, place: number, length: number): void {
  const type = records[at] & 3;
  if (type === stringTypes.small) {
    records.copy(body, place, at + 1, at + 1 + length);
    return;
  }
  // LARGE has its pointer last, VIEW in the middle; OFFSET counts from its own record in TensorFlow's memory.
  const source =
    type === stringTypes.offset
      ? data + BigInt(at + records.readUInt32LE(at + 4))
      : records.readBigUInt64LE(at + (type === stringTypes.large ? 16 : 8));
  // SAFETY: the record is TensorFlow's own and says that `source` holds `length` bytes as long as the tensor lives; the body was
  // allocated for the sum of these lengths.
  copyFromNative(body.subarray(place, place + length), source, length);
}
