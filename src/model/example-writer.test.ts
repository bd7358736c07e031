// The writer of tf.Example messages, against bytes that TensorFlow wrote and against the protobuf library.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExampleFeature, encodeExample } from '../../tests/support/example.ts';
import { ExampleWriter } from './example-writer.ts';

type Features = readonly (readonly [string, ExampleFeature])[];

function write(writer: ExampleWriter, features: Features): void {
  for (const [name, feature] of features) {
    if (feature.kind === 'bytes') for (const value of feature.values) writer.addBytes(value);
    else if (feature.kind === 'float') for (const value of feature.values) writer.addFloat(value);
    else for (const value of feature.values) writer.addInt64(value);
    writer.endFeature(name, feature.kind);
  }
  writer.endExample();
}

function hex(features: Features): string {
  const writer = new ExampleWriter();
  write(writer, features);
  return writer.bytes.toString('hex');
}

describe('ExampleWriter', () => {
  it('writes the bytes that TensorFlow 2.21 writes', () => {
    expect(hex([['a', { kind: 'int64', values: [1, -1n, 2n ** 63n - 1n, -(2n ** 63n)] }]])).toBe(
      '0a290a270a016112221a200a1e01ffffffffffffffffff01ffffffffffffffff7f80808080808080808001',
    );
    const bytes: ExampleFeature = { kind: 'bytes', values: [new Uint8Array(), Uint8Array.of(0, 255)] };
    const floats: ExampleFeature = { kind: 'float', values: [0.1, 2.5] };
    const wanted = '0a230a0d0a016212080a060a000a0200ff0a120a02c3a9120c120a0a08cdcccc3d00002040';
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const features: Features = [
        ['b', bytes],
        ['é', floats],
      ];
      expect(hex(order.map((index) => features[index]))).toBe(wanted);
    }
  });

  it('rounds floats and lets the large ones overflow, as TensorFlow does', () => {
    expect(hex([['a', { kind: 'float', values: [1e300, Number.NaN, Number.NEGATIVE_INFINITY] }]])).toContain(
      '0000807f0000c07f000080ff',
    );
  });

  it('says what the open example has, and starts the next one empty', () => {
    const writer = new ExampleWriter();
    writer.addInt64(1);
    writer.endFeature('x', 'int64');
    expect([writer.hasFeature('x'), writer.hasFeature('y'), writer.featureCount]).toEqual([true, false, 1]);
    writer.endExample();
    expect([writer.hasFeature('x'), writer.featureCount]).toEqual([false, 0]);
    writer.endExample();
    expect(writer.ends.map((end) => end - writer.ends[0])).toEqual([0, 2]);
  });

  it('writes what the protobuf library writes', () => {
    const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.maxSafeInteger());
    const feature: fc.Arbitrary<ExampleFeature> = fc.oneof(
      fc.array(fc.uint8Array({ maxLength: 200 })).map((values) => ({ kind: 'bytes' as const, values })),
      fc.array(fc.float(), { maxLength: 100 }).map((values) => ({ kind: 'float' as const, values })),
      fc.array(int64, { maxLength: 100 }).map((values) => ({ kind: 'int64' as const, values })),
    );
    // Not the empty name: our proto file has the map as a list, so the library leaves it out, while TensorFlow writes it.
    const name = fc.oneof(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 150 }), fc.constant('__proto__'));
    const example = fc.uniqueArray(fc.tuple(name, feature), { selector: ([key]) => key, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(example, { maxLength: 4 }), (examples) => {
        const writer = new ExampleWriter();
        for (const features of examples) write(writer, features);
        const wanted = examples.map((features) => Buffer.from(encodeExample(new Map(features))));
        expect(writer.bytes.equals(Buffer.concat(wanted))).toBe(true);
        expect(writer.ends).toEqual(wanted.map((_, index) => Buffer.concat(wanted.slice(0, index + 1)).length));
      }),
      { numRuns: 300 },
    );
  });
});
