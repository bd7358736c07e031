// Short ways to make tensors and signatures in tests, and to read strings back.
import type { DType, Signature, StringTensor, Tensor, TensorSpec } from '../../src/tensor/index.ts';

type NumericDType = Exclude<DType, 'DT_STRING'>;

export function numeric(dtype: NumericDType, shape: readonly number[], values: ArrayBufferView): Tensor {
  return { dtype, shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

export const floats = (shape: readonly number[], ...values: number[]): Tensor =>
  numeric('DT_FLOAT', shape, Float32Array.from(values));

export function strings(shape: readonly number[], values: readonly (string | Uint8Array)[]): StringTensor {
  const parts = values.map((value) => Buffer.from(value as Uint8Array));
  const offsets = new Uint32Array(parts.length + 1);
  parts.forEach((part, i) => {
    offsets[i + 1] = offsets[i] + part.length;
  });
  return { dtype: 'DT_STRING', shape, bytes: Buffer.concat(parts), offsets };
}

export function stringsOf(tensor: Tensor): string[] {
  if (tensor.dtype !== 'DT_STRING') throw new TypeError('not a string tensor');
  const { bytes, offsets } = tensor;
  return Array.from({ length: offsets.length - 1 }, (_, i) => Buffer.from(bytes.subarray(offsets[i], offsets[i + 1])).toString());
}

export function floatsOf(tensor: Tensor): number[] {
  return Array.from(new Float32Array(Uint8Array.from(tensor.bytes).buffer));
}

export function spec(tensorName: string, dtype: DType, shape: readonly number[] | null = null): TensorSpec {
  return { alias: tensorName.split(':')[0], tensorName, dtype, shape };
}

export function signature(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[], name = 'serving_default'): Signature {
  return { name, methodName: 'tensorflow/serving/predict', inputs, outputs };
}

/** x -> y = x / 2 + 2, as in TensorFlow Serving's half_plus_two models. */
export const halfPlusTwo = signature([spec('x:0', 'DT_FLOAT', [-1, 1])], [spec('y:0', 'DT_FLOAT', [-1, 1])]);
