// Two answers to one request: what counts as the same, for every data type.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bfloat16Bits, type DType, halfBits, type Tensor } from '../tensor/index.ts';
import { compareAnswers, type Tolerance } from './compare-answers.ts';

const exact: Tolerance = { absolute: 0, relative: 0 };
const specOf = (alias: string, dtype: DType) => ({ alias, tensorName: `${alias}:0`, dtype, shape: null });
const bytesOf = (array: { readonly buffer: ArrayBuffer }): Uint8Array => new Uint8Array(array.buffer);
const floats = (...values: number[]): Tensor => ({
  dtype: 'DT_FLOAT',
  shape: [values.length],
  bytes: bytesOf(new Float32Array(values)),
});
const compare = (a: Tensor, b: Tensor, tolerance: Tolerance = exact) =>
  compareAnswers([specOf('y', a.dtype)], [a], [b], tolerance);

describe('compareAnswers()', () => {
  it.each([
    [[1, 2], [1, 2], true],
    [[0], [-0], true],
    [[Number.NaN], [Number.NaN], true],
    [[Number.POSITIVE_INFINITY], [Number.POSITIVE_INFINITY], true],
    [[Number.NaN], [1], false],
    [[Number.POSITIVE_INFINITY], [Number.NEGATIVE_INFINITY], false],
    [[1], [Number.POSITIVE_INFINITY], false],
    [[1, 2], [1, 3], false],
  ])('says of %j and %j: %j', (a, b, same) => {
    expect(compare(floats(...a), floats(...b)).same).toBe(same);
    // No tolerance makes a number of what is none.
    const finite = a.every(Number.isFinite) && b.every(Number.isFinite);
    if (!finite) expect(compare(floats(...a), floats(...b), { absolute: 1e30, relative: 1 }).same).toBe(same);
  });

  it('takes what is within the absolute or the relative tolerance, and says how far it is', () => {
    expect(compare(floats(0), floats(0.5), { absolute: 0.5, relative: 0 })).toEqual({
      same: true,
      maxAbsolute: 0.5,
      maxRelative: 1,
    });
    expect(compare(floats(0), floats(0.5), { absolute: 0.25, relative: 0 })).toMatchObject({ same: false, output: 'y' });
    expect(compare(floats(1000), floats(1001), { absolute: 0, relative: 0.001 })).toMatchObject({ same: true, maxAbsolute: 1 });
    expect(compare(floats(1000), floats(1002), { absolute: 0, relative: 0.001 }).same).toBe(false);
  });

  it('has a tolerance per output', () => {
    const specs = [specOf('a', 'DT_FLOAT'), specOf('b', 'DT_FLOAT')];
    const tolerance = { ...exact, outputs: { b: { absolute: 1, relative: 0 } } };
    expect(compareAnswers(specs, [floats(1), floats(1)], [floats(1), floats(2)], tolerance).same).toBe(true);
    expect(compareAnswers(specs, [floats(1), floats(1)], [floats(2), floats(1)], tolerance)).toMatchObject({
      same: false,
      output: 'a',
    });
    const named = [specOf('__proto__', 'DT_FLOAT')];
    expect(compareAnswers(named, [floats(1)], [floats(1.5)], tolerance).same).toBe(false);
  });

  it('never lets other shapes, types, or a missing output pass', () => {
    const flat = floats(1, 2);
    expect(compare(flat, { ...flat, shape: [2, 1] }).same).toBe(false);
    expect(compare(flat, { dtype: 'DT_INT32', shape: [2], bytes: flat.bytes }, { absolute: 9, relative: 9 }).same).toBe(false);
    expect(compareAnswers([specOf('y', 'DT_FLOAT')], [flat], [], { absolute: 9, relative: 9 }).same).toBe(false);
  });

  it.each([
    ['DT_INT64', bytesOf(new BigInt64Array([1n])), bytesOf(new BigInt64Array([2n]))],
    ['DT_BOOL', new Uint8Array([0]), new Uint8Array([1])],
    ['DT_UINT8', new Uint8Array([7]), new Uint8Array([8])],
  ] as const)('wants %s to be equal, whatever the tolerance', (dtype, one, other) => {
    const tensor = (bytes: Uint8Array): Tensor => ({ dtype, shape: [1], bytes });
    expect(compare(tensor(one), tensor(one.slice())).same).toBe(true);
    expect(compare(tensor(one), tensor(other), { absolute: 9, relative: 9 }).same).toBe(false);
  });

  it('wants strings to be cut at the same places', () => {
    const strings = (...offsets: number[]): Tensor => ({
      dtype: 'DT_STRING',
      shape: [2],
      bytes: Buffer.from('abc'),
      offsets: new Uint32Array(offsets),
    });
    expect(compare(strings(0, 1, 3), strings(0, 1, 3)).same).toBe(true);
    expect(compare(strings(0, 1, 3), strings(0, 2, 3)).same).toBe(false);
  });

  it('asks no more of a type than it can say', () => {
    const half = (value: number): Tensor => ({
      dtype: 'DT_HALF',
      shape: [1],
      bytes: bytesOf(new Uint16Array([halfBits(value)])),
    });
    const brain = (bits: number): Tensor => ({ dtype: 'DT_BFLOAT16', shape: [1], bytes: bytesOf(new Uint16Array([bits])) });
    const one = bfloat16Bits(1);
    expect(compare(half(1), half(1 + 2 ** -10), { absolute: 0, relative: 1e-4 }).same).toBe(true);
    expect(compare(half(1), half(1.01), { absolute: 0, relative: 1e-4 }).same).toBe(false);
    expect(compare(brain(one), brain(one + 1), { absolute: 0, relative: 1e-4 }).same).toBe(true);
    expect(compare(brain(one), brain(one + 4), { absolute: 0, relative: 1e-4 }).same).toBe(false);
  });

  it('reads tensors that begin anywhere in their memory, and complex ones part by part', () => {
    const memory = new Uint8Array(12);
    memory.set(bytesOf(new Float32Array([1, 2])), 1);
    const odd: Tensor = { dtype: 'DT_COMPLEX64', shape: [1], bytes: memory.subarray(1, 9) };
    expect(compare(odd, { ...odd, bytes: bytesOf(new Float32Array([1, 2])) }).same).toBe(true);
    expect(compare(odd, { ...odd, bytes: bytesOf(new Float32Array([1, 3])) })).toMatchObject({ same: false, maxAbsolute: 1 });
  });

  it('is the same both ways, and same for equal bits', () => {
    const values = fc.array(fc.float(), { minLength: 1, maxLength: 8 });
    const tolerance = fc.record({
      absolute: fc.double({ min: 0, max: 10, noNaN: true }),
      relative: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(values, values, tolerance, (a, b, within) => {
        expect(compare(floats(...a), floats(...a), within)).toEqual({ same: true, maxAbsolute: 0, maxRelative: 0 });
        const [one, other] = [compare(floats(...a), floats(...b), within), compare(floats(...b), floats(...a), within)];
        expect(one).toEqual(other);
      }),
    );
  });
});
