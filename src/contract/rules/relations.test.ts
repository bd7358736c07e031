import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ContractDraft, numbers, refusedBy, runContract, strings } from '../../../tests/support/contracts.ts';
import type { DType, Tensor } from '../../tensor/index.ts';
import type { Condition, Relation } from '../contract-types.ts';

function places(relation: Relation, tensors: Readonly<Record<string, Tensor>>): string[] {
  const inputs = Object.fromEntries(
    Object.entries(tensors).map(([alias, { dtype }]): [string, { dtype: DType }] => [alias, { dtype }]),
  );
  const { findings } = runContract({ inputs, relations: [relation] }, tensors);
  expect(findings.kept.every(({ rule }) => rule.name === 'relation' && rule.id === `s/relations/${relation.id}`)).toBe(true);
  return findings.kept.map(({ violation }) => violation.path);
}
const ints = (values: readonly (number | bigint)[], shape?: number[]): Tensor => numbers('DT_INT64', values, shape);
const small = fc.integer({ min: 0, max: 4 });

describe('sameShape and maxElements', () => {
  it('compare sizes', () => {
    fc.assert(
      fc.property(
        fc.array(small, { minLength: 1, maxLength: 2 }),
        fc.array(small, { minLength: 1, maxLength: 2 }),
        small,
        (a, b, limit) => {
          const zeros = (shape: number[]) => ints(new Array(shape.reduce((product, size) => product * size, 1)).fill(0), shape);
          const tensors = { a: zeros(a), b: zeros(b) };
          const same = places({ id: 'r', rule: 'sameShape', tensors: ['a', 'b'] }, tensors);
          expect(same).toEqual(String(a) === String(b) ? [] : ['b']);
          const sum = [a, b].map((shape) => shape.reduce((product, size) => product * size, 1)).reduce((x, y) => x + y);
          expect(places({ id: 'r', rule: 'maxElements', tensors: ['a', 'b'], limit }, tensors)).toEqual(sum > limit ? ['a'] : []);
        },
      ),
    );
  });
});

describe('ordered', () => {
  it('holds at every place, exactly', () => {
    const wide = fc.oneof(
      fc.bigInt({ min: 0n, max: 3n }),
      fc.bigInt({ min: 2n ** 60n, max: 2n ** 60n + 2n }),
      fc.constant(-(2n ** 63n)),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(wide, wide), { maxLength: 9 }), fc.boolean(), (pairs, strict) => {
        const tensors = { low: ints(pairs.map(([low]) => low)), high: ints(pairs.map(([, high]) => high)) };
        const wrong = pairs.flatMap(([low, high], index) => ((strict ? low < high : low <= high) ? [] : [`high[${index}]`]));
        expect(places({ id: 'r', rule: 'ordered', lower: 'low', upper: 'high', strict }, tensors)).toEqual(wrong);
      }),
    );
  });

  it('does not hold for NaN, for other shapes, nor between types that have no order', () => {
    const relation: Relation = { id: 'r', rule: 'ordered', lower: 'a', upper: 'b', strict: false };
    const inputs: ContractDraft['inputs'] = { a: { dtype: 'DT_FLOAT', number: { nan: 'allow' } }, b: { dtype: 'DT_INT8' } };
    const run = (a: Tensor, b: Tensor) =>
      runContract({ inputs, relations: [relation] }, { a, b }).findings.kept.map(({ violation }) => violation.path);
    expect(run(numbers('DT_FLOAT', [Number.NaN, 1.5]), numbers('DT_INT8', [1, 2]))).toEqual(['b[0]']);
    expect(run(numbers('DT_FLOAT', [1]), numbers('DT_INT8', [1, 2]))).toEqual(['b']);
    const words = { a: strings(['a']), b: ints([1]) };
    expect(() => places(relation, words)).toThrow('cannot compare');
  });
});

/** Through entries, because Biome takes an object literal with `then` for a promise. */
function implies(when: Condition, consequence: Condition): Relation {
  return Object.fromEntries(
    Object.entries({ id: 'r', rule: 'implies', when }).concat([['then', consequence]]),
  ) as unknown as Relation;
}

describe('implies', () => {
  it('holds where the condition does', () => {
    const relation = implies({ tensor: 'mask', allowed: [0] }, { tensor: 'ids', max: 0 });
    fc.assert(
      fc.property(fc.array(fc.tuple(small, small), { maxLength: 9 }), (pairs) => {
        const wrong = pairs.flatMap(([mask, id], index) => (mask === 0 && id > 0 ? [`ids[${index}]`] : []));
        expect(places(relation, { mask: ints(pairs.map(([mask]) => mask)), ids: ints(pairs.map(([, id]) => id)) })).toEqual(
          wrong,
        );
      }),
    );
    expect(places(relation, { mask: ints([0]), ids: ints([0, 0]) })).toEqual(['ids']);
  });

  it('takes strings, and bounds of every kind together', () => {
    const when = { tensor: 'kind', allowed: ['child'] };
    const relation = implies(when, { tensor: 'age', min: 0, max: 17, allowed: [5, 17, 18] });
    const tensors = { kind: strings(['child', 'adult', 'child', 'child', 'child']), age: ints([5, 40, 6, 18, 17]) };
    expect(places(relation, tensors)).toEqual(['age[2]', 'age[3]']);
    const bounded = implies({ tensor: 'kind', min: 3 }, { tensor: 'age', max: 1 });
    expect(() => places(bounded, tensors)).toThrow('cannot compare');
  });
});

