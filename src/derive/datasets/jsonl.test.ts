// JSON Lines: numbers keep their digits, lists have one shape, and no key is taken twice.
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAll } from '../../../tests/conformance/datasets-files.ts';
import { isAirlockError } from '../../core/index.ts';

async function columnOf(text: string | Uint8Array, name: string, file = 't.jsonl') {
  const { columns } = await readAll(file, text);
  const [part] = columns.get(name) ?? [];
  return part;
}

describe('JSON Lines', () => {
  it('keeps every digit of a number, and its kind', async () => {
    const part = await columnOf('{"x":9007199254740993}\n{"x":-0.0}\n{"x":1e400}\n', 'x');
    expect(part.values).toEqual({ kind: 'json', cells: ['9007199254740993', '-0.0', '1e400'], types: Uint8Array.of(0, 0, 0) });
  });

  it('reads lists with their shapes, and absent and null as missing', async () => {
    const part = await columnOf('{"x":[[1,2],[3,4]],"y":1}\n{"y":2}\n{"x":null}\n{"x":[[5]]}\n{"x":[]}\n{"x":[[],[]]}', 'x');
    expect(part.rows).toBe(6);
    expect(part.missing).toEqual(Uint8Array.of(0, 1, 1, 0, 0, 0));
    expect(part.itemShape).toEqual({ perRecord: [[2, 2], [1, 1], [0], [2, 0]] });
  });

  it('reads text, booleans and bytes', async () => {
    const part = await columnOf('{"x":["\\u00e9","b"]}\n{"x":[true,false]}\n{"x":[{"b64":"AP8="},{"b64":""}]}', 'x');
    expect(part.values).toEqual({
      kind: 'json',
      cells: ['é', 'b', 'true', 'false', '\x00\xff', ''],
      types: Uint8Array.of(1, 1, 2, 2, 4, 4),
    });
  });

  it('reads gzip', async () => {
    expect((await columnOf(gzipSync('{"x":1}\n'), 'x', 't.jsonl.gz')).rows).toBe(1);
    await expect(readAll('t.jsonl.gz', gzipSync('{"x":1}\n').subarray(0, 20))).rejects.toMatchObject({ code: 'DATASET_INVALID' });
  });

  it.each([
    ['{"x":1,"x":2}', /each key once/],
    ['[1]', /an object per line/],
    ['1', /an object per line/],
    ['{"x":[1,[2]]}', /lists of one depth/],
    ['{"x":[[1],2]}', /lists of one depth/],
    ['{"x":[[1],[2,3]]}', /lists of one length/],
    ['{"x":[[1],[]]}', /lists of one length/],
    ['{"x":{"y":1}}', /only the key b64/],
    ['{"x":{}}', /b64/],
    ['{"x":[null]}', /a value, got null/],
    ['{"x":1} {"x":2}', /end of the body/],
    ['{"x":1', /rest of the JSON value/],
    ['{"x":"\\ud800"}', /surrogate/],
  ])('refuses %s', async (line, message) => {
    await expect(readAll('t.jsonl', `{"x":0}\n${line}\n`)).rejects.toThrow(message);
    await expect(readAll('t.jsonl', `{"x":0}\n${line}\n`)).rejects.toThrow(/record 2/);
  });

  it('refuses a line over the limit while it arrives', async () => {
    const limits = { maxRecordBytes: 100 };
    await expect(readAll('t.jsonl', `{"x":"${'a'.repeat(200)}"}`, { limits })).rejects.toThrow(/at most 100 bytes/);
  });

  it('agrees with JSON.parse on values of one shape', async () => {
    const scalar = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string(), fc.boolean());
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(scalar, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 }),
        async (rows) => {
          const part = await columnOf(rows.map((x) => JSON.stringify({ x })).join('\n'), 'x');
          const cells = part.values.kind === 'json' ? part.values.cells : [];
          const types = part.values.kind === 'json' ? part.values.types : [];
          const back = cells.map((cell, index) => (types[index] === 1 ? cell : JSON.parse(cell)));
          expect(back).toEqual(JSON.parse(JSON.stringify(rows)).flat());
        },
      ),
      { numRuns: 60 },
    );
  });

  it('never fails in another way on broken lines', async () => {
    const line = fc.string({
      unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '1', 'x', 'null', '\\', ' ', '"b64"', '\n'),
    });
    await fc.assert(
      fc.asyncProperty(line, async (text) => {
        try {
          await readAll('t.jsonl', text);
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code).toBe('DATASET_INVALID');
        }
      }),
      { numRuns: 200 },
    );
  });
});
