// The rules of tf.Example messages: for each rule, a message inside passes and one a step outside fails with exactly that rule and says
// where; select leaves out what it should and nothing else; and no bytes make the check throw.
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExampleSchema, type Features_FeatureEntrySchema } from '../../model/gen/tensorflow/example_pb.ts';
import type { StringTensor } from '../../tensor/index.ts';
import type { Action, ExampleRules, FeatureRules, Mode, StringRules } from '../contract-types.ts';
import { Findings } from '../findings.ts';
import type { RuleName } from '../rule-table.ts';
import { compileExampleRules } from './example.ts';

type Feature =
  | { readonly bytes: readonly (string | Uint8Array)[] }
  | { readonly float: readonly number[] }
  | { readonly int64: readonly (number | bigint)[] };
type Features = Readonly<Record<string, Feature>>;

function encode(features: Features): Uint8Array {
  const feature = Object.entries(features).map(([key, given]): MessageInitShape<typeof Features_FeatureEntrySchema> => {
    if ('bytes' in given) {
      const value = given.bytes.map((item) => Uint8Array.from(Buffer.from(item as Uint8Array)));
      return { key, value: { kind: { case: 'bytesList', value: { value } } as const } };
    }
    if ('float' in given) return { key, value: { kind: { case: 'floatList', value: { value: [...given.float] } } as const } };
    return { key, value: { kind: { case: 'int64List', value: { value: given.int64.map(BigInt) } } as const } };
  });
  return toBinary(ExampleSchema, create(ExampleSchema, { features: { feature } }));
}

/** A BMP of 24 bits. */
function bitmap(width: number, height: number): Uint8Array {
  const rowBytes = Math.ceil((width * 3) / 4) * 4;
  const bytes = Buffer.alloc(54 + rowBytes * height);
  bytes.write('BM');
  for (const [at, value] of [
    [2, bytes.length],
    [10, 54],
    [14, 40],
    [18, width],
    [22, height],
    [34, rowBytes * height],
  ])
    bytes.writeUInt32LE(value, at);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  return bytes;
}

function names(bytes: Uint8Array): string[] {
  return (fromBinary(ExampleSchema, bytes).features?.feature ?? []).map(({ key }) => key);
}

const base: ExampleRules = { features: new Map(), unknownFeatures: 'reject', maxFeatures: 100, sparse: [], ragged: [] };

interface Setup {
  readonly actions?: Partial<Record<RuleName, Action>>;
  readonly modes?: Partial<Record<RuleName, Mode>>;
}

function check(messages: readonly (Features | Uint8Array)[], rules: Partial<ExampleRules>, { actions, modes }: Setup = {}) {
  const compiled = compileExampleRules({
    rules: {
      dtype: 'DT_STRING',
      example: { ...base, ...rules },
      onViolation: new Map(),
      modes: new Map(),
      derivedFrom: new Map(),
    },
    bind(name) {
      const mode = modes?.[name] ?? 'enforce';
      return mode === 'off' ? undefined : { id: name, name, mode, action: actions?.[name] ?? { kind: 'reject' } };
    },
  });
  const parts = messages.map((given) => (given instanceof Uint8Array ? given : encode(given)));
  const offsets = new Uint32Array(parts.length + 1);
  for (const [index, { length }] of parts.entries()) offsets[index + 1] = offsets[index] + length;
  const bytes = Uint8Array.from(Buffer.concat(parts));
  const tensor: StringTensor = { dtype: 'DT_STRING', shape: [parts.length], bytes, offsets };
  const findings = new Findings({ limit: 100, draw: 0.5, sampleFraction: 0 });
  const before = Buffer.from(bytes);
  const path = (index?: number): string => `instances[${index}].examples`;
  const context = {
    path,
    findings,
    dims: new Map<string, number>(),
    imageJobs: [],
    measure: { pixels: 0, patternWork: 0, patternMs: 0 },
  };
  const result = compiled?.(tensor, context) ?? tensor;
  expect(Buffer.from(bytes).equals(before)).toBe(true);
  if (result.dtype !== 'DT_STRING') throw new Error('not strings');
  return {
    rules: findings.kept.map(({ violation }) => violation.rule),
    violations: findings.kept.map(({ violation: { path, expected, got } }) => `${path}: ${expected}, ${got}`),
    refused: findings.refused,
    isSame: result === tensor,
    counts: Array.from(findings.counts.values()).reduce((sum, count) => sum + count, 0),
    pixels: context.measure.pixels,
    messages: Array.from(result.offsets.subarray(1), (end, index) => result.bytes.slice(result.offsets[index], end)),
  };
}

