import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../../core/index.ts';
import { readJson } from './read-json.ts';

const read = (text: string) => readJson(Buffer.from(text));

/** Plain objects, for comparing. */
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

describe('readJson()', () => {
  it('reads what JSON.parse reads, the same', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(plain(read(text).value)).toEqual(plain(JSON.parse(text)));
      }),
    );
  });

  it('keeps both values of a key that comes twice, and says where', () => {
    const { value, duplicateKeys, shadowed } = read('{"a":[{"x/y":1,"x/y":{"b":2}}],"c":3}');
    expect(plain(value)).toEqual({ a: [{ 'x/y': { b: 2 } }], c: 3 });
    expect(duplicateKeys).toEqual(['/a/0/x~1y']);
    expect(shadowed).toEqual([{ pointer: '/a/0/x~1y', value: 1 }]);
  });

  it('takes __proto__ for a key', () => {
    const { value } = read('{"__proto__":{"a":1}}');
    expect(Object.keys(value as object)).toEqual(['__proto__']);
  });

  it('takes what Python writes: NaN, infinities, long integers, lone surrogates', () => {
    expect(read('[NaN,Infinity,-Infinity]').value).toEqual([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
    expect(read(`[1${'0'.repeat(300)}]`).value).toEqual([1e300]);
    expect(read('["\\ud800"]').value).toEqual(['\ud800']);
  });

  it('reads UTF-16 and UTF-32, as Python does, and says so', () => {
    const utf16 = Buffer.from('{"a":"é"}', 'utf16le');
    expect(readJson(utf16)).toMatchObject({ value: { a: 'é' }, encoding: 'utf-16' });
    const big = Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(utf16).swap16()]);
    expect(readJson(big)).toMatchObject({ value: { a: 'é' }, encoding: 'utf-16' });
    const utf32 = Buffer.concat([...'{"a":"é"}'].map((letter) => Buffer.from([letter.charCodeAt(0), 0, 0, 0])));
    expect(readJson(utf32)).toMatchObject({ value: { a: 'é' }, encoding: 'utf-32' });
    expect(readJson(Buffer.from('\ufeff{"a":1}'))).toMatchObject({ value: { a: 1 }, encoding: 'utf-8-sig' });
  });

  it('refuses nests that are too deep by name, without recursing', () => {
    const deep = '['.repeat(2_000_000);
    expect(() => read(deep)).toThrow(
      expect.objectContaining({ code: 'MODEL_INVALID', violations: [expect.objectContaining({ rule: 'maxDepth' })] }),
    );
    expect(read(`${'['.repeat(900)}${']'.repeat(900)}`).depth).toBe(900);
  });

  it('throws MODEL_INVALID and nothing else on any bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.string().map((text) => Buffer.from(`{"a":[${text}`)),
        ),
        (bytes) => {
          try {
            readJson(Buffer.from(bytes));
          } catch (thrown) {
            expect(isAirlockError(thrown) && thrown.code).toBe('MODEL_INVALID');
          }
        },
      ),
    );
  });
});
