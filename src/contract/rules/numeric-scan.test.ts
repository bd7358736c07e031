// Bounds and the rules of single numbers, against a slow reference that is written from the contract's words alone.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numbers, type RuleDraft, refusedBy, runRules } from '../../../tests/support/contracts.ts';
import { bfloat16Bits, bfloat16Value, halfBits, halfValue, type NumericTensor } from '../../tensor/index.ts';

type Dtype = NumericTensor['dtype'];
const integers: readonly [Dtype, bigint, bigint][] = [
  ['DT_INT8', -128n, 127n],
  ['DT_UINT8', 0n, 255n],
  ['DT_INT16', -32768n, 32767n],
  ['DT_UINT16', 0n, 65535n],
  ['DT_INT32', -(2n ** 31n), 2n ** 31n - 1n],
  ['DT_UINT32', 0n, 2n ** 32n - 1n],
  ['DT_INT64', -(2n ** 63n), 2n ** 63n - 1n],
  ['DT_UINT64', 0n, 2n ** 64n - 1n],
];
const floats: readonly Dtype[] = ['DT_FLOAT', 'DT_DOUBLE', 'DT_HALF', 'DT_BFLOAT16'];

/** As the contract's schema gives it: a number where a double has it exactly. */
const contractNumber = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value);

/** The value as an element of the type, and the element as `numbers` wants it. */
const narrow: Readonly<Partial<Record<Dtype, readonly [round: (value: number) => number, encode: (value: number) => number]>>> = {
  DT_FLOAT: [Math.fround, (value) => value],
  DT_DOUBLE: [(value) => value, (value) => value],
  DT_HALF: [(value) => halfValue(halfBits(value)), halfBits],
  DT_BFLOAT16: [(value) => bfloat16Value(bfloat16Bits(value)), bfloat16Bits],
};
function codecOf(dtype: Dtype): readonly [round: (value: number) => number, encode: (value: number) => number] {
  const codec = narrow[dtype];
  if (codec === undefined) throw new Error(dtype);
  return codec;
}

/** The next number of a float type above or below, by its bits. */
function neighbour(dtype: Dtype, value: number, direction: 1 | -1): number {
  if (value === 0) return direction * neighbourOfZero(dtype);
  const step = value > 0 === direction > 0 ? 1 : -1;
  const data = new DataView(new ArrayBuffer(8));
  if (dtype === 'DT_DOUBLE') {
    data.setFloat64(0, value);
    data.setBigUint64(0, data.getBigUint64(0) + BigInt(step));
    return data.getFloat64(0);
  }
  if (dtype === 'DT_FLOAT') {
    data.setFloat32(0, value);
    data.setUint32(0, data.getUint32(0) + step);
    return data.getFloat32(0);
  }
  return dtype === 'DT_HALF' ? halfValue(halfBits(value) + step) : bfloat16Value(bfloat16Bits(value) + step);
}

function neighbourOfZero(dtype: Dtype): number {
  return { DT_FLOAT: 2 ** -149, DT_DOUBLE: 2 ** -1074, DT_HALF: 2 ** -24, DT_BFLOAT16: 2 ** -133 }[dtype as string] ?? Number.NaN;
}

const floatOf = (dtype: Dtype) => {
  const max = { DT_FLOAT: 3e38, DT_DOUBLE: 1e308, DT_HALF: 65_000, DT_BFLOAT16: 3e38 }[dtype as string] ?? 1;
  return fc.oneof(
    fc.double({ min: -max, max, noNaN: true }),
    fc.double({ min: -1, max: 1, noNaN: true }),
    fc.constantFrom(0, 0.1, -0.1, 1 / 3),
  );
};

/** The bounds that a contract can have, by name, and what breaks each. */
const bounds = {
  min: (value: number | bigint, bound: number | bigint) => value < bound,
  max: (value: number | bigint, bound: number | bigint) => value > bound,
  exclusiveMin: (value: number | bigint, bound: number | bigint) => value <= bound,
  exclusiveMax: (value: number | bigint, bound: number | bigint) => value >= bound,
} as const;
const boundNames = Object.keys(bounds) as (keyof typeof bounds)[];

