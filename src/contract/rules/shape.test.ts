import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ContractDraft,
  numbers,
  type RuleDraft,
  refusedBy,
  runContract,
  runRules,
  strings,
  textsOf,
} from '../../../tests/support/contracts.ts';
import { elementCount, type NumericTensor } from '../../tensor/index.ts';
import type { DimExpression } from '../contract-types.ts';

const symbol = (name: string, multiplier = 1, offset = 0): DimExpression => ({ kind: 'symbol', name, multiplier, offset });
const fixed = (size: number): DimExpression => ({ kind: 'fixed', size });
const any: DimExpression = { kind: 'any' };
/** Elements that say where they are: 1, 2, 3, … */
const counted = (shape: readonly number[]): NumericTensor =>
  numbers(
    'DT_INT32',
    Array.from({ length: elementCount(shape) }, (_, index) => index + 1),
    [...shape],
  );

describe('shape', () => {
  const dims = { n: { min: 1, max: 6, multipleOf: 2 }, m: { min: 0, max: 3 } };
  const size = fc.integer({ min: 0, max: 9 });

  it('holds named dimensions to their limits, across inputs', () => {
    const draft: ContractDraft = {
      dims,
      inputs: {
        a: { dtype: 'DT_INT32', shape: [symbol('n'), symbol('m')] },
        b: { dtype: 'DT_INT32', shape: [symbol('m', 2, 1), fixed(2), any] },
      },
    };
    fc.assert(
      fc.property(size, size, size, size, size, (a0, a1, b0, b1, b2) => {
        const isFine = a0 >= 1 && a0 <= 6 && a0 % 2 === 0 && a1 <= 3;
        // Where the first input does not fit, it gives m no value, and the second one's own size counts.
        const m = isFine ? a1 : (b0 - 1) / 2;
        const isSecondFine = b1 === 2 && b0 === 2 * m + 1 && Number.isInteger(m) && m >= 0 && m <= 3;
        const { findings } = runContract(draft, { a: counted([a0, a1]), b: counted([b0, b1, b2]) });
        expect(findings.kept.map(({ rule }) => rule.id)).toEqual([
          ...(isFine ? [] : ['s/inputs/a/shape']),
          ...(isSecondFine ? [] : ['s/inputs/b/shape']),
        ]);
      }),
      { numRuns: 300 },
    );
    for (const shape of [[2], [2, 3, 1], []]) {
      const { findings } = runContract(draft, { a: counted(shape), b: counted([1, 2, 1]) });
      expect(findings.kept.map(({ rule }) => rule.id)).toEqual(['s/inputs/a/shape']);
    }
  });

  it('gives a dimension no value by an input that is only watched', () => {
    const draft = (mode: string): ContractDraft => ({
      dims: { n: { min: 1, max: 9 } },
      inputs: {
        a: { dtype: 'DT_INT32', shape: [symbol('n')], modes: { shape: mode } },
        b: { dtype: 'DT_INT32', shape: [symbol('n')] },
      },
    });
    const of = (mode: string) => {
      const { findings } = runContract(draft(mode), { a: counted([3]), b: counted([4]) });
      return findings.kept.map(({ rule, outcome }) => `${rule.id} ${outcome}`);
    };
    expect(of('shadow')).toEqual(['s/inputs/a/shape shadow']);
    expect(of('off')).toEqual([]);
    expect(of('enforce')).toEqual(['s/inputs/b/shape reject']);
  });

  it.each(['left', 'right'] as const)('cuts and fills at the %s, as slicing and filling arrays would', (side) => {
    const want = fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 4 }));
    const got = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 }));
    fc.assert(
      fc.property(got, want, fc.constantFrom('truncate', 'pad'), ([rows, height, width], [wantHeight, wantWidth], kind) => {
        const shape = [any, fixed(wantHeight), fixed(wantWidth)];
        const isCut = kind === 'truncate';
        const action = { kind, side, value: -7 };
        const came = counted([rows, height, width]);
        const rules: RuleDraft = { dtype: 'DT_INT32', shape, onViolation: { shape: action } };
        const { findings, tensors } = runRules(rules, came);
        const fits = isCut ? height >= wantHeight && width >= wantWidth : height <= wantHeight && width <= wantWidth;
        expect(refusedBy(findings)).toEqual(fits ? [] : ['shape']);
        if (!fits) return;
        const resized = <T>(list: readonly T[], length: number, filling: T): T[] => {
          if (list.length >= length) return side === 'left' ? list.slice(list.length - length) : list.slice(0, length);
          const fill = new Array<T>(length - list.length).fill(filling);
          return side === 'left' ? [...fill, ...list] : [...list, ...fill];
        };
        const at = (r: number, h: number, w: number): number => (r * height + h) * width + w + 1;
        const wanted = Array.from({ length: rows }, (_, r) => {
          const lines = Array.from({ length: height }, (_, h) =>
            resized(
              Array.from({ length: width }, (_, w) => at(r, h, w)),
              wantWidth,
              -7,
            ),
          );
          return resized(lines, wantHeight, new Array<number>(wantWidth).fill(-7));
        });
        const result = [rows, wantHeight, wantWidth];
        expect(tensors[0]).toEqual(numbers('DT_INT32', wanted.flat(2), result));
        expect(came).toEqual(counted([rows, height, width]));
        expect(runRules({ dtype: 'DT_INT32', shape }, tensors[0]).findings.counts.size).toBe(0);
        // The same with strings in place of numbers.
        const words = strings(
          Array.from({ length: elementCount(came.shape) }, (_, index) => `w${index + 1}`),
          [...came.shape],
        );
        const stringRules: RuleDraft = { dtype: 'DT_STRING', shape, onViolation: { shape: { ...action, value: 'w-7' } } };
        const changed = runRules(stringRules, words).tensors[0];
        expect(textsOf(changed)).toEqual(wanted.flat(2).map((value) => `w${value}`));
        expect(changed.shape).toEqual(result);
      }),
      { numRuns: 150 },
    );
  });

  it('cuts a named dimension to its largest size that fits the step, and fills it to its smallest', () => {
    const rules = (kind: string): ContractDraft => ({
      dims: { n: { min: 4, max: 7, multipleOf: 2 } },
      inputs: { x: { dtype: 'DT_INT32', shape: [any, symbol('n')], onViolation: { shape: { kind, side: 'right', value: 0 } } } },
    });
    const became = (kind: string, width: number) => {
      const { findings, tensors } = runContract(rules(kind), { x: counted([1, width]) });
      return findings.refused ? 'refused' : tensors[0].shape[1];
    };
    expect([1, 4, 5, 6, 7, 8, 100].map((width) => became('truncate', width))).toEqual(['refused', 4, 4, 6, 6, 6, 6]);
    expect([1, 4, 5, 6, 7, 8, 100].map((width) => became('pad', width))).toEqual([4, 4, 6, 6, 'refused', 'refused', 'refused']);
  });

  it('never cuts nor fills the first dimension', () => {
    const onViolation = { shape: { kind: 'truncate', side: 'right' } };
    expect(refusedBy(runRules({ dtype: 'DT_INT32', shape: [fixed(2)], onViolation }, counted([3])).findings)).toEqual(['shape']);
  });

  it('takes no more than 64 MiB to fill a tensor', () => {
    const onViolation = { shape: { kind: 'pad', side: 'right', value: 0 } };
    const rules = (size: number): RuleDraft => ({ dtype: 'DT_INT8', shape: [any, fixed(size)], onViolation });
    const of = (size: number) => refusedBy(runRules(rules(size), numbers('DT_INT8', [7], [1, 1])).findings);
    expect(of(2 ** 26 + 1)).toEqual([]);
    expect(of(2 ** 26 + 2)).toEqual(['shape']);
    expect(of(2 ** 40)).toEqual(['shape']);
  });

  it('asks for the size of what it would fill before it does', () => {
    const empty = counted([8000, 0]);
    const onViolation = { shape: { kind: 'pad', side: 'right', value: 1 } };
    const rules: RuleDraft = { dtype: 'DT_INT32', shape: [any, fixed(2000)], onViolation };
    const run = (more: Partial<RuleDraft>, request = {}) => {
      const draft = { inputs: { x: { ...rules, ...more } }, request };
      const { findings, tensors } = runContract(draft, { x: empty });
      expect(tensors[0] === empty).toBe(findings.refused);
      return findings;
    };
    expect(refusedBy(run({ maxElements: 15_999_999 }))).toEqual(['maxElements']);
    expect(refusedBy(run({ maxBytes: 63_999_999 }))).toEqual(['maxBytes']);
    expect(refusedBy(run({}, { maxElements: 15_999_999 }))).toEqual(['shape']);
    expect(run({ maxElements: 16_000_000, maxBytes: 64_000_000 }, { maxElements: 16_000_000 }).refused).toBe(false);
    // A size that only watches is counted once.
    const watched = run({ maxElements: 1, modes: { maxElements: 'shadow' } });
    expect([...watched.counts].map(([{ name }, count]) => `${name} ${count}`)).toEqual(['shape 1', 'maxElements 1']);
    // All inputs of a request share what it may hold.
    const both = { inputs: { x: rules, y: rules }, request: { maxElements: 31_999_999 } };
    const { findings } = runContract(both, { x: empty, y: empty });
    expect(findings.error('CONTRACT_VIOLATION').message).toContain(
      'at y: expected at most 31999999 elements in a request, with those that are filled, got [8000,0]',
    );
    // Texts that fill count with their bytes.
    const words: RuleDraft = {
      dtype: 'DT_STRING',
      shape: [any, fixed(3)],
      maxBytes: 8,
      onViolation: { shape: { kind: 'pad', side: 'left', value: 'ab' } },
    };
    expect(textsOf(runRules(words, strings(['xyz1'], [1, 1])).tensors[0])).toEqual(['ab', 'ab', 'xyz1']);
    expect(refusedBy(runRules(words, strings(['xyz12'], [1, 1])).findings)).toEqual(['maxBytes']);
  });

  it('takes as long to fill many short rows as one long row', () => {
    const onViolation = { shape: { kind: 'pad', side: 'right', value: 1 } };
    const rules: RuleDraft = { dtype: 'DT_INT8', shape: [any, fixed(2 ** 24), fixed(2)], onViolation };
    const started = performance.now();
    const { tensors } = runRules(rules, numbers('DT_INT8', [5], [1, 1, 1]));
    expect(tensors[0].bytes.byteLength).toBe(2 ** 25);
    expect([...tensors[0].bytes.subarray(0, 4)]).toEqual([5, 1, 1, 1]);
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('changes nothing in shadow', () => {
    const tensor = counted([1, 3]);
    const rules: RuleDraft = {
      dtype: 'DT_INT32',
      shape: [any, fixed(2)],
      onViolation: { shape: { kind: 'truncate', side: 'right' } },
      modes: { shape: 'shadow' },
    };
    const { findings, tensors } = runRules(rules, tensor);
    expect(tensors[0]).toBe(tensor);
    expect(findings.kept.map(({ outcome }) => outcome)).toEqual(['shadow']);
  });
});

describe('sizes', () => {
  it('end where the contract says, and count what goes on', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }), (count, limit) => {
        const { findings } = runRules({ dtype: 'DT_INT32', maxElements: limit }, counted([count]));
        expect(refusedBy(findings)).toEqual(count > limit ? ['maxElements'] : []);
        const words = strings([...new Array(count).fill('ab')]);
        expect(refusedBy(runRules({ dtype: 'DT_STRING', maxBytes: 2 * limit }, words).findings)).toEqual(
          count > limit ? ['maxBytes'] : [],
        );
      }),
    );
    const onViolation = { shape: { kind: 'truncate', side: 'right' } };
    const cut: RuleDraft = { dtype: 'DT_INT32', shape: [any, fixed(2)], maxElements: 2, maxBytes: 8, onViolation };
    expect(runRules(cut, counted([1, 9])).findings.refused).toBe(false);
  });

  it('are looked at before any element', () => {
    const { findings } = runRules({ dtype: 'DT_INT32', maxElements: 1, max: 0 }, counted([9]));
    expect(findings.kept.map(({ rule }) => rule.name)).toEqual(['maxElements']);
  });
});
