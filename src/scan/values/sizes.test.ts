import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  addSizes,
  constantSize,
  divideSizes,
  evaluateSize,
  largerSize,
  multiplySizes,
  type Size,
  smallerSize,
  variableSize,
} from './sizes.ts';

interface Both {
  readonly size: Size | undefined;
  readonly value: (x: number, y: number) => number;
}

/** A formula, and the same computed with plain numbers. */
const formulas: fc.Arbitrary<Both> = fc.letrec<{ both: Both }>((tie) => ({
  both: fc.oneof(
    { maxDepth: 4 },
    fc.integer({ min: 0, max: 9 }).map((n): Both => ({ size: constantSize(n), value: () => n })),
    fc.constant<Both>({ size: variableSize('x'), value: (x) => x }),
    fc.constant<Both>({ size: variableSize('y'), value: (_, y) => y }),
    fc.tuple(tie('both'), tie('both'), fc.constantFrom('add', 'multiply', 'max', 'min')).map(([a, b, op]): Both => {
      if (op === 'add') return { size: addSizes(a.size, b.size), value: (x, y) => a.value(x, y) + b.value(x, y) };
      if (op === 'multiply') return { size: multiplySizes(a.size, b.size), value: (x, y) => a.value(x, y) * b.value(x, y) };
      if (op === 'max') return { size: largerSize(a.size, b.size), value: (x, y) => Math.max(a.value(x, y), b.value(x, y)) };
      return { size: smallerSize(a.size, b.size), value: (x, y) => Math.min(a.value(x, y), b.value(x, y)) };
    }),
    fc.tuple(tie('both'), fc.integer({ min: 1, max: 7 })).map(
      ([a, n]): Both => ({
        size: divideSizes(a.size, constantSize(n)),
        value: (x, y) => Math.floor(a.value(x, y) / n),
      }),
    ),
  ),
})).both;

it('computes what plain numbers compute, for every value of the variables', () => {
  fc.assert(
    fc.property(formulas, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), ({ size, value }, x, y) => {
      if (size === undefined) return;
      expect(evaluateSize(size, (name) => (name === 'x' ? x : y))).toBe(value(x, y));
    }),
  );
});

it('divides again by what was multiplied', () => {
  const [x, y] = [variableSize('x'), variableSize('y')];
  const window = addSizes(x, constantSize(-6));
  const product = multiplySizes(multiplySizes(window, y), constantSize(12));
  expect(divideSizes(product, multiplySizes(window, constantSize(4)))?.key).toBe(multiplySizes(y, constantSize(3))?.key);
});
