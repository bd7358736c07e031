// Relations at their edges: what they say, how much of it, shapes that are no composite tensor, and bounds of answers that only exist there.
import { describe, expect, it } from 'vitest';
import { contractOf, numbers, type RuleDraft, runContract, signatureOf, strings } from '../../../tests/support/contracts.ts';
import type { DType, Tensor } from '../../tensor/index.ts';
import { compileContract } from '../compiled-contract.ts';
import type { Condition, Relation } from '../contract-types.ts';

const ints = (values: readonly (number | bigint)[], shape?: number[]): Tensor => numbers('DT_INT64', values, shape);
const floats = (values: readonly number[], shape?: number[]): Tensor => numbers('DT_FLOAT', values, shape);

function check(relation: Relation, tensors: Readonly<Record<string, Tensor>>, maxViolations = 32) {
  const inputs = Object.fromEntries(
    Object.entries(tensors).map(([alias, { dtype }]): [string, { dtype: DType }] => [alias, { dtype }]),
  );
  const { findings } = runContract({ inputs, relations: [relation], maxViolations }, tensors);
  const count = [...findings.counts.values()].reduce((sum, one) => sum + one, 0);
  return { count, said: findings.kept.map(({ violation: { path, expected, got } }) => `${path}: ${expected}, ${got}`) };
}
const said = (relation: Relation, tensors: Readonly<Record<string, Tensor>>): string[] => check(relation, tensors).said;
/** Through entries, because Biome takes an object literal with `then` for a promise. */
const implies = (when: Condition, consequence: Condition): Relation =>
  Object.fromEntries(Object.entries({ id: 'r', rule: 'implies', when }).concat([['then', consequence]])) as unknown as Relation;
const ordered = (isStrict: boolean): Relation => ({ id: 'r', rule: 'ordered', lower: 'a', upper: 'b', strict: isStrict });
const sparse: Relation = { id: 'r', rule: 'sparse', indices: 'i', values: 'v', denseShape: 'd', sorted: true, unique: true };
const ragged: Relation = { id: 'r', rule: 'ragged', rowSplits: 's', values: 'v' };
const zeros = (count: number): number[] => new Array(count).fill(0);

describe('a relation says', () => {
  it('what it expected and what was there', () => {
    expect(said(ordered(false), { a: ints([1, 2n ** 60n + 1n]), b: ints([0, 2n ** 60n]) })).toEqual([
      'b[0]: at least a at the same place, 0 beside 1',
      // No more than 40 characters of what came.
      `b[1]: at least a at the same place, ${`${2n ** 60n} beside ${2n ** 60n + 1n}`.slice(0, 40)}…`,
    ]);
    expect(said(ordered(true), { a: ints([1]), b: ints([1]) })).toEqual(['b[0]: more than a at the same place, 1 beside 1']);
    expect(said(ordered(true), { a: ints([2n ** 60n]), b: ints([2n ** 60n + 1n]) })).toEqual([]);
    expect(said(ordered(true), { a: ints([1, 2]), b: ints([1]) })).toEqual(['b: the shape of a, [2], [1]']);
  });

  it('conditions in words', () => {
    const tensors = { a: ints([1]), b: ints([1]) };
    const of = (when: Partial<Condition>, consequence: Partial<Condition>) =>
      said(implies({ tensor: 'a', ...when }, { tensor: 'b', ...consequence }), tensors);
    expect(of({ min: 0, max: 1 }, { min: 2 })).toEqual(['b[0]: at least 2 where a is at least 0 and at most 1, 1']);
    expect(of({ allowed: [1, 2] }, { max: 0 })).toEqual(['b[0]: at most 0 where a is one of 1, 2, 1']);
    expect(of({ max: 1 }, { allowed: [2, 3, 4, 5, 6, 7] })).toEqual(['b[0]: one of 2, 3, 4, 5, 6 … where a is at most 1, 1']);
    expect(of({ min: 2 }, { max: 0 })).toEqual([]);
    const texts = implies({ tensor: 'a', allowed: ['x'] }, { tensor: 'b', allowed: ['y'] });
    expect(said(texts, { a: strings(['x', 'z', 'x']), b: strings(['y', '', 'n']) })).toEqual([
      'b[2]: one of y where a is one of x, n',
    ]);
    for (const bad of [
      { tensor: 'a', min: 1 },
      { tensor: 'a', max: 1 },
      { tensor: 'a' },
      { tensor: 'a', max: 1, allowed: ['x'] },
    ])
      expect(() => said(implies(bad, { tensor: 'b', allowed: ['y'] }), { a: strings(['x']), b: strings(['y']) })).toThrow(
        'cannot compare',
      );
  });

  it('no more than the contract lets it', () => {
    const many = { a: ints(zeros(50).map(() => 1)), b: ints(zeros(50)) };
    expect(check(ordered(false), many, 5).count).toBe(5);
    expect(check(implies({ tensor: 'a', min: 1 }, { tensor: 'b', min: 1 }), many, 5).count).toBe(5);
    const outside = { i: ints(new Array(50).fill(9), [50, 1]), v: floats(zeros(50)), d: ints([100]) };
    expect(check(sparse, { ...outside, d: ints([60]) }, 5).count).toBe(5);
    expect(check(sparse, { ...outside, i: ints(new Array(50).fill(99), [50, 1]), d: ints([60]) }, 5).count).toBe(5);
    const splits = Array.from({ length: 51 }, (_, at) => (at % 2 === 0 ? 0 : 9));
    expect(check(ragged, { s: ints(splits), v: floats([]) }, 5).count).toBe(5);
  });
});