describe('sparse', () => {
  const relation = { id: 'r', rule: 'sparse', indices: 'i', values: 'v', denseShape: 'd', sorted: true, unique: true } as const;
  const sparse = (
    rows: readonly (readonly (number | bigint)[])[],
    dense: readonly (number | bigint)[],
    more: Partial<Relation> = {},
    values = rows.length,
  ) =>
    places({ ...relation, ...more } as Relation, {
      i: ints(rows.flat(), [rows.length, dense.length]),
      v: numbers('DT_FLOAT', new Array(values).fill(1)),
      d: ints(dense),
    });

  it('takes indices that lie within, rise, and come once', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(small, small), { maxLength: 8 }), fc.boolean(), fc.boolean(), (rows, sorted, unique) => {
        const dense = [4, 3];
        const places = sparse(rows, dense, { sorted, unique });
        const isOut = ([a, b]: readonly number[]): boolean => a >= 4 || b >= 3;
        const key = ([a, b]: readonly number[]): number => 10 * a + b;
        const isFine =
          !rows.some(isOut) &&
          (!sorted || rows.every((row, index) => index === 0 || key(rows[index - 1]) <= key(row))) &&
          (!unique || new Set(rows.map(key)).size === rows.length);
        expect(places.length === 0).toBe(isFine);
        const firstOut = rows.findIndex(isOut);
        if (firstOut !== -1) expect(places).toContain(`i[${2 * firstOut + (rows[firstOut][0] >= 4 ? 0 : 1)}]`);
      }),
      { numRuns: 200 },
    );
    expect(sparse([[-1, 0]], [2, 2])).toEqual(['i[0]']);
    expect(sparse([[2n ** 62n]], [2n ** 62n])).toEqual(['d']);
  });

  it('counts values, sizes and density', () => {
    expect(sparse([[0, 0]], [2, 2], {}, 2)).toEqual(['v']);
    expect(sparse([[0], [1]], [4], { maxDensity: 0.5 } as Partial<Relation>)).toEqual([]);
    expect(sparse([[0], [1], [2]], [4], { maxDensity: 0.5 } as Partial<Relation>)).toEqual(['v']);
    expect(sparse([], [3, 3], { maxDenseElements: 9 } as Partial<Relation>)).toEqual([]);
    expect(sparse([], [3, 4], { maxDenseElements: 9 } as Partial<Relation>)).toEqual(['d']);
    // The product of a shape that wraps, also behind a zero.
    expect(sparse([], [2n ** 32n, 2n ** 32n])).toEqual(['d']);
    expect(sparse([], [2n ** 40n, 2n ** 40n, 0])).toEqual(['d']);
    expect(sparse([], [-1])).toEqual(['d']);
    const shapes = { i: ints([0], [1]), v: ints([1]), d: ints([1]) };
    expect(places(relation, shapes)).toEqual(['i']);
    expect(() => places(relation, { ...shapes, d: numbers('DT_FLOAT', [1]) })).toThrow('must be int32 or int64');
  });
});

describe('ragged', () => {
  const relation = { id: 'r', rule: 'ragged', rowSplits: 's', values: 'v', maxRows: 3, maxRowLength: 2 } as const;
  const ragged = (splits: readonly (number | bigint)[], values: number): string[] =>
    places(relation, { s: ints(splits), v: numbers('DT_FLOAT', new Array(values).fill(1)) });

  it('takes splits that begin at 0, never fall, and end at the number of values', () => {
    fc.assert(
      fc.property(fc.array(small, { minLength: 1, maxLength: 5 }), small, (splits, values) => {
        const lengths = splits.slice(1).map((split, index) => split - splits[index]);
        const isFine =
          splits[0] === 0 &&
          splits.at(-1) === values &&
          splits.length <= 4 &&
          lengths.every((length) => length >= 0 && length <= 2);
        expect(ragged(splits, values).length === 0).toBe(isFine);
      }),
      { numRuns: 300 },
    );
    expect(ragged([0, 1, 3, 3], 3)).toEqual([]);
    expect(ragged([0, 1, 4], 4)).toEqual(['s[2]']);
    expect(ragged([0, 2, 1, 2], 2)).toEqual(['s[2]']);
    expect(ragged([0, 0, 0, 0, 0], 0)).toEqual(['s']);
    expect(ragged([], 0)).toEqual(['s']);
    expect(ragged([0, 2n ** 63n - 1n], 1)).toEqual(['s[1]', 's[1]']);
  });
});

describe('relations', () => {
  it('are not looked at for an input that was refused, nor when their mode is off, and refuse nothing in shadow', () => {
    const relation = { id: 'r', rule: 'sameShape', tensors: ['a', 'b'] } as const;
    const run = (mode: Relation['mode'], max: number) => {
      const draft: ContractDraft = {
        inputs: { a: { dtype: 'DT_INT8', max }, b: { dtype: 'DT_INT8' } },
        relations: [{ ...relation, ...(mode === undefined ? {} : { mode }) }],
      };
      const { findings } = runContract(draft, { a: numbers('DT_INT8', [5]), b: numbers('DT_INT8', [1, 2]) });
      return findings.kept.map(({ rule, outcome }) => `${rule.name} ${outcome}`);
    };
    expect(run(undefined, 9)).toEqual(['relation reject']);
    expect(run('shadow', 9)).toEqual(['relation shadow']);
    expect(run('off', 9)).toEqual([]);
    expect(run(undefined, 1)).toEqual(['max reject']);
    expect(refusedBy(runContract({ inputs: { a: { dtype: 'DT_INT8' } } }, { a: numbers('DT_INT8', [1]) }).findings)).toEqual([]);
  });
});
