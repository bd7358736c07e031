// Contracts drawn at random inside the rules of the schema: every kind of rule, names that are hard to write in YAML, integers of 64 bits.
import fc from 'fast-check';
import {
  type Action,
  type Contract,
  type ContractNumber,
  type ContractValue,
  completeFeature,
  completeOutput,
  completeTensor,
  type DimExpression,
  type ExampleRules,
  type FeatureRules,
  type Interval,
  isRuleName,
  type Mode,
  type OutputRules,
  type RuleName,
  rulesSetOn,
  type TensorRules,
} from '../../src/contract/index.ts';
import { printable } from '../../src/core/index.ts';
import type { DType } from '../../src/tensor/index.ts';

const hardNames = [
  '1',
  'null',
  'true',
  '~',
  '-',
  ' a',
  'a ',
  ': ',
  '#',
  'a: b',
  "'",
  '"',
  '[x]',
  '{',
  '&a',
  '*a',
  '!t',
  '0x1',
  '1e5',
  '<<',
  'é',
  '数',
  '…',
  '%',
];
const name = fc.oneof(
  fc.constantFrom(...hardNames),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
    .filter((text) => printable(text, 64) === text && text !== '__proto__'),
);
const text = fc.oneof(
  name,
  fc.string({ unit: 'binary', maxLength: 20 }).filter((value) => !/\p{Cs}/u.test(value)),
);

/** An object without the keys whose value is undefined. */
function defined<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as T;
}

function maybe<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined, freq: 2 });
}

const clean = (value: number): number => (value === 0 ? 0 : value);
const float = fc
  .oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 }),
    fc.integer({ min: -1000, max: 1000 }),
    fc.constantFrom(1e20, -1e21, 0.1, 2 ** 53),
  )
  .map(clean);
const int64 = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .map((value): ContractNumber => (Number.isSafeInteger(Number(value)) ? Number(value) : value));
const smallInt = fc.integer({ min: -1000, max: 1000 });

function ordered<T extends ContractNumber>(value: fc.Arbitrary<T>): fc.Arbitrary<{ min?: T; max?: T }> {
  return fc.tuple(maybe(value), maybe(value)).map(([a, b]) => {
    if (a !== undefined && b !== undefined && a > b) return { min: b, max: a };
    return defined<{ min?: T; max?: T }>({ min: a, max: b });
  });
}

function interval(value: fc.Arbitrary<number>): fc.Arbitrary<Interval> {
  return ordered(value).filter(({ min, max }) => min !== undefined || max !== undefined);
}

const counts = interval(fc.nat(1000));
const vocabulary = fc.record({
  file: fc.constant('words.txt'),
  sha256: fc.constant('b37a1402e293cd4c4ac8b23b27e2a51b3a2e6c3c5b1b1a6a1f2e3d4c5b6a7988'),
  maxUnknownFraction: fc.constantFrom(0, 0.25, 1),
  entries: fc.constant<ReadonlySet<string>>(new Set()),
});

const stringRules = fc
  .record({
    encoding: fc.constantFrom('utf8' as const, 'ascii' as const),
    normalization: maybe(fc.constantFrom('NFC' as const, 'NFKC' as const)),
    controlCharacters: fc.constantFrom('allow' as const, 'reject' as const),
    bidiControls: fc.constantFrom('allow' as const, 'reject' as const),
    invisible: fc.constantFrom('allow' as const, 'reject' as const),
    minBytes: maybe(fc.nat(10)),
    maxBytes: maybe(fc.integer({ min: 10, max: 1000 })),
    maxCodePoints: maybe(fc.nat(100)),
    maxGraphemes: maybe(fc.nat(100)),
    pattern: maybe(fc.constantFrom('[a-z]+', "\\p{L}[ .'-]*", '#: ', '"', 'a\n')),
  })
  .map((value) => defined<NonNullable<TensorRules['string']>>(value));

const imageRules = fc
  .record({
    formats: fc.subarray(['png', 'gif', 'bmp'] as const, { minLength: 1 }),
    width: maybe(interval(fc.integer({ min: 1, max: 5000 }))),
    maxPixels: maybe(fc.integer({ min: 1, max: 2 ** 40 })),
    channels: maybe(fc.constant([1, 3])),
    maxDecodedBytes: fc.constantFrom(64 * 1024 * 1024, 1000),
    maxRatio: fc.constantFrom(200, 10.5),
    inflatedSize: fc.constantFrom('check' as const, 'ignore' as const),
    trailingData: fc.constantFrom('reject' as const, 'allow' as const),
    maxMetadataBytes: fc.constantFrom(65_536, 0),
    maxScans: fc.constantFrom(20, 3),
    checksums: fc.constantFrom('check' as const, 'ignore' as const),
  })
  .map((value) =>
    defined<NonNullable<TensorRules['image']>>({
      ...value,
      reencode: [],
      height: undefined,
      bitDepth: undefined,
      maxFrames: undefined,
    }),
  );

