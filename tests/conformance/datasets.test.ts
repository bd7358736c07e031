// The readers of data sets against files of the real writers.
import { describe, expect, it } from 'vitest';
import type { Column } from '../../src/derive/datasets/index.ts';
import { readAll } from './datasets-files.ts';
import { numpyFiles, parquetFiles } from './datasets-fixtures.ts';

const bytesOf = (base64: string) => Buffer.from(base64, 'base64');

/** One value per record: undefined where it is missing, lists with their shape undone. */
function valuesOf(parts: readonly Column[]): unknown[] {
  return parts.flatMap(({ rows, missing, itemShape, values }) => {
    const flat: unknown[] =
      values.kind === 'strings'
        ? Array.from({ length: values.offsets.length - 1 }, (_, index) =>
            Buffer.from(values.bytes.subarray(values.offsets[index], values.offsets[index + 1])).toString('latin1'),
          )
        : values.kind === 'numbers'
          ? Array.from<unknown>(values.data as Iterable<unknown> as unknown[])
          : [...values.cells];
    let at = 0;
    let present = 0;
    return Array.from({ length: rows }, (_, row) => {
      if (missing?.[row] === 1) return undefined;
      const shape = 'perRecord' in itemShape ? itemShape.perRecord[present] : itemShape;
      present++;
      const size = shape.reduce((product, length) => product * length, 1);
      at += size;
      return shape.length === 0 ? flat[at - 1] : { shape, flat: flat.slice(at - size, at) };
    });
  });
}

const list = (shape: readonly number[], ...flat: unknown[]) => ({ shape, flat });
const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

const table: Readonly<Record<string, unknown[]>> = {
  i64: [1n, undefined, 9007199254740993n, -9223372036854775808n],
  u64: [18446744073709551615n, 0n, 1n, 2n],
  i8: [-128, 127, 0, 1],
  u32: [4294967295, 0, 1, 2],
  f32: [Math.fround(0.1), 1.5, Number.NaN, undefined],
  f64: [0.1, -0, 1e300, 5e-324],
  b: [1, 0, undefined, 1],
  s: ['a', latin1('é'), undefined, 'a'],
  bin: ['\xff\x00', '', 'x', 'y'],
  vec: [list([2], 1, 2), list([2], 3, 4), undefined, list([2], 5, 6)],
  rag: [list([1], 1), list([2], 2, 3), list([0]), list([3], 4, 5, 6)],
  mat: Array(4).fill(list([2, 2], 1, 2, 3, 4)),
};

describe('Parquet of pyarrow', () => {
  it.each(Object.keys(parquetFiles).filter((name) => !['delta bytes', 'zeros'].includes(name)))(
    '%s: every value',
    async (name) => {
      const wanted = Object.keys(table);
      const { columns, rows } = await readAll('t.parquet', bytesOf(parquetFiles[name]), { wanted });
      expect(rows).toBe(4);
      expect(columns.size).toBeGreaterThanOrEqual(3);
      for (const [column, parts] of columns) expect(valuesOf(parts), column).toEqual(table[column]);
    },
  );

  it('a run of one value, as it stands for any number of rows', async () => {
    const { columns } = await readAll('t.parquet', bytesOf(parquetFiles.zeros));
    expect(valuesOf(columns.get('z') ?? [])).toEqual(Array(3000).fill(7));
  });

  it.each([
    ['date', 'DATE'],
    ['dec', 'DECIMAL'],
  ])('the column %s is refused by the name of its type', async (column, type) => {
    await expect(readAll('t.parquet', bytesOf(parquetFiles['snappy 1.0 dict']), { wanted: [column] })).rejects.toMatchObject({
      code: 'DATASET_INVALID',
      message: expect.stringContaining(type),
    });
  });

  it('an encoding whose output nothing bounds is refused by name', async () => {
    await expect(readAll('t.parquet', bytesOf(parquetFiles['delta bytes']))).rejects.toThrow(/DELTA_BYTE_ARRAY/);
  });
});

describe('.npy and .npz of numpy', () => {
  it.each<[string, unknown[]]>([
    ['f4', [list([2], 1, 2), list([2], 3, 4.5)]],
    ['bigi2', [1, -2]],
    ['U', ['a', latin1('é'), latin1('日本')]],
    ['S', ['ab', 'c']],
    ['zero', [3]],
    ['bool', [1, 0]],
    ['f2', [0x3e00, 0x7e00]],
  ])('%s: every value', async (name, expected) => {
    const { columns } = await readAll('x.npy', bytesOf(numpyFiles[name]));
    expect(valuesOf(columns.get('x') ?? [])).toEqual(expected);
  });

  it.each([
    ['obj', /pickle/],
    ['struct', /structured array/],
    ['F', /fortran_order/],
  ])('%s is refused by name', async (name, text) => {
    await expect(readAll('x.npy', bytesOf(numpyFiles[name]))).rejects.toThrow(text);
  });

  it('the arrays of an archive side by side', async () => {
    const { columns } = await readAll('x.npz', bytesOf(numpyFiles.npz));
    expect(valuesOf(columns.get('x') ?? [])).toEqual([list([2], 0n, 1n), list([2], 2n, 3n), list([2], 4n, 5n)]);
    expect(valuesOf(columns.get('y') ?? [])).toEqual(['p', 'q', 'r']);
  });
});