/** One feature named x; what `inside` and `outside` hold is tried against its rules. */
function expectEdge(
  rule: RuleName,
  rules: Partial<FeatureRules> & Pick<FeatureRules, 'kind'>,
  inside: Feature,
  outside: Feature,
): void {
  const features = new Map([['x', { required: true, ...rules }]]);
  expect(check([{ x: inside }], { features })).toMatchObject({ rules: [], isSame: true });
  expect(check([{ x: inside }, { x: outside }], { features })).toMatchObject({ rules: [rule], refused: true, isSame: true });
}

const one = (name: string, rules: Partial<FeatureRules> & Pick<FeatureRules, 'kind'>): Partial<ExampleRules> => ({
  features: new Map([[name, { required: true, ...rules }]]),
});
const text: StringRules = { encoding: 'utf8', controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow' };
const int64 = fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 2n });
const float = fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e30), max: Math.fround(1e30) });

/** Integers that V8 hashes, without a key, to one place in 65,536: its hash of a number, backwards. */
function meeting(count: number): number[] {
  const mask = 2n ** 32n - 1n;
  const unshifted = (value: bigint, by: bigint): bigint => {
    let result = value;
    for (let bits = by; bits < 32n; bits += by) result = value ^ (result >> by);
    return result;
  };
  const inverse = (factor: bigint): bigint => {
    let result = 1n;
    for (let round = 0; round < 6; round++) result = (result * (2n - factor * result)) & mask;
    return result;
  };
  return Array.from({ length: count }, (_, index) => {
    let hash = BigInt(index) << 16n;
    hash = unshifted(hash, 16n);
    hash = (hash * inverse(2057n)) & mask;
    hash = unshifted(hash, 4n);
    hash = (hash * inverse(5n)) & mask;
    hash = unshifted(hash, 12n);
    hash = ((hash + 1n) * inverse(2n ** 15n - 1n)) & mask;
    return Number(BigInt.asIntN(32, hash));
  });
}

function nextFloat(value: number, up: boolean): number {
  const bits = new Int32Array(1);
  const floats = new Float32Array(bits.buffer);
  floats[0] = value === 0 ? 0 : value;
  if (value === 0) return up ? 2 ** -149 : -(2 ** -149);
  bits[0] += value > 0 === up ? 1 : -1;
  return floats[0];
}

