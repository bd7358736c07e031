// JavaScript values as inputs: what becomes which bytes, and what is refused.
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../core/index.ts';
import type { DType } from './dtype.ts';
import { type TensorValue, tensorFromValue, valueFromTensor } from './js-tensor.ts';

function tensor(dtype: DType, value: TensorValue) {
  return tensorFromValue({ alias: 'x', tensorName: 'x:0', dtype, shape: null }, value);
}

function codeOf(dtype: DType, value: TensorValue): string {
  try {
    tensor(dtype, value);
  } catch (thrown) {
    if (isAirlockError(thrown)) return thrown.code;
    throw thrown;
  }
  return 'accepted';
}

describe('tensorFromValue()', () => {
  it.each<[DType, TensorValue, readonly number[], unknown]>([
    [
      'DT_FLOAT',
      [
        [1, 2.5],
        [3, -0],
      ],
      [2, 2],
      new Float32Array([1, 2.5, 3, -0]),
    ],
    ['DT_INT64', [1, 2n ** 62n], [2], new BigInt64Array([1n, 2n ** 62n])],
    ['DT_UINT8', 255, [], new Uint8Array([255])],
    ['DT_BOOL', [true, false], [2], new Uint8Array([1, 0])],
    ['DT_HALF', [1], [1], new Uint16Array([0x3c00])],
    ['DT_BFLOAT16', [1], [1], new Uint16Array([0x3f80])],
    ['DT_COMPLEX64', { shape: [1], data: new Float32Array([1, 2]) }, [1], new Float32Array([1, 2])],
    ['DT_FLOAT', { shape: [2, 1], data: new Float32Array([1, 2]) }, [2, 1], new Float32Array([1, 2])],
    ['DT_FLOAT', [[], []], [2, 0], new Float32Array(0)],
  ])('%s %o', (dtype, value, shape, data) => {
    const output = valueFromTensor(tensor(dtype, value));
    expect(output.shape).toEqual(shape);
    expect(output.data).toEqual(data);
  });

  it('strings as text and as bytes', () => {
    expect(valueFromTensor(tensor('DT_STRING', ['é', Buffer.from([0xff])])).data).toEqual([
      Buffer.from('é'),
      Buffer.from([0xff]),
    ]);
    expect(valueFromTensor(tensor('DT_STRING', { shape: [1, 1], data: ['a'] })).shape).toEqual([1, 1]);
  });

  it.each<[DType, TensorValue, string]>([
    ['DT_INT32', [1.5], 'TENSOR_NOT_INTEGER'],
    ['DT_INT64', [2 ** 53], 'TENSOR_NOT_INTEGER'],
    ['DT_INT64', [2n ** 63n], 'TENSOR_OUT_OF_RANGE'],
    ['DT_UINT64', [-1], 'TENSOR_OUT_OF_RANGE'],
    ['DT_UINT8', [300], 'TENSOR_OUT_OF_RANGE'],
    ['DT_FLOAT', [1e39], 'TENSOR_OUT_OF_RANGE'],
    ['DT_HALF', [65520], 'TENSOR_OUT_OF_RANGE'],
    ['DT_FLOAT', [Number.NaN], 'TENSOR_NOT_FINITE'],
    ['DT_BFLOAT16', [Number.POSITIVE_INFINITY], 'TENSOR_NOT_FINITE'],
    ['DT_COMPLEX64', { shape: [1], data: new Float32Array([1, Number.NaN]) }, 'TENSOR_NOT_FINITE'],
    ['DT_FLOAT', ['1'], 'TENSOR_TYPE_MISMATCH'],
    ['DT_FLOAT', [true], 'TENSOR_TYPE_MISMATCH'],
    ['DT_BOOL', [1], 'TENSOR_TYPE_MISMATCH'],
    ['DT_BOOL', { shape: [2], data: Uint8Array.of(7, 255) }, 'TENSOR_TYPE_MISMATCH'],
    ['DT_STRING', [1], 'TENSOR_TYPE_MISMATCH'],
    ['DT_FLOAT', { shape: [1], data: new Float64Array(1) }, 'TENSOR_TYPE_MISMATCH'],
    ['DT_FLOAT', { shape: [3], data: new Float32Array(2) }, 'TENSOR_INVALID'],
    ['DT_FLOAT', { shape: [-2], data: new Float32Array(2) }, 'TENSOR_INVALID'],
    ['DT_FLOAT', [[1], [1, 2]], 'TENSOR_RAGGED'],
    ['DT_FLOAT', [[1], 2], 'TENSOR_RAGGED'],
    ['DT_FLOAT', [1, [2]], 'TENSOR_RAGGED'],
    ['DT_STRING', ['\ud800'], 'TENSOR_INVALID'],
    ['DT_COMPLEX64', [1], 'TENSOR_INVALID'],
  ])('refuses %s %o', (dtype, value, code) => {
    expect(codeOf(dtype, value)).toBe(code);
  });

  it.each<[DType, TensorValue, number]>([
    ['DT_HALF', [1, Number.NaN], Number.NaN],
    ['DT_HALF', [1, Number.NEGATIVE_INFINITY], Number.POSITIVE_INFINITY],
    ['DT_BFLOAT16', [1, Number.NaN], Number.NaN],
    ['DT_BFLOAT16', [1, Number.POSITIVE_INFINITY], Number.POSITIVE_INFINITY],
    ['DT_DOUBLE', [1, Number.NEGATIVE_INFINITY], Number.NEGATIVE_INFINITY],
    ['DT_COMPLEX64', { shape: [1], data: new Float32Array([1, Number.NaN]) }, Number.NaN],
  ])('asks whether %s %o may be what it is', (dtype, value, seen) => {
    const asked: number[] = [];
    const spec = { alias: 'x', tensorName: 'x:0', dtype, shape: null };
    tensorFromValue(spec, value, { takesNonFinite: (number) => asked.push(number) > 0 });
    expect(asked).toEqual([seen]);
    expect(() => tensorFromValue(spec, value, { takesNonFinite: () => false })).toThrow('finite');
  });
});
