// The reader of tf.Example against the protobuf library: what it accepts the library reads with the same values, and what two readers could
// take for two things it refuses.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExampleSchema } from '../../model/gen/tensorflow/example_pb.ts';
import { ExampleIndex, maxIndexedFeatures } from './example-index.ts';
import { FeatureValues } from './example-values.ts';

type Values = readonly ['bytes' | 'float' | 'int64' | 'none', ...values: unknown[]];
type Read = readonly (readonly [string, ...Values])[];

function read(bytes: Uint8Array, keep = 1_000): Read | string {
  const index = new ExampleIndex();
  // Inside a larger buffer, so that nothing reads from its start or beyond its end.
  const padded = Uint8Array.from([0x0a, 0x0a, ...bytes, 0x0a, 0x00]);
  if (!index.read(padded, 2, 2 + bytes.length, keep)) return index.problem;
  return Array.from(index.places.values(), (place) => {
    const walker = new FeatureValues(padded, place);
    const values: unknown[] = [];
    while (!walker.isDone) {
      if (place.kind === 'float') values.push(walker.nextFloat());
      else if (place.kind === 'int64') values.push(BigInt(walker.nextInt64()));
      else {
        walker.nextBytes();
        values.push(Buffer.from(padded.subarray(walker.start, walker.end)).toString('hex'));
      }
    }
    expect(values.length).toBe(place.count);
    return [place.name, place.kind ?? 'none', ...values];
  });
}

function library(bytes: Uint8Array): Read {
  return (fromBinary(ExampleSchema, bytes).features?.feature ?? []).map(({ key, value }) => {
    const { kind } = value ?? { kind: { case: undefined } };
    switch (kind.case) {
      case 'bytesList':
        return [key, 'bytes', ...kind.value.value.map((item) => Buffer.from(item).toString('hex'))];
      case 'floatList':
        return [key, 'float', ...kind.value.value];
      case 'int64List':
        return [key, 'int64', ...kind.value.value];
      default:
        return [key, 'none'];
    }
  });
}

const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -300n, max: 300n }));
const feature = fc.oneof(
  fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 4 }).map((value) => ({ case: 'bytesList', value: { value } }) as const),
  fc.array(fc.float(), { maxLength: 4 }).map((value) => ({ case: 'floatList', value: { value } }) as const),
  fc.array(int64, { maxLength: 4 }).map((value) => ({ case: 'int64List', value: { value } }) as const),
);
const example = fc
  .uniqueArray(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 5 }), feature), { maxLength: 5, selector: ([key]) => key })
  .map((entries) => {
    const list = entries.filter(([key]) => key !== '').map(([key, kind]) => ({ key, value: { kind } }));
    return toBinary(ExampleSchema, create(ExampleSchema, { features: { feature: list } }));
  });

/** A field with a length. */
const field = (tag: number, ...content: readonly (number | readonly number[])[]): number[] => {
  const flat = content.flat();
  return [tag, flat.length, ...flat];
};
const entry = (...value: readonly (number | readonly number[])[]): number[] =>
  field(0x0a, field(0x0a, 0x78), field(0x12, ...value));
const message = (...entries: readonly (readonly number[])[]): Uint8Array => Uint8Array.from(field(0x0a, ...entries));