describe('rules of a message', () => {
  it('example.structure', () => {
    const whole = encode({ x: { int64: [1] } });
    const rules = one('x', { kind: 'int64' });
    expect(check([whole], rules).rules).toEqual([]);
    expect(check([Uint8Array.from([...whole, ...whole])], rules).violations).toEqual([
      'instances[0].examples: a well-formed tf.Example, the feature x twice',
    ]);
    expect(check([whole.subarray(0, -1)], rules).rules).toEqual(['example.structure']);
  });

  it('lets nothing through that could not be read, whatever the rule of the structure is set to', () => {
    const broken = Uint8Array.from([0xff]);
    for (const mode of ['shadow', 'off'] as const) {
      const given = check([broken], one('x', { kind: 'int64' }), { modes: { 'example.structure': mode } });
      expect(given).toMatchObject({ refused: true });
    }
  });

  it('lets nothing pass the rules of values that are of another kind, whatever the rule of kinds is set to', () => {
    const rules = one('x', { kind: 'int64', max: 5, count: { max: 1 } });
    for (const setup of [
      { modes: { 'example.kind': 'shadow' } },
      { modes: { 'example.kind': 'off' } },
      { actions: { 'example.kind': { kind: 'log' } } },
    ] as const) {
      const watched = 'modes' in setup && setup.modes['example.kind'] === 'off' ? [] : ['example.kind'];
      const given = check([{ x: { float: [9] } }], rules, setup);
      expect(given.rules).toEqual([...watched, 'example.values']);
      expect(given.refused).toBe(true);
      // How many they are can be seen all the same.
      expect(check([{ x: { float: [1, 2] } }], rules, setup).rules).toEqual([...watched, 'example.count', 'example.values']);
      // Nothing is said of values that no rule is about.
      expect(check([{ x: { float: [9] } }], one('x', { kind: 'int64' }), setup).refused).toBe(false);
    }
    const both = { modes: { 'example.kind': 'shadow', 'example.values': 'shadow' } } as const;
    expect(check([{ x: { float: [9] } }], rules, both)).toMatchObject({ rules: ['example.kind'], refused: false });
  });

  it('lets nothing through that could not be read when the only rule in force leaves features out', () => {
    const modes = Object.fromEntries(
      ['structure', 'maxFeatures', 'required', 'kind', 'count', 'values', 'sparse', 'ragged'].map((name) => [
        `example.${name}`,
        'shadow',
      ]),
    );
    const select: Setup = { modes, actions: { 'example.unknownFeatures': { kind: 'select' } } };
    const given = check([Uint8Array.from([0xff])], one('x', { kind: 'int64' }), select);
    expect(given).toMatchObject({ rules: ['example.structure', 'example.unknownFeatures'], refused: true });
    const log: Setup = { modes, actions: { 'example.unknownFeatures': { kind: 'log' } } };
    expect(check([Uint8Array.from([0xff])], one('x', { kind: 'int64' }), log).refused).toBe(false);
  });

  it('example.unknownFeatures', () => {
    const rules = one('x', { kind: 'int64' });
    const y = { y: { float: [1] } };
    expect(check([{ x: { int64: [1] } }], rules).rules).toEqual([]);
    const given = check([{ x: { int64: [1] }, ...y, 'z\u202e': { bytes: [] } }], rules);
    expect(given.violations).toEqual(['instances[0].examples: only features that the contract names, 2 others, the first at 1']);
    expect(check([{ x: { int64: [1] }, ...y }], { ...rules, unknownFeatures: 'allow' }).rules).toEqual([]);
  });

  it('example.unknownFeatures with select', () => {
    const feature = fc.oneof(
      fc.array(fc.integer(), { maxLength: 40 }).map((values) => ({ int64: values })),
      fc.array(fc.string(), { maxLength: 3 }).map((values) => ({ bytes: values })),
      fc.array(float, { maxLength: 3 }).map((values) => ({ float: values })),
    );
    const features = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), feature, { noNullPrototype: true });
    const known = new Map(['a', 'b'].map((name) => [name, { kind: 'int64', required: false } as const]));
    const setup: Setup = {
      actions: { 'example.unknownFeatures': { kind: 'select' } },
      modes: { 'example.kind': 'off', 'example.values': 'off' },
    };
    fc.assert(
      fc.property(features, features, (first, second) => {
        const given = check([encode(first), encode(second)], { features: known }, setup);
        expect(given.refused).toBe(false);
        for (const [index, source] of [first, second].entries()) {
          const kept = Object.fromEntries(Object.entries(source).filter(([name]) => known.has(name)));
          expect(fromBinary(ExampleSchema, given.messages[index]).features ?? { feature: [] }).toMatchObject({
            feature: fromBinary(ExampleSchema, encode(kept)).features?.feature ?? [],
          });
          expect(names(given.messages[index])).toEqual(Object.keys(kept));
        }
        // What select wrote passes without it.
        expect(check(given.messages, { features: known }, { modes: setup.modes ?? {} }).rules).toEqual([]);
      }),
    );
    const shadow = { ...setup, modes: { ...setup.modes, 'example.unknownFeatures': 'shadow' } } as const;
    expect(check([{ z: { int64: [] } }], { features: known }, shadow)).toMatchObject({ isSame: true, refused: false });
  });

  it('example.maxFeatures', () => {
    const features = (count: number): Features =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, { int64: [] }]));
    fc.assert(
      fc.property(fc.nat(20), (maxFeatures) => {
        const rules = { maxFeatures, unknownFeatures: 'allow' } as const;
        expect(check([features(maxFeatures)], rules).rules).toEqual([]);
        expect(check([features(maxFeatures + 1)], rules).violations).toEqual([
          `instances[0].examples: at most ${maxFeatures} features, ${maxFeatures + 1}`,
        ]);
      }),
      { numRuns: 20 },
    );
    // In shadow, the other rules still see all features.
    const rules = { ...one('f5', { kind: 'float' }), maxFeatures: 2, unknownFeatures: 'allow' } as const;
    expect(check([features(6)], rules, { modes: { 'example.maxFeatures': 'shadow' } }).rules).toEqual([
      'example.maxFeatures',
      'example.kind',
    ]);
  });

  it('example.required', () => {
    const rules = one('x', { kind: 'int64' });
    expect(check([{}], rules).violations).toEqual(['instances[0].examples: the feature x, no such feature']);
    expect(check([{}], one('x', { kind: 'int64', required: false })).rules).toEqual([]);
    // A feature without any list is missing for TensorFlow too.
    expect(check([Uint8Array.from([0x0a, 7, 0x0a, 5, 0x0a, 1, 0x78, 0x12, 0])], rules).rules).toEqual(['example.required']);
  });

  it('example.kind', () => {
    const given = { bytes: { bytes: ['a'] }, float: { float: [1] }, int64: { int64: [1] } };
    const kinds = ['bytes', 'float', 'int64'] as const;
    for (const kind of kinds) {
      for (const other of kinds) if (other !== kind) expectEdge('example.kind', { kind }, given[kind], given[other]);
    }
    expect(check([{ x: given.float }], one('x', { kind: 'int64' })).violations).toEqual([
      'instances[0].examples.x: x of kind int64, float',
    ]);
  });

  it('example.count', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(5), (min, more) => {
        const list = (count: number): Feature => ({ int64: Array<number>(count).fill(0) });
        const max = min + more;
        expectEdge('example.count', { kind: 'int64', count: { min, max } }, list(min), list(max + 1));
        if (min > 0) expectEdge('example.count', { kind: 'int64', count: { min, max } }, list(max), list(min - 1));
      }),
      { numRuns: 50 },
    );
  });
});

