// Rules over many numbers, against sums that are written out. Values are small integers and quarters, so that every sum is exact.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numbers, type RuleDraft, refusedBy, runRules } from '../../../tests/support/contracts.ts';
import type { Interval } from '../contract-types.ts';

const quarter = fc.integer({ min: -40, max: 40 }).map((value) => value / 4);
const rowsOf = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 4 }))
  .chain(([rows, length]) =>
    fc.array(fc.array(quarter, { minLength: length, maxLength: length }), { minLength: rows, maxLength: rows }),
  );
const types = fc.constantFrom('DT_FLOAT' as const, 'DT_DOUBLE' as const);
const add = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** `value` is let through by an interval that ends at it, and refused by one that ends a step before it. */
function expectEdges(
  ruleOf: (interval: Interval) => RuleDraft,
  tensor: ReturnType<typeof numbers>,
  value: number,
  name: string,
): void {
  const step = Math.max(Math.abs(value), 1) * 2 ** -30;
  const refused = (interval: Interval): string[] => refusedBy(runRules(ruleOf(interval), tensor).findings);
  expect(refused({ min: value - step, max: value + step })).toEqual([]);
  expect(refused({ min: value + step })).toEqual([name]);
  expect(refused({ max: value - step })).toEqual([name]);
}

describe('statistics', () => {
  const whole: readonly [string, (values: readonly number[]) => number, (interval: Interval) => Omit<RuleDraft, 'dtype'>][] = [
    ['sum', add, (sum) => ({ sum })],
    ['mean', (values) => add(values) / values.length, (mean) => ({ mean })],
    [
      'standardDeviation',
      (values) => Math.sqrt(add(values.map((value) => (value - add(values) / values.length) ** 2)) / values.length),
      (standardDeviation) => ({ standardDeviation }),
    ],
    [
      'zeroFraction',
      (values) => values.filter((value) => value === 0).length / values.length,
      (zeroFraction) => ({ zeroFraction }),
    ],
  ];
  it.each(whole)('%s ends where the contract says', (name, compute, rules) => {
    fc.assert(
      fc.property(rowsOf, types, (rows, dtype) => {
        const values = rows.flat();
        const tensor = numbers(dtype, values, [rows.length, rows[0].length]);
        expectEdges((interval) => ({ dtype, ...rules(interval) }), tensor, compute(values), name);
      }),
      { numRuns: 60 },
    );
  });

  const perRow: readonly [string, (row: readonly number[]) => number, (interval: Interval) => Omit<RuleDraft, 'dtype'>][] = [
    ['rowSum', add, (rowSum) => ({ rowSum })],
    ['norm.l1', (row) => add(row.map(Math.abs)), (l1) => ({ norm: { l1 } })],
    ['norm.l2', (row) => Math.hypot(...row), (l2) => ({ norm: { l2 } })],
    ['norm.linf', (row) => Math.max(...row.map(Math.abs)), (linf) => ({ norm: { linf } })],
  ];
  it.each(perRow)('%s is that of each row', (name, compute, rules) => {
    fc.assert(
      fc.property(rowsOf, types, quarter, (rows, dtype, bound) => {
        const max = Math.abs(bound) + 0.01;
        const tensor = numbers(dtype, rows.flat(), [rows.length, rows[0].length]);
        const { findings } = runRules({ dtype, ...rules({ max }) }, tensor);
        const wrong = rows.flatMap((row, index) => (compute(row) > max ? [`x[${index * row.length}]`] : []));
        expect(findings.kept.map(({ violation }) => violation.path)).toEqual(wrong);
        expect(refusedBy(findings)).toEqual(wrong.length > 0 ? [name] : []);
        const first = numbers(dtype, rows[0]);
        expectEdges((interval) => ({ dtype, ...rules(interval) }), first, compute(rows[0]), name);
      }),
      { numRuns: 60 },
    );
  });

  it('crosses the blocks in which a tensor is read, for rows of any length', () => {
    for (const rowLength of [1, 3, 4095, 4096, 4097, 9000]) {
      const rows = Math.ceil(20_000 / rowLength);
      const values = new Array(rows * rowLength).fill(1);
      const shape = [rows, rowLength];
      const fits: RuleDraft = {
        dtype: 'DT_UINT8',
        rowSum: { min: rowLength, max: rowLength },
        sum: { min: values.length, max: values.length },
      };
      expect(runRules(fits, numbers('DT_UINT8', values, shape)).findings.refused).toBe(false);
      values[values.length - 1] = 2;
      const { findings } = runRules(fits, numbers('DT_UINT8', values, shape));
      expect(findings.kept.map(({ violation }) => `${violation.rule} ${violation.path}`)).toEqual([
        'sum x',
        `rowSum x[${(rows - 1) * rowLength}]`,
      ]);
    }
  });

  it('keeps norms whose squares leave the doubles', () => {
    const unit = { norm: { l2: { max: 1.5e200 } } };
    expect(runRules({ dtype: 'DT_DOUBLE', ...unit }, numbers('DT_DOUBLE', [1e200, 1e200])).findings.refused).toBe(false);
    expect(runRules({ dtype: 'DT_DOUBLE', ...unit }, numbers('DT_DOUBLE', [1e200, 1.2e200])).findings.refused).toBe(true);
    const tiny = { norm: { l2: { min: 1e-200 } } };
    expect(runRules({ dtype: 'DT_DOUBLE', ...tiny }, numbers('DT_DOUBLE', [1e-200, 0])).findings.refused).toBe(false);
    expect(runRules({ dtype: 'DT_DOUBLE', ...tiny }, numbers('DT_DOUBLE', [0, 0])).findings.refused).toBe(true);
  });

  it('lets no NaN through a rule of numbers together', () => {
    const tensor = numbers('DT_FLOAT', [1, Number.NaN]);
    for (const [, , rules] of [...whole.slice(0, 3), ...perRow]) {
      expect(runRules({ dtype: 'DT_FLOAT', number: { nan: 'allow' }, ...rules({ max: 1e30 }) }, tensor).findings.refused).toBe(
        true,
      );
    }
  });

  it('says nothing about the mean of nothing; the sum of nothing is 0', () => {
    const none = numbers('DT_FLOAT', [], [0]);
    expect(refusedBy(runRules({ dtype: 'DT_FLOAT', mean: { min: 1 }, zeroFraction: { min: 1 } }, none).findings)).toEqual([]);
    expect(refusedBy(runRules({ dtype: 'DT_FLOAT', sum: { min: 1 } }, none).findings)).toEqual(['sum']);
    const emptyRows = numbers('DT_FLOAT', [], [2, 0]);
    expect(refusedBy(runRules({ dtype: 'DT_FLOAT', rowSum: { min: 1 } }, emptyRows).findings)).toEqual(['rowSum']);
    expect(refusedBy(runRules({ dtype: 'DT_FLOAT', rowSum: { min: 1 } }, numbers('DT_FLOAT', [], [0, 0])).findings)).toEqual([]);
  });
});

