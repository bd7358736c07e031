// Counting elements and bytes of shapes that somebody else chose.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteCount, elementCount } from './tensor.ts';

describe('elementCount()', () => {
  it.each<[readonly number[], number]>([
    [[], 1],
    [[3, 4], 12],
    [[3, 0], 0],
    [[-1], Number.NaN],
    [[1.5], Number.NaN],
    [[2 ** 30, 2 ** 30], Number.NaN],
    [[2 ** 40, 2 ** 40, 0], Number.NaN],
    [[0, 2 ** 40, 2 ** 40], Number.NaN],
  ])('%j is %d', (shape, count) => expect(elementCount(shape)).toBe(count));

  it('is exact or not a number', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 ** 31 - 1), { maxLength: 6 }), (shape) => {
        const exact = shape.reduce((product, size) => product * BigInt(size), 1n);
        const count = elementCount(shape);
        expect(Number.isNaN(count) || BigInt(count) === exact).toBe(true);
      }),
    );
  });
});

describe('byteCount()', () => {
  it('multiplies by the width of the type', () => {
    expect(byteCount('DT_COMPLEX128', [2, 3])).toBe(96);
    expect(byteCount('DT_DOUBLE', [2 ** 51])).toBeNaN();
  });
});