describe('example.values of numbers', () => {
  it('min and max of integers, exact at any size', () => {
    fc.assert(
      fc.property(fc.array(int64, { minLength: 1, maxLength: 5 }), fc.boolean(), (values, isBig) => {
        const bounds = isBig ? values : values.map((value) => BigInt.asIntN(40, value));
        const sorted = bounds.toSorted((a, b) => (a < b ? -1 : 1));
        const number = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value);
        const rules = { kind: 'int64', min: number(sorted[0]), max: number(sorted[sorted.length - 1]) } as const;
        expectEdge('example.values', rules, { int64: bounds }, { int64: [...bounds, sorted[0] - 1n] });
        expectEdge('example.values', rules, { int64: bounds }, { int64: [...bounds, sorted[sorted.length - 1] + 1n] });
      }),
    );
    expect(check([{ c: { int64: [1, 7, 9] } }], one('c', { kind: 'int64', max: 5 })).violations).toEqual([
      'instances[0].examples.c[1]: c ≤ 5, 7',
    ]);
  });

  it('min and max of floats, to the next float', () => {
    fc.assert(
      fc.property(float, (bound) => {
        expectEdge('example.values', { kind: 'float', min: bound }, { float: [bound] }, { float: [nextFloat(bound, false)] });
        expectEdge('example.values', { kind: 'float', max: bound }, { float: [bound] }, { float: [nextFloat(bound, true)] });
      }),
    );
    // 0.1 as a float is above 0.1.
    expect(check([{ x: { float: [0.1] } }], one('x', { kind: 'float', max: 0.1, min: 0.1, allowed: [0.1] })).rules).toEqual([]);
  });

  it('NaN and infinities, refused unless allowed', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expectEdge('example.values', { kind: 'float' }, { float: [1] }, { float: [1, bad] });
      const allowed = { kind: 'float', number: { nan: 'allow', infinity: 'allow' } } as const;
      expect(check([{ x: { float: [bad] } }], one('x', allowed)).rules).toEqual([]);
    }
    // Who allows NaN says that it is a value like others: bounds are about numbers.
    const bounded = { kind: 'float', number: { nan: 'allow', infinity: 'allow' }, min: 0, max: 1 } as const;
    expectEdge('example.values', bounded, { float: [Number.NaN, 0.5] }, { float: [Number.NaN, -0.5] });
  });

  it('allowed, vocabulary, unique and monotone', () => {
    expectEdge(
      'example.values',
      { kind: 'int64', allowed: [1, 2n ** 60n] },
      { int64: [1, 2n ** 60n] },
      { int64: [2n ** 60n + 1n] },
    );
    const vocabulary = { file: 'v', sha256: '', maxUnknownFraction: 0, entries: new Set(['7', '-8']) };
    expectEdge('example.values', { kind: 'int64', vocabulary }, { int64: [7, -8] }, { int64: [7, 8] });
    const half = { ...vocabulary, maxUnknownFraction: 0.5 };
    expectEdge('example.values', { kind: 'int64', vocabulary: half }, { int64: [7, 1] }, { int64: [7, 1, 2] });
    expectEdge(
      'example.values',
      { kind: 'int64', unique: true },
      { int64: [3, 1, 2n ** 60n] },
      { int64: [2n ** 60n, 1, 2n ** 60n] },
    );
    expectEdge('example.values', { kind: 'float', unique: true }, { float: [3, 1] }, { float: [0, -0] });
    const nan = { kind: 'float', unique: true, number: { nan: 'allow', infinity: 'allow' } } as const;
    const { NaN: no, POSITIVE_INFINITY: infinite, NEGATIVE_INFINITY: below } = Number;
    expectEdge('example.values', nan, { float: [no, infinite, below, 0] }, { float: [no, 1, no] });
    expect(check([{ x: { int64: [-7, 2n ** 60n, -7, -7] } }], one('x', { kind: 'int64', unique: true })).violations).toEqual([
      'instances[0].examples.x[2]: x without a value twice, -7',
    ]);
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer(), { minLength: 2, maxLength: 6 }), (values) => {
        const up = values.toSorted((a, b) => a - b);
        const down = up.toReversed();
        expectEdge(
          'example.values',
          { kind: 'int64', monotone: 'increasing' },
          { int64: up },
          { int64: [...up, up[up.length - 1]] },
        );
        expectEdge('example.values', { kind: 'int64', monotone: 'nonDecreasing' }, { int64: [up[0], ...up] }, { int64: down });
        expectEdge('example.values', { kind: 'int64', monotone: 'decreasing' }, { int64: down }, { int64: [down[0], ...down] });
        expectEdge('example.values', { kind: 'int64', monotone: 'nonIncreasing' }, { int64: [down[0], ...down] }, { int64: up });
      }),
    );
  });

  it('tells any two integers apart', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(int64, fc.bigInt({ min: -3n, max: 3n })), { maxLength: 12 }), (values) => {
        const isUnique = new Set(values).size === values.length;
        const rules = one('x', { kind: 'int64', unique: true });
        expect(check([{ x: { int64: values } }], rules).rules).toEqual(isUnique ? [] : ['example.values']);
      }),
    );
  });

  it('takes as long for values that are chosen to meet in a hash table as for any', () => {
    const count = 60_000;
    const bytes = encode({ x: { int64: meeting(count) } });
    const started = performance.now();
    expect(check([bytes], one('x', { kind: 'int64', unique: true })).rules).toEqual([]);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('reports the first value that breaks a rule, once', () => {
    const values = { float: [2, 3, Number.NaN, 4, Number.NaN] };
    expect(check([{ x: values }], one('x', { kind: 'float', max: 1 })).violations).toEqual([
      'instances[0].examples.x[0]: x ≤ 1, 2',
      'instances[0].examples.x[2]: x not NaN, NaN',
    ]);
  });
});

