// Any contract against any tensors: the engine never throws on data, never changes what it was given, gives the same verdict twice, and
// nothing that a rule in shadow says changes what happens.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ContractDraft, numbers, type RuleDraft, runContract, strings } from '../../tests/support/contracts.ts';
import { type DType, dtypes, elementCount, type Tensor } from '../tensor/index.ts';
import type { Contract, DimExpression } from './contract-types.ts';

const allTypes = Object.keys(dtypes) as DType[];
const bound = fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined });
const interval = fc.option(
  fc.record({ min: bound, max: bound }).filter(({ min, max }) => min !== undefined || max !== undefined),
  { nil: undefined },
);
const expression: fc.Arbitrary<DimExpression> = fc.oneof(
  fc.constant({ kind: 'any' } as const),
  fc.record({ kind: fc.constant('fixed' as const), size: fc.integer({ min: 0, max: 4 }) }),
  fc.record({
    kind: fc.constant('symbol' as const),
    name: fc.constantFrom('n', 'm'),
    multiplier: fc.integer({ min: 1, max: 2 }),
    offset: fc.integer({ min: -1, max: 1 }),
  }),
);
const shapeAction = fc.constantFrom(
  { kind: 'truncate', side: 'left' },
  { kind: 'truncate', side: 'right' },
  { kind: 'log' },
  { kind: 'reject' },
);
const mode = fc.constantFrom('off', 'shadow', 'sample', 'enforce');

const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 2 });
const rulesOf = (dtype: DType): fc.Arbitrary<RuleDraft> =>
  fc
    .record({
      shape: optional(fc.array(expression, { maxLength: 3 })),
      maxElements: bound,
      maxBytes: bound,
      min: bound,
      max: bound,
      exclusiveMin: bound,
      softMax: bound,
      allowed: optional(
        fc.array<string | number>(dtype === 'DT_STRING' ? fc.string({ maxLength: 2 }) : fc.integer({ min: 0, max: 9 }), {
          minLength: 1,
        }),
      ),
      unique: optional(fc.constantFrom('elements' as const, 'rows' as const)),
      monotone: optional(fc.constantFrom('increasing' as const, 'nonIncreasing' as const)),
      sum: interval,
      rowSum: interval,
      mean: interval,
      standardDeviation: interval,
      zeroFraction: interval,
      norm: optional(fc.record({ l1: interval, l2: interval, linf: interval })),
      tokens: optional(
        fc.constant({
          padId: 0,
          padSide: 'right' as const,
          specialIds: [1],
          maxSpecialTokens: 1,
          maxRepeatRun: 2,
          length: { min: 1 },
        }),
      ),
      number: optional(
        fc.record({
          nan: fc.constantFrom('allow' as const, 'reject' as const),
          subnormal: fc.constantFrom('allow' as const, 'reject' as const),
        }),
      ),
      onViolation: fc.record({ shape: shapeAction, max: fc.constantFrom({ kind: 'reject' }, { kind: 'log' }) }),
      modes: fc.dictionary(
        fc.constantFrom('shape', 'min', 'max', 'allowed', 'unique', 'sum', 'number.nan', 'maxElements', 'tokens.padding'),
        mode,
      ),
    })
    .map((rules) => ({
      dtype,
      ...(Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined)) as Partial<RuleDraft>),
    }));

const tensorOf = (dtype: DType): fc.Arbitrary<Tensor> =>
  fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).chain((shape) => {
    const count = elementCount(shape);
    if (dtype === 'DT_STRING') {
      return fc
        .array(fc.uint8Array({ maxLength: 4 }), { minLength: count, maxLength: count })
        .map((parts): Tensor => strings(parts, shape));
    }
    const { itemBytes, kind } = dtypes[dtype];
    const byte =
      kind === 'bool'
        ? fc.integer({ min: 0, max: 1 })
        : fc.oneof(fc.constantFrom(0, 1, 0x7f, 0xff), fc.integer({ min: 0, max: 255 }));
    const small = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: count, maxLength: count });
    const noise = fc
      .array(byte, { minLength: count * itemBytes, maxLength: count * itemBytes })
      .map((bytes): Tensor => ({ dtype, shape, bytes: Uint8Array.from(bytes) }));
    return kind === 'int'
      ? fc.oneof(
          noise,
          small.map((values): Tensor => numbers(dtype, values, shape)),
        )
      : noise;
  });

const input = fc.constantFrom(...allTypes).chain((dtype) => fc.tuple(rulesOf(dtype), tensorOf(dtype)));
const inputs = fc.dictionary(fc.constantFrom('a', 'b', 'c'), input, { minKeys: 1 });
const contractMode = fc.constantFrom<Contract['mode']>('enforce', 'shadow', 'sample');

const draftOf = (pairs: Readonly<Record<string, readonly [RuleDraft, Tensor]>>, contract: Contract['mode']): ContractDraft => ({
  mode: contract,
  dims: { n: { min: 0, max: 3 }, m: { min: 1, max: 8, multipleOf: 2 } },
  inputs: Object.fromEntries(Object.entries(pairs).map(([alias, [rules]]) => [alias, rules])),
  relations: [{ id: 'same', rule: 'sameShape', tensors: Object.keys(pairs) }],
  maxViolations: 4,
});
const copyOf = (tensor: Tensor): Tensor => structuredClone(tensor);

describe('the engine', () => {
  it('judges anything without throwing, twice alike, and writes into nothing that it was given', () => {
    fc.assert(
      fc.property(inputs, contractMode, fc.constantFrom(0, 0.5), (pairs, contract, draw) => {
        const tensors = Object.fromEntries(Object.entries(pairs).map(([alias, [, tensor]]) => [alias, tensor]));
        const before = Object.values(tensors).map(copyOf);
        const first = runContract(draftOf(pairs, contract), tensors, draw);
        const second = runContract(draftOf(pairs, contract), tensors, draw);
        expect(Object.values(tensors)).toEqual(before);
        expect(first.findings.kept).toEqual(second.findings.kept);
        expect(first.tensors).toEqual(second.tensors);
        expect(first.findings.kept.length).toBeLessThanOrEqual(5);
        expect(Number.isFinite(first.cost)).toBe(true);
        for (const tensor of first.tensors)
          if (tensor.dtype === 'DT_STRING') expect(tensor.offsets).toHaveLength(elementCount(tensor.shape) + 1);
      }),
      { numRuns: 150 },
    );
  });

  it('lets everything through as it came when all rules only watch', () => {
    fc.assert(
      fc.property(inputs, (pairs) => {
        const watched = Object.fromEntries(
          Object.entries(pairs).map(([alias, [rules, tensor]]) => [alias, [{ ...rules, modes: {} }, tensor] as const]),
        );
        const tensors = Object.fromEntries(Object.entries(pairs).map(([alias, [, tensor]]) => [alias, tensor]));
        const { findings, tensors: passed } = runContract(draftOf(watched, 'shadow'), tensors);
        expect(findings.refused).toBe(false);
        const aliases = Object.keys(tensors).sort();
        expect(passed.every((tensor, index) => tensor === tensors[aliases[index]])).toBe(true);
      }),
      { numRuns: 80 },
    );
  });
});