const feature: fc.Arbitrary<FeatureRules> = fc
  .record({
    kind: fc.constantFrom('bytes' as const, 'float' as const, 'int64' as const),
    required: fc.boolean(),
    count: maybe(counts),
  })
  .chain((base) => {
    const { kind } = base;
    if (kind === 'bytes')
      return fc
        .record({
          string: maybe(stringRules),
          vocabulary: maybe(vocabulary),
          allowed: maybe(fc.array(text, { minLength: 1, maxLength: 3 })),
        })
        .map((rules) => completeFeature(defined<FeatureRules>({ ...base, ...rules } as FeatureRules)));
    const bounds = kind === 'float' ? ordered(float) : ordered(int64);
    return fc
      .tuple(
        bounds as fc.Arbitrary<{ min?: ContractNumber; max?: ContractNumber }>,
        maybe(fc.constant('increasing' as const)),
        maybe(fc.boolean()),
      )
      .map(([range, monotone, unique]) =>
        completeFeature(defined<FeatureRules>({ ...base, ...range, monotone, unique } as FeatureRules)),
      );
  });

const exampleRules: fc.Arbitrary<ExampleRules> = fc
  .record({
    features: fc
      .uniqueArray(fc.tuple(name, feature), { selector: ([key]) => key, maxLength: 4 })
      .map((entries) => new Map(entries)),
    unknownFeatures: fc.constantFrom('allow' as const, 'reject' as const),
    maxFeatures: fc.constantFrom(1_000, 40),
  })
  .map(({ features, ...rest }) => {
    const integers = [...features].filter(([, { kind }]) => kind === 'int64').map(([key]) => key);
    const [first] = integers;
    const sparse =
      first === undefined ? [] : [{ name: 's', index: [first], value: first, denseShape: [10], sorted: true, unique: false }];
    const ragged = first === undefined ? [] : [{ name: 'r', value: first, rowLengths: first, maxRows: 3 }];
    return { features, ...rest, sparse, ragged };
  });

const dims = new Map([
  ['batch', { min: 1, max: 256 }],
  ['seq', { min: 0, max: 512, multipleOf: 2 }],
]);
const dim: fc.Arbitrary<DimExpression> = fc.oneof(
  fc.constant<DimExpression>({ kind: 'any' }),
  fc.nat(100).map((size): DimExpression => ({ kind: 'fixed', size })),
  fc
    .record({
      name: fc.constantFrom('batch', 'seq'),
      multiplier: fc.integer({ min: 1, max: 3 }),
      offset: fc.integer({ min: -2, max: 2 }),
    })
    .map((rest): DimExpression => ({ kind: 'symbol', ...rest })),
);

const empty = { onViolation: new Map(), modes: new Map(), derivedFrom: new Map() };

function rulesOf(dtype: DType): fc.Arbitrary<Partial<TensorRules>> {
  if (dtype === 'DT_STRING')
    return fc.oneof(
      fc.record({
        string: stringRules,
        vocabulary: maybe(vocabulary),
        allowed: maybe(fc.uniqueArray(text, { minLength: 1, maxLength: 3 })),
      }),
      fc.record({ image: imageRules }),
      fc.record({ example: exampleRules }),
      fc.constant({ audio: { sampleRate: [16_000], maxMetadataBytes: 0 } }),
    ) as fc.Arbitrary<Partial<TensorRules>>;
  if (dtype === 'DT_BOOL')
    return fc.record({ allowed: maybe(fc.constant<readonly ContractValue[]>([true])) }) as fc.Arbitrary<Partial<TensorRules>>;
  const value: fc.Arbitrary<ContractNumber> =
    dtype === 'DT_INT64' ? int64 : dtype === 'DT_UINT8' ? fc.nat(255) : dtype === 'DT_INT32' ? smallInt : float;
  const isFloat = value === float;
  return fc
    .record({
      bounds: ordered(value),
      softMax: maybe(value),
      allowed: maybe(fc.uniqueArray(value, { minLength: 1, maxLength: 3 })),
      monotone: maybe(fc.constantFrom('increasing' as const, 'nonIncreasing' as const)),
      unique: maybe(fc.constantFrom('elements' as const, 'rows' as const)),
      sum: maybe(interval(float)),
      norm: maybe(fc.record({ l2: interval(fc.nat(1000)) })),
      zeroFraction: maybe(fc.constant({ max: 0.5 })),
      number: isFloat
        ? fc.record({
            nan: fc.constantFrom('allow' as const, 'reject' as const),
            infinity: fc.constantFrom('allow' as const, 'reject' as const),
            subnormal: fc.constantFrom('allow' as const, 'reject' as const),
            negativeZero: fc.constantFrom('allow' as const, 'normalize' as const, 'reject' as const),
            narrowing: fc.constantFrom('nearest' as const, 'exactIntegers' as const, 'exact' as const),
          })
        : fc.constant(undefined),
      tokens: isFloat
        ? fc.constant(undefined)
        : maybe(fc.constant({ padId: 0, padSide: 'left' as const, specialIds: [1, 2], maxSpecialTokens: 2 })),
    })
    .map(({ bounds, number, ...rest }) => {
      const excludesZero = (bounds.min ?? 0) > 0 || (bounds.max ?? 0) < 0;
      const negativeZero = excludesZero && number?.negativeZero === 'normalize' ? 'reject' : number?.negativeZero;
      return { ...bounds, ...rest, number: number && { ...number, negativeZero } };
    }) as fc.Arbitrary<Partial<TensorRules>>;
}