describe('example.values of bytes', () => {
  it('the rules of strings', () => {
    const rules = { kind: 'bytes', string: { ...text, maxBytes: 4, pattern: '[a-zé]*' } } as const;
    expectEdge('example.values', rules, { bytes: ['abcd', 'éé', ''] }, { bytes: ['a', 'abcde'] });
    expectEdge('example.values', rules, { bytes: [] }, { bytes: ['A'] });
    expect(
      check([{ q: { bytes: ['a', Uint8Array.from([0x61, 0xff])] } }], one('q', { kind: 'bytes', string: text })).violations,
    ).toEqual(['instances[0].examples.q[1]: q: valid UTF-8, an invalid byte at 1']);
  });

  it('allowed, vocabulary and unique, by bytes', () => {
    expectEdge('example.values', { kind: 'bytes', allowed: ['é', 'b'] }, { bytes: ['é', 'b'] }, { bytes: ['e\u0301'] });
    const vocabulary = { file: 'v', sha256: '', maxUnknownFraction: 0, entries: new Set(['é', '\ufffd']) };
    expectEdge('example.values', { kind: 'bytes', vocabulary }, { bytes: ['é', '\ufffd'] }, { bytes: [Uint8Array.from([0xff])] });
    expectEdge('example.values', { kind: 'bytes', vocabulary }, { bytes: ['é'] }, { bytes: ['much longer'] });
    const third = { ...vocabulary, maxUnknownFraction: 0.34 };
    expectEdge('example.values', { kind: 'bytes', vocabulary: third }, { bytes: ['é', 'é', 'x'] }, { bytes: ['é', 'x', 'y'] });
    expectEdge('example.values', { kind: 'bytes', unique: true }, { bytes: ['a', 'b'] }, { bytes: ['a', 'b', 'a'] });
  });

  it('images, whose pixels count', () => {
    const image = {
      formats: ['bmp'],
      reencode: ['jpeg'],
      maxPixels: 6,
      maxDecodedBytes: 1_000,
      maxRatio: 200,
      inflatedSize: 'check',
      trailingData: 'reject',
      maxMetadataBytes: 0,
      maxScans: 1,
      checksums: 'check',
    } as const;
    expectEdge('example.values', { kind: 'bytes', image }, { bytes: [bitmap(3, 2), bitmap(1, 1)] }, { bytes: [bitmap(7, 1)] });
    const given = check([{ x: { bytes: [bitmap(3, 2), bitmap(2, 2)] } }], one('x', { kind: 'bytes', image }));
    expect(given.pixels).toBe(10);
    // Inside a message nothing can be made anew.
    const jpeg = Uint8Array.from([0xff, 0xd8, 0xff, 0xd9]);
    expect(check([{ x: { bytes: [jpeg] } }], one('x', { kind: 'bytes', image })).violations).toEqual([
      expect.stringMatching(/^instances\[0\]\.examples\.x\[0\]: x, image\./),
    ]);
  });

  it('shows no more of a value than a message may', () => {
    const { violations } = check(
      [{ 'x\n': { bytes: ['\u202esecret'.repeat(40)] } }],
      one('x\n', { kind: 'bytes', allowed: ['a'] }),
    );
    expect(violations).toHaveLength(1);
    expect(violations[0]).toMatch(/^instances\[0\]\.examples\.x\\u\{a\}\[0\]: x\\u\{a\} one of 1 values, \\u\{202e\}secret/);
    expect(violations[0].length).toBeLessThan(150);
  });
});

