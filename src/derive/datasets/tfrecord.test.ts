// TFRecords and the examples in them, against protobuf's own library.
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAll, tfrecordFile } from '../../../tests/conformance/datasets-files.ts';
import { isAirlockError } from '../../core/index.ts';
import { ExampleSchema, type Feature } from '../../model/gen/tensorflow/example_pb.ts';
import { readExample } from './example-wire.ts';

type FeatureInit = Record<string, Feature['kind']>;

const int64s = (...value: bigint[]) => ({
  case: 'int64List' as const,
  value: { $typeName: 'tensorflow.Int64List' as const, value },
});
const floats = (...value: number[]) => ({
  case: 'floatList' as const,
  value: { $typeName: 'tensorflow.FloatList' as const, value },
});
const texts = (...value: string[]) => ({
  case: 'bytesList' as const,
  value: { $typeName: 'tensorflow.BytesList' as const, value: value.map((text) => Buffer.from(text)) },
});

function example(features: FeatureInit): Uint8Array {
  const feature = Object.entries(features).map(([key, kind]) => ({ key, value: { kind } }));
  return toBinary(ExampleSchema, create(ExampleSchema, { features: { feature: feature as never } }));
}

describe('TFRecord', () => {
  const one = example({ a: int64s(1n, -1n, 2n ** 62n), s: texts('x') });
  const two = example({ a: int64s(5n), f: floats(0.5) });

  it('gives features as columns and the bytes as @record', async () => {
    const { columns, rows } = await readAll('t.tfrecord', tfrecordFile([one, two]));
    expect(rows).toBe(2);
    expect(columns.get('a')?.[0]).toMatchObject({
      itemShape: { perRecord: [[3], [1]] },
      values: { dtype: 'DT_INT64', data: BigInt64Array.of(1n, -1n, 2n ** 62n, 5n) },
    });
    expect(columns.get('f')?.[0]).toMatchObject({ missing: Uint8Array.of(1, 0), values: { data: Float32Array.of(0.5) } });
    expect(columns.get('s')?.[0]).toMatchObject({ missing: Uint8Array.of(0, 1) });
    expect(columns.get('@record')?.[0].values).toMatchObject({ offsets: Uint32Array.of(0, one.length, one.length + two.length) });
  });

  it('reads gzip, and bounds what comes out of it', async () => {
    expect((await readAll('t.tfrecord.gz', gzipSync(tfrecordFile([one, two])))).rows).toBe(2);
    const zeros = gzipSync(tfrecordFile(Array(3).fill(new Uint8Array(30 * 1024 * 1024))));
    await expect(readAll('t.tfrecord.gz', zeros, { limits: { maxRatio: 500 }, wanted: ['@record'] })).rejects.toThrow(
      /out of each byte/,
    );
  });

  it('refuses damage of the length, of the data, and a cut file', async () => {
    const file = tfrecordFile([one, two]);
    const second = one.length + 16;
    for (const [at, text] of [
      [0, /record 1: expected a length/],
      [20, /record 1: expected data/],
      [second + 13, /record 2: expected data/],
    ] as const) {
      const damaged = Buffer.from(file);
      damaged[at] ^= 1;
      await expect(readAll('t.tfrecord', damaged)).rejects.toThrow(text);
    }
    await expect(readAll('t.tfrecord', file.subarray(0, -1))).rejects.toThrow(/a whole record/);
    await expect(readAll('t.tfrecord', file, { limits: { maxRecordBytes: 10 } })).rejects.toThrow(/at most 10 bytes/);
  });

  it('refuses a feature of another kind than before', async () => {
    await expect(readAll('t.tfrecord', tfrecordFile([one, example({ a: floats(1) })]))).rejects.toThrow(/record 2, column a/);
  });
});

describe('readExample()', () => {
  const kind = fc.oneof(
    fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 4 }).map((values) => int64s(...values)),
    fc.array(fc.float(), { maxLength: 4 }).map((values) => floats(...values)),
    fc.array(fc.string(), { maxLength: 4 }).map((values) => texts(...values)),
  );

  it('reads what protobuf writes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), kind, { maxKeys: 5 }), (features) => {
        const read = readExample(example(features), 1, 100, 100);
        expect([...read.keys()].sort()).toEqual(Object.keys(features).sort());
        for (const [name, { value }] of Object.entries(features) as [string, { value: { value: unknown[] } }][]) {
          const got = read.get(name);
          const values = got === undefined || got.kind === 'none' ? [] : [...(got.values as Iterable<unknown>)];
          expect(values.map((entry) => (entry instanceof Uint8Array ? Buffer.from(entry) : entry))).toEqual(value.value);
        }
      }),
    );
  });

  it('reads lists that are not packed', () => {
    const unpacked = Buffer.from('0a0d0a0b0a016112061a0408010802', 'hex');
    expect(readExample(unpacked, 1, 9, 9).get('a')).toEqual({ kind: 'int64', values: BigInt64Array.of(1n, 2n) });
  });

  it('only ever refuses damaged bytes', () => {
    const bytes = example({ a: int64s(1n, 300n), b: floats(1, 2), c: texts('xyz') });
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(bytes.length), (at, byte, end) => {
        const damaged = Uint8Array.from(bytes).subarray(0, end);
        if (at < end) damaged[at] = byte;
        try {
          readExample(damaged, 1, 9, 9);
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code).toBe('DATASET_INVALID');
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a feature twice', '0a100a060a016112010a0a060a016112010a'],
    // TensorFlow's fast parser reads the first block only, protobuf both.
    ['two packed blocks of one list', '0a0f0a0d0a016112081a060a01010a0102'],
    ['an unknown field', '1200'],
    ['bytes after the feature', '0a0b0a090a016112041a001a00'],
    ['a group', '0b0c'],
  ])('refuses %s', (_, hex) => {
    expect(() => readExample(Buffer.from(hex, 'hex'), 1, 9, 9)).toThrow(/tf\.Example|each feature once/);
  });
});
