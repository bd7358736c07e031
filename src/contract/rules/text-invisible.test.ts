// Where invisible characters may stand, and that they may stand nowhere else.
import { describe, expect, it } from 'vitest';
import { findInvisible } from './text-invisible.ts';

describe('findInvisible lets through', () => {
  it.each([
    ['a family', '👨‍👩‍👧‍👦'],
    ['a skin tone in a sequence', '👩🏽‍🤝‍👨🏻'],
    ['a rainbow flag', '🏳️‍🌈'],
    ['the sign in emoji style', '❤️ and ©︎'],
    ['a keycap', '1️⃣'],
    ['the flag of Scotland', '🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}'],
    ['Persian with ZWNJ', 'می\u200cخواهم'],
    ['Persian with a mark before ZWNJ', 'میَ\u200cخواهم'],
    ['a conjunct with ZWJ', 'क्\u200dष'],
    ['a conjunct with ZWNJ', 'क्\u200cष'],
    ['Sinhala', 'ශ්\u200dරී'],
    ['the ya-phalaa of Bengali', 'র\u200d্য'],
    ['a variant of an ideograph', '葛\u{e0100}'],
    ['a variant of a Mongolian letter', 'ᠠ\u180b'],
    ['nothing', ''],
  ])('%s', (_, text) => expect(findInvisible(text)).toBe(-1));
});

describe('findInvisible finds', () => {
  it.each([
    ['a zero width space', 'pay\u200bpal', 3],
    ['ZWNJ between Latin letters', 'pay\u200cpal', 3],
    ['ZWJ between Latin letters', 'pay\u200dpal', 3],
    ['ZWJ at the start', '\u200d👨', 0],
    ['ZWJ at the end of an emoji', '👨\u200d', 2],
    ['two ZWJ', '👨\u200d\u200d👩', 2],
    ['ZWNJ after a virama before no letter', 'क्\u200c!', 2],
    ['a soft hyphen', 'pay\u00adpal', 3],
    ['a word joiner', 'a\u2060b', 1],
    ['a byte order mark', '\ufeffa', 0],
    ['a grapheme joiner', 'a\u034fb', 1],
    ['the filler of Hangul', 'a\u3164', 1],
    ['a variation selector after a letter', 'a\ufe0f', 1],
    ['a second variation selector', '😀\ufe0f\ufe0e', 3],
    ['bytes hidden behind an emoji', '😀\u{e0101}\u{e0155}', 2],
    ['an ideographic variant of a letter', 'a\u{e0100}', 1],
    ['tags', 'a\u{e0041}', 1],
    ['another flag of tags', '🏴\u{e0068}\u{e0069}\u{e007f}', 2],
    ['tags after a flag', '🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}\u{e0041}', 14],
    ['an annotation', 'a\ufff9b', 1],
    ['an invisible plus', '2\u2064', 1],
  ])('%s', (_, text, at) => expect(findInvisible(text)).toBe(at));

  it('takes no longer per character for many', () => {
    const text = 'ب\u064e\u200cب'.repeat(50_000);
    const startMs = performance.now();
    expect(findInvisible(text)).toBe(-1);
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });
});
