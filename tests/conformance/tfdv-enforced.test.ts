// A contract of a real inferred schema refuses what TFDV's own validation of that schema lets through: infer_schema writes no range, so an
// age of -4982, an income of 4.3e14 and an infinity pass it. The statistics of the same data have the ranges.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { compileContract } from '../../src/contract/index.ts';
import { importTfdv } from '../../src/derive/tfdv/import-schema.ts';
import { readTfdvSchema, readTfdvStatistics } from '../../src/derive/tfdv/read-metadata.ts';
import { ExampleSchema, Features_FeatureEntrySchema } from '../../src/model/gen/tensorflow/example_pb.ts';
import type { Signature } from '../../src/tensor/index.ts';
import { refusedBy, strings } from '../support/contracts.ts';

const folder = join(import.meta.dirname, '../../../shared/testdata/tfdv');
const absent = !existsSync(folder);

type Value = bigint | number | string;

function kindOf(value: Value) {
  if (typeof value === 'bigint') return { case: 'int64List' as const, value: { value: [value] } };
  if (typeof value === 'number') return { case: 'floatList' as const, value: { value: [value] } };
  return { case: 'bytesList' as const, value: { value: [Buffer.from(value)] } };
}

/** One value per feature; undefined leaves it out. */
function example(values: Readonly<Record<string, Value | undefined>>): Uint8Array {
  const feature = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [create(Features_FeatureEntrySchema, { key, value: { kind: kindOf(value) } })],
  );
  return toBinary(ExampleSchema, create(ExampleSchema, { features: { feature } }));
}

const honest = {
  age: 54n,
  income: 40_000,
  city: 'Oslo',
  flag: 1n,
  id_str: '12',
  free: 'some text',
  maybe: 0.5,
  bigint: 2n ** 60n,
  boolstr: 'true',
};

const signature: Signature = {
  name: 'serving_default',
  methodName: '',
  inputs: [{ alias: 'examples', tensorName: 'examples:0', dtype: 'DT_STRING', shape: [-1] }],
  outputs: [],
};

function check(withStatistics: boolean, change: Readonly<Record<string, Value | undefined>>): string[] {
  const file = (name: string) => ({ name, sha256: '0'.repeat(64) });
  const schema = { ...file('inferred.pb'), message: readTfdvSchema(readFileSync(join(folder, 'inferred.pb')), 'inferred.pb') };
  const statistics = { ...file('stats.pb'), message: readTfdvStatistics(readFileSync(join(folder, 'stats.pb')), 'stats.pb') };
  const { contract } = importTfdv({ id: 'a', schema, ...(withStatistics ? { statistics } : {}) });
  const compiled = compileContract(contract, [signature]).signature('serving_default');
  const tensor = strings([example({ ...honest, ...change })]);
  const { findings } = compiled?.checkInputs([tensor], [() => 'examples'], { draw: 0 }) ?? {};
  if (findings === undefined) throw new Error('the contract has no such signature');
  return refusedBy(findings);
}

describe('a contract of real TFDV files (skipped without ../shared/testdata)', () => {
  it.skipIf(absent)('takes honest examples, with and without statistics', () => {
    for (const withStatistics of [false, true]) {
      expect(check(withStatistics, {})).toEqual([]);
      expect(check(withStatistics, { maybe: undefined })).toEqual([]);
    }
  });

  it.skipIf(absent).each([
    ['an age of -4982', { age: -4982n }],
    ['an income of 4.3e14', { income: 4.3e14 }],
  ])('refuses %s by the statistics alone', (_, change) => {
    expect(check(false, change)).toEqual([]);
    expect(check(true, change)).toEqual(['example.values']);
  });

  it.skipIf(absent).each<[string, Readonly<Record<string, Value | undefined>>, string]>([
    ['an infinity', { income: Number.POSITIVE_INFINITY }, 'example.values'],
    ['an unknown city', { city: 'Mars' }, 'example.values'],
    ['a flag that is no bool', { flag: 2n }, 'example.values'],
    ['text where a number is spelled', { id_str: '1x' }, 'example.values'],
    ['a missing feature', { age: undefined }, 'example.required'],
    ['another kind', { age: 'x' }, 'example.kind'],
    ['a new feature', { extra: 1n }, 'example.unknownFeatures'],
  ])('refuses %s by the schema alone', (_, change, rule) => {
    expect(check(false, change)).toEqual([rule]);
  });
});
