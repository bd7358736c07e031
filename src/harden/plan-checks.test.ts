// Which rules are built in, and that every other one is named with the reason.
import { describe, expect, it } from 'vitest';
import { parseContract, type RuleName, rulesSetOn } from '../contract/index.ts';
import { planTensor } from './plan-checks.ts';
import { re2Obstacle } from './re2-obstacle.ts';
import { alternatives, literalPattern } from './regex-literal.ts';

function plan(rules: string, more = '') {
  const contract = parseContract(
    `apiVersion: airlock/contract/v1\nmetadata: { id: t, revision: 1 }\n${more}signatures:\n  s:\n    inputs:\n      x: { ${rules} }\n    outputs:\n      y: { dtype: float32 }\n`,
  );
  const tensor = contract.signatures.get('s')?.inputs.get('x');
  if (tensor === undefined) throw new Error('no x');
  const planned = planTensor(contract, 's/inputs/x', tensor);
  return {
    ...planned,
    set: rulesSetOn(tensor),
    built: planned.rules.filter(({ reason }) => reason === undefined).map(({ rule }) => rule),
  };
}

const kinds = (rules: string) => {
  const { layout, finite, values } = plan(rules).checks;
  return [...layout, ...finite, ...values].map(({ kind }) => kind);
};

describe('planTensor', () => {
  it('names every rule that is set exactly once, built in or not', () => {
    for (const rules of [
      'dtype: float32, shape: [null, 4], maxElements: 8, maxBytes: 32, min: 0, max: 1, softMax: 0.5, unique: rows, sum: { max: 3 }, norm: { l2: { max: 1 } }, number: { subnormal: reject, narrowing: exact }',
      'dtype: int64, allowed: [1, 2], monotone: increasing, tokens: { padId: 0, padSide: right, maxRepeatRun: 3 }',
      'dtype: string, allowed: [a], string: { normalization: NFC, invisible: reject, maxGraphemes: 3, maxBytes: 9, pattern: "a*" }',
      'dtype: string, image: { formats: [png] }',
      'dtype: complex64',
    ]) {
      const { rules: rows, set } = plan(rules);
      expect(rows.map(({ rule }) => rule).sort()).toEqual([...set].sort());
      for (const { rule, ruleId } of rows) expect(ruleId).toBe(`s/inputs/x/${rule}`);
    }
  });

  it('builds in only what refuses', () => {
    const { built, rules } = plan(
      'dtype: float32, min: 0, max: 1, exclusiveMin: -1, onViolation: { max: clip }, modes: { min: shadow, number.nan: off }',
    );
    expect(built).toEqual(['number.infinity', 'exclusiveMin']);
    const reasons = new Map(rules.map(({ rule, reason }): [RuleName, string | undefined] => [rule, reason]));
    expect(reasons.get('max')).toBe('its action is clip: a graph only refuses');
    expect(reasons.get('min')).toBe('its mode is shadow');
    expect(reasons.get('number.nan')).toBe('its mode is off');
    expect(plan('dtype: float32, min: 0', 'mode: sample\n').built).toEqual([]);
  });

  it('tells rules that only watch from those that the server enforces', () => {
    const { rules } = plan(
      'dtype: float32, min: 0, max: 1, softMax: 0.5, unique: rows, monotone: increasing, sum: { max: 3 }, onViolation: { max: clip, sum: log }, modes: { min: shadow, number.nan: off, unique: sample }',
    );
    const watched = new Map(
      rules.map(({ rule, reason, isWatched = false }) => [rule, reason === undefined ? 'built' : isWatched]),
    );
    expect(Object.fromEntries(watched)).toEqual({
      min: true,
      max: false,
      softMax: true,
      unique: false,
      monotone: false,
      sum: true,
      'number.nan': true,
      'number.infinity': 'built',
    });
  });

  it('checks NaN and infinities in one operation when both are refused', () => {
    expect(kinds('dtype: float32')).toEqual(['finite']);
    expect(kinds('dtype: float32, number: { nan: allow }')).toEqual(['notInfinite']);
    expect(kinds('dtype: float32, number: { infinity: allow }')).toEqual(['notNan']);
    expect(kinds('dtype: int32')).toEqual([]);
  });

  it('lets NaN pass a bound only where the contract allows it, as the server does', () => {
    const passes = (rules: string) =>
      plan(rules).checks.values.map((check) => (check.kind === 'bound' ? check.passesNan : check.kind));
    expect(passes('dtype: float32, min: 0, number: { nan: allow }')).toEqual([true]);
    expect(passes('dtype: float32, min: 0, modes: { number.nan: shadow }')).toEqual([false]);
    expect(passes('dtype: float32, min: 0')).toEqual([false]);
  });

  it('turns bytes of numbers into elements, and bytes of strings into a sum', () => {
    expect(plan('dtype: float64, maxBytes: 31').checks.layout).toMatchObject([{ kind: 'elements', max: 3 }]);
    expect(plan('dtype: string, maxBytes: 31').checks.values).toContainEqual(
      expect.objectContaining({ kind: 'totalBytes', max: 31 }),
    );
  });

  it('keeps 64-bit values exact, sorted and once', () => {
    const { values } = plan('dtype: int64, allowed: [9007199254740993, 0, -5, 9007199254740992]').checks;
    expect(values).toMatchObject([
      {
        kind: 'oneOf',
        values: [-5, 0, 9007199254740992n, 9007199254740993n].map((value) =>
          expect.toSatisfy((got) => BigInt(got) === BigInt(value)),
        ),
      },
    ]);
  });

  it.each([
    ['\\p{L}{1,200}-\\p{L}{1,200}-\\p{L}{1,200}-\\p{L}{1,200}', 'too large a program'],
    ['\\p{Lu}{1000}', 'too large a program'],
    ['(?:[^\\p{L}]{10}){20}', 'too large a program'],
    ['\\p{LC}+', 'the class \\p{LC}'],
    ['\\p{Lowercase}', 'the class \\p{Lowercase}'],
    ['[a\\P{Garay}]', 'the class \\p{Garay}'],
    ['\\pC', 'the class \\p{C}'],
    ['\\C', 'single bytes'],
  ])('leaves out %s, with which TensorFlow would answer nothing, or something else', (pattern, reason) => {
    expect(re2Obstacle(pattern)).toContain(reason);
  });

  it.each([
    '\\p{L}{1,40}',
    '[\\p{L}\\p{M}\\pN .-]+',
    '\\P{Greek}{0,100}',
    '(?i)[[:alpha:]_]{1,64}(?:-\\x{1000}|\\Qa{9}(\\E)*',
    '[]\\x{80}-\\x{10FFFF}]{1,900}',
    '(?P<year>\\d{4})-(?P<month>\\d{2})',
    '.{0,1000}',
  ])('builds in %s', (pattern) => {
    expect(plan(`dtype: string, string: { pattern: ${JSON.stringify(pattern)} }`).built).toContain('string.pattern');
  });

  it('leaves out patterns that TensorFlow reads otherwise', () => {
    expect(plan("dtype: string, string: { pattern: '(?P<n>a)' }").built).toContain('string.pattern');
    const { rules } = plan("dtype: string, string: { pattern: '(?<n>a)' }");
    expect(rules.find(({ rule }) => rule === 'string.pattern')?.reason).toContain('(?P<name>');
  });
});

describe('patterns that are made here', () => {
  it('mean exactly the text', () => {
    expect(literalPattern('aZ9')).toBe('aZ9');
    expect(literalPattern('.*|\n\0ä\u{1f600}"')).toBe('\\x{2e}\\x{2a}\\x{7c}\\x{a}\\x{0}\\x{e4}\\x{1f600}\\x{22}');
    expect(alternatives(['a', 'b|'])).toBe('(?:a|b\\x{7c})');
  });

  it('are not made where they would be too long, or the text is none', () => {
    expect(alternatives(Array.from({ length: 16_384 }, () => 'abc'))).toBeUndefined();
    expect(alternatives(['\ud800'])).toBeUndefined();
    expect(alternatives([])).toBeUndefined();
  });
});
