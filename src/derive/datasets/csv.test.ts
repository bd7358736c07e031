// CSV is read to the letter: quotes, line breaks, bytes of UTF-8 however the file is cut, and nothing is guessed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAll } from '../../../tests/conformance/datasets-files.ts';

async function cellsOf(text: string | Uint8Array, options = {}) {
  const { columns } = await readAll('t.csv', text, options);
  return Object.fromEntries(
    [...columns].map(([name, parts]) => [
      name,
      parts.flatMap(({ values, missing, rows }) => {
        const cells = values.kind === 'cells' ? [...values.cells] : [];
        return Array.from({ length: rows }, (_, row) => (missing?.[row] === 1 ? undefined : cells.shift()));
      }),
    ]),
  );
}

describe('CSV', () => {
  it('keeps cells as they are written, also in quotes and over lines', async () => {
    const text = '\ufeffage,"na""me"\r\n007,"a, ""b""\n c"\r\n 1 ,é\r\n';
    expect(await cellsOf(text)).toEqual({ age: ['007', ' 1 '], 'na"me': ['a, "b"\n c', 'é'] });
  });

  it('takes only what is named as missing', async () => {
    expect(await cellsOf('a,b\n,NaN\nnull,x\n')).toEqual({ a: ['', 'null'], b: ['NaN', 'x'] });
    expect(await cellsOf('a,b\n,NaN\nnull,x\n', { missing: ['', 'NaN'] })).toEqual({
      a: [undefined, 'null'],
      b: [undefined, 'x'],
    });
  });

  it.each([
    ['a,a\n1,2\n', /column a: expected each name once/],
    ['a,\n1,2\n', /a name for each column/],
    ['', /a header row/],
    ['a,b\n1\n', /record 1: expected as many cells/],
    ['a,b\n1,2\n1,2,3\n', /record 2: expected as many cells/],
    ['a\n"x" y\n', /after a closing quote/],
    ['a\nx"y"\n', /a quote only at the start/],
    ['a\n"x\n', /a closing quote/],
  ])('refuses %j', async (text, message) => {
    await expect(readAll('t.csv', text)).rejects.toThrow(message);
  });

  it('refuses bytes that are not UTF-8, wherever the pieces end', async () => {
    await expect(readAll('t.csv', Buffer.from('a\n\xff\n', 'latin1'))).rejects.toThrow(/UTF-8/);
    await expect(readAll('t.csv', Buffer.from('a\nx\xc3', 'latin1'))).rejects.toThrow(/UTF-8/);
    const long = `a\n${'é'.repeat(1_100_000)}\n`;
    expect((await cellsOf(`${long}x${'日'.repeat(700_000)}\n`)).a[1]).toHaveLength(700_001);
  });

  it('refuses a row over the limit before it is whole', async () => {
    await expect(readAll('t.csv', `a\n${'x'.repeat(5000)}\n`, { limits: { maxRecordBytes: 1000 } })).rejects.toThrow(
      /limit of bytes/,
    );
    await expect(readAll('t.csv', `${'a,'.repeat(50)}b\n`, { limits: { maxColumns: 10 } })).rejects.toMatchObject({
      code: 'DATASET_INVALID',
    });
  });

  it('gives back any table that was written by the rules', async () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((text) => !/\p{Cs}/u.test(text));
    const table = fc
      .integer({ min: 1, max: 4 })
      .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 8 }));
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
    await fc.assert(
      fc.asyncProperty(table, async (rows) => {
        const names = rows[0].map((_, index) => `c${index}`);
        const text = [names, ...rows].map((row) => row.map(quote).join(',')).join('\n');
        const cells = await cellsOf(`${text}\n`);
        expect(rows.map((_, row) => names.map((name) => cells[name][row]))).toEqual(rows);
      }),
      { numRuns: 60 },
    );
  });

  it('counts the records and digests the bytes of many batches', async () => {
    const lines = Array.from({ length: 10_000 }, (_, index) => `${index},x`).join('\n');
    const { rows, sha256 } = await readAll('t.csv', `n,s\n${lines}\n`, { wanted: ['n'] });
    expect(rows).toBe(10_000);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  });
});
