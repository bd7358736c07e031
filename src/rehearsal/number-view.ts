// The numbers of a tensor one by one, whatever its type: what came from a worker is compared here, so nothing is believed of it but its size.
import { bfloat16Value, type DType, elementCount, halfValue, type Tensor } from '../tensor/index.ts';

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

/** How far two numbers are apart: 0 for two NaN, NaN when only one of them is finite. */
export function differenceAt(a: NumberView, b: NumberView, index: number): number {
  if (a.exact !== undefined && b.exact !== undefined) {
    const difference = a.exact(index) - b.exact(index);
    return Number(difference < 0n ? -difference : difference);
  }
  const [x, y] = [a.at(index), b.at(index)];
  if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return 0;
  return Number.isFinite(x) && Number.isFinite(y) ? Math.abs(x - y) : Number.NaN;
}

export function isFloating(dtype: DType): boolean {
  return ['DT_FLOAT', 'DT_DOUBLE', 'DT_HALF', 'DT_BFLOAT16', 'DT_COMPLEX64', 'DT_COMPLEX128'].includes(dtype);
}

/** Classes along the last axis; 0 where the tensor has none to choose from: strings, complex numbers, booleans, and one score for each row. */
export function classesOf({ dtype, shape }: Tensor): number {
  if (dtype === 'DT_STRING' || dtype === 'DT_BOOL' || dtype === 'DT_COMPLEX64' || dtype === 'DT_COMPLEX128') return 0;
  const classes = shape.at(-1) ?? 0;
  return shape.length >= 2 && classes >= 2 && elementCount(shape) > 0 ? classes : 0;
}
