// A TFDV schema becomes a contract and a schema again: whatever the second one lacks or says otherwise stands in the report. For random
// schemas and for real ones.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, type DescMessage, isFieldSet, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contractMistakes, parseContract } from '../../src/contract/index.ts';
import { formatContract } from '../../src/contract/write-contract.ts';
import { isAirlockError } from '../../src/core/index.ts';
import { exportTfdvSchema } from '../../src/derive/tfdv/export-schema.ts';
import {
  FeatureSchema,
  type Schema,
  SchemaSchema,
  SparseFeatureSchema,
  TensorRepresentationSchema,
} from '../../src/derive/tfdv/gen/tensorflow_metadata/schema_pb.ts';
import { importTfdv } from '../../src/derive/tfdv/import-schema.ts';
import { readTfdvSchema } from '../../src/derive/tfdv/read-metadata.ts';
import type { TransferNote, TransferReport } from '../../src/derive/tfdv/transfer-report.ts';

/** Each field that is set, as `path = values`; false says the same as nothing. */
function leaves<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (node: ReflectMessage, prefix: string) => {
    for (const field of node.fields) {
      if (!isFieldSet(node.message, field)) continue;
      const path = prefix === '' ? field.name : `${prefix}.${field.name}`;
      const values: unknown[] = field.fieldKind === 'list' ? [...node.get(field)] : [node.get(field)];
      for (const value of values) {
        if (field.message === undefined) {
          if (value !== false) found.set(path, `${found.get(path) ?? ''};${value === 0 ? 0 : String(value)}`);
        } else {
          const child = value as ReflectMessage;
          if (!child.fields.some((inner) => isFieldSet(child.message, inner))) found.set(path, 'empty');
          walk(child, path);
        }
      }
    }
  };
  walk(reflect(desc, message), '');
  return found;
}

function isCovered(notes: readonly TransferNote[], path: string, leaf: string): boolean {
  return notes.some(
    (note) => note.path === path && (note.tfdvField === '' || leaf === note.tfdvField || leaf.startsWith(`${note.tfdvField}.`)),
  );
}

/** What the second schema does not say as the first does, and the report does not mention. */
function silentLosses(before: Schema, after: Schema, { lost, changed }: TransferReport): string[] {
  const notes = [...lost, ...changed];
  const silent: string[] = [];
  const compare = <Desc extends DescMessage>(
    desc: Desc,
    path: string,
    a: MessageShape<Desc>,
    b: MessageShape<Desc> | undefined,
  ) => {
    const second = b === undefined ? new Map<string, string>() : leaves(desc, b);
    for (const [leaf, value] of leaves(desc, a))
      if (second.get(leaf) !== value && !isCovered(notes, path, leaf)) silent.push(`${path}: ${leaf} = ${value}`);
  };
  for (const feature of before.feature)
    compare(
      FeatureSchema,
      feature.name ?? '',
      feature,
      after.feature.find(({ name }) => name === feature.name),
    );
  for (const feature of before.sparseFeature)
    compare(
      SparseFeatureSchema,
      feature.name ?? '',
      feature,
      after.sparseFeature.find(({ name }) => name === feature.name),
    );
  const representations = after.tensorRepresentationGroup.flatMap(({ value }) => value?.tensorRepresentation ?? []);
  for (const group of before.tensorRepresentationGroup)
    for (const { key, value } of group.value?.tensorRepresentation ?? [])
      if (value !== undefined)
        compare(
          TensorRepresentationSchema,
          `tensor_representation_group[${group.key ?? ''}].${key ?? ''}`,
          value,
          representations.find((each) => each.key === key)?.value,
        );
  for (const { name } of before.weightedFeature) if (!isCovered(notes, name ?? '', '')) silent.push(`${name}: weighted`);
  const whole = create(SchemaSchema, {
    ...before,
    feature: [],
    sparseFeature: [],
    weightedFeature: [],
    tensorRepresentationGroup: [],
  });
  for (const leaf of leaves(SchemaSchema, whole).keys()) if (!isCovered(notes, '', leaf)) silent.push(`whole: ${leaf}`);
  return silent;
}

function roundTrip(schema: Schema, environment?: string, isWritten = true): string[] {
  const file = { message: schema, name: 'schema.pb', sha256: '0'.repeat(64) };
  const imported = importTfdv({ id: 'x', schema: file, ...(environment === undefined ? {} : { environment }) });
  const { contract, vocabularies } = imported;
  expect(contractMistakes(contract)).toEqual([]);
  // Writing and reading the file takes most of the time.
  if (isWritten) expect(parseContract(formatContract(contract), { vocabularies })).toEqual(contract);
  return silentLosses(schema, exportTfdvSchema(imported.contract).schema, imported.report);
}

