// Builds TensorFlow's input tensors in native memory. Every length is computed here from the shape and compared with the bytes at
// hand before a byte is written; who calls owns the tensor that comes back and must delete it.
import { AirlockError } from '../core/index.ts';
import { type DType, dtypes, elementCount, maxRank } from '../tensor/index.ts';
import { allocateAligned, copyToNative, freeFunction, freeNative, type Pointer, readToNative } from './libc.ts';
import type { TensorFlowLibrary } from './tensorflow-library.ts';

/** Eigen's alignment; TensorFlow copies a tensor that has less. */
const alignment = 64;
const tstringBytes = 24;
/** The longest string that fits into the 24 bytes themselves. */
const maxInlineBytes = 22;

// Reused: one thread builds one tensor at a time, and koffi is done with it when the call returns.
const dimsScratch = Buffer.alloc(maxRank * 8);
const stringScratch = Buffer.alloc(16 * 1024);

function writeDims(shape: readonly number[]): void {
  for (let i = 0; i < shape.length; i++) {
    dimsScratch.writeUInt32LE(shape[i] % 0x1_0000_0000, i * 8);
    dimsScratch.writeUInt32LE(Math.floor(shape[i] / 0x1_0000_0000), i * 8 + 4);
  }
}

function checkedElements(shape: readonly number[]): number {
  const elements = elementCount(shape);
  // TensorFlow aborts the process when the product of the sizes overflows on the way to a dimension of 0, as in [2^40, 2^40, 0].
  const widest = elements === 0 ? elementCount(shape.map((size) => size || 1)) : elements;
  if (shape.length > maxRank || Number.isNaN(elements) || Number.isNaN(widest)) throw new AirlockError('TENSOR_INVALID');
  return elements;
}

/**
 * A numeric tensor with its memory still unset: the caller must fill all `byteLength` bytes before it runs.
 * @throws TENSOR_INVALID when `byteLength` is not what the shape needs; TENSORFLOW_RESOURCE_EXHAUSTED when there is no memory.
 */
export function allocateNumeric(
  library: TensorFlowLibrary,
  dtype: Exclude<DType, 'DT_STRING'>,
  shape: readonly number[],
  byteLength: number,
): Pointer {
  const info = dtypes[dtype];
  if (checkedElements(shape) * info.itemBytes !== byteLength) throw new AirlockError('TENSOR_INVALID');
  writeDims(shape);
  // SAFETY: at most maxRank sizes were written and are only read; TensorFlow allocates and owns the memory until the tensor is deleted.
  const tensor = library.allocateTensor(info.code, dimsScratch, shape.length, byteLength);
  if (tensor === null) throw new AirlockError('TENSORFLOW_RESOURCE_EXHAUSTED');
  return tensor;
}

/** Fills a tensor that `allocateNumeric` made for exactly `bytes.byteLength` bytes. */
export function fillNumeric(library: TensorFlowLibrary, tensor: Pointer, bytes: Uint8Array): void {
  if (bytes.byteLength === 0) return;
  // SAFETY: the tensor is alive and holds byteLength bytes, checked when it was allocated; the copy ends before the call does.
  const data = library.tensorData(tensor);
  if (data === null) throw new AirlockError('TENSORFLOW_RESOURCE_EXHAUSTED');
  copyToNative(data, bytes, bytes.byteLength);
}

/**
 * Fills a tensor that `allocateNumeric` made for exactly `head.byteLength + restBytes` bytes: first `head`, then the rest from a
 * blocking file descriptor. False when that ends first.
 */
export function readNumeric(
  library: TensorFlowLibrary,
  tensor: Pointer,
  head: Uint8Array,
  source: { readonly fd: number; readonly restBytes: number },
): boolean {
  // SAFETY: as in fillNumeric; the rest is written after the head, and both together are the tensor's length.
  const data = library.tensorData(tensor);
  if (data === null) throw new AirlockError('TENSORFLOW_RESOURCE_EXHAUSTED');
  if (head.byteLength > 0) copyToNative(data, head, head.byteLength);
  return readToNative(source.fd, data + BigInt(head.byteLength), source.restBytes);
}

