// Quantiles against sorting everything. The error that the contract's bounds rely on is stated in the source, and kept here.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QuantileDigest, quantileError } from './quantile-digest.ts';

/** The same numbers on every run. */
function* noise(count: number, seed: number): Generator<number> {
  let state = seed;
  for (let index = 0; index < count; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

function digestOf(values: Iterable<number>): QuantileDigest {
  const digest = new QuantileDigest();
  for (const value of values) digest.add(value);
  return digest;
}

/** How far, in shares of all values, the rank of `value` is from `q`. */
function rankError(sorted: Float64Array, value: number, q: number): number {
  let below = 0;
  let upTo = sorted.length;
  for (let step = sorted.length; step > 0; step >>= 1) {
    while (below + step <= sorted.length && sorted[below + step - 1] < value) below += step;
  }
  for (let step = sorted.length; step > 0; step >>= 1) {
    while (upTo - step >= 0 && sorted[upTo - step] > value) upTo -= step;
  }
  const [low, high] = [below / sorted.length, upTo / sorted.length];
  return q < low ? low - q : q > high ? q - high : 0;
}

describe('QuantileDigest', () => {
  const shapes: readonly (readonly [string, (u: number) => number])[] = [
    ['uniform', (u) => u],
    ['heavy-tailed', (u) => 1 / (1 - u) ** 2],
    ['few values', (u) => Math.floor(u * 7)],
    ['narrow with outliers', (u) => (u < 0.0005 ? -1e9 : u > 0.9995 ? 1e9 : u / 1e6)],
  ];
  const orders: readonly (readonly [string, (values: number[]) => number[]])[] = [
    ['shuffled', (values) => values],
    ['sorted', (values) => values.sort((one, other) => one - other)],
    ['reversed', (values) => values.sort((one, other) => other - one)],
  ];

  it.each(shapes.flatMap(([shape, map]) => orders.map(([order, arrange]) => [shape, order, map, arrange] as const)))(
    'keeps its error for %s values, %s',
    (_shape, _order, map, arrange) => {
      const values = arrange([...noise(60_000, 7)].map(map));
      const digest = digestOf(values);
      const sorted = Float64Array.from(values).sort();
      for (const q of [0.001, 0.999]) expect(rankError(sorted, digest.quantile(q), q)).toBeLessThanOrEqual(quantileError.tails);
      expect(rankError(sorted, digest.quantile(0.5), 0.5)).toBeLessThanOrEqual(quantileError.median);
    },
  );

  it('is exact for few values, and stays between the extremes', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 300 }), (values) => {
        const digest = digestOf(values);
        const sorted = [...values].sort((one, other) => one - other);
        expect(digest.isExact).toBe(true);
        expect(digest.quantile(0)).toBe(sorted[0]);
        expect(digest.quantile(1)).toBe(sorted.at(-1));
        expect(values).toContain(digest.quantile(0.5));
      }),
    );
  });

  it('has no quantile of nothing', () => expect(new QuantileDigest().quantile(0.5)).toBeNaN());
});
