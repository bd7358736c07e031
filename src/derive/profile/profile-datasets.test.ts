// A profile says what the data are, and the data pass it: measured on real files of every kind, replayed through the compiled contract.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { npyFile, npyHeader, withFile } from '../../../tests/conformance/datasets-files.ts';
import { type Contract, formatContract, parseContract } from '../../contract/index.ts';
import type { DType, Signature } from '../../tensor/index.ts';
import { checkDataset, checkFailures, isBroken } from '../check/index.ts';
import { type DatasetOptions, openDataset, parseMapping } from '../datasets/index.ts';
import { type Profile, type ProfileOptions, profileDatasets } from './profile-datasets.ts';

function signatureOf(inputs: Readonly<Record<string, readonly [DType, readonly number[] | null]>>): Signature {
  const specs = Object.entries(inputs)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([alias, [dtype, shape]]) => ({ alias, tensorName: `${alias}:0`, dtype, shape }));
  return { name: 'serving_default', methodName: 'tensorflow/serving/predict', inputs: specs, outputs: [] };
}

type Extra = Partial<ProfileOptions> & { readonly dataset?: DatasetOptions; readonly maps?: readonly string[] };

async function profileOf(signature: Signature, file: string, bytes: Uint8Array | string, extra: Extra = {}): Promise<Profile> {
  return withFile(file, bytes, async (path) => {
    const dataset = await openDataset(path, extra.dataset);
    try {
      const mappings = (extra.maps ?? []).map(parseMapping);
      return await profileDatasets(signature, [dataset], { id: 'test', mappings, ...extra });
    } finally {
      await dataset.close();
    }
  });
}

async function replay(contract: Contract, signature: Signature, file: string, bytes: Uint8Array | string, extra: Extra = {}) {
  return withFile(file, bytes, async (path) => {
    const dataset = await openDataset(path, extra.dataset);
    try {
      return await checkDataset(contract, [signature], signature, dataset, { mappings: (extra.maps ?? []).map(parseMapping) });
    } finally {
      await dataset.close();
    }
  });
}

/** The contract as the file that was written would give it. */
function reread({ contract, comments, vocabularies }: Profile): Contract {
  return parseContract(formatContract(contract, { comments }), { vocabularies });
}

const inputOf = (contract: Contract, alias: string) => contract.signatures.get('serving_default')?.inputs.get(alias);

