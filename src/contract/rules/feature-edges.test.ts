// Values of features where checks are easily a little wrong: what a refusal shows of them, lists of short strings, values that come again
// after large ones, and groups whose parts are of the wrong kind.
import { describe, expect, it } from 'vitest';
import { type RuleDraft, runRules, strings } from '../../../tests/support/contracts.ts';
import { type ExampleFeature, encodeExample } from '../../../tests/support/example.ts';
import type { ExampleRules, FeatureRules } from '../contract-types.ts';

const ints = (...values: (number | bigint)[]): ExampleFeature => ({ kind: 'int64', values });
const floats = (...values: number[]): ExampleFeature => ({ kind: 'float', values });
const texts = (...values: string[]): ExampleFeature => ({ kind: 'bytes', values: values.map((value) => Buffer.from(value)) });

function check(features: Readonly<Record<string, ExampleFeature>>, rules: Partial<ExampleRules>, modes = {}): string[] {
  const draft: RuleDraft = {
    dtype: 'DT_STRING',
    example: { features: new Map(), unknownFeatures: 'allow', maxFeatures: 100, sparse: [], ragged: [], ...rules },
    modes,
  };
  const { findings } = runRules(draft, strings([encodeExample(new Map(Object.entries(features)))]));
  return findings.kept.map(({ violation: { rule, expected, got } }) => `${rule}: ${expected}, ${got}`);
}
const one = (value: ExampleFeature, rules: Partial<FeatureRules>): string[] =>
  check({ x: value }, { features: new Map([['x', { kind: value.kind, required: true, ...rules }]]) });

describe('a list of strings', () => {
  it('lets through what is in it, and nothing of any length that is not', () => {
    const allowed = ['abc', 'de', 'é'];
    expect(one(texts('abc', 'de', 'é'), { allowed })).toEqual([]);
    for (const other of ['', 'a', 'ab', 'abd', 'ed', 'e', 'abcd', 'DE'])
      expect(one(texts('de', other), { allowed })).toEqual([expect.stringMatching(/^example\.values: x one of 3 values, /)]);
  });

  it('and a vocabulary say the same', () => {
    const vocabulary = { file: 'w', sha256: '0'.repeat(64), maxUnknownFraction: 0, entries: new Set(['abc', 'é']) };
    expect(one(texts('abc', 'é'), { vocabulary })).toEqual([]);
    for (const other of ['', 'ab', 'abd', 'abcd']) expect(one(texts(other), { vocabulary })).toHaveLength(1);
    const numbers = { ...vocabulary, entries: new Set(['1', '-7']) };
    expect(one(ints(1, -7), { vocabulary: numbers })).toEqual([]);
    expect(one(ints(1, 7, 8), { vocabulary: numbers })).toEqual(['example.values: x in its vocabulary, 7']);
  });
});

describe('a value that comes again', () => {
  const again = (value: ExampleFeature): string | undefined =>
    one(value, { unique: true, number: { nan: 'allow', infinity: 'allow' } })[0];
  const shown = (got: string): string => `example.values: x without a value twice, ${got}`;
  it('is found and shown, whatever its size', () => {
    expect(again(ints(5, 2 ** 40, 7, 2 ** 40))).toBe(shown('1099511627776'));
    expect(again(ints(-1, 2 ** 32 - 1))).toBeUndefined();
    expect(again(ints(-5, 1, -5))).toBe(shown('-5'));
    expect(again(ints(2n ** 62n, 2n ** 62n + 1n))).toBeUndefined();
    expect(again(ints(1, 2n ** 62n, 2n ** 62n))).toBe(shown('4611686018427387904'));
    expect(again(ints(-(2 ** 40), 2 ** 40))).toBeUndefined();
    expect(again(floats(1, 0.5, 2, 0.5))).toBe(shown('0.5'));
    expect(again(floats(0, -0))).toBe(shown('0'));
    expect(again(floats(1, Number.NaN, Number.NaN))).toBe(shown('NaN'));
    expect(again(floats(Number.NaN, 0))).toBeUndefined();
    expect(again(floats(1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY))).toBeUndefined();
    expect(again(texts('a', 'bc', 'bc'))).toBe(shown('bc'));
    expect(again(texts('', 'a', ''))).toBe(shown(''));
    expect(again(texts('ab', 'a', 'b'))).toBeUndefined();
  });
});

describe('a group', () => {
  const features = (kind: FeatureRules['kind']): Pick<ExampleRules, 'features'> => ({
    features: new Map([
      ['i', { kind, required: false }],
      ['v', { kind: 'float', required: false }],
    ]),
  });
  const sparse = [{ name: 's', index: ['i'], value: 'v', denseShape: [9], sorted: true, unique: true }];
  const ragged = [{ name: 'r', value: 'v', rowLengths: 'i' }];
  it('has whole numbers for indices and lengths, also where nobody looks at kinds', () => {
    const given = { i: floats(1), v: floats(1) };
    const off = { 'example.kind': 'off' };
    const expected = (rule: string, name: string) => [`${rule}: ${name}: indices and lengths of kind int64, float`];
    expect(check(given, { ...features('float'), sparse }, off)).toEqual(expected('example.sparse', 's'));
    expect(check(given, { ...features('float'), ragged }, off)).toEqual(expected('example.ragged', 'r'));
  });

  it('says what is wrong with its lengths', () => {
    const of = (lengths: number[], values: number) =>
      check({ i: ints(...lengths), v: floats(...new Array<number>(values).fill(1)) }, { ...features('int64'), ragged });
    expect(of([1, 2], 3)).toEqual([]);
    expect(of([1, 1], 3)).toEqual(['example.ragged: r: rows of 3 values in all, 2']);
    expect(of([1, 3], 3)).toEqual(['example.ragged: r: rows of 3 values in all, more']);
    expect(of([1, 0, -1], 1)).toEqual(['example.ragged: r: rows of 0 to 1 values, -1 at 2']);
  });

  it('says which index comes again, sorted or not', () => {
    const of = (isSorted: boolean, indices: number[]) =>
      check(
        { i: ints(...indices), v: floats(...indices) },
        { ...features('int64'), sparse: sparse.map((group) => ({ ...group, sorted: isSorted })) },
      );
    expect(of(true, [1, 4, 4])).toEqual(['example.sparse: s: each index once, one again at 2']);
    expect(of(false, [4, 1, 4])).toEqual(['example.sparse: s: each index once, one again at 2']);
    expect(of(false, [4, 1, 8])).toEqual([]);
    expect(of(true, [4, 1])).toEqual(['example.sparse: s: indices in order, an earlier one at 1']);
  });
});

describe('a count', () => {
  it.each([
    [{ min: 1, max: 1 }, [1, 2], '1 value'],
    [{ min: 2, max: 2 }, [1], '2 values'],
    [{ min: 2 }, [1], 'at least 2 values'],
    [{ max: 2 }, [1, 2, 3], 'at most 2 values'],
    [{ min: 2, max: 3 }, [1], '2 to 3 values'],
  ])('%j is told', (count, values, text) => {
    expect(one(ints(...values), { count })).toEqual([`example.count: x with ${text}, ${values.length} values`]);
  });
});
