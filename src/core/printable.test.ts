import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, printableJson } from './printable.ts';

// Any UTF-16 units, so that halves of surrogate pairs occur.
const units = fc.array(fc.nat(0xffff)).map((codes) => String.fromCharCode(...codes));
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), units);

describe('printable()', () => {
  it('leaves ordinary text of any language as it is', () => {
    for (const ordinary of ['', 'digits', 'größe 3', '数字', 'עברית', 'a\\b "c" {d}', '😀'])
      expect(printable(ordinary)).toBe(ordinary);
  });

  it.each([
    ['a terminal escape', '\u001b[2J', '\\u{1b}[2J'],
    ['a new line that would forge a log line', 'a\r\nb', 'a\\u{d}\\u{a}b'],
    ['a bidirectional override', 'a\u202eb', 'a\\u{202e}b'],
    ['a zero-width character', 'a\u200bb', 'a\\u{200b}b'],
    ['a C1 control', '\u009b31m', '\\u{9b}31m'],
    ['a line separator', '\u2028', '\\u{2028}'],
    ['half a surrogate pair', '\ud800', '\\u{d800}'],
    ['a private-use character', '\ue000', '\\u{e000}'],
    ['a tag character', '\u{e0041}', '\\u{e0041}'],
    ['NUL', '\0', '\\u{0}'],
  ])('writes out %s', (_title, input, output) => {
    expect(printable(input)).toBe(output);
  });

  it('cuts at the limit and shows that it did, without leaving half a character behind', () => {
    expect(printable('abcdef', 3)).toBe('abc…');
    expect(printable('ab😀', 3)).toBe('ab\\u{d83d}…');
    expect(printable('abc', 3)).toBe('abc');
  });

  it('never lets a character through that moves, hides or reorders what a reader sees', () => {
    fc.assert(
      fc.property(text, (input) => {
        expect(printable(input)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is bounded: at most 10 characters for each that it keeps', () => {
    fc.assert(
      fc.property(text, fc.nat(100), (input, maxLength) => {
        expect(printable(input, maxLength).length).toBeLessThanOrEqual(maxLength * 10 + 1);
      }),
    );
  });

  it('changes nothing when it is applied again within its limit', () => {
    fc.assert(
      fc.property(text, (input) => {
        const once = printable(input);
        expect(printable(once, once.length)).toBe(once);
      }),
    );
  });
});

describe('printableJson()', () => {
  it('leaves nothing unsafe, and means the same', () => {
    fc.assert(
      fc.property(fc.dictionary(text, text), (value) => {
        const shown = printableJson(JSON.stringify(value));
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u);
        expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    expect(printableJson('"größe \u009b2J \u{e0001}"')).toBe('"größe \\u009b2J \\udb40\\udc01"');
  });
});
