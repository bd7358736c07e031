// Rules of numbers beside each other, types that have few rules, and what may be put in the place of an element.
import { describe, expect, it } from 'vitest';
import { numbers, type RuleDraft, refusedBy, runRules } from '../../../tests/support/contracts.ts';
import type { NumericTensor } from '../../tensor/index.ts';

type Dtype = NumericTensor['dtype'];
const found = (rules: RuleDraft, tensor: NumericTensor): string[] =>
  runRules(rules, tensor).findings.kept.map(
    ({ violation: { rule, path, expected, got } }) => `${rule} ${path}: ${expected}, ${got}`,
  );
const replaced = (
  dtype: Dtype,
  value: number | bigint | boolean | string,
  tensor = numbers(dtype, dtype.includes('64') ? [5n] : [5]),
) => runRules({ dtype, max: 4, onViolation: { max: { kind: 'replace', with: value } } }, tensor).tensors[0];

describe('bounds beside each other', () => {
  // One of them is the narrower one: a loop that looks at the wider one alone would let numbers between the two through.
  const pairs: readonly (readonly [rules: Omit<RuleDraft, 'dtype'>, value: number, broken: readonly string[]])[] = [
    [{ max: 3, exclusiveMax: 10 }, 4, ['max']],
    [{ max: 10, exclusiveMax: 3 }, 3, ['exclusiveMax']],
    [{ max: 10, exclusiveMax: 3 }, 11, ['max', 'exclusiveMax']],
    [{ min: 3, exclusiveMin: -10 }, 2, ['min']],
    [{ min: -10, exclusiveMin: 3 }, 3, ['exclusiveMin']],
    [{ max: 3, softMax: 10 }, 4, ['max']],
    [{ min: 3, softMin: -10 }, 2, ['min']],
    [{ max: 10, min: -10, softMax: 3 }, 4, []],
    [{ min: 1, max: 3 }, 2, []],
  ];
  it.each(pairs)('%j and %d', (rules, value, broken) => {
    for (const dtype of ['DT_FLOAT', 'DT_DOUBLE', 'DT_INT32', 'DT_INT8'] as const) {
      const lots = [
        ...new Array(40).fill(3 - (broken.includes('exclusiveMax') ? 1 : 0) + (broken.includes('exclusiveMin') ? 1 : 0)),
        value,
      ];
      const refused = refusedBy(runRules({ dtype, ...rules }, numbers(dtype, lots)).findings);
      // The first rule that refuses an element ends it.
      expect(refused).toEqual(broken.slice(0, 1));
    }
  });

  it('say what they expected and what came', () => {
    expect(found({ dtype: 'DT_INT8', min: 2, max: 3 }, numbers('DT_INT8', [1, 4]))).toEqual([
      'min x[0]: at least 2, 1',
      'max x[1]: at most 3, 4',
    ]);
    expect(found({ dtype: 'DT_FLOAT' }, numbers('DT_FLOAT', [Number.NaN, Number.NEGATIVE_INFINITY]))).toEqual([
      'number.nan x[0]: a number, NaN',
      'number.infinity x[1]: a finite number, -Infinity',
    ]);
    const strict = { subnormal: 'reject', negativeZero: 'reject' } as const;
    expect(found({ dtype: 'DT_DOUBLE', number: strict }, numbers('DT_DOUBLE', [-0, 5e-324, 0, 1]))).toEqual([
      expect.stringMatching(/^number\.negativeZero x\[0\]: zero without a sign, -?0$/),
      'number.subnormal x[1]: zero or a normal number, 5e-324',
    ]);
  });

  it('leave a NaN that the contract allows to the rules of numbers it breaks', () => {
    const nan = numbers('DT_FLOAT', [Number.NaN]);
    expect(found({ dtype: 'DT_FLOAT', max: 3, min: 1, number: { nan: 'allow' } }, nan)).toEqual([]);
    const watching = { dtype: 'DT_FLOAT', max: 3, modes: { 'number.nan': 'shadow' } } as const;
    expect(refusedBy(runRules(watching, nan).findings)).toEqual(['max']);
  });
});

