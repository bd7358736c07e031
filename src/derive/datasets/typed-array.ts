// Typed arrays over the bytes of a tensor, by its data type.
import { type DType, type OutputTensor, valueFromTensor } from '../../tensor/index.ts';

export type TypedArray = Exclude<OutputTensor['data'], readonly Buffer[]>;

/** `bytes` as the array of its type: half and bfloat16 as 16 bits, bool as bytes, complex as pairs. A copy where `bytes` lies unaligned. */
export function typedArrayOf(dtype: Exclude<DType, 'DT_STRING'>, bytes: Uint8Array): TypedArray {
  const { data } = valueFromTensor({ dtype, shape: [], bytes });
  // Only strings come as lists.
  if (!ArrayBuffer.isView(data)) throw new TypeError('not a numeric tensor');
  return data;
}

export function bytesOfArray(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