describe('sparse', () => {
  const of = (i: Tensor, v: Tensor, d: Tensor, more: object = {}) => said({ ...sparse, ...more } as Relation, { i, v, d });
  const shapes = 'i: indices [n,rank], dense shape [rank] and values [n], ';
  it('has the three shapes of a sparse tensor', () => {
    expect(of(ints([0], [1]), floats([1]), ints([4]))).toEqual([`${shapes}[1] [1] [1]`]);
    expect(of(ints([0], [1, 1]), floats([1]), ints([4], [1, 1]))).toEqual([`${shapes}[1,1] [1,1] [1]`]);
    expect(of(ints([0], [1, 1]), floats([1], [1, 1]), ints([4]))).toEqual([`${shapes}[1,1] [1] [1,1]`]);
    expect(of(ints([0, 0], [1, 2]), floats([1]), ints([4]))).toEqual(['d: 2 sizes, 1']);
    expect(of(ints([0], [1, 1]), floats([1, 2]), ints([4]))).toEqual(['v: 1 values, 2']);
    expect(of(ints([], [0, 1]), floats([]), ints([4]))).toEqual([]);
    expect(of(ints([], [0, 0]), floats([]), ints([]))).toEqual([]);
    expect(of(ints([], [1, 0]), strings(['a']), ints([]))).toEqual([]);
  });

  it('names the index, its axis and its row', () => {
    expect(of(ints([0, 1, 1, 7], [2, 2]), floats([1, 1]), ints([2, 3]))).toEqual([
      'i[3]: an index inside the dense shape, 7 of 3',
    ]);
    expect(of(ints([0, 0, 2, 0], [2, 2]), floats([1, 1]), ints([2, 3]))).toEqual([
      'i[2]: an index inside the dense shape, 2 of 2',
    ]);
    expect(of(ints([1, 0, 0, 2], [2, 2]), floats([1, 1]), ints([2, 3]))).toEqual([
      'i[2]: indices in rising order, row 1 before row 0',
    ]);
    expect(of(ints([1, 0, 1, 0], [2, 2]), floats([1, 1]), ints([2, 3]))).toEqual([
      'i[2]: each index only once, row 1 is row 0 again',
    ]);
    expect(of(ints([1, 0, 0, 2], [2, 2]), floats([1, 1]), ints([2, 3]), { sorted: false })).toEqual([]);
    expect(of(ints([0, 1], [2, 1]), floats([1, 1]), ints([4]), { maxDensity: 0.25 })).toEqual([
      'v: values for at most 0.25 of the elements, 2 of 4',
    ]);
  });
});

