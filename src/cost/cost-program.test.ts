import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CostExpression } from './cost-model.ts';
import { CostProgram, evaluateCost } from './cost-program.ts';

/** The meaning, said once more in the plainest way. */
function meaning(expression: CostExpression, values: Readonly<Record<string, number>>): number {
  if (typeof expression === 'number') return expression;
  if (typeof expression === 'string') return values[expression];
  const [first, ...rest] = expression.of.map((operand) => meaning(operand, values));
  const { op } = expression;
  if (op === 'floor/') return Math.floor(first / rest[0]);
  if (op === 'ceil/') return Math.ceil(first / rest[0]);
  if (op === '+') return rest.reduce((a, b) => a + b, first);
  if (op === '*') return rest.reduce((a, b) => a * b, first);
  return op === 'max' ? Math.max(first, ...rest) : Math.min(first, ...rest);
}

const { expression } = fc.letrec<{ expression: CostExpression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 5 },
    fc.integer({ min: -5, max: 1_000 }),
    fc.constantFrom('a', 'b'),
    fc.record({
      op: fc.constantFrom('+' as const, '*' as const, 'max' as const, 'min' as const),
      of: fc.array(tie('expression'), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({
      op: fc.constantFrom('floor/' as const, 'ceil/' as const),
      of: fc.tuple(tie('expression'), fc.integer({ min: 1, max: 9 })),
    }),
  ),
}));

describe('CostProgram', () => {
  it('computes what the bound means, and never less than nothing', () => {
    fc.assert(
      fc.property(expression, fc.nat(10_000), fc.nat(10_000), (bound, a, b) => {
        const result = new CostProgram(bound, ['a', 'b']).evaluate(Float64Array.of(a, b));
        expect(result).toBe(Math.max(0, meaning(bound, { a, b })));
      }),
    );
  });

  it('is infinite for what overflows and for what is no number', () => {
    const large: CostExpression = { op: '*', of: [1e308, 'a'] };
    const values = Float64Array.of(10);
    expect(new CostProgram(large, ['a']).evaluate(values)).toBe(Number.POSITIVE_INFINITY);
    expect(new CostProgram({ op: '*', of: [large, 0] }, ['a']).evaluate(values)).toBe(Number.POSITIVE_INFINITY);
    expect(new CostProgram('a', ['a']).evaluate(Float64Array.of(Number.NaN))).toBe(Number.POSITIVE_INFINITY);
    expect(new CostProgram({ op: 'min', of: ['a', 5] }, ['a']).evaluate(Float64Array.of(Number.NaN))).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  it('may be used again: nothing stays from the last time', () => {
    const program = new CostProgram({ op: '+', of: ['a', { op: '*', of: ['b', 'b'] }] }, ['a', 'b']);
    expect([program.evaluate(Float64Array.of(1, 3)), program.evaluate(Float64Array.of(2, 1))]).toEqual([10, 3]);
  });

  it('refuses a variable that nobody gives', () => {
    expect(() => new CostProgram('c', ['a'])).toThrow(RangeError);
    expect(evaluateCost({ op: '+', of: ['a', 1] }, new Map([['a', 4]]))).toBe(5);
  });
});