describe('a profile of a table', () => {
  const signature = signatureOf({
    age: ['DT_INT64', [-1]],
    income: ['DT_FLOAT', [-1]],
    city: ['DT_STRING', [-1]],
    code: ['DT_STRING', [-1]],
  });
  const rows = Array.from({ length: 1000 }, (_, index) =>
    [
      18 + (index % 60),
      (index * 3.5).toFixed(2),
      ['Rome', 'Oslo', 'Bern'][index % 3],
      `AB-${String(index).padStart(4, '0')}`,
      'x',
    ].join(','),
  );
  const csv = `age,income,city,code,target\n${rows.join('\n')}\n`;

  it('bounds numbers by their extremes and their spread, and says where from', async () => {
    const profile = await profileOf(signature, 'train.csv', csv);
    const contract = reread(profile);
    const age = inputOf(contract, 'age');
    // 18 … 77: widened by a quarter of 59.
    expect(age).toMatchObject({ min: 3, max: 92, softMin: 18, softMax: 77 });
    expect(age?.derivedFrom.get('max')).toBe('train');
    expect(inputOf(contract, 'income')).toMatchObject({ min: 0 });
    expect(contract.metadata.sources[0]).toMatchObject({ id: 'train', kind: 'csv', records: 1000 });
    expect(profile.unusedColumns).toEqual(['target']);
  });

  it('makes a vocabulary of few words, and a pattern of codes', async () => {
    const profile = await profileOf(signature, 'train.csv', csv);
    const contract = reread(profile);
    expect([...profile.vocabularies.values()].map(String)).toEqual(['Bern\nOslo\nRome\n']);
    expect(inputOf(contract, 'city')?.vocabulary?.entries).toEqual(new Set(['Rome', 'Oslo', 'Bern']));
    expect(inputOf(contract, 'code')?.string?.pattern).toBe('[A-Z]{2}-[0-9]{4}');
    expect(inputOf(contract, 'code')?.vocabulary).toBeUndefined();
  });

  it('is passed by its own data, and each rule by nothing one step outside', async () => {
    const contract = reread(await profileOf(signature, 'train.csv', csv, { margin: 0 }));
    expect(isBroken(await replay(contract, signature, 'train.csv', csv))).toBe(false);
    const wrong = [
      ['78,1,Rome,AB-0001', 'age/max'],
      ['17,1,Rome,AB-0001', 'age/min'],
      ['20,3496.51,Rome,AB-0001', 'income/max'],
      ['20,1,Bonn,AB-0001', 'city/vocabulary'],
      ['20,1,Rome,AB-001x', 'code/string.pattern'],
      ['20,1,Rome,AB-00012', 'code/string.maxBytes'],
    ];
    for (const [row, rule] of wrong) {
      const report = await replay(contract, signature, 'new.csv', `age,income,city,code\n30,1000,Rome,AB-0001\n${row}\n`);
      const ids = report.rules.filter(({ mode }) => mode === 'enforce').map(({ ruleId }) => ruleId);
      expect(ids, row).toContain(`serving_default/inputs/${rule}`);
      expect(report).toMatchObject({ records: 2, refused: 1 });
      const places = report.rules.flatMap(({ mode, first }) => (mode === 'enforce' ? first : []));
      expect(new Set(places.map(({ record }) => record))).toEqual(new Set(['record 2']));
    }
  });

  it('counts what is missing, and asks for a value all the same', async () => {
    const profile = await profileOf(signature, 't.csv', 'age,income,city,code\n,1,a,b\n2,1,a,b\n', {
      dataset: { missing: [''] },
    });
    expect(profile.inputs.find(({ input }) => input === 'age')).toMatchObject({ records: 2, missing: 1 });
    expect(profile.comments.get('serving_default/inputs/age')).toContain('1 of 2 records');
    const report = await replay(reread(profile), signature, 't.csv', 'age,income,city,code\n,1,a,b\n2,1,a,b\n', {
      dataset: { missing: [''] },
    });
    expect(report).toMatchObject({ records: 2, incomplete: 1, refused: 0 });
    // What was not checked has not passed.
    expect(checkFailures(report)).toEqual([expect.stringMatching(/^1 of 2 records have no value for an input/)]);
    expect(checkFailures(report, { allowIncomplete: true })).toEqual([]);
    const none = await replay(reread(profile), signature, 't.csv', 'age,income,city,code\n,1,a,b\n', {
      dataset: { missing: [''] },
    });
    expect(checkFailures(none, { allowIncomplete: true })).toEqual([expect.stringMatching(/nothing was checked/)]);
    const empty = await replay(reread(profile), signature, 't.csv', 'age,income,city,code\n');
    expect(checkFailures(empty, { allowIncomplete: true })).toEqual(['there was nothing to check']);
  });

  it.each([
    ['a fraction', '1.5,1,a,b', /record 1, column age: expected a whole number/],
    ['nothing', ',1,a,b', /--missing ''/],
    ['NaN', '1,NaN,a,b', /--missing 'NaN'/],
    ['2^63', '9223372036854775808,1,a,b', /inside DT_INT64/],
    ['too large a float', '1,1e39,a,b', /inside DT_FLOAT/],
  ])('refuses %s with its place', async (_, row, message) => {
    await expect(profileOf(signature, 't.csv', `age,income,city,code\n${row}\n`)).rejects.toThrow(message);
  });
});