describe('monotone', () => {
  const orders = {
    increasing: (a: number | bigint, b: number | bigint) => a < b,
    nonDecreasing: (a: number | bigint, b: number | bigint) => a <= b,
    decreasing: (a: number | bigint, b: number | bigint) => a > b,
    nonIncreasing: (a: number | bigint, b: number | bigint) => a >= b,
  } as const;
  it.each(Object.keys(orders) as (keyof typeof orders)[])('%s holds within each row', (monotone) => {
    const wide = fc.oneof(fc.bigInt({ min: 0n, max: 5n }), fc.bigInt({ min: 2n ** 60n, max: 2n ** 60n + 3n }));
    fc.assert(
      fc.property(fc.array(fc.array(wide, { minLength: 3, maxLength: 3 }), { maxLength: 5 }), (rows) => {
        const tensor = numbers('DT_INT64', rows.flat(), [rows.length, 3]);
        const wrong = rows.flatMap((row, r) =>
          [1, 2].filter((i) => !orders[monotone](row[i - 1], row[i])).map((i) => `x[${3 * r + i}]`),
        );
        const { findings } = runRules({ dtype: 'DT_INT64', monotone }, tensor);
        expect(findings.kept.map(({ violation }) => violation.path)).toEqual(wrong);
        expect(refusedBy(findings)).toEqual(wrong.length > 0 ? ['monotone'] : []);
      }),
      { numRuns: 60 },
    );
    const nan = numbers('DT_FLOAT', [1, Number.NaN]);
    expect(refusedBy(runRules({ dtype: 'DT_FLOAT', monotone, number: { nan: 'allow' } }, nan).findings)).toEqual(['monotone']);
  });
});