const mode: fc.Arbitrary<Mode> = fc.constantFrom('off', 'shadow', 'sample', 'enforce');

/** Modes, actions and sources for some of the rules that are set. */
function settings<T extends TensorRules>(rules: T): fc.Arbitrary<T> {
  const set = [...rulesSetOn(rules)].filter((rule): rule is RuleName => isRuleName(rule) && !rule.startsWith('soft'));
  const some = fc.subarray(set, { maxLength: Math.min(3, set.length) });
  const action = fc.constantFrom<Action>({ kind: 'reject' }, { kind: 'log' });
  const pairs = <V>(value: fc.Arbitrary<V>) =>
    some
      .chain((rulesToSet) => fc.tuple(...rulesToSet.map((rule) => value.map((inner): [RuleName, V] => [rule, inner]))))
      .map((entries) => new Map(entries));
  return fc
    .record({ onViolation: pairs(action), modes: pairs(mode), derivedFrom: pairs(fc.constant('train')) })
    .map((maps) => ({ ...rules, ...maps }));
}

/** The rules of one input, valid whatever the others are (its dimensions are `batch` and `seq`). */
export const tensorArbitrary: fc.Arbitrary<TensorRules> = fc
  .record({
    dtype: fc.constantFrom<DType>('DT_FLOAT', 'DT_DOUBLE', 'DT_INT32', 'DT_INT64', 'DT_UINT8', 'DT_BOOL', 'DT_STRING'),
    shape: maybe(fc.array(dim, { maxLength: 4 })),
    maxElements: maybe(fc.nat()),
    maxBytes: maybe(fc.nat()),
  })
  .chain((base) =>
    rulesOf(base.dtype).map((rules) => completeTensor(defined<TensorRules>({ ...base, ...rules, ...empty } as TensorRules))),
  )
  .chain(settings);

const outputArbitrary: fc.Arbitrary<OutputRules> = fc
  .tuple(
    tensorArbitrary.filter(
      ({ dtype, image, example }) => dtype !== 'DT_STRING' || (image === undefined && example === undefined),
    ),
    fc.boolean(),
    fc.boolean(),
    maybe(fc.nat(9)),
  )
  .map(([rules, matchesBatch, redact, roundTo]) =>
    completeOutput(
      defined<OutputRules>({
        ...rules,
        matchesBatch,
        redact,
        roundTo: rules.dtype === 'DT_FLOAT' ? roundTo : undefined,
      } as OutputRules),
    ),
  );

const tensors = <T>(value: fc.Arbitrary<T>) =>
  fc
    .uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 4 })
    .map((entries): ReadonlyMap<string, T> => new Map(entries));

/** Whole contracts that the schema accepts. Vocabularies have the name `words.txt` and no entries. */
export const contractArbitrary: fc.Arbitrary<Contract> = fc
  .record({
    mode,
    sampleFraction: fc.constantFrom(0.1, 0.5, 0),
    maxViolations: fc.constantFrom(32, 5),
    description: maybe(text),
    revision: fc.integer({ min: 1, max: 9 }),
    maxBytes: maybe(fc.integer({ min: 1, max: 1000 })),
    inputs: tensors(tensorArbitrary),
    outputs: tensors(outputArbitrary),
    quadratic: fc.boolean(),
    relationMode: maybe(mode),
  })
  .map(({ inputs, outputs, description, revision, maxBytes, quadratic, relationMode, ...rest }): Contract => {
    const all = [...inputs.values(), ...outputs.values()];
    const used = new Set(all.flatMap(({ shape }) => shape ?? []).map((entry) => (entry.kind === 'symbol' ? entry.name : '')));
    const [first, second] = [...inputs.keys()];
    return {
      apiVersion: 'airlock/contract/v1',
      metadata: {
        id: 'drawn',
        revision,
        ...(description === undefined ? {} : { description }),
        sources: [{ id: 'train', kind: 'csv', name: 'train.csv', sha256: 'a'.repeat(64), records: 3 }],
      },
      ...rest,
      request: maxBytes === undefined ? {} : { maxBytes },
      dims: new Map([...dims].filter(([key]) => used.has(key))),
      signatures: new Map([
        [
          'serving_default',
          {
            inputs,
            outputs,
            relations:
              second === undefined
                ? []
                : [
                    {
                      id: '0',
                      rule: 'sameShape',
                      tensors: [first, second],
                      ...(relationMode === undefined ? {} : { mode: relationMode }),
                    },
                    { id: 'total', rule: 'maxElements', tensors: [first], limit: 100 },
                  ],
          },
        ],
      ]),
      cost: {
        base: 1,
        perElement: 0.001,
        perByte: 0.001,
        perPixel: 0.5,
        ...(quadratic && used.has('seq') ? { quadratic: { dim: 'seq', weight: 0.25 } } : {}),
      },
    };
  });
