import { describe, expect, it } from 'vitest';
import { numberBetween, wholeNumberBetween } from './number-options.ts';

describe('numberBetween', () => {
  it.each([
    ['0', 0],
    ['0.25', 0.25],
    ['.5', 0.5],
    ['1e-3', 0.001],
    ['+1', 1],
  ])('takes %s', (text, value) => {
    expect(numberBetween(0, 1)(text)).toBe(value);
  });

  it.each(['', ' ', '0x1', '0b1', '1_000', 'NaN', 'Infinity', '1 ', '-0.1', '1.1', '1e', '.', `0.${'0'.repeat(100)}1`])(
    'refuses %j',
    (text) => {
      expect(() => numberBetween(0, 1)(text)).toThrow('expected a number from 0 to 1');
    },
  );
});

describe('wholeNumberBetween', () => {
  it('takes whole numbers within its bounds', () => {
    expect(wholeNumberBetween(1)('10')).toBe(10);
    expect(wholeNumberBetween(1)('1e3')).toBe(1_000);
    expect(wholeNumberBetween(1, 5)('5')).toBe(5);
  });

  it.each(['0', '6', '1.5', '', '0x2', '-1'])('refuses %j', (text) => {
    expect(() => wholeNumberBetween(1, 5)(text)).toThrow('expected a whole number from 1 to 5');
  });

  it('refuses what a double cannot hold exactly', () => {
    expect(() => wholeNumberBetween(1)('9007199254740993')).toThrow('expected a whole number from 1');
  });
});