describe('a profile of integers', () => {
  const signature = signatureOf({ id: ['DT_INT64', [-1]], small: ['DT_INT8', [-1]] });

  it('keeps every digit of 64 bits, and stays inside the type', async () => {
    const lines = ['{"id":9007199254740993,"small":127}', '{"id":-9223372036854775808,"small":-128}'];
    const contract = reread(await profileOf(signature, 't.jsonl', lines.join('\n'), { margin: 0 }));
    expect(inputOf(contract, 'id')).toMatchObject({ min: -9223372036854775808n, max: 9007199254740993n });
    const wide = reread(await profileOf(signature, 't.jsonl', lines.join('\n'), { margin: 1 }));
    expect(inputOf(wide, 'id')?.min).toBe(-9223372036854775808n);
    expect(inputOf(wide, 'small')).toMatchObject({ min: -128, max: 127 });
  });

  it('widens no count below zero', async () => {
    const lines = Array.from({ length: 100 }, (_, index) => `{"id":${index},"small":${-index}}`);
    const contract = reread(await profileOf(signature, 't.jsonl', lines.join('\n'), { margin: 1 }));
    expect(inputOf(contract, 'id')).toMatchObject({ min: 0, max: 198 });
    expect(inputOf(contract, 'small')).toMatchObject({ min: -128, max: 0 });
  });
});

describe('a profile of lists', () => {
  it('gives the range of lengths to the dimension', async () => {
    const signature = signatureOf({ tokens: ['DT_INT32', [-1, -1]] });
    const lines = Array.from(
      { length: 50 },
      (_, index) =>
        `{"tokens":[${Array(3 + (index % 5))
          .fill(index)
          .join(',')}]}`,
    ).join('\n');
    const contract = reread(await profileOf(signature, 't.jsonl', lines));
    expect(contract.dims.get('tokens_1')).toEqual({ min: 2, max: 8 });
    expect(isBroken(await replay(contract, signature, 't.jsonl', lines))).toBe(false);
    const report = await replay(contract, signature, 't.jsonl', `{"tokens":[${Array(9).fill(1).join(',')}]}`);
    expect(report.rules[0].ruleId).toBe('serving_default/inputs/tokens/shape');
  });

  it('reads columns as one vector, in the order of the mapping', async () => {
    const signature = signatureOf({ x: ['DT_FLOAT', [-1, 3]] });
    const maps = ['b,a,c=x'];
    const contract = reread(await profileOf(signature, 't.csv', 'a,b,c\n1,2,3\n4,5,6\n', { maps, margin: 0 }));
    expect(inputOf(contract, 'x')).toMatchObject({ min: 1, max: 6 });
    await expect(profileOf(signature, 't.csv', 'a,b\n1,2\n', { maps: ['a,b=x'] })).rejects.toThrow(
      /shape \[3\] for x, got \[2\]/,
    );
    await expect(profileOf(signature, 't.csv', 'a,b\n1,2\n', { maps: ['a,z=x'] })).rejects.toThrow(/column z/);
    await expect(profileOf(signature, 't.csv', 'a,b\n1,2\n', { maps: ['a=y'] })).rejects.toThrow(/no input/);
  });

  it('finds order and values that never come twice only when asked to', async () => {
    const signature = signatureOf({ x: ['DT_FLOAT', [-1, 3]] });
    const data = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
    const file = npyFile(npyHeader('<f4', [2, 3]), data);
    expect(inputOf(reread(await profileOf(signature, 'x.npy', file)), 'x')).not.toHaveProperty('monotone');
    const contract = reread(await profileOf(signature, 'x.npy', file, { detect: true }));
    expect(inputOf(contract, 'x')).toMatchObject({ monotone: 'increasing', unique: 'elements' });
    expect(isBroken(await replay(contract, signature, 'x.npy', file))).toBe(false);
  });

  it('keeps the bound on the side where no infinity was, and warns of the other', async () => {
    const signature = signatureOf({ x: ['DT_DOUBLE', [-1]] });
    const file = (odd: number) =>
      npyFile(
        npyHeader('<f8', [500]),
        new Uint8Array(Float64Array.from({ length: 500 }, (_, index) => (index === 250 ? odd : index)).buffer),
      );
    const above = await profileOf(signature, 'x.npy', file(Number.POSITIVE_INFINITY), { margin: 0 });
    expect(inputOf(reread(above), 'x')).toMatchObject({ min: 0, softMax: 499, number: { infinity: 'allow', nan: 'reject' } });
    expect(inputOf(reread(above), 'x')).not.toHaveProperty('max');
    expect(above.warnings).toEqual([expect.stringMatching(/^x: of 500 values 1 times Infinity \(so there is no max\)/)]);
    const below = await profileOf(signature, 'x.npy', file(Number.NEGATIVE_INFINITY), { margin: 0 });
    expect(inputOf(reread(below), 'x')).toMatchObject({ max: 499 });
    expect(inputOf(reread(below), 'x')).not.toHaveProperty('min');
    const nan = await profileOf(signature, 'x.npy', file(Number.NaN), { margin: 0 });
    expect(inputOf(reread(nan), 'x')).toMatchObject({ min: 0, max: 499, number: { infinity: 'reject', nan: 'allow' } });
    for (const [profile, odd] of [
      [above, Number.POSITIVE_INFINITY],
      [below, Number.NEGATIVE_INFINITY],
      [nan, Number.NaN],
    ] as const)
      expect(isBroken(await replay(reread(profile), signature, 'x.npy', file(odd)))).toBe(false);
  });

  it('allows NaN and infinities only where the data have them', async () => {
    const signature = signatureOf({ x: ['DT_DOUBLE', [-1]] });
    const file = (values: readonly number[]) =>
      npyFile(npyHeader('<f8', [values.length]), new Uint8Array(Float64Array.from(values).buffer));
    const odd = file([1, Number.NaN, Number.POSITIVE_INFINITY]);
    const contract = reread(await profileOf(signature, 'x.npy', odd));
    expect(inputOf(contract, 'x')?.number).toMatchObject({ nan: 'allow', infinity: 'allow' });
    expect(isBroken(await replay(contract, signature, 'x.npy', odd))).toBe(false);
    const plain = reread(await profileOf(signature, 'x.npy', file([1, 2])));
    expect(inputOf(plain, 'x')?.number).toMatchObject({ nan: 'reject', infinity: 'reject' });
    expect(isBroken(await replay(plain, signature, 'x.npy', odd))).toBe(true);
  });
});

