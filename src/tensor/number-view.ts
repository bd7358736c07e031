// The numbers of a tensor one by one, whatever its type, for those who compare answers of workers: nothing is believed of a tensor but its size.
import type { DType } from './dtype.ts';
import { bfloat16Value, halfValue } from './json/decimal.ts';
import type { Tensor } from './tensor.ts';

/** Element by element. */
export interface NumberView {
  readonly length: number;
  /** A 64-bit integer beyond 2^53 is rounded. */
  at(index: number): number;
  /** Of 64-bit integers only: all of their digits. */
  readonly exact?: (index: number) => bigint;
}

type Reader = (view: DataView, at: number) => number;

/** Bytes of one number, and how it is read. Complex numbers are two. */
const readers: Readonly<Record<Exclude<DType, 'DT_STRING'>, readonly [bytes: number, read: Reader]>> = {
  DT_FLOAT: [4, (view, at) => view.getFloat32(at, true)],
  DT_DOUBLE: [8, (view, at) => view.getFloat64(at, true)],
  DT_HALF: [2, (view, at) => halfValue(view.getUint16(at, true))],
  DT_BFLOAT16: [2, (view, at) => bfloat16Value(view.getUint16(at, true))],
  DT_COMPLEX64: [4, (view, at) => view.getFloat32(at, true)],
  DT_COMPLEX128: [8, (view, at) => view.getFloat64(at, true)],
  DT_BOOL: [1, (view, at) => view.getUint8(at)],
  DT_UINT8: [1, (view, at) => view.getUint8(at)],
  DT_INT8: [1, (view, at) => view.getInt8(at)],
  DT_UINT16: [2, (view, at) => view.getUint16(at, true)],
  DT_INT16: [2, (view, at) => view.getInt16(at, true)],
  DT_UINT32: [4, (view, at) => view.getUint32(at, true)],
  DT_INT32: [4, (view, at) => view.getInt32(at, true)],
  DT_UINT64: [8, (view, at) => Number(view.getBigUint64(at, true))],
  DT_INT64: [8, (view, at) => Number(view.getBigInt64(at, true))],
};

export function numberView({ dtype, bytes }: Exclude<Tensor, { readonly dtype: 'DT_STRING' }>): NumberView {
  const [itemBytes, read] = readers[dtype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.byteLength / itemBytes;
  const at = (index: number): number => read(view, index * itemBytes);
  if (dtype === 'DT_INT64') return { length, at, exact: (index) => view.getBigInt64(index * 8, true) };
  if (dtype === 'DT_UINT64') return { length, at, exact: (index) => view.getBigUint64(index * 8, true) };
  return { length, at };
}

/** Floating point, complex numbers among them. */
export function isFloating(dtype: DType): boolean {
  return ['DT_FLOAT', 'DT_DOUBLE', 'DT_HALF', 'DT_BFLOAT16', 'DT_COMPLEX64', 'DT_COMPLEX128'].includes(dtype);
}
