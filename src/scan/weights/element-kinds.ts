// How the elements of a tensor lie in bytes, by the names that the formats have for data types. Facts only.
import type { ElementKind } from './piece-types.ts';

/** By the number of TensorFlow's DataType. What is missing lies in bytes. */
const byCode: ReadonlyMap<number, ElementKind> = new Map([
  [1, 'float32'],
  [2, 'float64'],
  [3, 'integers'],
  [7, 'strings'],
  [8, 'float32'],
  [9, 'integers'],
  [13, 'integers'],
  [14, 'bfloat16'],
  [18, 'float64'],
  [19, 'float16'],
  [22, 'integers'],
  [23, 'integers'],
]);

/** By the name in NumPy, HDF5, TFLite and TFJS, in small letters. */
const byName: ReadonlyMap<string, ElementKind> = new Map([
  ['float', 'float32'],
  ['float32', 'float32'],
  ['complex64', 'float32'],
  ['double', 'float64'],
  ['float64', 'float64'],
  ['complex128', 'float64'],
  ['half', 'float16'],
  ['float16', 'float16'],
  ['bfloat16', 'bfloat16'],
  ['int32', 'integers'],
  ['int64', 'integers'],
  ['uint32', 'integers'],
  ['uint64', 'integers'],
  ['string', 'strings'],
  ['object', 'strings'],
]);

/** `bytes` for what is not known. */
export function elementKind(dtype: number | string): ElementKind {
  if (typeof dtype === 'number') return byCode.get(dtype) ?? 'bytes';
  return byName.get(dtype.toLowerCase().replace(/^dt_/, '')) ?? 'bytes';
}
