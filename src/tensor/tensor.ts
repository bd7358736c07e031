// A tensor as Airlock holds it between decoder, contract, worker and encoder: data type, shape, and raw little-endian bytes.
// No JavaScript object per element anywhere: a hostile request must not be able to make many objects out of few bytes.
import { type DType, dtypes } from './dtype.ts';

/** Every data type but strings: `bytes` is row-major and little-endian, exactly elements × itemBytes long. */
export interface NumericTensor {
  readonly dtype: Exclude<DType, 'DT_STRING'>;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Strings are byte strings: element i is `bytes[offsets[i] … offsets[i + 1]]`; `offsets` has elements + 1 entries. */
export interface StringTensor {
  readonly dtype: 'DT_STRING';
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  readonly offsets: Uint32Array;
}

export type Tensor = NumericTensor | StringTensor;

/**
 * The number of elements of a shape; 1 for a scalar, 0 if any dimension is 0.
 * Gives NaN when a dimension is negative or not an integer, or when the product passes 2^53: a product that wraps is how a shape
 * of a few bytes asks for gigabytes (CVE-2021-41203 is one of many), so a caller must check `Number.isSafeInteger`.
 */
export function elementCount(shape: readonly number[]): number {
  // Zeros are left out at first: [2^40, 2^40, 0] has no element, and still TensorFlow aborts when it multiplies the others.
  let product = 1;
  let isEmpty = false;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return Number.NaN;
    if (size === 0) isEmpty = true;
    else product *= size;
  }
  if (!Number.isSafeInteger(product)) return Number.NaN;
  return isEmpty ? 0 : product;
}

/** The bytes that a numeric tensor of this type and shape has; NaN as for `elementCount`. */
export function byteCount(dtype: Exclude<DType, 'DT_STRING'>, shape: readonly number[]): number {
  const bytes = elementCount(shape) * dtypes[dtype].itemBytes;
  return Number.isSafeInteger(bytes) ? bytes : Number.NaN;
}
