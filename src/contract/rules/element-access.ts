// Reads any numeric tensor as doubles, block by block, so that every rule has one loop over one kind of array: a loop that has seen all
// of V8's typed arrays is several times slower than one that has seen a single kind. It must never write into the tensor that it reads.
import { bfloat16Value, dtypes, halfValue, type NumericTensor } from '../../tensor/index.ts';
import type { ContractNumber } from '../contract-types.ts';

/** Numbers per block: 32 KiB of doubles stay in the first cache level. */
export const blockNumbers = 4096;

/** A tensor's numbers. Complex elements are two numbers each; bool elements are 0 and 1. */
export interface NumberView {
  readonly length: number;
  /** Numbers from `from` to `to` (exclusive), each as the nearest double, to the front of `target`. */
  read(from: number, to: number, target: Float64Array): void;
  /** One number, exactly: a bigint where a double cannot hold it. */
  exact(index: number): ContractNumber;
}

type PlainArray = Float32Array | Float64Array | Int32Array | Int16Array | Int8Array | Uint32Array | Uint16Array | Uint8Array;

class PlainView implements NumberView {
  readonly length: number;
  readonly #array: PlainArray;

  constructor(array: PlainArray) {
    this.#array = array;
    this.length = array.length;
  }

  read(from: number, to: number, target: Float64Array): void {
    const array = this.#array;
    // Below this, making the subarray costs more than the loop.
    if (to - from < 32) for (let i = from; i < to; i++) target[i - from] = array[i];
    else target.set(array.subarray(from, to));
  }

  exact(index: number): number {
    return this.#array[index];
  }
}

/** 64-bit integers as pairs of 32-bit words, low word first: BigInt arrays make an object per element. */
class WideView implements NumberView {
  readonly length: number;
  readonly #low: Uint32Array;
  readonly #high: Int32Array | Uint32Array;

  constructor(bytes: Uint8Array, isSigned: boolean) {
    const words = bytes.byteLength / 4;
    this.#low = new Uint32Array(bytes.buffer, bytes.byteOffset, words);
    this.#high = isSigned ? new Int32Array(bytes.buffer, bytes.byteOffset, words) : this.#low;
    this.length = words / 2;
  }

  read(from: number, to: number, target: Float64Array): void {
    const low = this.#low;
    const high = this.#high;
    // The product is exact, so the sum is rounded once: the nearest double.
    for (let i = from; i < to; i++) target[i - from] = high[2 * i + 1] * 4294967296 + low[2 * i];
  }

  exact(index: number): ContractNumber {
    const high = this.#high[2 * index + 1];
    const low = this.#low[2 * index];
    const value = high * 4294967296 + low;
    return Number.isSafeInteger(value) ? value : BigInt(high) * 4294967296n + BigInt(low);
  }
}

const decoded = new Map<string, Float64Array>();

/** The values of all 65,536 patterns, made on first need. */
function tableOf(dtype: 'DT_HALF' | 'DT_BFLOAT16'): Float64Array {
  const known = decoded.get(dtype);
  if (known !== undefined) return known;
  const value = dtype === 'DT_HALF' ? halfValue : bfloat16Value;
  const table = Float64Array.from({ length: 65_536 }, (_, bits) => value(bits));
  decoded.set(dtype, table);
  return table;
}

class TableView implements NumberView {
  readonly length: number;
  readonly #bits: Uint16Array;
  readonly #table: Float64Array;

  constructor(bits: Uint16Array, table: Float64Array) {
    this.#bits = bits;
    this.#table = table;
    this.length = bits.length;
  }

  read(from: number, to: number, target: Float64Array): void {
    const bits = this.#bits;
    const table = this.#table;
    for (let i = from; i < to; i++) target[i - from] = table[bits[i]];
  }

  exact(index: number): number {
    return this.#table[this.#bits[index]];
  }
}

/** The same bytes, at an address that typed arrays can begin at: a tensor may lie anywhere in a request's body. */
export function alignedBytes(bytes: Uint8Array, itemBytes: number): Uint8Array {
  return bytes.byteOffset % itemBytes === 0 ? bytes : new Uint8Array(bytes);
}

/** The numbers of `tensor`. */
export function numberView({ dtype, bytes }: NumericTensor): NumberView {
  const aligned = alignedBytes(bytes, Math.min(dtypes[dtype].itemBytes, 8));
  const { buffer, byteOffset, byteLength } = aligned;
  switch (dtype) {
    case 'DT_FLOAT':
    case 'DT_COMPLEX64':
      return new PlainView(new Float32Array(buffer, byteOffset, byteLength / 4));
    case 'DT_DOUBLE':
    case 'DT_COMPLEX128':
      return new PlainView(new Float64Array(buffer, byteOffset, byteLength / 8));
    case 'DT_INT32':
      return new PlainView(new Int32Array(buffer, byteOffset, byteLength / 4));
    case 'DT_UINT32':
      return new PlainView(new Uint32Array(buffer, byteOffset, byteLength / 4));
    case 'DT_INT16':
      return new PlainView(new Int16Array(buffer, byteOffset, byteLength / 2));
    case 'DT_UINT16':
      return new PlainView(new Uint16Array(buffer, byteOffset, byteLength / 2));
    case 'DT_INT8':
      return new PlainView(new Int8Array(buffer, byteOffset, byteLength));
    case 'DT_UINT8':
    case 'DT_BOOL':
      return new PlainView(new Uint8Array(buffer, byteOffset, byteLength));
    case 'DT_HALF':
    case 'DT_BFLOAT16':
      return new TableView(new Uint16Array(buffer, byteOffset, byteLength / 2), tableOf(dtype));
    case 'DT_INT64':
    case 'DT_UINT64':
      return new WideView(aligned, dtype === 'DT_INT64');
  }
}

// Checks run to their end before the next one begins, so one block in memory serves them all. Relations read two tensors at once.
const scratch = new Float64Array(blockNumbers);
const otherScratch = new Float64Array(blockNumbers);

/**
 * Calls `visit` with whole rows of `rowLength` numbers (1 or more), many at a time, until it gives false. `values` belongs to this
 * module: it holds something else after the call.
 */
export function visitRows(
  view: NumberView,
  rowLength: number,
  visit: (values: Float64Array, rows: number, firstRow: number) => boolean,
): void {
  const rowsPerBlock = Math.max(1, Math.floor(blockNumbers / rowLength));
  const values = rowLength > blockNumbers ? new Float64Array(rowLength) : scratch;
  const rows = view.length / rowLength;
  for (let row = 0; row < rows; row += rowsPerBlock) {
    const count = Math.min(rowsPerBlock, rows - row);
    view.read(row * rowLength, (row + count) * rowLength, values);
    if (!visit(values, count, row)) return;
  }
}

/** The same for two tensors of the same number of elements, element by element. */
export function visitPairs(
  left: NumberView,
  right: NumberView,
  visit: (left: Float64Array, right: Float64Array, count: number, base: number) => boolean,
): void {
  for (let base = 0; base < left.length; base += blockNumbers) {
    const end = Math.min(base + blockNumbers, left.length);
    left.read(base, end, scratch);
    right.read(base, end, otherScratch);
    if (!visit(scratch, otherScratch, end - base, base)) return;
  }
}
