import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Contract, contractMistakes, type FeatureRules, parseContract } from '../../contract/index.ts';
import { type ImportOptions, importTfdv } from './import-schema.ts';
import { outwardFloat32, outwardInteger } from './outward.ts';
import { readTfdvSchema, readTfdvStatistics } from './read-metadata.ts';
import { timePattern } from './time-pattern.ts';

const sha256 = '0'.repeat(64);
const file = (text: string) => ({ message: readTfdvSchema(Buffer.from(text), 's.pbtxt'), name: 's.pbtxt', sha256 });
const stats = (text: string) => ({ message: readTfdvStatistics(Buffer.from(text), 's.pbtxt'), name: 't.pbtxt', sha256 });

function run(schema: string, more: Partial<ImportOptions> = {}) {
  const result = importTfdv({ id: 'a', schema: file(schema), ...more });
  expect(contractMistakes(result.contract)).toEqual([]);
  const example = result.contract.signatures.get('serving_default')?.inputs.get('examples')?.example;
  const lost = result.report.lost.map(({ path, tfdvField }) => `${path}:${tfdvField}`);
  return { ...result, example, features: example?.features ?? new Map<string, FeatureRules>(), lost };
}

const feature = (fields: string, more: Partial<ImportOptions> = {}) =>
  run(`feature { name: "f" ${fields} }`, more).features.get('f');