describe('ragged', () => {
  const of = (s: Tensor, v: Tensor, more: object = {}) => said({ ...ragged, ...more } as Relation, { s, v });
  it('has row splits in one dimension, and values with rows', () => {
    const shapes = 's: row splits [rows + 1] and values with rows, ';
    expect(of(ints([0, 1], [1, 2]), floats([1]))).toEqual([`${shapes}[1,2] [1]`]);
    expect(of(ints([]), floats([]))).toEqual([`${shapes}[0] [0]`]);
    expect(of(ints([0]), floats([1], []))).toEqual([`${shapes}[1] []`]);
    expect(of(ints([0]), floats([]))).toEqual([]);
    expect(of(ints([0, 2]), floats([1, 2, 3, 4], [2, 2]))).toEqual([]);
  });

  it('names the row split', () => {
    expect(of(ints([0, 2, 1, 3]), floats([1, 2, 3]))).toEqual(['s[2]: at least the row split before it, 1']);
    expect(of(ints([0, 3]), floats([1, 2, 3]), { maxRowLength: 2 })).toEqual(['s[1]: rows of at most 2, a row of 3']);
    expect(of(ints([0, 1, 2]), floats([1, 2]), { maxRows: 1 })).toEqual(['s: at most 1 rows, 2 rows']);
    expect(of(ints([1, 2]), floats([1, 2]))).toEqual(['s[0]: 0 as the first row split, 1']);
    expect(of(ints([0, 1]), floats([1, 2]))).toEqual(['s[1]: the number of values, 2, as the last row split, 1']);
    // Beyond the doubles, where a difference of 1 is none.
    const [, , fall] = of(ints([0, 2n ** 60n, 2n ** 60n - 1n]), floats([1]));
    expect(fall).toBe(`s[2]: at least the row split before it, ${2n ** 60n - 1n}`);
    expect(of(ints([0, 2n ** 60n, 2n ** 60n]), floats([1]))).toHaveLength(2);
  });
});

describe('answers', () => {
  const answer = (rules: RuleDraft, y: Tensor, batch?: number) => {
    const draft = { inputs: {}, outputs: { y: rules } };
    const compiled = compileContract(contractOf(draft), [signatureOf(draft)]).signature('s');
    return compiled?.checkOutputs([y], batch, { draw: 0.5 });
  };
  const rows = (batch: number | undefined, y: Tensor) =>
    answer({ dtype: 'DT_FLOAT', matchesBatch: true }, y, batch)?.findings.kept.map(
      ({ violation: { expected, got } }) => `${expected}, ${got}`,
    );
  it('match no batch that is unknown, not even without any rows', () => {
    expect(rows(undefined, floats([1], []))).toEqual(['inputs that agree on a batch, []']);
    expect(rows(undefined, floats([1]))).toEqual(['inputs that agree on a batch, [1]']);
    expect(rows(2, floats([1], []))).toEqual(['2 rows, []']);
    expect(rows(1, floats([1]))).toEqual([]);
  });

  it('have the lowest number of their type below the k largest, where one is negative', () => {
    const kept = (
      dtype: 'DT_INT8' | 'DT_UINT8' | 'DT_INT32' | 'DT_INT64' | 'DT_FLOAT' | 'DT_DOUBLE',
      values: (number | bigint)[],
    ) => answer({ dtype, topK: 1, number: { infinity: 'allow' } }, numbers(dtype, values))?.tensors[0];
    expect(kept('DT_INT8', [-5, -3, -4])).toEqual(numbers('DT_INT8', [-128, -3, -128]));
    expect(kept('DT_INT32', [7, -3])).toEqual(numbers('DT_INT32', [7, -(2 ** 31)]));
    expect(kept('DT_INT64', [7n, -3n])).toEqual(numbers('DT_INT64', [7n, -(2n ** 63n)]));
    expect(kept('DT_UINT8', [7, 3])).toEqual(numbers('DT_UINT8', [7, 0]));
    expect(kept('DT_FLOAT', [-1, -2])).toEqual(numbers('DT_FLOAT', [-1, -(2 - 2 ** -23) * 2 ** 127]));
    expect(kept('DT_DOUBLE', [-1, -2])).toEqual(numbers('DT_DOUBLE', [-1, -Number.MAX_VALUE]));
    const infinite = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(kept('DT_DOUBLE', infinite)).toEqual(numbers('DT_DOUBLE', infinite));
    // Of each row by itself, and by the exact value where doubles are equal.
    const matrix = numbers('DT_INT64', [2n ** 60n + 1n, 2n ** 60n, 5n, 2n ** 60n, 2n ** 60n + 1n, 5n], [2, 3]);
    expect(answer({ dtype: 'DT_INT64', topK: 1 }, matrix)?.tensors[0]).toEqual(
      numbers('DT_INT64', [2n ** 60n + 1n, 0n, 0n, 0n, 2n ** 60n + 1n, 0n], [2, 3]),
    );
    const whole = numbers('DT_INT64', [3n, 1n]);
    expect(answer({ dtype: 'DT_INT64', topK: 2 }, whole)?.tensors[0]).toBe(whole);
  });
});