describe('ExampleIndex', () => {
  it('reads what the library writes', () => {
    fc.assert(
      fc.property(example, (bytes) => void expect(read(bytes)).toEqual(library(bytes))),
      { numRuns: 300 },
    );
  });

  it('accepts no changed bytes that the library reads in another way, and never throws', () => {
    const change = fc.tuple(
      fc.nat(),
      fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0x0a, 0x12, 0x1a, 0x08, 0x0d, 0x80, 0xff)),
    );
    let accepted = 0;
    fc.assert(
      fc.property(example, fc.array(change, { minLength: 1, maxLength: 3 }), fc.nat(6), (bytes, changes, cut) => {
        const changed = Uint8Array.from(bytes.subarray(0, bytes.length - Math.min(cut, bytes.length)));
        for (const [at, value] of changes) if (changed.length > 0) changed[at % changed.length] = value;
        const given = read(changed);
        if (typeof given === 'string') return;
        accepted++;
        expect(given).toEqual(library(changed));
      }),
      { numRuns: 1500 },
    );
    expect(accepted).toBeGreaterThan(20);
  });

  it.each([
    ['nothing', [], []],
    ['no features', [0x0a, 0], []],
    ['a feature without a list', message(entry()), [['x', 'none']]],
    ['an empty list', message(entry(field(0x1a))), [['x', 'int64']]],
    ['packed values', message(entry(field(0x1a, field(0x0a, 1, 2)))), [['x', 'int64', 1n, 2n]]],
    ['values that are not packed', message(entry(field(0x1a, 0x08, 1, 0x08, 2))), [['x', 'int64', 1n, 2n]]],
    ['floats that are not packed', message(entry(field(0x12, 0x0d, 0, 0, 0x80, 0x3f))), [['x', 'float', 1]]],
    ['a value before its key', message(field(0x0a, field(0x12, field(0x0a)), field(0x0a, 0x78))), [['x', 'bytes']]],
    [
      'two messages that were joined',
      [...message(entry(field(0x0a))), ...message(field(0x0a, field(0x0a, 0x79), field(0x12)))],
      [
        ['x', 'bytes'],
        ['y', 'none'],
      ],
    ],
    ['a length of more bytes than needed', [0x0a, 0x80, 0x00], []],
  ])('accepts %s', (_, bytes, expected) => expect(read(Uint8Array.from(bytes))).toEqual(expected));

  it.each([
    ['the same feature twice', message(entry(), entry())],
    ['the same feature in joined messages', [...message(entry()), ...message(entry())]],
    ['a second list', message(entry(field(0x0a), field(0x1a)))],
    ['the same list twice', message(entry(field(0x1a, 0x08, 1), field(0x1a, 0x08, 2)))],
    ['a second packed block', message(entry(field(0x1a, field(0x0a, 1), field(0x0a, 2))))],
    ['packed values and others', message(entry(field(0x1a, field(0x0a, 1), 0x08, 2)))],
    ['others and packed values', message(entry(field(0x1a, 0x08, 2, field(0x0a, 1))))],
    ['half a float', message(entry(field(0x12, field(0x0a, 0, 0, 0))))],
    ['an unknown kind', message(entry(field(0x22)))],
    ['an unknown field of the message', [...message(), ...field(0x12)]],
    ['an unknown field of the map', message(field(0x12))],
    ['an unknown field of an entry', message(field(0x0a, field(0x0a, 0x78), field(0x12), field(0x1a)))],
    ['an unknown field of a list', message(entry(field(0x0a, field(0x12))))],
    ['a group', [0x0b, 0x0c]],
    ['a tag of two bytes', [0x8a, 0x00, 0x00]],
    ['an integer of another wire type', message(entry(field(0x1a, 0x09, 0, 0, 0, 0, 0, 0, 0, 0)))],
    ['a float as an integer', message(entry(field(0x12, 0x08, 1)))],
    ['an entry without a key', message(field(0x0a, field(0x12)))],
    ['an entry without a value', message(field(0x0a, field(0x0a, 0x78)))],
    ['a key twice', message(field(0x0a, field(0x0a, 0x78), field(0x12), field(0x0a, 0x79)))],
    ['a name that is not UTF-8', message(field(0x0a, field(0x0a, 0xff), field(0x12)))],
    ['an integer of eleven bytes', message(entry(field(0x1a, field(0x0a, ...Array<number>(10).fill(0x80), 0))))],
    ['an integer above 64 bits', message(entry(field(0x1a, field(0x0a, ...Array<number>(9).fill(0x80), 2))))],
    ['an integer that does not end', message(entry(field(0x1a, field(0x0a, 0x80))))],
    ['a length beyond the end', [0x0a, 1]],
    ['a length beyond the parent', message(field(0x0a, [0x0a, 9, 0x78], field(0x12)))],
    ['a length that is missing', [0x0a]],
    ['a length of six bytes', [0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0]],
    ['a byte behind the end', [...message(), 0]],
  ])('refuses %s', (_, bytes) => expect(typeof read(Uint8Array.from(bytes))).toBe('string'));

  it.each<[string, readonly number[] | Uint8Array]>([
    [
      'an entry of the map has a part twice, or one that is unknown',
      message(field(0x0a, field(0x0a, 0x78), field(0x0a, 0x79), field(0x12))),
    ],
    [
      'an entry of the map has a part twice, or one that is unknown',
      message(field(0x0a, field(0x0a, 0x78), field(0x12), field(0x12))),
    ],
    [
      'an entry of the map has a part twice, or one that is unknown',
      message(field(0x0a, field(0x12), field(0x12), field(0x0a, 0x78))),
    ],
    ['an entry of the map has no key or no value', message(field(0x0a))],
    ['an entry of the map has no key or no value', message(field(0x0a, field(0x0a)))],
    ['an unknown field in the place of features', [0x12, 0]],
    ['an unknown field in the place of an entry of the map', message(field(0x12))],
    ['a name that is not valid UTF-8', message(field(0x0a, field(0x0a, 0xff), field(0x12)))],
    ['the feature x twice', message(entry(), entry())],
    ['a feature of an unknown kind', message(entry(field(0x22)))],
    ['a feature with a second list', message(entry(field(0x0a), field(0x1a)))],
    ['a list of values that runs over its end', message(entry([0x1a, 1]))],
    ['a list of values without a length', message(entry([0x1a]))],
    ['a list with something after its packed values', message(entry(field(0x1a, field(0x0a, 1), 0x08, 2)))],
    ['packed values that runs over its end', message(entry(field(0x1a, [0x0a, 1])))],
    ['packed values without a length', message(entry(field(0x12, [0x0a])))],
    ['packed floats that are not a multiple of 4 bytes', message(entry(field(0x12, field(0x0a, 0, 0, 0, 0, 0))))],
    ['a value that runs over its end', message(entry(field(0x0a, [0x0a, 1])))],
    ['a value without a length', message(entry(field(0x0a, [0x0a, 0x80])))],
    ['a value of another wire type', message(entry(field(0x1a, 0x0d, 0, 0, 0, 0)))],
    ['a float that ends too early', message(entry(field(0x12, 0x0d, 0, 0, 0)))],
    ['an integer that ends too early', message(entry(field(0x1a, 0x08)))],
    ['an integer that ends too early', message(entry(field(0x1a, 0x08, 0x80)))],
    ['an integer of more than 64 bits', message(entry(field(0x1a, 0x08, ...Array<number>(9).fill(0x80), 2)))],
    ['features without a length', [0x0a, 0x80, 0x80, 0x80, 0x80, 0x80]],
    ['features that runs over its end', [0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f]],
  ])('says why: %s', (problem, bytes) => expect(read(Uint8Array.from(bytes))).toBe(problem));

  it('takes integers of ten bytes, and lengths of five', () => {
    const most = message(entry(field(0x1a, 0x08, ...Array<number>(9).fill(0xff), 1)));
    expect(read(most)).toEqual([['x', 'int64', -1n]]);
    expect(read(Uint8Array.from([0x0a, 0x80, 0x80, 0x80, 0x80, 0x00]))).toEqual([]);
  });

  it('takes as many features as may be kept by anybody, and not one more', () => {
    const name = (at: number) => [at & 0x7f, (at >> 7) & 0x7f, at >> 14];
    const many = (count: number) => {
      const entries = Array.from({ length: count }, (_, at) => [0x0a, 7, 0x0a, 3, ...name(at), 0x12, 0]).flat();
      const length = entries.length;
      return Uint8Array.from([0x0a, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14].concat(entries));
    };
    const index = new ExampleIndex();
    const [fits, over] = [many(maxIndexedFeatures), many(maxIndexedFeatures + 1)];
    for (const keep of [5, maxIndexedFeatures]) {
      expect(index.read(fits, 0, fits.length, keep)).toBe(true);
      expect([index.features, index.places.size]).toEqual([maxIndexedFeatures, keep]);
      expect(index.read(over, 0, over.length, keep)).toBe(false);
      expect(index.problem).toBe('more than 100000 features');
    }
  });

  it('keeps no more features than it is told, and counts all', () => {
    const index = new ExampleIndex();
    const bytes = message(...Array.from({ length: 12 }, (_, at) => field(0x0a, field(0x0a, 0x61 + at), field(0x12))));
    expect(index.read(bytes, 0, bytes.length, 3)).toBe(true);
    expect([index.features, index.places.size]).toEqual([12, 3]);
  });
});
