import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockOf, sealed, tableOf, uint32, varint } from '../../tests/support/model-builder.ts';
import { isAirlockError } from '../core/index.ts';
import { readSortedTable } from './sorted-table.ts';

const item = (key: string, value = '') => ({ key: Buffer.from(key), value: Buffer.from(value) });
const read = (table: Buffer) =>
  Array.from(readSortedTable('index', table), ({ key, value }) => [key.toString('latin1'), value.toString('latin1')]);

/** A table whose only data block has this content. */
function tableAround(content: Buffer): Buffer {
  const block = sealed(content);
  const index = sealed(blockOf([{ key: Buffer.from('z'), value: Buffer.concat([varint(0), varint(content.length)]) }]));
  const handles = Buffer.concat([varint(0), varint(0), varint(block.length), varint(index.length - 5)]);
  return Buffer.concat([block, index, handles, Buffer.alloc(40 - handles.length), Buffer.from('57fb808b247547db', 'hex')]);
}

const invalid = expect.objectContaining({ code: 'MODEL_INVALID' });

describe('readSortedTable', () => {
  it('gives entries back in order, over several blocks and shared prefixes', () => {
    const keys = fc.uniqueArray(fc.uint8Array({ maxLength: 12 }), {
      minLength: 1,
      maxLength: 60,
      selector: (key) => Buffer.from(key).toString('hex'),
    });
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 20 }), (keyBytes, perBlock) => {
        const items = keyBytes
          .map((key) => ({ key: Buffer.from(key), value: Buffer.from(key).reverse() }))
          .sort((a, b) => a.key.compare(b.key));
        const blocks = Array.from({ length: Math.ceil(items.length / perBlock) }, (_, at) =>
          items.slice(at * perBlock, (at + 1) * perBlock),
        );
        expect(read(tableOf(blocks))).toEqual(items.map(({ key, value }) => [key.toString('latin1'), value.toString('latin1')]));
      }),
    );
  });

  it('calls a table without its end incomplete', () => {
    const table = tableOf([[item('a', '1')]]);
    for (const length of [0, 10, 47, table.length - 1]) {
      expect(() => read(table.subarray(0, length))).toThrow(expect.objectContaining({ code: 'MODEL_INCOMPLETE' }));
    }
  });

  it('refuses every changed byte of a block', () => {
    const content = blockOf([item('a', 'value'), item('ab', 'other')]);
    const table = tableAround(content);
    for (let at = 0; at < content.length + 5; at++) {
      const changed = Buffer.from(table);
      changed[at] ^= 1;
      expect(() => read(changed)).toThrow(invalid);
    }
  });

  it('refuses to read a block twice, or blocks that overlap', () => {
    const items = [item('a')];
    const bytes = blockOf(items).length;
    expect(() =>
      read(
        tableOf(
          [items],
          [
            [0, bytes],
            [0, bytes],
          ],
        ),
      ),
    ).toThrow(invalid);
  });

  it('refuses keys that do not rise, within and across blocks', () => {
    expect(() => read(tableOf([[item('b'), item('a')]]))).toThrow(invalid);
    expect(() => read(tableOf([[item('a'), item('a')]]))).toThrow(invalid);
    expect(() => read(tableOf([[item('b')], [item('a')]]))).toThrow(invalid);
  });

  it('refuses a key that shares more than there is, or is too long', () => {
    const entry = (shared: number, rest: string) =>
      Buffer.concat([varint(shared), varint(rest.length), varint(0), Buffer.from(rest)]);
    const block = (...entries: Buffer[]) => tableAround(Buffer.concat([...entries, uint32(0), uint32(1)]));
    expect(read(block(entry(0, 'a'), entry(1, 'b')))).toEqual([
      ['a', ''],
      ['ab', ''],
    ]);
    expect(() => read(block(entry(0, 'a'), entry(2, 'b')))).toThrow(invalid);
    expect(() => read(block(entry(1, 'a')))).toThrow(invalid);
    expect(() => read(block(entry(0, 'a'.repeat(4097))))).toThrow(invalid);
  });

  it('refuses restarts that disagree with the entries', () => {
    const entries = Buffer.concat([
      varint(0),
      varint(1),
      varint(0),
      Buffer.from('a'),
      varint(1),
      varint(1),
      varint(0),
      Buffer.from('b'),
    ]);
    for (const restarts of [[1], [0, 2], [0, 4], [4], [0, 99]]) {
      const content = Buffer.concat([entries, ...restarts.map(uint32), uint32(restarts.length)]);
      expect(() => read(tableAround(content)), String(restarts)).toThrow(invalid);
    }
    expect(() => read(tableAround(Buffer.concat([entries, uint32(0xffff_ffff)])))).toThrow(invalid);
    expect(() => read(tableAround(uint32(0)))).toThrow(invalid);
  });

  it('ends with entries or an AirlockError on any damage', () => {
    const table = tableOf([[item('', 'h'), item('a', '1'), item('ab', '2')], [item('b', '3')]]);
    const change = fc.tuple(fc.nat(table.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(table.length), (changes, cut) => {
        const damaged = Buffer.from(table);
        for (const [at, byte] of changes) damaged[at] = byte;
        for (const bytes of [damaged, damaged.subarray(0, cut), damaged.subarray(cut)]) {
          try {
            read(bytes);
          } catch (thrown) {
            expect(isAirlockError(thrown), String(thrown)).toBe(true);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('ends so too where the checksums are right', () => {
    const content = blockOf([item('', 'h'), item('a', '1'), item('ab', '2')]);
    const change = fc.tuple(fc.nat(content.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const damaged = Buffer.from(content);
        for (const [at, byte] of changes) damaged[at] = byte;
        try {
          read(tableAround(damaged));
        } catch (thrown) {
          expect(isAirlockError(thrown), String(thrown)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
