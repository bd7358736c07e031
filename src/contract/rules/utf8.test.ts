// Well-formed UTF-8 against Node's own strict decoder, and the edges of table 3-7 one by one.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codePointAt, invalidUtf8At, utf8Length } from './utf8.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function isValid(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

describe('invalidUtf8At', () => {
  it.each([
    ['overlong NUL', [0xc0, 0x80]],
    ['overlong of two bytes', [0xc1, 0xbf]],
    ['overlong of three bytes', [0xe0, 0x9f, 0xbf]],
    ['overlong of four bytes', [0xf0, 0x8f, 0xbf, 0xbf]],
    ['first surrogate', [0xed, 0xa0, 0x80]],
    ['last surrogate', [0xed, 0xbf, 0xbf]],
    ['above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a lead byte that no character has', [0xf5, 0x80, 0x80, 0x80]],
    ['a rest without a lead', [0x80]],
    ['an end in the middle', [0xe2, 0x82]],
  ])('refuses %s', (_, bytes) => {
    expect(invalidUtf8At(Uint8Array.from([0x61, ...bytes]), 0, bytes.length + 1)).toBe(1);
  });

  it('accepts the first and last character of each length', () => {
    for (const codePoint of [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff]) {
      const bytes = Buffer.from(String.fromCodePoint(codePoint));
      expect(codePointAt(bytes, 0, bytes.length)).toBe(codePoint);
      expect(utf8Length(codePoint)).toBe(bytes.length);
    }
  });

  it('looks no further than the end', () => {
    const bytes = Buffer.from('a€');
    expect(invalidUtf8At(bytes, 0, 3)).toBe(1);
  });

  it('agrees with TextDecoder on any bytes', () => {
    // Bytes of characters, so that long valid stretches occur, with a few changed.
    const byte = fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0x80, 0x9f, 0xa0, 0xbf),
    );
    const bytes = fc.oneof(
      fc.array(byte, { maxLength: 6 }).map((list) => Uint8Array.from(list)),
      fc.tuple(fc.string({ unit: 'binary' }), fc.nat(), byte).map(([text, at, value]) => {
        const changed = Buffer.from(text);
        if (changed.length > 0) changed[at % changed.length] = value;
        return Uint8Array.from(changed);
      }),
    );
    fc.assert(
      fc.property(bytes, (given) => {
        expect(invalidUtf8At(given, 0, given.length) < 0).toBe(isValid(given));
      }),
      { numRuns: 400 },
    );
  });
});
