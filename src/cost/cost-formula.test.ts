import { describe, expect, it } from 'vitest';
import { costFormula, numberText } from './cost-formula.ts';
import type { CostExpression } from './cost-model.ts';

const sum = (...of: CostExpression[]): CostExpression => ({ op: '+', of });
const product = (...of: CostExpression[]): CostExpression => ({ op: '*', of });
const text = (bound: CostExpression | null): string => costFormula(bound, (name) => name);

describe('costFormula', () => {
  it.each<[CostExpression | null, string]>([
    [sum(product(2.3e6, 'b'), product(4100, 'b', 's', 's')), '4100·b·s² + 2.3e6·b'],
    [product(sum('b', 1), sum('b', 2)), 'b² + 3·b + 2'],
    [sum(product('b', 2), product(3, 'b')), '5·b'],
    [{ op: 'max', of: [product(2, 'b'), 7] }, 'max(2·b, 7)'],
    [product(4, { op: 'ceil/', of: [sum('b', 1), 2] }), '4·⌈(b + 1)/2⌉'],
    [{ op: 'floor/', of: ['b', 2] }, '⌊b/2⌋'],
    [0, '0'],
    [12_345_678, '1.23e7'],
    [null, 'not bounded'],
  ])('%#: %j', (bound, expected) => {
    expect(text(bound)).toBe(expected);
  });

  it('stays short, whatever a model says', () => {
    const many = sum(
      ...Array.from({ length: 26 }, (_, at) => product(at + 1, { op: 'min', of: [String.fromCharCode(97 + at), 3] })),
    );
    let grown: CostExpression = many;
    for (let depth = 0; depth < 20; depth++) grown = product(grown, many);
    expect(text(grown).length).toBeLessThan(2_000);
    expect(text(many)).toMatch(/ \+ 18 more$/);
  });

  it('writes numbers with few digits', () => {
    expect([0, 640, 0.25, 8.1e9, 12345, 0.001].map(numberText)).toEqual(['0', '640', '0.25', '8.1e9', '1.23e4', '1e-3']);
    expect(numberText(Number.POSITIVE_INFINITY)).toBe('more than can be said');
  });
});
