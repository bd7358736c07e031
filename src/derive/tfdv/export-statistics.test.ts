// Statistics of a contract are read again, and imported: no bound of the second contract is inside of the first one's, and none is gone that
// the report does not mention.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tensorArbitrary } from '../../../tests/support/contract-arbitrary.ts';
import { type Contract, type FeatureRules, parseContract } from '../../contract/index.ts';
import { exportTfdvSchema } from './export-schema.ts';
import { exportTfdvStatistics } from './export-statistics.ts';
import { importTfdv } from './import-schema.ts';
import { readTfdvStatistics } from './read-metadata.ts';
import { serializeTfdvStatistics } from './serialize-metadata.ts';

const sha256 = '0'.repeat(64);

function contractOf(inputs: string, more = ''): Contract {
  return parseContract(`{ apiVersion: airlock/contract/v1, metadata: { id: a, revision: 1 ${more} },
    ${inputs.includes('seq') ? 'dims: { seq: { min: 2, max: 7 } },' : ''} signatures: { s: { inputs: { ${inputs} } } } }`);
}

function exported(inputs: string, more = '') {
  const { statistics, report } = exportTfdvStatistics(contractOf(inputs, more));
  const [{ features, numExamples }] = statistics.datasets;
  const short = ({ path }: { readonly path: string }) => path.replace('signatures.s.inputs.', '');
  return { feature: features[0], numExamples, lost: report.lost.map(short), changed: report.changed.map(short) };
}

/** Types alone, so that every bound of the second contract is from the statistics. */
function again(contract: Contract): { readonly contract: Contract; readonly mentioned: ReadonlySet<string> } {
  const { schema } = exportTfdvSchema(contract);
  const { statistics, report } = exportTfdvStatistics(contract);
  for (const form of ['text', 'binary'] as const)
    expect(readTfdvStatistics(serializeTfdvStatistics(statistics, form), form === 'text' ? 's.pbtxt' : 's.pb')).toEqual(
      statistics,
    );
  const bare = {
    ...schema,
    feature: schema.feature.map(({ $typeName, name, type, domainInfo, inEnvironment, notInEnvironment }) => ({
      ...schema.feature[0],
      $typeName,
      name,
      type,
      inEnvironment,
      notInEnvironment,
      shapeType: { case: undefined },
      presenceConstraints: { case: undefined },
      distributionConstraints: undefined,
      annotation: undefined,
      domainInfo: domainInfo.case === 'imageDomain' ? domainInfo : { case: undefined },
    })),
    sparseFeature: [],
    tensorRepresentationGroup: [],
  };
  const file = { name: 's.pb', sha256 };
  const second = importTfdv({
    id: 'a',
    margin: 0,
    schema: { ...file, message: bare },
    statistics: { ...file, message: statistics },
  });
  return { contract: second.contract, mentioned: new Set([...report.lost, ...report.changed].map(({ path }) => path)) };
}

function featuresOf(contract: Contract): ReadonlyMap<string, FeatureRules> {
  const [signature] = contract.signatures.values();
  return [...signature.inputs.values()].find(({ example }) => example !== undefined)?.example?.features ?? new Map();
}

const examples = tensorArbitrary.filter(({ example }) => example !== undefined && example.features.size > 0);