const names = ['a', 'b', 'c', 'd', 'e'];
const word = fc.constantFrom('x', 'y', 'TRAINING', 'SERVING', 'é', '', 'two\nlines');
const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -2n, max: 9n }));
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const ordered = <T extends bigint | number>(arbitrary: fc.Arbitrary<T>) =>
  fc.tuple(arbitrary, arbitrary).map(([a, b]) => (a < b ? { min: a, max: b } : { min: b, max: a }));
const part = <T extends object>(arbitrary: fc.Arbitrary<T>) =>
  fc.tuple(arbitrary, fc.boolean(), fc.boolean()).map(([value, ...keep]) => {
    const entries = Object.entries(value).filter((_, index) => keep[index] !== false);
    return Object.fromEntries(entries) as Partial<T>;
  });
const record = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record<T>(model, { requiredKeys: [] });
const count = part(ordered(fc.bigInt({ min: 0n, max: 40n })));
const shape = fc.record({ dim: fc.array(record({ size: fc.bigInt({ min: -1n, max: 6n }), name: word }), { maxLength: 3 }) });
const float32 = fc.float({ noNaN: true });

const domains = [
  record({})
    .chain(() => part(ordered(int64)))
    .chain((range) =>
      record({ name: word, isCategorical: fc.boolean() }).map((rest) => ({
        case: 'intDomain' as const,
        value: { ...range, ...rest },
      })),
    ),
  part(ordered(float32)).chain((range) =>
    record({ disallowNan: fc.boolean(), disallowInf: fc.boolean(), isEmbedding: fc.boolean(), embeddingDim: int64 }).map(
      (rest) => ({
        case: 'floatDomain' as const,
        value: { ...range, ...rest },
      }),
    ),
  ),
  record({ name: word, value: fc.array(word, { maxLength: 4 }), isCategorical: fc.constantFrom(1, 2) }).map((value) => ({
    case: 'stringDomain' as const,
    value,
  })),
  fc
    .array(
      fc.nat(500).map((n) => `w${n}`),
      { minLength: 101, maxLength: 130 },
    )
    .map((value) => ({ case: 'stringDomain' as const, value: { value } })),
  record({ trueValue: word, falseValue: word, name: word }).map((value) => ({ case: 'boolDomain' as const, value })),
  record({ minimumSupportedImageFraction: fc.constantFrom(0, 0.5, 1), maxImageByteSize: fc.bigInt({ min: 0n, max: 9n }) }).map(
    (value) => ({ case: 'imageDomain' as const, value }),
  ),
  record({
    vocabulary: word,
    sequenceLengthConstraints: record({
      minSequenceLength: fc.constant(1n),
      maxSequenceLength: fc.bigInt({ min: 1n, max: 9n }),
      excludedIntValue: fc.array(int64, { maxLength: 1 }),
    }),
  }).map((value) => ({ case: 'naturalLanguageDomain' as const, value })),
  fc
    .constantFrom('%Y-%m-%d', '%Q', '', '(%H')
    .map((format) => ({ case: 'timeDomain' as const, value: { format: { case: 'stringFormat' as const, value: format } } })),
  fc.constant({ case: 'timeOfDayDomain' as const, value: { format: { case: 'integerFormat' as const, value: 1 } } }),
  fc
    .constantFrom('urlDomain', 'midDomain', 'audioDomain', 'videoDomain', 'contentChunkDomain', 'structDomain')
    .map((name) => ({ case: name as 'urlDomain', value: {} })),
  fc.constant({ case: 'domain' as const, value: 'shared' }),
];

const feature = fc
  .tuple(
    record({
      type: fc.constantFrom(0, 1, 1, 2, 2, 3, 3, 4),
      deprecated: fc.boolean(),
      lifecycleStage: fc.constantFrom(0, 3, 4, 1, 2, 5, 6, 7, 9),
      inEnvironment: fc.array(fc.constantFrom('TRAINING', 'SERVING'), { maxLength: 1 }),
      notInEnvironment: fc.array(fc.constantFrom('TRAINING', 'SERVING'), { maxLength: 1 }),
      annotation: record({ tag: fc.array(word, { maxLength: 2 }) }),
      distributionConstraints: record({ minDomainMass: fc.constantFrom(0, 0.25, 0.95, 1) }),
      uniqueConstraints: record({ min: int64 }),
      driftComparator: fc.constant({ infinityNorm: { threshold: 0.1 } }),
      sequenceMetadata: record({ sequenceTruncationLimit: int64 }),
    }),
    some(fc.oneof(...domains)),
    some(
      fc.oneof(
        shape.map((value) => ({ case: 'shape' as const, value })),
        count.map((value) => ({ case: 'valueCount' as const, value })),
        fc.array(count, { maxLength: 2 }).map((valueCount) => ({ case: 'valueCounts' as const, value: { valueCount } })),
      ),
    ),
    some(
      fc.oneof(
        record({ minFraction: fc.constantFrom(0, 0.5, 1, 1), minCount: int64 }).map((value) => ({
          case: 'presence' as const,
          value,
        })),
        fc.constant({ case: 'groupPresence' as const, value: { required: true } }),
      ),
    ),
  )
  .map(([rest, domainInfo, shapeType, presenceConstraints]) => ({
    ...rest,
    ...(domainInfo === undefined ? {} : { domainInfo }),
    ...(shapeType === undefined ? {} : { shapeType }),
    ...(presenceConstraints === undefined ? {} : { presenceConstraints }),
  }));

