import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExampleFeature, encodeExample } from './example.ts';
import { ExampleSchema } from './gen/tensorflow/example_pb.ts';

const hex = (features: readonly (readonly [string, ExampleFeature])[]) =>
  Buffer.from(encodeExample(new Map(features))).toString('hex');

describe('encodeExample', () => {
  it('writes the bytes that TensorFlow 2.21 writes', () => {
    expect(hex([['a', { kind: 'int64', values: [1, -1n, 2n ** 63n - 1n, -(2n ** 63n)] }]])).toBe(
      '0a290a270a016112221a200a1e01ffffffffffffffffff01ffffffffffffffff7f80808080808080808001',
    );
    const bytes: ExampleFeature = { kind: 'bytes', values: [new Uint8Array(), Uint8Array.of(0, 255)] };
    const floats: ExampleFeature = { kind: 'float', values: [0.1, 2.5] };
    const wanted = '0a230a0d0a016212080a060a000a0200ff0a120a02c3a9120c120a0a08cdcccc3d00002040';
    expect(
      hex([
        ['b', bytes],
        ['é', floats],
      ]),
    ).toBe(wanted);
    expect(
      hex([
        ['é', floats],
        ['b', bytes],
      ]),
    ).toBe(wanted);
  });

  it('keeps features with names that are dangerous elsewhere, and empty ones', () => {
    const bytes = encodeExample(
      new Map([
        ['__proto__', { kind: 'int64', values: [7] }],
        ['', { kind: 'float', values: [] }],
      ]),
    );
    expect(fromBinary(ExampleSchema, bytes).features?.feature.map(({ key, value }) => [key, value?.kind.case])).toEqual([
      ['', 'floatList'],
      ['__proto__', 'int64List'],
    ]);
  });

  it('rounds floats and lets the large ones overflow, as TensorFlow does', () => {
    expect(hex([['a', { kind: 'float', values: [1e300, Number.NaN, Number.NEGATIVE_INFINITY] }]])).toContain(
      '0000807f0000c07f000080ff',
    );
  });

  it.each([[2n ** 63n], [-(2n ** 63n) - 1n], [2 ** 53], [1.5], [Number.NaN]])('refuses %s as an integer', (value) => {
    expect(() => hex([['age', { kind: 'int64', values: [0, value] }]])).toThrow(
      expect.objectContaining({ code: 'FEATURE_INVALID', message: expect.stringContaining('age[1]') }),
    );
  });

  it('refuses half of a surrogate pair in a name', () => {
    expect(() => hex([['\ud800', { kind: 'int64', values: [] }]])).toThrow(expect.objectContaining({ code: 'FEATURE_INVALID' }));
  });

  it('gives back every value', () => {
    const feature = fc.oneof(
      fc.array(fc.uint8Array()).map((values) => ({ kind: 'bytes' as const, values })),
      fc.array(fc.float()).map((values) => ({ kind: 'float' as const, values })),
      fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })).map((values) => ({ kind: 'int64' as const, values })),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), feature), (features) => {
        const message = fromBinary(ExampleSchema, encodeExample(new Map(Object.entries(features))));
        const decoded = (message.features?.feature ?? []).map(({ key, value }) => [key, value?.kind.value?.value] as const);
        expect(new Map(decoded)).toEqual(new Map(Object.entries(features).map(([key, { values }]) => [key, values])));
      }),
    );
  });
});