describe('example.sparse', () => {
  const sparse = { name: 's', index: ['i', 'j'], value: 'v', denseShape: [3, 4], sorted: true, unique: true };
  const optional = (kind: FeatureRules['kind']): FeatureRules => ({ kind, required: false });
  const features = new Map([
    ['i', optional('int64')],
    ['j', optional('int64')],
    ['v', optional('float')],
  ]);
  const run = (given: Features, changes: Partial<typeof sparse> & { maxDensity?: number } = {}) =>
    check([given], { features, sparse: [{ ...sparse, ...changes }] });
  const at = (...indices: readonly (readonly [number | bigint, number | bigint])[]): Features => ({
    i: { int64: indices.map(([i]) => i) },
    j: { int64: indices.map(([, j]) => j) },
    v: { float: indices.map(() => 1) },
  });

  it('holds for any sorted indices in bounds', () => {
    const index = fc.tuple(fc.nat(2), fc.nat(3));
    fc.assert(
      fc.property(fc.uniqueArray(index, { selector: ([i, j]) => i * 4 + j }), fc.nat(), (list, pick) => {
        const sorted = list.toSorted(([i, j], [k, l]) => i - k || j - l);
        expect(run(at(...sorted)).rules).toEqual([]);
        const density = sorted.length / 12;
        expect(run(at(...sorted), { maxDensity: density }).rules).toEqual([]);
        if (sorted.length === 0) return;
        const again = sorted[pick % sorted.length];
        expect(run(at(...sorted, [3, 0])).rules).toEqual(['example.sparse']);
        expect(run(at([0, -1], ...sorted)).rules).toEqual(['example.sparse']);
        expect(run(at(...sorted, again)).rules).toEqual(['example.sparse']);
        expect(run(at(again, ...sorted), { sorted: false }).rules).toEqual(['example.sparse']);
        expect(run(at(...sorted.toReversed()), { sorted: false }).rules).toEqual([]);
        if (sorted.length > 1) expect(run(at(...sorted.toReversed()), { unique: false }).rules).toEqual(['example.sparse']);
        expect(run(at(...sorted), { maxDensity: density - 0.01 }).rules).toEqual(['example.sparse']);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['an index beyond its dimension', at([0, 4]), 's: indices from 0 to below 4, 4 at 0'],
    ['a negative index', at([-1, 0]), 's: indices from 0 to below 3, -1 at 0'],
    ['an index of 64 bits', at([2n ** 62n, 0]), `s: indices from 0 to below 3, ${2n ** 62n} at 0`],
    ['fewer indices', { ...at([0, 0], [0, 1]), j: { int64: [0] } }, 's: as many indices as values, 2, 1'],
    ['a feature that is missing', { i: { int64: [] }, v: { float: [] } }, 's: all of its 3 features, or none, some are missing'],
  ])('refuses %s', (_, given, expected) => {
    expect(run(given).violations).toEqual([`instances[0].examples: ${expected}`]);
  });

  it('has nothing to say when no feature is there', () => expect(run({}).rules).toEqual([]));

  it('stays exact for shapes beyond 2^53', () => {
    const denseShape = [2 ** 40, 2 ** 40];
    const big = 2 ** 40 - 1;
    expect(run(at([big, big - 1], [big, big]), { denseShape }).rules).toEqual([]);
    expect(run(at([big, big], [big, big - 1]), { denseShape }).rules).toEqual(['example.sparse']);
    expect(run(at([big, big], [0, 0], [big, big]), { denseShape, sorted: false }).rules).toEqual(['example.sparse']);
  });
});

describe('example.ragged', () => {
  const features = new Map<string, FeatureRules>([
    ['v', { kind: 'int64', required: false }],
    ['n', { kind: 'int64', required: false }],
  ]);
  const run = (lengths: readonly (number | bigint)[], values: number, maxRows?: number, maxRowLength?: number) => {
    const group = { name: 'r', value: 'v', rowLengths: 'n', ...(maxRows === undefined ? {} : { maxRows }) };
    const ragged = [{ ...group, ...(maxRowLength === undefined ? {} : { maxRowLength }) }];
    return check([{ v: { int64: Array<number>(values).fill(0) }, n: { int64: lengths } }], { features, ragged });
  };

  it('holds for lengths that add up', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(6), { minLength: 1, maxLength: 8 }), (lengths) => {
        const total = lengths.reduce((sum, length) => sum + length, 0);
        const longest = Math.max(...lengths);
        expect(run(lengths, total, lengths.length, longest).rules).toEqual([]);
        expect(run(lengths, total + 1).rules).toEqual(['example.ragged']);
        if (total > 0) expect(run(lengths, total - 1).rules).toEqual(['example.ragged']);
        expect(run(lengths, total, lengths.length - 1).rules).toEqual(['example.ragged']);
        if (longest > 0) expect(run(lengths, total, lengths.length, longest - 1).rules).toEqual(['example.ragged']);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses lengths that only add up when they wrap', () => {
    expect(run([-1, 3], 2).violations).toEqual(['instances[0].examples: r: rows of 0 to 2 values, -1 at 0']);
    expect(run([2n ** 62n, 2n ** 62n, 2n ** 62n, 2n ** 62n], 0).rules).toEqual(['example.ragged']);
  });
});

describe('compileExampleRules', () => {
  const maps = { onViolation: new Map(), modes: new Map(), derivedFrom: new Map() };

  it('compiles nothing that is off or absent', () => {
    const bind = (name: RuleName) => ({ id: name, name, mode: 'enforce', action: { kind: 'reject' } }) as const;
    expect(compileExampleRules({ rules: { dtype: 'DT_STRING', ...maps }, bind })).toBeUndefined();
    expect(compileExampleRules({ rules: { dtype: 'DT_STRING', example: base, ...maps }, bind: () => undefined })).toBeUndefined();
  });

  it('stops at 1,000 mistakes when the request is refused, and only then', () => {
    const messages = Array.from({ length: 1_500 }, () => new Uint8Array(0));
    const rules = one('x', { kind: 'int64' });
    expect(check(messages, rules).counts).toBe(1_000);
    expect(check(messages, rules, { modes: { 'example.required': 'shadow' } }).counts).toBe(1_500);
  });

  it('never throws, and passes nothing that the library cannot read', () => {
    const rules: Partial<ExampleRules> = {
      features: new Map<string, FeatureRules>([
        ['a', { kind: 'int64', required: false, min: 0, unique: true, monotone: 'increasing' }],
        ['b', { kind: 'bytes', required: false, string: { ...text, normalization: 'NFC', pattern: '.*' } }],
        ['c', { kind: 'float', required: false, count: { max: 3 } }],
      ]),
      sparse: [{ name: 's', index: ['a'], value: 'c', denseShape: [5], sorted: true, unique: true }],
      ragged: [{ name: 'r', value: 'b', rowLengths: 'a' }],
    };
    const start = encode({ a: { int64: [0, 1, 2] }, b: { bytes: ['x', 'y', 'z'] }, c: { float: [1, 2, 3] } });
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(start.length - 1), byte), { maxLength: 4 }),
        fc.uint8Array({ maxLength: 12 }),
        (changes, random) => {
          const changed = Uint8Array.from(start);
          for (const [at, value] of changes) changed[at] = value;
          const given = check([changed, random], { ...rules, unknownFeatures: 'allow' });
          if (!given.refused) for (const bytes of [changed, random]) fromBinary(ExampleSchema, bytes);
        },
      ),
      { numRuns: 500 },
    );
  });
});
