// Bounds hold for all that was measured, at every margin and at the ends of every type.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tensorFromValue } from '../../tensor/index.ts';
import { boundsOf, lengthBounds, roundOutward } from './margins.ts';
import { NumberMeasure } from './number-measure.ts';
import { Lengths } from './text-measure.ts';

const margin = fc.double({ min: 0, max: 10, noNaN: true });

function measured(dtype: 'DT_FLOAT' | 'DT_DOUBLE' | 'DT_INT64' | 'DT_INT8' | 'DT_UINT64', values: readonly (number | bigint)[]) {
  const measure = new NumberMeasure(dtype);
  const tensor = tensorFromValue({ alias: 'x', tensorName: 'x:0', dtype, shape: null }, values);
  if (tensor.dtype !== 'DT_STRING') measure.add(tensor);
  return measure;
}

describe('boundsOf()', () => {
  it('holds for floats, and a bound is at most one step of the type away from what was asked for', () => {
    const value = fc.float({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), margin, (values, widened) => {
        const bounds = boundsOf(measured('DT_FLOAT', values), widened);
        if (bounds === undefined) throw new Error('no bounds');
        // As the engine compares: bounds in the type of the tensor.
        expect(Math.fround(Number(bounds.min))).toBeLessThanOrEqual(Math.min(...values));
        expect(Math.fround(Number(bounds.max))).toBeGreaterThanOrEqual(Math.max(...values));
        expect(Number.isFinite(Math.fround(Number(bounds.max)))).toBe(true);
        if (Math.min(...values) >= 0) expect(Number(bounds.min)).toBeGreaterThanOrEqual(0);
        if (Math.max(...values) <= 0) expect(Number(bounds.max)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('holds for 64-bit integers to the last digit', () => {
    const value = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), margin, (values, widened) => {
        const bounds = boundsOf(measured('DT_INT64', values), widened);
        if (bounds === undefined) throw new Error('no bounds');
        for (const each of values) expect(each >= bounds.min && each <= bounds.max).toBe(true);
        expect(bounds.min >= -(2n ** 63n) && bounds.max <= 2n ** 63n - 1n).toBe(true);
        expect(bounds.softMin >= bounds.min && bounds.softMax <= bounds.max).toBe(true);
      }),
    );
  });

  it('is the extremes themselves without a margin', () => {
    expect(boundsOf(measured('DT_FLOAT', [0.1, 0.7]), 0)).toMatchObject({ min: 0.1, max: 0.7 });
    expect(boundsOf(measured('DT_INT8', [-3, 5]), 0)).toMatchObject({ min: -3, max: 5 });
    expect(boundsOf(measured('DT_UINT64', [2n ** 64n - 1n]), 0)?.max).toBe(2n ** 64n - 1n);
  });

  it('widens 64-bit integers by their own spread, and rounds no quantile of them', () => {
    const far = 2n ** 62n;
    const narrow = boundsOf(
      measured(
        'DT_INT64',
        [0n, 1n, 2n, 3n, 4n, 5n].map((value) => far + value),
      ),
      0,
    );
    expect(narrow).toEqual({ min: far, max: far + 5n, softMin: far, softMax: far + 5n });
    const wide = boundsOf(measured('DT_UINT64', [far + 1000n, far, far + 2000n]), 0.25);
    expect(wide).toEqual({ min: far - 500n, max: far + 2500n, softMin: far, softMax: far + 2000n });
  });

  it('leaves neither the type nor the sign', () => {
    expect(boundsOf(measured('DT_INT8', [-100, 100]), 5)).toMatchObject({ min: -128, max: 127 });
    expect(boundsOf(measured('DT_INT8', [0, 100]), 5)).toMatchObject({ min: 0, max: 127 });
    expect(boundsOf(measured('DT_FLOAT', [3e38, -3e38]), 5)?.max).toBe(3.4028234663852886e38);
  });
});

describe('roundOutward()', () => {
  it('never moves towards the data', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(roundOutward(value, 'down')).toBeLessThanOrEqual(value);
        expect(roundOutward(value, 'up')).toBeGreaterThanOrEqual(value);
      }),
    );
  });
});

describe('lengthBounds()', () => {
  it('holds for all lengths, and never allows nothing where there was always something', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1 }), margin, (lengths, widened) => {
        const measure = new Lengths();
        for (const length of lengths) measure.add(length);
        const { min, max } = lengthBounds(measure, widened);
        expect(min).toBeLessThanOrEqual(Math.min(...lengths));
        expect(max).toBeGreaterThanOrEqual(Math.max(...lengths));
        expect(min).toBeGreaterThanOrEqual(Math.min(1, ...lengths));
      }),
    );
  });
});
