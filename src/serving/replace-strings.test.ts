import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { strings, stringsOf } from '../../tests/support/tensors.ts';
import { replaceStrings } from './replace-strings.ts';

describe('replaceStrings()', () => {
  it('replaces those that it is told to, keeps the others, and never writes into what it was given', () => {
    const text = fc.string({ maxLength: 12 });
    const replacements = fc.dictionary(fc.nat({ max: 9 }).map(String), text, { maxKeys: 5 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 10 }), replacements, (values, replaced) => {
        const tensor = strings([values.length], values);
        const before = { bytes: Buffer.from(tensor.bytes), offsets: Uint32Array.from(tensor.offsets) };
        const wanted = new Map(Object.entries(replaced).map(([index, value]) => [Number(index), Buffer.from(value)]));
        const result = replaceStrings(tensor, wanted);
        expect(stringsOf(result)).toEqual(values.map((value, index) => replaced[index] ?? value));
        expect(result.shape).toEqual([values.length]);
        expect({ bytes: Buffer.from(tensor.bytes), offsets: tensor.offsets }).toEqual(before);
      }),
    );
  });

  it('gives the same tensor when there is nothing to replace', () => {
    const tensor = strings([1], ['a']);
    expect(replaceStrings(tensor, undefined)).toBe(tensor);
    expect(replaceStrings(tensor, new Map())).toBe(tensor);
  });

  it('replaces strings of string tensors only', () => {
    const numbers = { dtype: 'DT_UINT8' as const, shape: [1], bytes: new Uint8Array(1) };
    expect(() => replaceStrings(numbers, new Map([[0, new Uint8Array(1)]]))).toThrow('Internal error');
  });
});