const name = fc.constantFrom(...names, 'none');
const schema = fc
  .record({
    feature: fc
      .array(feature, { maxLength: names.length })
      .map((list) => list.map((each, index) => ({ ...each, name: names[index] }))),
    sparseFeature: fc.array(
      record({
        name: fc.constantFrom('s1', 's2'),
        indexFeature: fc.array(fc.record({ name }), { maxLength: 2 }),
        valueFeature: fc.record({ name }),
        denseShape: shape,
        isSorted: fc.boolean(),
        lifecycleStage: fc.constantFrom(0, 2),
      }),
      { maxLength: 2 },
    ),
    defaultEnvironment: fc.array(fc.constantFrom('TRAINING', 'SERVING'), { maxLength: 2 }),
    weightedFeature: fc.array(record({ name: fc.constant('w') }), { maxLength: 1 }),
    representVariableLengthAsRagged: fc.boolean(),
    tensorRepresentationGroup: fc.array(
      fc.record({
        key: fc.constantFrom('', 'g'),
        value: fc.record({
          tensorRepresentation: fc.array(
            fc.record({
              key: fc.constantFrom('r1', 'r2', 's1', ''),
              value: fc.record({
                kind: fc.oneof(
                  fc
                    .record({
                      featurePath: fc.record({ step: fc.array(name, { maxLength: 2 }) }),
                      partition: fc.array(
                        fc.oneof(
                          name.map((value) => ({ kind: { case: 'rowLength' as const, value } })),
                          fc.constant({ kind: { case: 'uniformRowLength' as const, value: 2n } }),
                        ),
                        { maxLength: 2 },
                      ),
                    })
                    .map((value) => ({ case: 'raggedTensor' as const, value })),
                  fc
                    .record({
                      denseShape: shape,
                      indexColumnNames: fc.array(name, { maxLength: 2 }),
                      valueColumnName: name,
                      alreadySorted: fc.boolean(),
                    })
                    .map((value) => ({ case: 'sparseTensor' as const, value })),
                  record({ columnName: name, shape }).map((value) => ({ case: 'denseTensor' as const, value })),
                ),
              }),
            }),
            { maxLength: 2 },
          ),
        }),
      }),
      { maxLength: 2 },
    ),
  })
  .map((init) =>
    create(SchemaSchema, { ...init, stringDomain: [{ name: 'shared', value: ['p', 'q'] }] } as MessageInitShape<
      typeof SchemaSchema
    >),
  );

describe('a schema, a contract, and a schema again', () => {
  it('loses nothing without a word in the report', () => {
    let kept = 0;
    fc.assert(
      fc.property(schema, some(fc.constantFrom('TRAINING', 'SERVING')), (message, environment) => {
        try {
          expect(roundTrip(message, environment, kept % 8 === 0)).toEqual([]);
          kept++;
        } catch (thrown) {
          // A schema that contradicts itself, or does not know the environment.
          if (!isAirlockError(thrown)) throw thrown;
          expect(['DATASET_INVALID', 'USAGE']).toContain(thrown.code);
        }
      }),
      { numRuns: 250 },
    );
    expect(kept).toBeGreaterThan(80);
  });

  it('sees a loss that the report does not mention', () => {
    const before = create(SchemaSchema, {
      feature: [{ name: 'a', type: 2, domainInfo: { case: 'intDomain', value: { min: 1n, max: 0x20000000000001n } } }],
    });
    const empty = { lost: [], changed: [] };
    expect(silentLosses(before, before, empty)).toEqual([]);
    const after = create(SchemaSchema, {
      feature: [{ name: 'a', type: 2, domainInfo: { case: 'intDomain', value: { min: 1n } } }],
    });
    expect(silentLosses(before, after, empty)).toEqual(['a: int_domain.max = ;9007199254740993']);
    expect(roundTrip(before)).toEqual([]);
  });

  const folder = join(import.meta.dirname, '../../../shared/testdata/tfdv');
  it.skipIf(!existsSync(folder)).each([
    ['full_schema', undefined],
    ['full_schema', 'SERVING'],
    ['inferred', undefined],
  ])('holds for the real %s in environment %s (skipped without ../shared/testdata)', (file, environment) => {
    const message = readTfdvSchema(readFileSync(join(folder, `${file}.pb`)), `${file}.pb`);
    expect(roundTrip(message, environment)).toEqual([]);
  });
});