/**
 * A string tensor from a frame's form: the elements' lengths as u32, then their bytes.
 *
 * One block holds the 24-byte TF_TString records and, after them, the bytes of the long strings, so both live exactly as long.
 * That matters: a variable that is assigned a fed tensor keeps the same block (seen with AssignVariableOp on 2.21), so bytes in a
 * second block that is freed after the run would be read later. VIEW and OFFSET records are not used because TensorFlow copies them
 * as references to the same bytes; LARGE records are copied deeply. TF_NewTensor marks the block as not TensorFlow's own
 * (TF_ManagedBuffer, owns_memory false), so no operation writes into it and none frees a string in the middle of it.
 *
 * @throws TENSOR_INVALID when the lengths do not fill the body; TENSORFLOW_RESOURCE_EXHAUSTED when there is no memory.
 */
export function createStringTensor(library: TensorFlowLibrary, shape: readonly number[], body: Uint8Array): Pointer {
  const elements = checkedElements(shape);
  const lengths = readLengths(body, elements);
  let poolBytes = 0;
  for (const length of lengths) if (length > maxInlineBytes) poolBytes += length + 1;
  const used = elements * tstringBytes + poolBytes;
  const blockBytes = Math.max(alignment, Math.ceil(used / alignment) * alignment);
  // SAFETY: the size is a multiple of the alignment and not 0. The block is ours until TF_NewTensor takes it.
  const block = allocateAligned(alignment, blockBytes);
  if (block === null) throw new AirlockError('TENSORFLOW_RESOURCE_EXHAUSTED');
  try {
    fillStringBlock(block, used, body, lengths);
  } catch (thrown) {
    // SAFETY: nobody else has seen the block yet.
    freeNative(block);
    throw thrown;
  }
  writeDims(shape);
  // SAFETY: the block holds `elements` initialised records; from here TensorFlow owns it and calls free on it, on any thread. It
  // gives null only for a block that is too short, and has freed it then.
  const tensor = library.newTensor(dtypes.DT_STRING.code, dimsScratch, shape.length, block, blockBytes, freeFunction, null);
  if (tensor === null) throw new AirlockError('TENSOR_INVALID');
  return tensor;
}

function readLengths(body: Uint8Array, elements: number): Uint32Array {
  if (elements * 4 > body.byteLength) throw new AirlockError('TENSOR_INVALID');
  const lengths = new Uint32Array(elements);
  new Uint8Array(lengths.buffer).set(body.subarray(0, elements * 4));
  let total = elements * 4;
  for (const length of lengths) total += length;
  if (total !== body.byteLength) throw new AirlockError('TENSOR_INVALID');
  return lengths;
}

function fillStringBlock(block: Pointer, used: number, body: Uint8Array, lengths: Uint32Array): void {
  const bytes = used > stringScratch.length ? Buffer.allocUnsafe(used) : stringScratch;
  writeStrings(bytes, Number(block), body, lengths);
  // SAFETY: the first `used` bytes were written, and the block is at least as long.
  copyToNative(block, bytes, used);
}

/** Writes the records and the long strings into `target`, which will stand at address `base` (below 2^53 on every Linux). */
function writeStrings(target: Buffer, base: number, body: Uint8Array, lengths: Uint32Array): void {
  target.fill(0, 0, lengths.length * tstringBytes);
  let from = lengths.length * 4;
  let record = 0;
  let pool = lengths.length * tstringBytes;
  for (const length of lengths) {
    if (length <= maxInlineBytes) {
      // SMALL: size and type in the first byte, then the bytes; the zeroed rest is the NUL at their end.
      target[record] = length << 2;
      for (let i = 0; i < length; i++) target[record + 1 + i] = body[from + i];
    } else {
      writeUInt64(target, record, length * 4 + 1);
      writeUInt64(target, record + 8, length);
      writeUInt64(target, record + 16, base + pool);
      target.set(body.subarray(from, from + length), pool);
      target[pool + length] = 0;
      pool += length + 1;
    }
    from += length;
    record += tstringBytes;
  }
}

function writeUInt64(target: Buffer, at: number, value: number): void {
  target.writeUInt32LE(value % 0x1_0000_0000, at);
  target.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}