describe('exportTfdvStatistics', () => {
  it.each<[string, string, object]>([
    ['integers', 'x: { dtype: int64, min: 0, max: 9 }', { max: 9 }],
    ['the range of a type', 'x: { dtype: int8 }', { min: -128, max: 127 }],
    ['a list', 'x: { dtype: int64, allowed: [7, 3] }', { min: 3, max: 7 }],
    ['zeros alone', 'x: { dtype: int64, min: 0, max: 0 }', { numZeros: 1n }],
    ['a bool', 'x: { dtype: bool }', { max: 1 }],
    ['integers beyond 2^53', 'x: { dtype: int64, max: 9007199254740993 }', { min: -(2 ** 63), max: 2 ** 53 + 2 }],
    ['floats', 'x: { dtype: float32, min: -0.1, max: 5 }', { min: -0.1, max: 5, histograms: [] }],
    ['floats without bounds', 'x: { dtype: float32 }', { min: -(2 ** 128 - 2 ** 104), max: 2 ** 128 - 2 ** 104 }],
    [
      'NaN and infinities',
      'x: { dtype: float32, min: 1, number: { nan: allow, infinity: allow } }',
      { min: 1, max: Number.POSITIVE_INFINITY, histograms: [{ numNan: 1n }] },
    ],
  ])('has the ends of %s', (_, inputs, stats) => {
    const { feature } = exported(inputs);
    expect(feature.stats).toMatchObject({ case: 'numStats', value: stats });
    // Nothing that is 0 is written: TFDV has no other way to say it.
    expect(Object.values(feature.stats.value ?? {})).not.toContain(0);
  });

  it.each<[string, string, object]>([
    ['a fixed shape', 'x: { dtype: int64, shape: [null, 3] }', { minNumValues: 3n, maxNumValues: 3n, totNumValues: 3n }],
    ['a named dimension', 'x: { dtype: int64, shape: [null, "2*seq"] }', { minNumValues: 4n, maxNumValues: 14n }],
    ['an open one', 'x: { dtype: int64, shape: [null, null] }', { maxNumValues: 2n ** 31n - 1n }],
    ['a scalar', 'x: { dtype: int64, shape: [] }', { minNumValues: 1n, maxNumValues: 1n }],
  ])('has the number of values of %s', (_, inputs, common) => {
    expect(exported(inputs).feature.stats.value?.commonStats).toMatchObject({ numNonMissing: 1n, ...common });
  });

  it('has the lengths of bytes, and says that strings have none', () => {
    const bytes = exported('x: { dtype: string, string: { encoding: binary, minBytes: 2, maxBytes: 16777217 } }');
    expect(bytes.feature.stats).toMatchObject({
      case: 'bytesStats',
      value: { minNumBytes: 2, maxNumBytes: 16777218, maxNumBytesInt: 16777217n },
    });
    expect(bytes.lost).toEqual([]);
    const text = exported('x: { dtype: string, string: { maxBytes: 5 }, allowed: [a, b] }');
    expect(text.feature.stats).toMatchObject({ case: 'stringStats', value: { unique: 2n } });
    expect(text.lost).toEqual(['x.allowed', 'x.string.maxBytes']);
  });

  it('reports what statistics cannot say', () => {
    const { lost, changed } = exported('x: { dtype: float32, shape: [null, 2, 3], softMax: 3, number: { subnormal: reject } }');
    expect(lost).toEqual(['x.shape', 'x.softMax', 'x.number.subnormal']);
    expect(changed).toEqual(['', '']);
  });

  it('counts the examples of the source that the rules are from', () => {
    const source = `, sources: [{ id: t, kind: csv, name: t.csv, sha256: "${sha256}", records: 90 }]`;
    expect(exported('x: { dtype: int64, max: 3, derivedFrom: { max: t } }', source).numExamples).toBe(90n);
    expect(exported('x: { dtype: int64, max: 3 }', source).numExamples).toBe(1n);
    const optional = exported('x: { dtype: string, example: { features: { f: { kind: int64, required: false } } } }');
    expect(optional.numExamples).toBe(2n);
    expect(optional.feature.stats.value?.commonStats).toMatchObject({ numNonMissing: 1n, numMissing: 1n });
  });

  it('has no bound inside of the contract, and loses none without a word', () => {
    let kept = 0;
    fc.assert(
      fc.property(examples, (tensor) => {
        const base = contractOf('x: { dtype: string }');
        const first = {
          ...base,
          signatures: new Map([['s', { inputs: new Map([['x', tensor]]), outputs: new Map(), relations: [] }]]),
        };
        const second = again(first);
        for (const [name, rules] of featuresOf(first)) {
          const other = featuresOf(second.contract).get(name);
          expect(other?.kind).toBe(rules.kind);
          const isMentioned = (key: string) => [...second.mentioned].some((place) => place.endsWith(`.${key}`));
          for (const key of ['min', 'max'] as const) {
            const [mine, theirs] = [rules[key], other?.[key]];
            if (mine === undefined || rules.allowed !== undefined) continue;
            if (theirs === undefined) expect(isMentioned(key)).toBe(true);
            else expect(key === 'min' ? theirs <= mine : theirs >= mine).toBe(true);
            // Beyond 2^53 the import goes one step further out, whatever the export did.
            if (rules.kind === 'int64' && typeof mine === 'number' && theirs !== mine) expect(isMentioned(key)).toBe(true);
          }
          // A largest of 0 looks like one that nobody counted, and is not imported.
          if (rules.count !== undefined && rules.count.max !== 0)
            expect(other?.count).toEqual({ min: 0, max: 2 ** 31 - 1, ...rules.count });
          kept++;
        }
      }),
      { numRuns: 40 },
    );
    expect(kept).toBeGreaterThan(20);
  });
});

describe('importTfdv', () => {
  it('reads a bound of 0, which TFDV does not write', () => {
    const schema = exportTfdvSchema(
      contractOf(
        'x: { dtype: string, example: { features: { zero: { kind: int64 }, low: { kind: float }, none: { kind: int64 } } } }',
      ),
    ).schema;
    const text = `datasets { num_examples: 3
      features { num_stats { common_stats { num_non_missing: 3 max_num_values: 2 } num_zeros: 5 } path { step: "zero" } }
      features { type: FLOAT num_stats { common_stats { num_non_missing: 3 } max: 1.0 } path { step: "low" } }
      features { num_stats { common_stats { num_missing: 3 } } path { step: "none" } } }`;
    const { contract } = importTfdv({
      id: 'a',
      schema: { message: schema, name: 's', sha256 },
      statistics: { message: readTfdvStatistics(Buffer.from(text), 's.pbtxt'), name: 's', sha256 },
      margin: 0,
    });
    const features = featuresOf(contract);
    expect(features.get('zero')).toMatchObject({ min: 0, max: 0, count: { min: 0, max: 2 } });
    expect(features.get('low')).toMatchObject({ min: 0, max: 1 });
    expect(features.get('none')).not.toHaveProperty('min');
  });
});