describe('importTfdv: features', () => {
  it.each([
    [
      'an exact int64',
      'type: INT int_domain { min: -9223372036854775808 max: 9007199254740993 }',
      { min: -(2n ** 63n), max: 9007199254740993n },
    ],
    ['a float32 bound', 'type: FLOAT float_domain { min: 0 max: 0.1 }', { min: 0, max: Math.fround(0.1) }],
    ['an infinite bound', 'type: FLOAT float_domain { max: inf }', { max: undefined }],
    [
      'integers as text',
      'type: BYTES int_domain { }',
      { string: expect.objectContaining({ encoding: 'ascii', pattern: '-?[0-9]{1,19}' }) },
    ],
    ['words', 'type: BYTES string_domain { value: "a" value: "b" }', { allowed: ['a', 'b'] }],
    ['a bool of numbers', 'type: INT bool_domain { }', { allowed: [0, 1] }],
    ['a bool of words', 'type: BYTES bool_domain { true_value: "y" false_value: "n" }', { allowed: ['y', 'n'] }],
    [
      'an image',
      'type: BYTES image_domain { max_image_byte_size: 9 }',
      { image: expect.objectContaining({ formats: ['png', 'gif', 'bmp'] }), string: expect.objectContaining({ maxBytes: 9 }) },
    ],
    ['a date', 'type: BYTES time_domain { string_format: "%Y" }', { string: expect.objectContaining({ pattern: '[0-9]{4}' }) }],
    ['a shape', 'type: INT shape { dim { size: 2 } dim { size: 3 } }', { count: { min: 6, max: 6 } }],
    ['a scalar', 'type: INT shape { }', { count: { min: 1, max: 1 } }],
    ['a count', 'type: INT value_count { min: 0 max: 3 }', { count: { min: 0, max: 3 } }],
    ['presence', 'type: INT presence { min_fraction: 1 }', { required: true }],
    ['some presence', 'type: INT presence { min_fraction: 0.99 }', { required: false }],
    [
      'the length of a sequence',
      'type: INT natural_language_domain { sequence_length_constraints { max_sequence_length: 5 } }',
      { count: { max: 5 } },
    ],
    [
      'a stage that is not checked',
      'type: INT lifecycle_stage: ALPHA presence { min_fraction: 1 } int_domain { max: 1 }',
      { required: false, max: undefined },
    ],
    ['a stage that is checked', 'type: INT lifecycle_stage: BETA int_domain { max: 1 }', { max: 1 }],
  ])('reads %s', (_, fields, expected) => {
    expect(feature(fields)).toMatchObject(
      Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)),
    );
    for (const [key, value] of Object.entries(expected)) if (value === undefined) expect(feature(fields)).not.toHaveProperty(key);
  });

  it.each([
    ['a domain that is not there', 'feature { name: "f" type: BYTES domain: "x" }'],
    ['a range the wrong way round', 'feature { name: "f" type: INT int_domain { min: 2 max: 1 } }'],
    ['a bound that is no number', 'feature { name: "f" type: FLOAT float_domain { min: nan } }'],
    ['counts the wrong way round', 'feature { name: "f" type: INT value_count { min: 2 max: 1 } }'],
    [
      'a share above 1',
      'feature { name: "f" type: BYTES string_domain { value: "a" } distribution_constraints { min_domain_mass: 2 } }',
    ],
    ['a name that cannot be shown', 'feature { name: "a\\nb" type: INT }'],
    ['no name', 'feature { type: INT }'],
    ['a name twice', 'feature { name: "f" type: INT } feature { name: "f" type: INT }'],
    ['a domain twice', 'string_domain { name: "d" } string_domain { name: "d" }'],
  ])('refuses %s', (_, schema) => {
    expect(() => run(schema)).toThrow(expect.objectContaining({ code: 'DATASET_INVALID' }));
  });

  it('has the rule of environments exactly', () => {
    const inOf = (fields: string, environment: string) =>
      run(
        `default_environment: "T" feature { name: "f" type: INT ${fields} } feature { name: "g" type: INT in_environment: "S" }`,
        { environment },
      ).features.has('f');
    expect(inOf('', 'T')).toBe(true);
    expect(inOf('', 'S')).toBe(false);
    expect(inOf('in_environment: "S"', 'S')).toBe(true);
    expect(inOf('in_environment: "S" not_in_environment: "S"', 'S')).toBe(false);
    expect(inOf('not_in_environment: "T"', 'T')).toBe(false);
    expect(() => inOf('', 'U')).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('leaves structs, derived features and features without a type out, and says so', () => {
    const { features, lost } = run(`feature { name: "s" type: STRUCT struct_domain { feature { name: "c" type: INT } } }
      feature { name: "d" type: INT lifecycle_stage: VALIDATION_DERIVED } feature { name: "u" }`);
    expect(features.size).toBe(0);
    expect(lost).toEqual(['s:', 'd:', 'u:']);
  });

  it('makes a vocabulary where exceptions are allowed or the list is long', () => {
    const { features, vocabularies } = run(`feature { name: "f" type: BYTES string_domain { value: "a" value: "b" }
      distribution_constraints { min_domain_mass: 0.75 } }`);
    const words = features.get('f')?.vocabulary;
    expect(words).toMatchObject({ maxUnknownFraction: 0.25, entries: new Set(['a', 'b']) });
    expect(vocabularies.get(words?.file ?? '')?.toString()).toBe('a\nb\n');
    const values = Array.from({ length: 101 }, (_, index) => `value: "w${index}"`).join(' ');
    expect(run(`feature { name: "../x" type: BYTES string_domain { ${values} } }`).vocabularies.size).toBe(1);
    expect([...run(`feature { name: "../x" type: BYTES string_domain { ${values} } }`).vocabularies.keys()][0]).toMatch(
      /^___x-[0-9a-f]{12}\.vocabulary\.txt$/,
    );
  });

  it('builds sparse and ragged tensors of features', () => {
    const { example, lost } =
      run(`feature { name: "i" type: INT int_domain { min: 0 max: 99 } } feature { name: "v" type: FLOAT } feature { name: "n" type: INT }
      sparse_feature { name: "sp" index_feature { name: "i" } value_feature { name: "v" } is_sorted: true }
      sparse_feature { name: "no" index_feature { name: "n" } value_feature { name: "v" } }
      tensor_representation_group { key: "" value { tensor_representation { key: "r" value {
        ragged_tensor { feature_path { step: "v" } partition { row_length: "n" } } } } } }`);
    expect(example?.sparse).toEqual([{ name: 'sp', index: ['i'], value: 'v', denseShape: [100], sorted: true, unique: false }]);
    expect(example?.ragged).toEqual([{ name: 'r', value: 'v', rowLengths: 'n' }]);
    expect(lost).toContain('no:');
  });
});