describe.each(integers)('bounds of %s', (dtype, lowest, highest) => {
  it.each(boundNames)('%s lets through what is inside, and nothing one step outside', (name) => {
    const edge = fc.oneof(
      fc.bigInt({ min: lowest, max: highest }),
      fc.bigInt({ min: -3n, max: 3n }).map((step) => clamp(2n ** 53n + step, lowest, highest)),
      fc.constantFrom(lowest, highest),
    );
    fc.assert(
      fc.property(edge, fc.array(fc.bigInt({ min: lowest, max: highest }), { maxLength: 6 }), (bound, others) => {
        const near = [bound - 1n, bound, bound + 1n].filter((value) => value >= lowest && value <= highest);
        for (const value of [...near, ...others]) {
          const rules: RuleDraft = { dtype, [name]: contractNumber(bound) };
          const { findings, tensors } = runRules(rules, numbers(dtype, [bound === lowest ? highest : lowest, value].slice(1)));
          expect(refusedBy(findings)).toEqual(bounds[name](value, bound) ? [name] : []);
          expect(tensors[0]).toEqual(numbers(dtype, [value]));
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe.each(floats)('bounds of %s', (dtype) => {
  const [round, encode] = codecOf(dtype);

  it.each(boundNames)('%s compares after the bound was rounded to the type', (name) => {
    fc.assert(
      fc.property(floatOf(dtype), fc.integer({ min: 0, max: 40 }), (written, offset) => {
        const bound = round(written);
        for (const value of [neighbour(dtype, bound, -1), bound, neighbour(dtype, bound, 1)]) {
          if (!Number.isFinite(value)) continue;
          // Somewhere in a longer tensor, so that each way of reading a block is used.
          const inside = encode(name.endsWith('in') ? round(60_000) : round(-60_000));
          const all = [...new Array(offset).fill(inside), encode(value)];
          const expected = bounds[name](value, bound) ? [name] : [];
          if (bounds[name](name.endsWith('in') ? round(60_000) : round(-60_000), bound)) continue;
          const { findings } = runRules({ dtype, [name]: written }, numbers(dtype, all));
          expect(refusedBy(findings)).toEqual(expected);
          if (expected.length > 0) expect(findings.kept[0].violation.path).toBe(`x[${offset}]`);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('refuses NaN and infinities by default, and only where the contract does not allow them', () => {
    const all = [1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(encode);
    for (const [nan, infinity] of [
      ['reject', 'reject'],
      ['allow', 'reject'],
      ['reject', 'allow'],
      ['allow', 'allow'],
    ] as const) {
      const { findings } = runRules({ dtype, number: { nan, infinity } }, numbers(dtype, all));
      expect(findings.kept.map(({ violation }) => `${violation.rule} ${violation.path}`)).toEqual([
        ...(nan === 'reject' ? ['number.nan x[1]'] : []),
        ...(infinity === 'reject' ? ['number.infinity x[2]', 'number.infinity x[3]'] : []),
      ]);
    }
    expect(refusedBy(runRules({ dtype }, numbers(dtype, all)).findings)).toEqual(['number.nan', 'number.infinity']);
    expect(refusedBy(runRules({ dtype, max: 3, number: { infinity: 'allow' } }, numbers(dtype, all.slice(2))).findings)).toEqual([
      'max',
    ]);
  });

  it('tells subnormal numbers and the zero with a sign from all others', () => {
    const normal =
      { DT_FLOAT: 2 ** -126, DT_DOUBLE: 2 ** -1022, DT_HALF: 2 ** -14, DT_BFLOAT16: 2 ** -126 }[dtype as string] ?? 0;
    const subnormal = neighbour(dtype, normal, -1);
    const values = [0, normal, -normal, subnormal, -subnormal, neighbourOfZero(dtype), -0].map(encode);
    const { findings } = runRules({ dtype, number: { subnormal: 'reject', negativeZero: 'reject' } }, numbers(dtype, values));
    expect(findings.kept.map(({ violation }) => `${violation.rule} ${violation.path}`)).toEqual([
      'number.subnormal x[3]',
      'number.subnormal x[4]',
      'number.subnormal x[5]',
      'number.negativeZero x[6]',
    ]);
    expect(
      refusedBy(runRules({ dtype, number: { negativeZero: 'reject' } }, numbers(dtype, values.slice(0, 6))).findings),
    ).toEqual([]);
    const { findings: none, tensors } = runRules({ dtype, number: { negativeZero: 'normalize' } }, numbers(dtype, values));
    expect(none.refused).toBe(false);
    expect(tensors[0]).toEqual(numbers(dtype, [...values.slice(0, 6), 0]));
  });

  it('clips to bounds that satisfy the rules', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { maxLength: 50 }), floatOf(dtype), floatOf(dtype), (values, a, b) => {
        const [min, max] = a < b ? [a, b] : [b, a];
        const onViolation = { min: { kind: 'clip' }, max: { kind: 'clip' }, 'number.infinity': { kind: 'clip' } };
        const came = numbers(
          dtype,
          values.map((value) => encode(round(value))),
        );
        const before = came.bytes.slice();
        const { findings, tensors } = runRules({ dtype, min, max, onViolation }, came);
        expect(findings.refused).toBe(false);
        const [low, high] = [round(min) + 0, round(max) + 0];
        const wanted = values.map(round).map((value) => encode(value < low ? low : [value, high][Number(value > high)]));
        expect(tensors[0]).toEqual(numbers(dtype, wanted));
        expect(runRules({ dtype, min, max }, tensors[0]).findings.counts.size).toBe(0);
        expect(came.bytes).toEqual(before);
      }),
      { numRuns: 60 },
    );
  });
});

const clamp = (value: bigint, low: bigint, high: bigint): bigint => (value < low ? low : value > high ? high : value);

describe('the scan', () => {
  it('looks at both parts of complex numbers', () => {
    for (const dtype of ['DT_COMPLEX64', 'DT_COMPLEX128'] as const) {
      const tensor = numbers(dtype, [1, 2, 3, Number.NaN, Number.POSITIVE_INFINITY, 0], [3]);
      const found = runRules({ dtype }, tensor).findings.kept.map(({ violation }) => `${violation.rule} ${violation.path}`);
      expect(found).toEqual(['number.nan x[1]', 'number.infinity x[2]']);
      for (const action of [{ kind: 'clip' }, { kind: 'replace', with: 0 }]) {
        expect(() => runRules({ dtype, onViolation: { 'number.infinity': action } }, tensor)).toThrow(
          /cannot be clipped|is not a value of/,
        );
      }
    }
  });

  it('reads tensors that begin at any address', () => {
    const aligned = numbers('DT_DOUBLE', [1, 2, 30]);
    const memory = new Uint8Array(8 + aligned.bytes.byteLength);
    memory.set(aligned.bytes, 3);
    const tensor = { ...aligned, bytes: memory.subarray(3, 3 + aligned.bytes.byteLength) };
    expect(runRules({ dtype: 'DT_DOUBLE', max: 3 }, tensor).findings.kept[0].violation.path).toBe('x[2]');
  });

  it('says no more than the contract allows, and still changes all that has to be changed', () => {
    const values = new Array(10_000).fill(7);
    const clip = runRules({ dtype: 'DT_FLOAT', max: 3, onViolation: { max: { kind: 'clip' } } }, numbers('DT_FLOAT', values), {
      maxViolations: 5,
    });
    expect(clip.findings.kept).toHaveLength(5);
    expect(clip.tensors[0]).toEqual(numbers('DT_FLOAT', values.fill(3)));
    const refused = runRules({ dtype: 'DT_FLOAT', max: 2 }, clip.tensors[0], { maxViolations: 5 });
    expect([...refused.findings.counts.values()]).toEqual([5]);
    // A tensor that is refused with as many reasons as are told is not looked at further.
    const more = runRules({ dtype: 'DT_FLOAT', max: 2 }, numbers('DT_FLOAT', [...values, Number.NaN]), { maxViolations: 5 });
    expect([...more.findings.counts.keys()].map(({ name }) => name)).toEqual(['max']);
  });

  it('goes on behind a rule that only watches when that has said its share', () => {
    const values = [...new Array(9000).fill(5), 11];
    const { findings } = runRules({ dtype: 'DT_FLOAT', softMax: 4, max: 10 }, numbers('DT_FLOAT', values), { maxViolations: 3 });
    expect(refusedBy(findings)).toEqual(['max']);
    expect([...findings.counts].map(([rule, count]) => [rule.name, rule.mode, count])).toEqual([
      ['softMax', 'shadow', 3],
      ['max', 'enforce', 1],
    ]);
  });

  it('never changes a tensor for a rule in shadow, nor refuses', () => {
    const draft: RuleDraft = { dtype: 'DT_FLOAT', max: 3, onViolation: { max: { kind: 'clip' } }, modes: { max: 'shadow' } };
    const tensor = numbers('DT_FLOAT', [1, 5]);
    const { findings, tensors } = runRules(draft, tensor);
    expect(tensors[0]).toBe(tensor);
    expect(findings.kept.map(({ outcome }) => outcome)).toEqual(['shadow']);
    expect(runRules({ ...draft, modes: { max: 'off' } }, tensor).findings.counts.size).toBe(0);
    expect(runRules({ ...draft, modes: { max: 'sample' } }, tensor, { draw: 0.05 }).tensors[0]).toEqual(
      numbers('DT_FLOAT', [1, 3]),
    );
    expect(runRules({ ...draft, modes: { max: 'sample' } }, tensor, { draw: 0.1 }).tensors[0]).toBe(tensor);
  });

  it('holds NaN to be outside of every bound in force, unless the contract allows it', () => {
    const tensor = numbers('DT_FLOAT', [1, Number.NaN, 5]);
    const run = (draft: Partial<RuleDraft>, draw = 0.5) => runRules({ dtype: 'DT_FLOAT', ...draft }, tensor, { draw });
    const bounds = { min: 0, max: 9, exclusiveMin: -1, exclusiveMax: 10 };
    for (const [name, bound] of Object.entries(bounds)) {
      const one = { [name]: bound };
      expect(refusedBy(run({ ...one, number: { nan: 'allow' } }).findings)).toEqual([]);
      expect(refusedBy(run(one).findings)).toEqual(['number.nan']);
      for (const mode of ['off', 'shadow', 'sample'])
        expect(refusedBy(run({ ...one, modes: { 'number.nan': mode } }).findings)).toEqual([name]);
      expect(refusedBy(run({ ...one, modes: { 'number.nan': 'sample' } }, 0).findings)).toEqual(['number.nan']);
      expect(refusedBy(run({ ...one, onViolation: { 'number.nan': { kind: 'log' } } }).findings)).toEqual([name]);
      // A bound that only watches refuses nothing, and what is allowed is within it.
      expect(run({ ...one, modes: { 'number.nan': 'shadow', [name]: 'shadow' } }).findings.refused).toBe(false);
      expect(refusedBy(run({ ...one, onViolation: { 'number.nan': { kind: 'replace', with: 3 } } }).findings)).toEqual([]);
    }
    // Nothing is nearest to NaN, so clip refuses; what replaces is a number.
    const watched = { max: 9, modes: { 'number.nan': 'shadow' } };
    expect(refusedBy(run({ ...watched, onViolation: { max: { kind: 'clip' } } }).findings)).toEqual(['max']);
    const replaced = run({ ...watched, onViolation: { max: { kind: 'replace', with: 4 } } });
    expect(replaced.findings.refused).toBe(false);
    expect(replaced.tensors[0]).toEqual(numbers('DT_FLOAT', [1, 4, 5]));
    expect(run({ softMax: 9, modes: { 'number.nan': 'off' } }).findings.counts.size).toBe(0);
  });

  it('clips to a zero without a sign', () => {
    const draft: RuleDraft = { dtype: 'DT_FLOAT', max: -0, onViolation: { max: { kind: 'clip' } } };
    const infinite: RuleDraft = { ...draft, onViolation: { 'number.infinity': { kind: 'clip' } } };
    expect(runRules(draft, numbers('DT_FLOAT', [3])).tensors[0]).toEqual(numbers('DT_FLOAT', [0]));
    const came = numbers('DT_FLOAT', [Number.POSITIVE_INFINITY]);
    expect(runRules(infinite, came).tensors[0]).toEqual(numbers('DT_FLOAT', [0]));
  });

  it('refuses a contract whose actions break its own rules', () => {
    const compile = (draft: RuleDraft) => () => runRules(draft, numbers('DT_FLOAT', []));
    expect(compile({ dtype: 'DT_FLOAT', max: 3, exclusiveMax: 3, onViolation: { max: { kind: 'clip' } } })).toThrow(
      'breaks the rule exclusiveMax',
    );
    const replace = { 'number.nan': { kind: 'replace', with: -1 } };
    expect(compile({ dtype: 'DT_FLOAT', min: 0, onViolation: replace })).toThrow('breaks the rule min');
    const huge = { 'number.nan': { kind: 'replace', with: 1e39 } };
    expect(compile({ dtype: 'DT_FLOAT', number: { infinity: 'allow' }, onViolation: huge })).toThrow(
      'is not a value of DT_FLOAT',
    );
    expect(compile({ dtype: 'DT_UINT8', max: 3, onViolation: { max: { kind: 'replace', with: 2.5 } } })).toThrow(
      'is not a value of DT_UINT8',
    );
  });
});
