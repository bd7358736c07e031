// Arrays of numpy: the header is a fixed grammar, sizes are checked against the file, and no header allocates anything.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { npyFile, npyHeader, readAll, zipFile } from '../../../tests/conformance/datasets-files.ts';
import { isAirlockError } from '../../core/index.ts';

const f4 = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

describe('.npy', () => {
  it.each([1, 2, 3] as const)('reads version %d', async (version) => {
    const { columns, rows } = await readAll('x.npy', npyFile(npyHeader('<f4', [2, 2]), f4(1, 2, 3, 4), version));
    expect(rows).toBe(2);
    expect(columns.get('x')?.[0].values).toMatchObject({ dtype: 'DT_FLOAT', data: Float32Array.of(1, 2, 3, 4) });
  });

  it.each([
    ['an object array', npyHeader('|O', [1]), /pickle/],
    ['a date', npyHeader('<M8[s]', [1]), /dtype/],
    ['a void type', npyHeader('|V4', [1]), /dtype/],
    ['long double', npyHeader('<f16', [1]), /dtype/],
    ['no byte order', npyHeader('f4', [1]), /byte order/],
    ['more data than there is', npyHeader('<f4', [1_000_000_000]), /as the header says/],
    ['a product beyond 2^53', npyHeader('<f4', [2 ** 40, 2 ** 40]), /at most|2\^53/],
    ['a negative size', "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", /a size/],
    ['code', "{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os'),), }", /a size/],
    ['a key twice', "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", /once each/],
    ['a missing key', "{'descr': '<f4', 'shape': (1,), }", /the keys/],
    ['text after the dictionary', `${npyHeader('<f4', [1])} 1`, /end of the header/],
    ['an escape', "{'descr': '\\x3cf4', 'fortran_order': False, 'shape': (1,), }", /without escapes/],
    ['strings too long to count', npyHeader('<U999999999', [1]), /at most|as the header/],
  ])('refuses %s', async (_, header, message) => {
    await expect(readAll('x.npy', npyFile(header, f4(1)))).rejects.toThrow(message);
  });

  it('refuses versions that do not exist, and cut headers', async () => {
    const file = npyFile(npyHeader('<f4', [1]), f4(1));
    file[6] = 4;
    await expect(readAll('x.npy', file)).rejects.toThrow(/version/);
    file[6] = 1;
    await expect(readAll('x.npy', file.subarray(0, 40))).rejects.toMatchObject({ code: 'DATASET_INVALID' });
    file.writeUInt16LE(0xffff, 8);
    await expect(readAll('x.npy', file)).rejects.toThrow(/whole header/);
  });

  it('refuses booleans and characters that are none', async () => {
    await expect(readAll('x.npy', npyFile(npyHeader('|b1', [2]), Uint8Array.of(1, 2)))).rejects.toThrow(/record 2, column x/);
    await expect(readAll('x.npy', npyFile(npyHeader('<U1', [1]), Uint8Array.of(0, 0xd8, 0, 0)))).rejects.toThrow(/Unicode/);
  });

  it('reads any shape and number of rows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }), fc.boolean(), async (shape, big) => {
        const count = shape.reduce((product, size) => product * size, 1);
        const data = Buffer.alloc(count * 4);
        for (let index = 0; index < count; index++)
          big ? data.writeInt32BE(index, index * 4) : data.writeInt32LE(index, index * 4);
        const { columns, rows } = await readAll('x.npy', npyFile(npyHeader(big ? '>i4' : '<i4', shape), data));
        const values = (columns.get('x') ?? []).flatMap((part) => (part.values.kind === 'numbers' ? [...part.values.data] : []));
        expect(rows).toBe(shape[0] ?? 1);
        expect(values).toEqual(Array.from({ length: count }, (_, index) => index));
      }),
      { numRuns: 60 },
    );
  });

  it('only ever refuses a damaged file', async () => {
    const file = npyFile(npyHeader('<f4', [3, 2]), f4(1, 2, 3, 4, 5, 6));
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 0, max: 255 }), async (at, byte) => {
        const damaged = Buffer.from(file);
        damaged[at] = byte;
        try {
          await readAll('x.npy', damaged, { kind: 'npy' });
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code).toBe('DATASET_INVALID');
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('.npz', () => {
  const x = { name: 'x.npy', data: npyFile(npyHeader('<f4', [2]), f4(1, 2)) };
  const y = { name: 'y.npy', data: npyFile(npyHeader('<f4', [3]), f4(1, 2, 3)), store: true };

  it('reads stored and deflated entries, and only those that are asked for', async () => {
    expect((await readAll('a.npz', zipFile([x, y]), { wanted: ['y'] })).rows).toBe(3);
    await expect(readAll('a.npz', zipFile([x, y]))).rejects.toThrow(/2 rows, as x has/);
  });

  it.each([
    ['a name twice', zipFile([x, x]), /each name once/],
    ['what is no array', zipFile([{ name: 'run.py', data: Buffer.from('1') }]), /name\.npy/],
    ['an encrypted entry', zipFile([{ ...x, flags: 1 }]), /encrypt/],
    ['another compression', zipFile([{ ...x, method: 14 }]), /compression 14/],
    ['a wrong checksum', zipFile([{ ...x, declaredCrc: 1 }]), /checksum/],
    ['a wrong size', zipFile([{ ...x, declaredSize: 5 }]), /./],
    ['a pickle', zipFile([{ name: 'o.npy', data: npyFile(npyHeader('|O', [1]), Buffer.alloc(8)) }]), /column o.*pickle/],
  ])('refuses %s', async (_, file, message) => {
    await expect(readAll('a.npz', file)).rejects.toMatchObject({ code: 'DATASET_INVALID' });
    await expect(readAll('a.npz', file)).rejects.toThrow(message);
  });

  it('refuses more rows than it has bytes for', async () => {
    for (const file of [
      npyFile(npyHeader('<f4', [Number.MAX_SAFE_INTEGER, 0]), f4()),
      npyFile(npyHeader('|S0', [10_001]), f4()),
    ]) {
      await expect(readAll('x.npy', file)).rejects.toThrow(/at most 10000 rows without bytes/);
      await expect(readAll('x.npz', zipFile([{ name: 'x.npy', data: file }]))).rejects.toThrow(
        /column x: expected at most 10000/,
      );
    }
    expect((await readAll('x.npy', npyFile(npyHeader('<f4', [10_000, 0]), f4()))).rows).toBe(10_000);
  });

  it('refuses a bomb by what the directory says, before it inflates', async () => {
    const zeros = Buffer.alloc(80 * 1024 * 1024);
    const bomb = zipFile([{ name: 'x.npy', data: npyFile(npyHeader('|u1', [zeros.length]), zeros) }]);
    await expect(readAll('a.npz', bomb, { limits: { maxRatio: 100 } })).rejects.toThrow(/out of each byte/);
  });

  it('only ever refuses a damaged archive', async () => {
    const file = zipFile([x, { ...y, data: npyFile(npyHeader('<f4', [2]), f4(1, 2)) }]);
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 0, max: 255 }), async (at, byte) => {
        const damaged = Buffer.from(file);
        damaged[at] = byte;
        try {
          await readAll('x.npz', damaged, { kind: 'npz' });
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code).toBe('DATASET_INVALID');
        }
      }),
      { numRuns: 300 },
    );
  });
});
