// Makes a tensor of another shape out of one: dimensions cut, or filled with a value, at one side. Always a copy; sizes are known and
// bounded before memory is taken.
import { dtypes, elementCount, type Tensor } from '../../tensor/index.ts';
import type { ContractNumber } from '../contract-types.ts';
import { writeNumber } from './numeric-types.ts';

/** What fills a dimension: a number of the tensor's type, or the bytes of a string; undefined where nothing is ever filled. */
export type FillValue = ContractNumber | Uint8Array | undefined;

/** Bytes by which filling may make one tensor larger; the contract's own limits are usually far below. */
const maxAddedBytes = 64 * 1024 * 1024;

export interface Reshaped {
  readonly tensor: Tensor;
  /** Where an element of the new tensor was in the old one; -1 for one that fills. */
  readonly sourceOf: (index: number) => number;
}

/**
 * `tensor` with the dimensions of `shape` (of the same rank). Larger dimensions are cut, smaller ones filled, at `side`.
 * Undefined when what is filled takes more than 64 MiB.
 */
export function reshape(tensor: Tensor, shape: readonly number[], side: 'left' | 'right', fill: FillValue): Reshaped | undefined {
  const count = elementCount(shape);
  const added = count - elementCount(tensor.shape);
  const fillBytes = typeof fill === 'object' ? fill.byteLength + 4 : dtypes[tensor.dtype].itemBytes;
  if (!Number.isSafeInteger(count) || added * fillBytes > maxAddedBytes) return undefined;
  const sourceOf = sourceIndex(tensor.shape, shape, side);
  const runs = commonRuns(tensor.shape, shape, side);
  return {
    tensor: tensor.dtype === 'DT_STRING' ? strings(tensor, shape, count, runs, fill) : numbers(tensor, shape, count, runs, fill),
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

/** Calls `copy` with the elements that lie together in both tensors. */
type EachRun = (copy: (to: number, from: number, length: number) => void) => void;

/**
 * Runs along the last dimension, in rising order. Goes over what came, and not over what is made: a client that has nearly all of a tensor
 * filled sends next to nothing.
 */
function commonRuns(old: readonly number[], shape: readonly number[], side: 'left' | 'right'): EachRun {
  const common = shape.map((size, axis) => Math.min(size, old[axis]));
  // What is cut from or put to the left moves everything.
  const starts = (sizes: readonly number[]) => sizes.map((size, axis) => (side === 'left' ? size - common[axis] : 0));
  const toStarts = starts(shape);
  const fromStarts = starts(old);
  const last = shape.length - 1;
  const length = common.at(-1) ?? 1;
  const rows = length === 0 ? 0 : elementCount(common) / length;
  return (copy) => {
    for (let row = 0; row < rows; row++) {
      let rest = row;
      let to = toStarts[last] ?? 0;
      let from = fromStarts[last] ?? 0;
      let toStride = shape[last] ?? 1;
      let fromStride = old[last] ?? 1;
      for (let axis = last - 1; axis >= 0; axis--) {
        const place = rest % common[axis];
        rest = Math.floor(rest / common[axis]);
        to += (place + toStarts[axis]) * toStride;
        from += (place + fromStarts[axis]) * fromStride;
        toStride *= shape[axis];
        fromStride *= old[axis];
      }
      copy(to, from, length);
    }
  };
}

function numbers(
  tensor: Exclude<Tensor, { dtype: 'DT_STRING' }>,
  shape: readonly number[],
  count: number,
  eachRun: EachRun,
  fill: FillValue,
): Tensor {
  const { itemBytes } = dtypes[tensor.dtype];
  const bytes = new Uint8Array(count * itemBytes);
  const pattern = new Uint8Array(itemBytes);
  if (typeof fill === 'number' || typeof fill === 'bigint') writeNumber(tensor.dtype, new DataView(pattern.buffer), 0, fill);
  if (pattern.some((byte) => byte !== 0)) fillWith(bytes, pattern);
  eachRun((to, from, length) => bytes.set(tensor.bytes.subarray(from * itemBytes, (from + length) * itemBytes), to * itemBytes));
  return { dtype: tensor.dtype, shape, bytes };
}

/** Writes `pattern` into `bytes` again and again: what is there is doubled, in one step for all of an element's bytes. */
function fillWith(bytes: Uint8Array, pattern: Uint8Array): void {
  if (bytes.byteLength === 0 || pattern.byteLength === 0) return;
  bytes.set(pattern);
  for (let done = pattern.byteLength; done < bytes.byteLength; done *= 2) bytes.copyWithin(done, 0, done);
}

function strings(
  tensor: Extract<Tensor, { dtype: 'DT_STRING' }>,
  shape: readonly number[],
  count: number,
  eachRun: EachRun,
  fill: FillValue,
): Tensor {
  const filling = typeof fill === 'object' ? fill : new Uint8Array(0);
  let total = 0;
  let copied = 0;
  eachRun((_, from, length) => {
    total += tensor.offsets[from + length] - tensor.offsets[from];
    copied += length;
  });
  const bytes = new Uint8Array(total + (count - copied) * filling.byteLength);
  const offsets = new Uint32Array(count + 1);
  let next = 0;
  let at = 0;
  const put = (end: number): void => {
    fillWith(bytes.subarray(at, at + (end - next) * filling.byteLength), filling);
    for (; next < end; next++) {
      at += filling.byteLength;
      offsets[next + 1] = at;
    }
  };
  eachRun((to, from, length) => {
    put(to);
    const start = tensor.offsets[from];
    bytes.set(tensor.bytes.subarray(start, tensor.offsets[from + length]), at);
    const moved = at - start;
    for (let i = 1; i <= length; i++) offsets[to + i] = tensor.offsets[from + i] + moved;
    next = to + length;
    at = offsets[next];
  });
  put(count);
  return { dtype: 'DT_STRING', shape, bytes, offsets };
}