describe('a profile on top of what is known', () => {
  const signature = signatureOf({ id: ['DT_INT64', [-1]] });
  const baseOf = (rules: string) =>
    parseContract(`
apiVersion: airlock/contract/v1
metadata: { id: base, revision: 1 }
dims: { batch: { min: 1, max: 8 } }
signatures: { serving_default: { inputs: { id: { dtype: int64, shape: [batch], ${rules} } } } }
`);
  const csv = (...ids: readonly number[]) => `id\n${ids.join('\n')}\n`;

  it('keeps the narrower bound, and says that the data pass it', async () => {
    const known = baseOf('min: 0, max: 99');
    const profile = await profileOf(signature, 't.csv', csv(5, 500), { base: known, margin: 0 });
    expect(inputOf(reread(profile), 'id')).toMatchObject({ min: 5, max: 99 });
    expect(profile.warnings).toEqual(['id: the data go up to 500, max stays at 99']);
    expect(profile.comments.get('serving_default/inputs/id')).toContain('max stays at 99');
    expect((await replay(reread(profile), signature, 't.csv', csv(5, 500))).rules.map(({ rule }) => rule)).toContain('max');
  });

  it('makes a contract also of data that are all outside', async () => {
    const known = baseOf('min: 0, max: 99');
    const above = await profileOf(signature, 't.csv', csv(480, 500), { base: known, margin: 0 });
    expect(inputOf(reread(above), 'id')).toMatchObject({ min: 0, max: 99 });
    const below = await profileOf(signature, 't.csv', csv(-9, -5), { base: known, margin: 0 });
    expect(inputOf(reread(below), 'id')).toMatchObject({ min: 0, max: 99 });
    expect(below.warnings).toEqual(['id: the data go down to -9, min stays at 0']);
  });

  it('only notes what passes a bound that only watches', async () => {
    const known = baseOf('min: 0, max: 99, modes: { max: shadow }');
    const profile = await profileOf(signature, 't.csv', csv(5, 500), { base: known, margin: 0 });
    expect(profile.warnings).toEqual([]);
    expect(profile.inputs[0].notes).toEqual(['the data go up to 500, max stays at 99, which only watches']);
    expect(isBroken(await replay(reread(profile), signature, 't.csv', csv(5, 500)))).toBe(false);
  });

  it('has room for both inputs that share a dimension', async () => {
    const two = signatureOf({ a: ['DT_INT64', [-1, -1]], b: ['DT_INT64', [-1, -1]] });
    const shared = parseContract(`
apiVersion: airlock/contract/v1
metadata: { id: base, revision: 1 }
dims: { batch: { min: 1, max: 8 }, n: { min: 1, max: 1000 } }
signatures:
  serving_default:
    inputs: { a: { dtype: int64, shape: [batch, n] }, b: { dtype: int64, shape: [batch, n] } }
`);
    const text = '{"a":[1,2,3,4],"b":[1,2]}\n{"a":[7,8,9],"b":[8,9]}\n';
    const profile = await profileOf(two, 't.jsonl', text, { base: shared, margin: 0 });
    expect(profile.contract.dims.get('n')).toEqual({ min: 2, max: 4 });
  });
});

