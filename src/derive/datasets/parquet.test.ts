// Parquet files that lie. The library behind the reader believes counts, so each of these would cost it memory or time without the checks.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAll, withFile } from '../../../tests/conformance/datasets-files.ts';
import { parquetFiles } from '../../../tests/conformance/datasets-fixtures.ts';
import { isAirlockError } from '../../core/index.ts';
import { openDataset } from './open-dataset.ts';
import { type ChunkInfo, checkPages } from './parquet-pages.ts';
import { walkThrift } from './thrift-walk.ts';

const bytesOf = (name: string) => Buffer.from(parquetFiles[name], 'base64');

describe('a damaged Parquet file', () => {
  it.each(['none 1.0 dict', 'none 2.0 plain', 'zstd 2.0 dict', 'delta', 'zeros'])('%s is only ever refused', async (name) => {
    const file = bytesOf(name);
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 0, max: 255 }), async (at, byte) => {
        const damaged = Buffer.from(file);
        damaged[at] = byte;
        try {
          await readAll('t.parquet', damaged, { kind: 'parquet' });
        } catch (thrown) {
          expect(isAirlockError(thrown) ? thrown.code : thrown).toBe('DATASET_INVALID');
        }
      }),
      { numRuns: 80 },
    );
  });

  it('an encrypted one is refused by name', async () => {
    const file = bytesOf('zeros');
    file.write('PARE', file.length - 4, 'latin1');
    await expect(readAll('t.parquet', file)).rejects.toThrow(/encrypted/);
  });

  it('a row group over the limit is refused before it is read', async () => {
    await expect(readAll('t.parquet', bytesOf('zeros'), { limits: { maxValues: 100 } })).rejects.toThrow(/at most 100 rows/);
  });

  it('rows that the file has no bytes for are refused, and rows of which nothing is read are one batch', async () => {
    const file = bytesOf('zeros');
    const footer = file.length - 8 - file.readUInt32LE(file.length - 8);
    // The number of rows of the only row group, 3,000 as a zigzag varint, becomes another one.
    const at = file.indexOf('16f02e2608', footer, 'hex');
    const withRows = (varint: string) => {
      const more = Buffer.concat([file.subarray(0, at + 1), Buffer.from(varint, 'hex'), file.subarray(at + 3)]);
      more.writeUInt32LE(file.readUInt32LE(file.length - 8) + varint.length / 2 - 2, more.length - 8);
      return more;
    };
    await expect(readAll('t.parquet', withRows('8080808008'), { wanted: [] })).rejects.toThrow(
      /rows in 204 bytes, got 1073741824 rows/,
    );
    const batches: number[] = [];
    await withFile('t.parquet', withRows('a09c01'), async (path) => {
      const dataset = await openDataset(path);
      for await (const { rows } of dataset.records(new Set())) batches.push(rows);
      await dataset.close();
    });
    expect(batches).toEqual([10_000]);
  });
});

describe('walkThrift()', () => {
  const walk = (...bytes: number[]) => walkThrift(Buffer.from(bytes), 0);

  it('finds the end and the integers', () => {
    expect(walk(0x15, 0x04, 0x11, 0x1c, 0x15, 0x06, 0, 0)).toEqual({
      end: 8,
      booleans: new Map([['2', true]]),
      integers: new Map([
        ['1', 2],
        ['3.1', 3],
      ]),
    });
  });

  it.each([
    ['a list of two billion elements', [0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x07, 0]],
    ['structs in structs without end', Array(100).fill(0x1c)],
    ['a number of eleven bytes', [0x16, ...Array(10).fill(0xff), 1, 0]],
    ['a string longer than the rest', [0x18, 0x7f, 0]],
    ['no end', [0x15, 0x02]],
    ['a field twice', [0x15, 0x02, 0x05, 0x02, 0x02, 0]],
    ['fields that go back', [0x25, 0x02, 0x05, 0x02, 0x02, 0]],
    ['a map', [0x1b, 0, 0]],
  ])('refuses %s', (_, bytes) => {
    expect(() => walk(...bytes)).toThrow(/Parquet's metadata/);
  });
});

describe('checkPages()', () => {
  const info: ChunkInfo = {
    column: 'x',
    codec: 'UNCOMPRESSED',
    isBoolean: true,
    maxRepetitionLevel: 0,
    maxDefinitionLevel: 0,
    values: 8,
    compressors: {},
  };
  /** A data page of version 1 with 8 values. */
  const page = (encoding: number, body: readonly number[]) =>
    Buffer.from([
      0x15,
      0,
      0x15,
      body.length * 2,
      0x15,
      body.length * 2,
      0x2c,
      0x15,
      16,
      0x15,
      encoding * 2,
      0x15,
      0,
      0x15,
      0,
      0,
      0,
      ...body,
    ]);

  it('lets runs through that make exactly the page', () => {
    expect(() => checkPages(page(3, [2, 0, 0, 0, 16, 1]), info)).not.toThrow();
    expect(() => checkPages(page(3, [2, 0, 0, 0, 3, 0xff]), info)).not.toThrow();
  });

  it.each([
    ['a run of a billion values in six bytes', 3, [6, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1], /runs no longer|31 bits/],
    ['a run of nine', 3, [2, 0, 0, 0, 18, 1], /runs no longer/],
    ['a run of seven, after which the library would go on reading', 3, [2, 0, 0, 0, 14, 1], /runs as long/],
    ['packed bits that are not there', 3, [1, 0, 0, 0, 3], /runs inside/],
    ['runs of nothing', 3, [4, 0, 0, 0, 0, 1, 0, 1], /runs no longer/],
    ['indices without a dictionary', 8, [1, 16, 1], /a dictionary before/],
    ['differences of a hundred bits', 5, [0x80, 1, 4, 8, 0, 0, 100, 0, 0, 0], /64 bits/],
    ['blocks of differences without parts', 5, [0x80, 1, 0, 8, 0], /legal size/],
    ['a number whose bits never end', 5, [0x80, 1, 4, 8, ...Array(50).fill(0x80)], /ten bytes/],
  ])('refuses %s', (_, encoding, body, message) => {
    expect(() => checkPages(page(encoding, body), info)).toThrow(message);
  });

  it('refuses a page of version 2 without the lengths of its levels', () => {
    // Number of values, nulls, rows and the encoding; then, of the two lengths, none.
    const head = [0x15, 6, 0x15, 6, 0x15, 6, 0x5c, 0x15, 16, 0x15, 0, 0x15, 16, 0x15, 6];
    expect(() => checkPages(Buffer.from([...head, 0, 0, 2, 16, 1]), info)).toThrow(/levels inside/);
    const whole = [...head, 0x15, 0, 0x15, 0, 0x12, 0, 0];
    whole[1] = 6;
    whole[3] = whole[5] = 12;
    expect(() => checkPages(Buffer.from([...whole, 2, 0, 0, 0, 16, 1]), info)).not.toThrow();
  });

  it('refuses fewer and more values than the footer says', () => {
    expect(() => checkPages(page(3, [2, 0, 0, 0, 16, 1]), { ...info, values: 9 })).toThrow(/9 values/);
    expect(() => checkPages(page(3, [2, 0, 0, 0, 16, 1]), { ...info, values: 7 })).toThrow(/7 values/);
  });
});
