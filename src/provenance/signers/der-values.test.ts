import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as write from '../../../tests/support/der-writer.ts';
import { isAirlockError } from '../../core/index.ts';
import { type DerElement, readElement, tags } from './der.ts';
import * as read from './der-values.ts';

const element = (tag: number, content: string | Buffer): DerElement =>
  readElement(write.der(tag, typeof content === 'string' ? Buffer.from(content, 'hex') : content), tag);
const invalid = expect.objectContaining({ code: 'KEY_INVALID' });

describe('DerParts', () => {
  const parts = () => new read.DerParts(readElement(write.sequence(write.integer(1), write.nothing()), tags.sequence));

  test('gives parts in order, and says when one is missing or left', () => {
    const all = parts();
    expect(all.optional(tags.null)).toBeUndefined();
    expect(() => all.end()).toThrow('more parts');
    expect(all.next(tags.integer).content).toEqual(Buffer.from([1]));
    expect(() => all.next(tags.integer)).toThrow('expected a part with the tag 2');
    expect(all.rest(tags.null)).toHaveLength(1);
    expect(all.rest(tags.null)).toEqual([]);
    all.end();
    expect(all.optional(tags.null)).toBeUndefined();
    expect(() => parts().rest(tags.integer)).toThrow('expected a part with the tag 2');
  });
});

describe('readOid', () => {
  test.each(['0.0', '0.39', '1.39', '2.5.29.15', '2.999.1', '1.2.840.113549.1.9.16.2.47'])('reads %s', (text) => {
    const [first, second, ...rest] = text.split('.').map(Number);
    const bytes = first < 2 || second < 48 ? write.oid(text) : Buffer.from('0603883701', 'hex');
    expect(rest.length).toBeGreaterThanOrEqual(0);
    expect(read.readOid(readElement(bytes, tags.oid))).toBe(text);
  });

  test.each([
    ['nothing', ''],
    ['a zero before a number', '2a8001'],
    ['a number that is cut', '2a86'],
    ['65 bytes', '01'.repeat(65)],
  ])('refuses %s', (_, hex) => {
    expect(() => read.readOid(element(tags.oid, hex))).toThrow(invalid);
  });
});

test('readBoolean reads 0 and 255 only', () => {
  expect(read.readBoolean(element(tags.boolean, '00'))).toBe(false);
  expect(read.readBoolean(element(tags.boolean, 'ff'))).toBe(true);
  for (const hex of ['01', '', 'ffff']) {
    expect(() => read.readBoolean(element(tags.boolean, hex))).toThrow(invalid);
  }
});

test('readSmallInteger reads from 0 to 2^31-1 and no other spelling', () => {
  for (const value of [0, 1, 127, 128, 65_535, 2 ** 31 - 1]) {
    expect(read.readSmallInteger(readElement(write.integer(value), tags.integer))).toBe(value);
  }
  for (const hex of ['', '80', 'ff', '0001', 'ff80', '0080000000', '0100000000']) {
    expect(() => read.readSmallInteger(element(tags.integer, hex))).toThrow(invalid);
  }
});

test('checkInteger gives the bytes of positive and negative numbers without padding', () => {
  for (const hex of ['00', '7f', '0080', '80', 'ff7f', 'ff']) {
    expect(read.checkInteger(element(tags.integer, hex)).toString('hex')).toBe(hex);
  }
});

test('readBytes reads whole bytes', () => {
  expect(read.readBytes(element(tags.bitString, '00aabb'))).toEqual(Buffer.from('aabb', 'hex'));
  for (const hex of ['', '00', '01aa']) {
    expect(() => read.readBytes(element(tags.bitString, hex))).toThrow(invalid);
  }
});

test('readBits reads named bits and no other spelling', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(20), { minLength: 1 }), (numbers) => {
      const has = read.readBits(readElement(write.namedBits(numbers), tags.bitString));
      expect(Array.from({ length: 24 }, (_, bit) => has(bit))).toEqual(
        Array.from({ length: 24 }, (_, bit) => numbers.includes(bit)),
      );
    }),
  );
  for (const hex of ['', '00', '0080', '0880', '0100', '07ff', '06c1', '050000']) {
    expect(() => read.readBits(element(tags.bitString, hex)), hex).toThrow(invalid);
  }
});

describe('readTime', () => {
  const utc = (text: string) => read.readTime(element(tags.utcTime, Buffer.from(text)));
  const long = (text: string) => read.readTime(element(tags.generalizedTime, Buffer.from(text)));

  test('reads both forms', () => {
    expect(utc('490101000000Z')).toBe(Date.UTC(2049, 0));
    expect(utc('500101000000Z')).toBe(Date.UTC(1950, 0));
    expect(long('20240229235959Z')).toBe(Date.UTC(2024, 1, 29, 23, 59, 59));
    expect(long('20240229235959.5Z')).toBe(Date.UTC(2024, 1, 29, 23, 59, 59, 500));
    expect(long('20240229235959.123456789Z')).toBe(Date.UTC(2024, 1, 29, 23, 59, 59, 123));
    expect(long('00500101000000Z')).toBe(new Date('0050-01-01T00:00:00Z').getTime());
    expect(long('99991231235959Z')).toBe(Date.UTC(9999, 11, 31, 23, 59, 59));
  });

  test.each(['20230229000000Z', '20241301000000Z', '20240101240000Z', '20240101006000Z', '20240101000060Z', '20240100000000Z'])(
    'refuses the moment %s, which does not exist',
    (text) => {
      expect(() => long(text)).toThrow('does not exist');
    },
  );

  test.each([
    '20240101000000',
    '20240101000000+0100',
    '202401010000Z',
    '20240101000000.50Z',
    '20240101000000.Z',
    ' 0240101000000Z',
  ])('refuses the spelling "%s"', (text) => {
    expect(() => long(text)).toThrow('cannot be read');
  });

  test('refuses fractions and missing seconds in the short form, and other types', () => {
    expect(() => utc('240101000000.5Z')).toThrow(invalid);
    expect(() => utc('2401010000Z')).toThrow(invalid);
    expect(() => read.readTime(element(tags.utf8String, Buffer.from('20240101000000Z')))).toThrow('cannot be read');
  });

  test('reads every second back that was written', () => {
    const seconds = fc.integer({ min: Date.UTC(1950, 0) / 1_000, max: Date.UTC(9999, 11, 31) / 1_000 });
    fc.assert(
      fc.property(seconds, (second) => {
        const bytes = write.time(second * 1_000);
        expect(read.readTime(readElement(bytes, bytes[0]))).toBe(second * 1_000);
      }),
    );
  });

  test('gives a number or KEY_INVALID for any text', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789.Z+'), maxLength: 20 });
    fc.assert(
      fc.property(digits, fc.constantFrom(tags.utcTime, tags.generalizedTime), (text, tag) => {
        try {
          expect(Number.isFinite(read.readTime(element(tag, Buffer.from(text))))).toBe(true);
        } catch (error) {
          expect(isAirlockError(error) && error.code).toBe('KEY_INVALID');
        }
      }),
    );
  });
});
