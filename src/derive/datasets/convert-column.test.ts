// Values become elements of an input without any loss, or not at all.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DType } from '../../tensor/index.ts';
import { convertColumn } from './convert-column.ts';
import { type Column, type ColumnValues, jsonTypes } from './dataset-types.ts';
import { typedArrayOf } from './typed-array.ts';

function columnOf(values: ColumnValues, rows: number): Column {
  return { name: 'x', rows, missing: undefined, itemShape: [], values };
}

function cells(dtype: DType, ...texts: string[]) {
  const tensor = convertColumn(columnOf({ kind: 'cells', cells: texts }, texts.length), dtype, 1);
  return tensor.dtype === 'DT_STRING' ? tensor : [...typedArrayOf(tensor.dtype, tensor.bytes)];
}

function json(dtype: DType, text: string, type: number) {
  const tensor = convertColumn(columnOf({ kind: 'json', cells: [text], types: Uint8Array.of(type) }, 1), dtype, 1);
  return tensor.dtype === 'DT_STRING' ? tensor.bytes.toString() : [...typedArrayOf(tensor.dtype, tensor.bytes)];
}

describe('text to elements', () => {
  it('keeps integers exactly', () => {
    expect(cells('DT_INT64', '9007199254740993', '-9223372036854775808')).toEqual([9007199254740993n, -(2n ** 63n)]);
    expect(cells('DT_UINT64', '18446744073709551615')).toEqual([2n ** 64n - 1n]);
    expect(cells('DT_UINT8', '255', '0')).toEqual([255, 0]);
  });

  it.each<[DType, string]>([
    ['DT_INT64', '1.0'],
    ['DT_INT64', '1e3'],
    ['DT_INT64', '007'],
    ['DT_INT64', '-0'],
    ['DT_INT64', ' 1'],
    ['DT_INT64', '0x10'],
    ['DT_INT64', ''],
    ['DT_INT64', '9223372036854775808'],
    ['DT_UINT8', '256'],
    ['DT_UINT64', '-1'],
    ['DT_FLOAT', 'abc'],
    ['DT_FLOAT', '1,5'],
    ['DT_FLOAT', '1e39'],
    ['DT_DOUBLE', '1e309'],
    ['DT_HALF', '65520'],
    ['DT_BFLOAT16', '3.4e38'],
    ['DT_BOOL', 'yes'],
    ['DT_FLOAT', '1'.repeat(2000)],
  ])('refuses for %s the text %j', (dtype, text) => {
    expect(() => cells(dtype, '1', text)).toThrow(/record 2, column x/);
  });

  it('rounds floats once, from the decimal', () => {
    // Halfway between two floats when it goes through a double.
    expect(cells('DT_FLOAT', '1.00000017881393432617187499', '16777217', '.5', '+1', '5.')).toEqual([
      1.0000001192092896, 16777216, 0.5, 1, 5,
    ]);
    expect(cells('DT_HALF', '1.5', '65504')).toEqual([0x3e00, 0x7bff]);
    expect(cells('DT_BFLOAT16', '257')).toEqual([0x4380]);
  });

  it('does not mix the kinds of JSON', () => {
    expect(json('DT_INT32', '5', jsonTypes.number)).toEqual([5]);
    expect(json('DT_FLOAT', 'NaN', jsonTypes.nonFinite)).toEqual([Number.NaN]);
    expect(json('DT_BOOL', 'true', jsonTypes.boolean)).toEqual([1]);
    expect(() => json('DT_INT32', '5', jsonTypes.string)).toThrow(/a number/);
    expect(() => json('DT_STRING', '5', jsonTypes.number)).toThrow(/a string/);
    expect(() => json('DT_BOOL', '1', jsonTypes.number)).toThrow(/true or false/);
    expect(() => json('DT_INT32', 'NaN', jsonTypes.nonFinite)).toThrow(/whole number/);
  });

  it('reads back every double and float that JavaScript writes', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        (d, f) => {
          expect(cells('DT_DOUBLE', JSON.stringify(d))).toEqual([d === 0 ? 0 : d]);
          expect(cells('DT_FLOAT', JSON.stringify(f))).toEqual([f === 0 ? 0 : f]);
        },
      ),
    );
  });
});

describe('numbers to elements', () => {
  const numbers = (from: Exclude<DType, 'DT_STRING'>, data: Uint8Array, to: DType) => {
    const array = typedArrayOf(from, data);
    const tensor = convertColumn(columnOf({ kind: 'numbers', dtype: from, data: array }, array.length), to, 1);
    return tensor.dtype === 'DT_STRING' ? [] : [...typedArrayOf(tensor.dtype, tensor.bytes)];
  };
  const bytes = (array: { readonly buffer: ArrayBufferLike }) => new Uint8Array(array.buffer);

  it('widens and narrows only what fits', () => {
    expect(numbers('DT_INT64', bytes(BigInt64Array.of(-5n, 127n)), 'DT_INT8')).toEqual([-5, 127]);
    expect(numbers('DT_INT8', bytes(Int8Array.of(-5)), 'DT_INT64')).toEqual([-5n]);
    expect(numbers('DT_DOUBLE', bytes(Float64Array.of(0.1)), 'DT_FLOAT')).toEqual([Math.fround(0.1)]);
    expect(numbers('DT_HALF', bytes(Uint16Array.of(0x3e00)), 'DT_FLOAT')).toEqual([1.5]);
    expect(() => numbers('DT_INT64', bytes(BigInt64Array.of(0n, 128n)), 'DT_INT8')).toThrow(/record 2/);
    expect(() => numbers('DT_DOUBLE', bytes(Float64Array.of(1e39)), 'DT_FLOAT')).toThrow(/inside DT_FLOAT/);
    expect(() => numbers('DT_DOUBLE', bytes(Float64Array.of(1)), 'DT_INT64')).toThrow(/without loss/);
    expect(() => numbers('DT_BOOL', Uint8Array.of(1), 'DT_INT8')).toThrow(/without loss/);
  });
});