describe('importTfdv: statistics', () => {
  const num = (fields: string, type = 'INT') =>
    stats(`datasets { features { name: "f" type: ${type} num_stats { ${fields} } } }`);

  it('fill the bounds that the schema leaves open, with the margin', () => {
    expect(feature('type: INT', { statistics: num('min: 20 max: 60') })).toMatchObject({ min: 10, max: 70 });
    expect(feature('type: INT', { statistics: num('min: 20 max: 60'), margin: 0 })).toMatchObject({ min: 20, max: 60 });
    expect(feature('type: INT', { statistics: num('min: 1 max: 60') })).toMatchObject({ min: 0 });
    expect(feature('type: INT int_domain { max: 50 }', { statistics: num('min: 20 max: 60') })).toMatchObject({
      min: 10,
      max: 50,
    });
    expect(
      feature('type: INT', { statistics: num('common_stats { min_num_values: 1 max_num_values: 4 } min: 1 max: 2') }),
    ).toMatchObject({ count: { min: 1, max: 4 } });
    expect(() => feature('type: INT int_domain { max: 5 }', { statistics: num('min: 20 max: 60') })).toThrow(/nothing in common/);
  });

  it('go out where a double is not exact', () => {
    // The data had 2305691107001496790; the statistics hold the next double.
    const rules = feature('type: INT', { statistics: num('min: 0 max: 2305691107001496832'), margin: 0 });
    expect(rules?.max).toBe(2305691107001496832n + 256n);
    expect(feature('type: INT', { statistics: num('min: -9.3e18 max: 9.3e18') })).toMatchObject({
      min: -(2n ** 63n),
      max: 2n ** 63n - 1n,
    });
    const float = feature('type: FLOAT', { statistics: num('min: 0.1 max: 0.1', 'FLOAT'), margin: 0 });
    expect(float?.max).toBeGreaterThanOrEqual(Math.fround(0.1));
    expect(float?.min).toBeLessThanOrEqual(Math.fround(0.1));
  });

  it('allow NaN and infinities that the data had, unless the schema forbids them', () => {
    const odd = num('min: -1 max: inf histograms { num_nan: 3 }', 'FLOAT');
    expect(feature('type: FLOAT', { statistics: odd })).toMatchObject({ number: { nan: 'allow', infinity: 'allow' }, min: -1 });
    expect(feature('type: FLOAT', { statistics: odd })).not.toHaveProperty('max');
    expect(feature('type: FLOAT float_domain { disallow_nan: true }', { statistics: odd })?.number).toEqual({
      nan: 'reject',
      infinity: 'allow',
    });
  });

  it('know the length of bytes, and say that they do not know that of strings', () => {
    const bytes = stats('datasets { features { path { step: "f" } type: BYTES bytes_stats { max_num_bytes_int: 100 } } }');
    expect(feature('type: BYTES', { statistics: bytes })?.string).toMatchObject({ encoding: 'binary', maxBytes: 125 });
    const strings = stats('datasets { features { name: "f" type: STRING string_stats { avg_length: 5 } } }');
    expect(feature('type: BYTES', { statistics: strings })?.string?.encoding).toBe('utf8');
    expect(run('feature { name: "f" type: BYTES }', { statistics: strings }).lost).toContain('f:');
    const broken = stats('datasets { features { name: "f" type: STRING string_stats { invalid_utf8_count: 1 } } }');
    expect(feature('type: BYTES', { statistics: broken })?.string?.encoding).toBe('binary');
  });

  it('are those of all examples', () => {
    const slices = 'datasets { name: "x" num_examples: 1 } datasets { name: "All Examples" num_examples: 5 }';
    expect(run('', { statistics: stats(slices) }).contract.metadata.sources[1]).toMatchObject({
      records: 5,
      kind: 'tfdv_statistics',
    });
    for (const bad of ['', 'datasets { name: "x" } datasets { name: "y" }'])
      expect(() => run('', { statistics: stats(bad) })).toThrow(expect.objectContaining({ code: 'DATASET_INVALID' }));
    expect(() => run('', { statistics: stats(slices), margin: Number.NaN })).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('importTfdv: inputs of a model', () => {
  const base: Contract =
    parseContract(`{ apiVersion: airlock/contract/v1, metadata: { id: m, revision: 1 }, dims: { batch: { min: 1, max: 8 }, ids_1: { min: 1, max: 1024 } },
    signatures: { serving_default: { inputs: { age: { dtype: float32, shape: [batch, 1] }, ids: { dtype: int32, shape: [batch, ids_1] } } } } }`);
  const dense = (schema: string, more: Partial<ImportOptions> = {}) =>
    importTfdv({ id: 'a', schema: file(schema), base, ...more });

  it('get the rules of features of the same name', () => {
    const { contract, report } =
      dense(`feature { name: "age" type: FLOAT float_domain { min: 1 max: 2 } } feature { name: "other" type: INT }
      feature { name: "ids" type: INT value_count { min: 2 max: 20 } sequence_metadata { sequence_truncation_limit: 10 } }`);
    expect(contractMistakes(contract)).toEqual([]);
    const inputs = contract.signatures.get('serving_default')?.inputs;
    expect(inputs?.get('age')).toMatchObject({
      dtype: 'DT_FLOAT',
      min: 1,
      max: 2,
      derivedFrom: new Map([
        ['min', 'schema'],
        ['max', 'schema'],
      ]),
    });
    expect(contract.dims.get('ids_1')).toEqual({ min: 2, max: 10 });
    expect(inputs?.get('ids')?.onViolation).toEqual(new Map([['shape', { kind: 'truncate', side: 'right' }]]));
    expect(report.lost.map(({ path }) => path)).toContain('other');
  });

  it.each([
    ['another type', 'feature { name: "age" type: INT }'],
    ['another number of values', 'feature { name: "age" type: FLOAT shape { dim { size: 2 } } }'],
    ['no name in common', 'feature { name: "x" type: INT }'],
  ])('do not go with %s', (_, schema) => {
    expect(() => dense(schema)).toThrow(expect.objectContaining({ code: 'CONTRACT_MISMATCH' }));
  });

  it('do not go with an input or a signature that is not there', () => {
    for (const more of [{ exampleInput: 'no' }, { exampleInput: 'age' }, { signature: 'no' }])
      expect(() => dense('feature { name: "age" type: FLOAT }', more)).toThrow(
        expect.objectContaining({ code: 'CONTRACT_MISMATCH' }),
      );
  });
});

describe('bounds and patterns', () => {
  it('go outwards, and no further than one step', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -3e38, max: 3e38 }), (value) => {
        const [low, high] = [outwardFloat32(value, 'down'), outwardFloat32(value, 'up')];
        expect(low <= value && value <= high && Math.fround(low) === low && Math.fround(high) === high).toBe(true);
        if (Math.fround(value) === value)
          expect([low, high]).toEqual([value, value].map((each) => (each === 0 ? Math.fround(each) : each)));
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        expect(outwardInteger(Number(value), 'down')).toBeLessThanOrEqual(value);
        expect(outwardInteger(Number(value), 'up')).toBeGreaterThanOrEqual(value);
      }),
    );
  });

  it.each([
    ['%Y-%m-%d', '2026-11-30', true],
    ['%Y-%m-%d', '2026-13-30', false],
    ['%F %T', '2026-01-02 23:59:61', true],
    ['%d.%m.%y (%H)', '1.2.26 (9)', true],
    ['%d.%m.%y (%H)', '1x2.26 (9)', false],
    ['100%%', '100%', true],
  ])('%s takes %s: %s', (format, value, expected) => {
    expect(new RegExp(`^(?:${timePattern(format)})$`).test(value)).toBe(expected);
  });

  it('has no pattern for what it does not know', () => {
    for (const format of ['%Q', '%', '', 'x'.repeat(201), '%d'.repeat(100)]) expect(timePattern(format)).toBeUndefined();
  });
});
