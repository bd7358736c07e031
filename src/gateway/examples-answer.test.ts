// The answers to classify and regress, made from tensors that a worker may have chosen.
import { describe, expect, it } from 'vitest';
import { floats, numeric, strings } from '../../tests/support/tensors.ts';
import { isAirlockError } from '../core/index.ts';
import type { DType, Signature, Tensor } from '../tensor/index.ts';
import { assertExampleSignature, encodeClassifications, encodeRegressions } from './examples-answer.ts';

type Specs = Readonly<Record<string, DType>>;

function signature(outputs: Specs, inputs: Specs = { inputs: 'DT_STRING' }): Signature {
  const specs = (from: Specs) =>
    Object.entries(from).map(([alias, dtype]) => ({ alias, tensorName: `${alias}:0`, dtype, shape: null }));
  return { name: 's', methodName: 'tensorflow/serving/classify', inputs: specs(inputs), outputs: specs(outputs) };
}

function codeOf(action: () => unknown): string {
  try {
    action();
    return 'ok';
  } catch (thrown) {
    if (isAirlockError(thrown)) return thrown.code;
    throw thrown;
  }
}

describe('assertExampleSignature', () => {
  const cases: readonly (readonly ['classify' | 'regress', Specs, Specs, string])[] = [
    ['classify', { inputs: 'DT_STRING' }, { classes: 'DT_STRING', scores: 'DT_FLOAT' }, 'ok'],
    ['classify', { inputs: 'DT_STRING' }, { scores: 'DT_FLOAT' }, 'ok'],
    ['classify', { inputs: 'DT_STRING' }, { classes: 'DT_STRING' }, 'ok'],
    ['classify', { inputs: 'DT_STRING' }, { scores: 'DT_DOUBLE' }, 'SIGNATURE_UNSUITABLE'],
    ['classify', { inputs: 'DT_STRING' }, { outputs: 'DT_FLOAT' }, 'SIGNATURE_UNSUITABLE'],
    ['classify', { x: 'DT_STRING' }, { scores: 'DT_FLOAT' }, 'SIGNATURE_UNSUITABLE'],
    ['classify', { inputs: 'DT_FLOAT' }, { scores: 'DT_FLOAT' }, 'SIGNATURE_UNSUITABLE'],
    ['classify', { inputs: 'DT_STRING', more: 'DT_STRING' }, { scores: 'DT_FLOAT' }, 'SIGNATURE_UNSUITABLE'],
    ['classify', {}, { scores: 'DT_FLOAT' }, 'SIGNATURE_UNSUITABLE'],
    ['regress', { inputs: 'DT_STRING' }, { outputs: 'DT_FLOAT' }, 'ok'],
    ['regress', { inputs: 'DT_STRING' }, { outputs: 'DT_DOUBLE' }, 'SIGNATURE_UNSUITABLE'],
    ['regress', { inputs: 'DT_STRING' }, { scores: 'DT_FLOAT' }, 'SIGNATURE_UNSUITABLE'],
  ];
  it.each(cases)('%s with %o to %o: %s', (verb, inputs, outputs, code) => {
    expect(codeOf(() => assertExampleSignature(signature(outputs, inputs), verb))).toBe(code);
  });
});

const both = signature({ classes: 'DT_STRING', scores: 'DT_FLOAT' });
const onlyScores = signature({ scores: 'DT_FLOAT' });
const onlyClasses = signature({ classes: 'DT_STRING' });

describe('encodeClassifications', () => {
  const encode = (s: Signature, tensors: readonly Tensor[], examples: number, allow = false): unknown =>
    JSON.parse(encodeClassifications(s, tensors, examples, allow).toString());

  it('pairs labels and scores, a row per example', () => {
    const labels = strings([2, 2], ['a', '"\n', 'é', '']);
    expect(encode(both, [labels, floats([2, 2], 0.25, 1, -0, 3e-5)], 2)).toEqual({
      results: [
        [
          ['a', 0.25],
          ['"\n', 1],
        ],
        [
          ['é', -0],
          ['', 3e-5],
        ],
      ],
    });
  });

  it('leaves the label empty, or the score 0, where the model has none', () => {
    expect(encode(onlyScores, [floats([1, 2], 1, 2)], 1)).toEqual({
      results: [
        [
          ['', 1],
          ['', 2],
        ],
      ],
    });
    expect(encode(onlyClasses, [strings([1, 1], ['a'])], 1)).toEqual({ results: [[['a', 0]]] });
    expect(encode(onlyScores, [floats([2, 0])], 2)).toEqual({ results: [[], []] });
  });

  const wrong: readonly (readonly [string, Signature, readonly Tensor[]])[] = [
    ['one row too few', onlyScores, [floats([1, 2], 1, 2)]],
    ['no column dimension', onlyScores, [floats([2], 1, 2)]],
    ['a dimension too many', onlyScores, [floats([2, 1, 1], 1, 2)]],
    ['labels and scores of different shapes', both, [strings([2, 1], ['a', 'b']), floats([2, 2], 1, 2, 3, 4)]],
    ['scores of another type', onlyScores, [numeric('DT_DOUBLE', [2, 1], Float64Array.of(1, 2))]],
    ['no tensor at all', onlyScores, []],
    ['NaN', onlyScores, [floats([2, 1], 1, Number.NaN)]],
    ['infinity', onlyScores, [floats([2, 1], Number.NEGATIVE_INFINITY, 1)]],
  ];
  it.each(wrong)('refuses %s', (_name, s, tensors) => {
    expect(codeOf(() => encode(s, tensors, 2))).toBe('MODEL_OUTPUT_INVALID');
  });

  it('writes NaN as a bare word where that is allowed', () => {
    expect(encodeClassifications(onlyScores, [floats([1, 1], Number.NaN)], 1, true).toString()).toBe('{"results":[[["",NaN]]]}');
  });
});

describe('encodeRegressions', () => {
  const s = signature({ outputs: 'DT_FLOAT' });
  const encode = (tensors: readonly Tensor[], examples: number): unknown =>
    JSON.parse(encodeRegressions(s, tensors, examples, false).toString());

  it('gives a value per example, from [n] and from [n, 1]', () => {
    expect(encode([floats([2], 42, 0.5)], 2)).toEqual({ results: [42, 0.5] });
    expect(encode([floats([2, 1], 42, 0.5)], 2)).toEqual({ results: [42, 0.5] });
  });

  it.each<readonly [string, readonly Tensor[]]>([
    ['two values per example', [floats([2, 2], 1, 2, 3, 4)]],
    ['one row too many', [floats([3], 1, 2, 3)]],
    ['a dimension too many', [floats([2, 1, 1], 1, 2)]],
    ['a scalar', [floats([], 1)]],
    ['another type', [numeric('DT_INT32', [2], Int32Array.of(1, 2))]],
    ['NaN', [floats([2], 1, Number.NaN)]],
    ['no tensor', []],
  ])('refuses %s', (_name, tensors) => {
    expect(codeOf(() => encode(tensors, 2))).toBe('MODEL_OUTPUT_INVALID');
  });
});
