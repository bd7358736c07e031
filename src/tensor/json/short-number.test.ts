import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shortNumber } from './short-number.ts';

const read = (text: string, integer = false) => shortNumber(Buffer.from(`x${text},`), 1, text.length + 1, integer);

describe('shortNumber()', () => {
  it('gives the nearest double of every short decimal', () => {
    const decimal = fc.tuple(fc.boolean(), fc.maxSafeNat(), fc.integer({ min: 0, max: 16 })).map(([negative, digits, point]) => {
      const text = String(digits).slice(0, 15);
      const at = Math.max(1, text.length - point);
      return `${negative ? '-' : ''}${text.slice(0, at)}${at < text.length ? `.${text.slice(at)}` : ''}`;
    });
    fc.assert(fc.property(decimal, (text) => Object.is(read(text), Number(text))));
  });

  it.each([
    ['0', 0],
    ['-0', -0],
    ['0.1', 0.1],
    ['123456789012345', 123456789012345],
    ['-12345678901234.5', -12345678901234.5],
    ['0.00000000000001', 1e-14],
  ])('reads %s', (text, value) => expect(read(text)).toBe(value));

  it.each(['1234567890123456', '0.000000000000001', '0.1234567890123456', '1e3', '1E3', '1.5e-3'])(
    'leaves %s to exact arithmetic',
    (text) => expect(read(text)).toBeNaN(),
  );

  it.each(['-0', '1.0', '1e3'])('does not take %s for an integer', (text) => expect(read(text, true)).toBeNaN());
  it('takes integers', () => expect([read('7', true), read('-12', true), read('0', true)]).toEqual([7, -12, 0]));
});