describe('complex numbers', () => {
  it('are looked at part by part, and have no other rules', () => {
    const tensor = numbers('DT_COMPLEX64', [0, -0, 5e-45, 1, Number.NaN, 1, 2, Number.NEGATIVE_INFINITY], [4]);
    const rules = { dtype: 'DT_COMPLEX64', number: { subnormal: 'reject', negativeZero: 'reject' } } as const;
    expect(refusedBy(runRules(rules, tensor).findings)).toEqual(['number.nan', 'number.infinity']);
    const open = { dtype: 'DT_COMPLEX64', number: { nan: 'allow', infinity: 'allow' } } as const;
    expect(runRules(open, tensor).findings.counts.size).toBe(0);
  });
});

describe('what stands in the place of an element', () => {
  const cannot = 'is not a value of';
  it('is a value of its type', () => {
    const edges: readonly (readonly [Dtype, number | bigint])[] = [
      ['DT_INT8', -128],
      ['DT_UINT8', 0],
      ['DT_INT16', -32_768],
      ['DT_UINT16', 0],
      ['DT_INT32', -(2 ** 31)],
      ['DT_UINT32', 0],
      ['DT_INT64', -(2n ** 63n)],
      ['DT_UINT64', 0n],
    ];
    for (const [dtype, lowest] of edges) {
      expect(replaced(dtype, lowest)).toEqual(numbers(dtype, [lowest]));
      const below = typeof lowest === 'bigint' ? lowest - 1n : lowest - 1;
      expect(() => replaced(dtype, below)).toThrow(cannot);
      expect(() => replaced(dtype, 0.5)).toThrow(cannot);
      expect(() => replaced(dtype, 'a')).toThrow(cannot);
      const bits = dtype.endsWith('64') ? 64n : dtype.endsWith('32') ? 32n : dtype.endsWith('16') ? 16n : 8n;
      const above = dtype.includes('UINT') ? 2n ** bits : 2n ** (bits - 1n);
      expect(() => replaced(dtype, bits === 64n ? above : Number(above))).toThrow(cannot);
    }
    expect(() => replaced('DT_FLOAT', -1e39)).toThrow(cannot);
    expect(replaced('DT_FLOAT', 0.1)).toEqual(numbers('DT_FLOAT', [0.1]));
    expect(() => replaced('DT_FLOAT', 2n ** 70n)).toThrow(cannot);
  });

  it('is true or false for a bool, as a word or as a number', () => {
    const put = (value: boolean | number, allowed: readonly boolean[]) =>
      runRules(
        { dtype: 'DT_BOOL', allowed, onViolation: { allowed: { kind: 'replace', with: value } } },
        numbers('DT_BOOL', [0, 1]),
      ).tensors[0];
    expect(put(true, [true])).toEqual(numbers('DT_BOOL', [1, 1]));
    expect(put(false, [false])).toEqual(numbers('DT_BOOL', [0, 0]));
    expect(() => put(2, [true])).toThrow(cannot);
    expect(() => put(-1, [true])).toThrow(cannot);
  });

  it('does not break another rule that is in force', () => {
    const draft = (modes: Record<string, string>): RuleDraft => ({
      dtype: 'DT_INT32',
      max: 4,
      exclusiveMin: 0,
      onViolation: { max: { kind: 'replace', with: 0 } },
      modes,
    });
    expect(() => runRules(draft({}), numbers('DT_INT32', [5]))).toThrow('breaks the rule exclusiveMin');
    expect(runRules(draft({ exclusiveMin: 'shadow' }), numbers('DT_INT32', [5])).tensors[0]).toEqual(numbers('DT_INT32', [0]));
    expect(runRules(draft({ exclusiveMin: 'off' }), numbers('DT_INT32', [5])).tensors[0]).toEqual(numbers('DT_INT32', [0]));
  });
});