describe('a profile of codes that are too long for a pattern', () => {
  it('is a contract without that pattern, and with a note', async () => {
    const signature = signatureOf({ code: ['DT_STRING', [-1]] });
    const code = (index: number) =>
      Array.from({ length: 11 }, (_, part) => 'abc'[index % 3].repeat(part === index % 11 ? 170 : 1)).join('-');
    const text = Array.from({ length: 240 }, (_, index) => JSON.stringify({ code: `${code(index)}-${index}` })).join('\n');
    const profile = await profileOf(signature, 't.jsonl', text);
    expect(inputOf(reread(profile), 'code')?.string).not.toHaveProperty('pattern');
    expect(profile.inputs[0].notes).toEqual([expect.stringMatching(/^no pattern: .*instructions; at most 2500/)]);
  });
});

describe('a profile of nothing', () => {
  const signature = signatureOf({ id: ['DT_INT64', [-1]] });

  it.each([
    ['t.csv', 'id\n'],
    ['t.jsonl', ''],
    ['t.npy', npyFile(npyHeader('<i8', [0]), Buffer.alloc(0))],
  ])('is refused: %s', async (name, bytes) => {
    await expect(profileOf(signature, name, bytes)).rejects.toThrow(/expected at least one record/);
    await expect(profileOf(signature, name, bytes)).rejects.toMatchObject({ code: 'DATASET_INVALID' });
  });

  it.each([
    ['no column of an input', 'other,more\n1,2\n'],
    ['missing values only', 'id\n\n\n'],
  ])('is refused: %s', async (_, csv) => {
    await expect(profileOf(signature, 't.csv', csv, { dataset: { missing: [''] } })).rejects.toThrow(/for at least one input/);
  });
});

describe('data and their own profile', () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -3e38, max: 3e38 }),
    fc.integer(),
    fc.constantFrom(0, -0, 5e-324),
  );
  const row = fc.record({
    f: number,
    d: number,
    h: fc.double({ noNaN: true, min: -60000, max: 60000 }),
    i: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    s: fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !/\p{Cs}/u.test(text)),
    v: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 4 }),
  });
  const signature = signatureOf({
    f: ['DT_FLOAT', [-1]],
    d: ['DT_DOUBLE', [-1, 1]],
    h: ['DT_HALF', [-1]],
    i: ['DT_INT64', [-1]],
    s: ['DT_STRING', [-1]],
    v: ['DT_UINT8', [-1, -1]],
  });

  it('always go together, whatever the margin', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 30 }), fc.constantFrom(0, 0.25, 3), async (rows, margin) => {
        const text = rows
          .map(({ i, ...others }) => `${JSON.stringify(others).slice(0, -1)},"i":${i}}`.replace('"s":', '"s":'))
          .join('\n');
        const contract = reread(await profileOf(signature, 't.jsonl', text, { margin }));
        const report = await replay(contract, signature, 't.jsonl', text);
        expect(report.rules.filter(({ mode }) => mode !== 'shadow')).toEqual([]);
        expect(report.records).toBe(rows.length);
      }),
      { numRuns: 25 },
    );
  });
});
