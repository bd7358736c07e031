import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Histogram } from './histogram.ts';

it('counts each value to the first bound that is not below it, whatever the values are', () => {
  const bounds = fc.uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(bounds, fc.array(fc.double({ noDefaultInfinity: true })), (unsorted, values) => {
      const sorted = unsorted.toSorted((a, b) => a - b);
      const histogram = new Histogram(sorted);
      for (const value of values) histogram.observe(value);
      const real = values.filter((value) => !Number.isNaN(value));
      const expected = [...sorted, Number.POSITIVE_INFINITY].map((bound) => real.filter((value) => value <= bound).length);
      expect(histogram.cumulative()).toEqual(expected);
      expect(histogram.count).toBe(real.length);
      expect(histogram.sum).toBe(real.reduce((sum, value) => sum + value, 0));
    }),
  );
});
