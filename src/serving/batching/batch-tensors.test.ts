// Rows joined and cut again are what they were, and no piece has the bytes of another behind it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ContractDraft, runContract } from '../../../tests/support/contracts.ts';
import { floats, numeric, signature, spec, strings, stringsOf } from '../../../tests/support/tensors.ts';
import { groupKey, hasRows, joinRows, rowsOf, sameBytes, splitRows } from './batch-tensors.ts';

describe('rows', () => {
  it('come out as they went in, of every type, and as memory of their own', () => {
    const request = fc.record({ rows: fc.integer({ min: 1, max: 5 }), seed: fc.integer(), text: fc.string({ maxLength: 6 }) });
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: 3 }), (requests, width) => {
        const members = requests.map(({ rows, seed, text }) => [
          numeric(
            'DT_INT32',
            [rows, width],
            Int32Array.from({ length: rows * width }, (_, i) => seed + i),
          ),
          strings(
            [rows, 2],
            Array.from({ length: rows * 2 }, (_, i) => text.slice(i % 3)),
          ),
          numeric(
            'DT_BOOL',
            [rows],
            Uint8Array.from({ length: rows }, (_, i) => (seed + i) & 1),
          ),
        ]);
        const joined = joinRows(members);
        expect(rowsOf(joined)).toBe(requests.reduce((sum, { rows }) => sum + rows, 0));
        const parts = splitRows(
          joined,
          requests.map(({ rows }) => rows),
        );
        for (const [index, part] of parts.entries()) {
          expect(part.map(({ dtype, shape }) => ({ dtype, shape }))).toEqual(
            members[index].map(({ dtype, shape }) => ({ dtype, shape })),
          );
          expect(sameBytes(part, members[index])).toBe(true);
          expect(stringsOf(part[1])).toEqual(stringsOf(members[index][1]));
          for (const { bytes } of part) expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
        }
      }),
    );
  });

  it('are only there where every input and output has an open first dimension', () => {
    const x = spec('x:0', 'DT_FLOAT', [-1, 2]);
    expect(hasRows(signature([x], [x]))).toBe(true);
    for (const shape of [null, [], [1, 2], [2, -1]]) {
      expect(hasRows(signature([x, spec('k:0', 'DT_FLOAT', shape)], [x]))).toBe(false);
      expect(hasRows(signature([x], [spec('y:0', 'DT_FLOAT', shape)]))).toBe(false);
    }
    expect(rowsOf([floats([2, 1], 1, 2), floats([1, 2], 1, 2)])).toBe(0);
    expect(rowsOf([floats([], 1)])).toBe(0);
  });

  it('meet only those of the same signature, types and other dimensions', () => {
    const key = groupKey(0, [floats([2, 3], 1, 2, 3, 4, 5, 6)]);
    expect(groupKey(0, [floats([1, 3], 1, 2, 3)])).toBe(key);
    expect(groupKey(1, [floats([1, 3], 1, 2, 3)])).not.toBe(key);
    expect(groupKey(0, [floats([1, 4], 1, 2, 3, 4)])).not.toBe(key);
    expect(groupKey(0, [floats([1, 3, 1], 1, 2, 3)])).not.toBe(key);
    expect(groupKey(0, [numeric('DT_INT32', [1, 3], new Int32Array(3))])).not.toBe(key);
  });

  it('of other lengths meet only where the contract pads them to one', () => {
    const draft = (multipleOf: number): ContractDraft => ({
      dims: { seq: { min: 1, max: 64, multipleOf } },
      inputs: {
        ids: {
          dtype: 'DT_INT32',
          shape: [{ kind: 'any' }, { kind: 'symbol', name: 'seq', multiplier: 1, offset: 0 }],
          onViolation: { shape: { kind: 'pad', side: 'right', value: 0 } },
        },
      },
    });
    const keyOf = (length: number, multipleOf: number): string => {
      const ids = numeric(
        'DT_INT32',
        [1, length],
        Int32Array.from({ length }, (_, i) => i + 1),
      );
      return groupKey(0, runContract(draft(multipleOf), { ids }).tensors);
    };
    expect(new Set([5, 6, 7, 8].map((length) => keyOf(length, 8))).size).toBe(1);
    expect(keyOf(9, 8)).not.toBe(keyOf(8, 8));
    expect(new Set([5, 6, 7, 8].map((length) => keyOf(length, 1))).size).toBe(4);
  });
});
