// Makes a tensor of another shape out of one: dimensions cut, or filled with a value, at one side. Always a copy; sizes are known and
// bounded before memory is taken.
import { dtypes, elementCount, type Tensor } from '../../tensor/index.ts';
import type { ContractNumber } from '../contract-types.ts';
import { writeNumber } from './numeric-types.ts';

/** What fills a dimension: a number of the tensor's type, or the bytes of a string; undefined where nothing is ever filled. */
export type FillValue = ContractNumber | Uint8Array | undefined;

/** A filled tensor is never larger; the contract's own limits are usually far below. */
const maxFilledBytes = 256 * 1024 * 1024;

export interface Reshaped {
  readonly tensor: Tensor;
  /** Where an element of the new tensor was in the old one; -1 for one that fills. */
  readonly sourceOf: (index: number) => number;
}

/**
 * `tensor` with the dimensions of `shape` (of the same rank). Larger dimensions are cut, smaller ones filled, at `side`.
 * Undefined when the result would be larger than 256 MiB.
 */
export function reshape(tensor: Tensor, shape: readonly number[], side: 'left' | 'right', fill: FillValue): Reshaped | undefined {
  const count = elementCount(shape);
  const fillBytes = typeof fill === 'object' ? fill.byteLength + 4 : dtypes[tensor.dtype].itemBytes;
  if (!Number.isSafeInteger(count) || count * fillBytes + tensor.bytes.byteLength > maxFilledBytes) return undefined;
  const sourceOf = sourceIndex(tensor.shape, shape, side);
  return {
    tensor:
      tensor.dtype === 'DT_STRING'
        ? strings(tensor, shape, count, sourceOf, fill)
        : numbers(tensor, shape, count, sourceOf, fill),
    sourceOf,
  };
}

function sourceIndex(old: readonly number[], shape: readonly number[], side: 'left' | 'right'): (index: number) => number {
  // Where the two begin to overlap: what is cut from or put to the left moves everything.
  const shifts = shape.map((size, axis) => (side === 'left' ? old[axis] - size : 0));
  return (index) => {
    let rest = index;
    let source = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const place = (rest % shape[axis]) + shifts[axis];
      if (place < 0 || place >= old[axis]) return -1;
      source += place * stride;
      stride *= old[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return source;
  };
}

/** Calls `copy` with each run of elements that lie together in both tensors, and `put` with each run that has to be filled. */
function eachRun(
  count: number,
  lastSize: number,
  sourceOf: (index: number) => number,
  copy: (to: number, from: number, length: number) => void,
  put: (to: number, length: number) => void,
): void {
  for (let row = 0; row < count; row += lastSize) {
    const end = row + lastSize;
    let start = row;
    while (start < end && sourceOf(start) === -1) start++;
    let stop = end;
    while (stop > start && sourceOf(stop - 1) === -1) stop--;
    if (start > row) put(row, start - row);
    if (stop > start) copy(start, sourceOf(start), stop - start);
    if (end > stop) put(stop, end - stop);
  }
}

function numbers(
  tensor: Exclude<Tensor, { dtype: 'DT_STRING' }>,
  shape: readonly number[],
  count: number,
  sourceOf: (index: number) => number,
  fill: FillValue,
): Tensor {
  const { itemBytes } = dtypes[tensor.dtype];
  const bytes = new Uint8Array(count * itemBytes);
  const pattern = new Uint8Array(itemBytes);
  if (typeof fill === 'number' || typeof fill === 'bigint') writeNumber(tensor.dtype, new DataView(pattern.buffer), 0, fill);
  eachRun(
    count,
    shape.at(-1) ?? 1,
    sourceOf,
    (to, from, length) => bytes.set(tensor.bytes.subarray(from * itemBytes, (from + length) * itemBytes), to * itemBytes),
    (to, length) => {
      for (let i = to; i < to + length; i++) bytes.set(pattern, i * itemBytes);
    },
  );
  return { dtype: tensor.dtype, shape, bytes };
}

function strings(
  tensor: Extract<Tensor, { dtype: 'DT_STRING' }>,
  shape: readonly number[],
  count: number,
  sourceOf: (index: number) => number,
  fill: FillValue,
): Tensor {
  const filling = typeof fill === 'object' ? fill : new Uint8Array(0);
  const offsets = new Uint32Array(count + 1);
  let length = 0;
  for (let i = 0; i < count; i++) {
    const source = sourceOf(i);
    length += source === -1 ? filling.byteLength : tensor.offsets[source + 1] - tensor.offsets[source];
    offsets[i + 1] = length;
  }
  const bytes = new Uint8Array(length);
  for (let i = 0; i < count; i++) {
    const source = sourceOf(i);
    const content = source === -1 ? filling : tensor.bytes.subarray(tensor.offsets[source], tensor.offsets[source + 1]);
    bytes.set(content, offsets[i]);
  }
  return { dtype: 'DT_STRING', shape, bytes, offsets };
}
