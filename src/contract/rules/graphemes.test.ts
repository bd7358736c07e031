// Graphemes against Intl.Segmenter on whole texts: what is skipped, and the windows, must not change a single boundary.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countGraphemes, cutText, walkGraphemes } from './graphemes.ts';
import { codePointClass, textClass } from './text-classes.ts';

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });

function expectedEnds(text: string): number[] {
  let end = 0;
  return Array.from(segmenter.segment(text), ({ segment }) => (end += Buffer.byteLength(segment)));
}

function ends(text: string): number[] {
  const bytes = Buffer.from(text);
  const found: number[] = [];
  walkGraphemes(bytes, 0, bytes.length, (end) => {
    found.push(end);
    return true;
  });
  return found;
}

// Characters that join in every way that UAX #29 knows, beside those that never do.
const joiners = Array.from(
  '\r\n\tab \u00e9e\u0301\u0308\u200d\ufe0f\u200b\u2028\u0bb0\u0bcd\u0915\u094d\u0937\u093f\u0e33\u0d4e\u1100\u1161\u11a8가각\u{1f1e9}\u{1f1ea}\u{1f468}\u{1f469}\u{1f3fd}❤漢\u{e0067}\u{e007f}\u0600',
);
const text = fc.oneof(
  fc.array(fc.constantFrom(...joiners), { maxLength: 40 }).map((list) => list.join('')),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

describe('walkGraphemes', () => {
  it('finds the boundaries of Intl.Segmenter', () => {
    fc.assert(
      fc.property(text, (given) => {
        expect(ends(given)).toEqual(expectedEnds(given));
      }),
      { numRuns: 1500 },
    );
  });

  it('finds them across windows', () => {
    for (const long of [
      'e\u0301'.repeat(700),
      `a${'\u0301'.repeat(1500)}b`,
      '\u{1f1e9}'.repeat(601),
      '👨‍👩‍👧'.repeat(150),
      'क्ष'.repeat(400),
    ]) {
      expect(ends(long)).toEqual(expectedEnds(long));
    }
  });

  it('takes nothing for alone that Intl.Segmenter joins', () => {
    const alone: string[] = [];
    for (let codePoint = 0x80; codePoint < 0x20000; codePoint++) {
      if ((codePoint < 0xd800 || codePoint > 0xdfff) && (codePointClass(codePoint) & textClass.joining) === 0) {
        alone.push(String.fromCodePoint(codePoint));
      }
    }
    // Ideographs and syllables are many and all alike.
    const few = alone.filter((character) => !/[\p{Unified_Ideograph}\uac00-\ud7a3\p{Co}]/u.test(character));
    expect(few.length).toBeGreaterThan(20_000);
    for (let at = 0; at < few.length; at += 200) {
      const part = few.slice(at, at + 200);
      expect(Array.from(segmenter.segment(part.join('')), ({ segment }) => segment)).toEqual(part);
    }
  });
});

describe('countGraphemes', () => {
  it('takes a line end of Windows for one', () => expect(countGraphemes(Buffer.from('a\r\nb'), 0, 4)).toBe(3));

  it('stops behind its limit', () => {
    const bytes = Buffer.from('é'.repeat(1000));
    expect(countGraphemes(bytes, 0, bytes.length, 10)).toBe(11);
  });
});

describe('cutText', () => {
  const sizes = {
    bytes: (given: string) => Buffer.byteLength(given),
    codePoints: (given: string) => Array.from(given).length,
    graphemes: (given: string) => Array.from(segmenter.segment(given)).length,
  };

  it('keeps as many whole graphemes as fit', () => {
    const unit = fc.constantFrom('bytes', 'codePoints', 'graphemes');
    fc.assert(
      fc.property(text, unit, fc.nat(30), fc.constantFrom('left', 'right'), (given, of, limit, side) => {
        const bytes = Buffer.from(given);
        const [start, end] = cutText(bytes, 0, bytes.length, { unit: of, limit }, side);
        const boundaries = [0, ...expectedEnds(given)];
        expect(boundaries).toContain(start);
        expect(boundaries).toContain(end);
        expect(side === 'right' ? start : end).toBe(side === 'right' ? 0 : bytes.length);
        const kept = bytes.toString('utf8', start, end);
        expect(sizes[of](kept)).toBeLessThanOrEqual(limit);
        // One grapheme more would be too much.
        const index = boundaries.indexOf(side === 'right' ? end : start);
        const more = side === 'right' ? boundaries[index + 1] : boundaries[index - 1];
        if (more === undefined) return;
        const longer = side === 'right' ? bytes.toString('utf8', 0, more) : bytes.toString('utf8', more);
        // Counted in the whole text: a part may count its own graphemes in another way.
        const size = of === 'graphemes' ? (side === 'right' ? index + 1 : boundaries.length - index) : sizes[of](longer);
        expect(size).toBeGreaterThan(limit);
      }),
      { numRuns: 1000 },
    );
  });
});
