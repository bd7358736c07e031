// What patterns are accepted, that they match whole texts, and that no text makes them slow.
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../../core/index.ts';
import { compilePattern, maxPatternLength } from './pattern.ts';

const matches = (pattern: string, text: string): boolean => compilePattern(pattern).matches(Buffer.from(text));

function refusal(pattern: string): string {
  try {
    compilePattern(pattern);
  } catch (thrown) {
    if (isAirlockError(thrown)) return thrown.code;
    throw thrown;
  }
  return 'accepted';
}

describe('compilePattern', () => {
  it.each([
    ['[a-z]+', 'abc', true],
    ['[a-z]+', 'abc1', false],
    ['[a-z]+', 'abc\n', false],
    ['a|ab', 'ab', true],
    ['.', '😀', true],
    ['\\p{L}+', 'größe', true],
    ['.*', 'a\nb', false],
    ['(?s).*', 'a\nb', true],
    ['', '', true],
    ['', 'a', false],
  ])('%j matches all of %j: %s', (pattern, text, expected) => expect(matches(pattern, text)).toBe(expected));

  it.each([
    ['a reference', '(a)\\1'],
    ['a look-ahead', 'a(?=b)'],
    ['a look-behind', '(?<=a)b'],
    ['an open bracket', '[a'],
    ['too many repetitions', 'a{1001}'],
    ['nested repetitions', '((a{100}){10}){10}'],
    ['a large program', '(.{0,400}){3}.{0,400}'],
    ['a long pattern', 'a'.repeat(maxPatternLength + 1)],
  ])('refuses %s', (_, pattern) => expect(refusal(pattern)).toBe('CONTRACT_INVALID'));

  it.each(['(a+)+', '(a|a)*', '(a|aa)+', '(.*a){20}', '([a-z]+)*[0-9]', '(a*)*b', '(a|b)*a(a|b){15}'])(
    '%s is linear on a text that makes engines backtrack',
    (source) => {
      const pattern = compilePattern(source);
      const bytes = Buffer.from(`${'a'.repeat(30_000)}!`);
      const startMs = performance.now();
      expect(pattern.matches(bytes)).toBe(false);
      expect(performance.now() - startMs).toBeLessThan(1_000);
    },
  );

  it('bounds the text by the size of the program', () => {
    expect(compilePattern('[a-z]+').maxBytes).toBe(2 ** 20);
    const { size, maxBytes } = compilePattern('.{0,1000}');
    expect(maxBytes).toBe(Math.floor(2 ** 21 / size));
    // At one byte each; longer texts are for `maxCodePoints` to bound.
    expect(maxBytes).toBeGreaterThan(1_000);
  });
});
