// What the rules of text need to know of each code point. The answers come from the Unicode tables of the running Node, a block of 256 at
// a time when the first text needs it; nothing here looks at the neighbours of a code point.

/** Bits of `codePointClass`. */
export const textClass = {
  /** Category Cc but for tab, newline and carriage return. */
  control: 1,
  /** Reorders text: the set of CVE-2021-42574 and the marks U+061C, U+200E and U+200F. */
  bidi: 2,
  /** Not seen by itself; text-invisible.ts knows the places where that is right. */
  invisible: 4,
  /** Category M: joins what stands before it. */
  mark: 8,
  /** May join a neighbour into one grapheme. Two code points without this bit never do (UAX #29). */
  joining: 16,
  /** Only of bytes: the start or the rest of a character that is not ASCII. */
  notAscii: 128,
} as const;

/** The class of each byte as an ASCII character. Carriage return may join a newline. */
export const byteClasses: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x80) return textClass.notAscii;
  if (byte === 0x0d) return textClass.joining;
  const isBlank = byte === 0x09 || byte === 0x0a;
  return (byte < 0x20 && !isBlank) || byte === 0x7f ? textClass.control : 0;
});

const isControl = /(?![\t\n\r])\p{Cc}/u;
const isBidi = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
// Default_Ignorable_Code_Point says "no glyph of its own" (UAX #44); interlinear annotation (U+FFF9 to U+FFFB) has none either.
const isInvisible = /[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/u;
const isMark = /\p{M}/u;
// Everything that is not known to stand alone may join: marks, jamo, flags, skin tones, format characters, what is unassigned.
const standsAlone = /[\p{Cc}\p{L}\p{N}\p{P}\p{S}\p{Zs}\p{Zl}\p{Zp}\p{Co}]/u;
const joins = new RegExp(
  [
    String.raw`[\r\p{Grapheme_Extend}\p{M}\p{Regional_Indicator}\p{Emoji_Modifier}\p{Default_Ignorable_Code_Point}`,
    // Conjoining jamo, and since Unicode 16 the vowels of Kirat Rai, which join in the same way.
    String.raw`\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff\u{16d63}\u{16d67}-\u{16d6a}`,
    // Letters of the classes Prepend and SpacingMark (UAX #29, table 2).
    String.raw`\u0d4e\u0e33\u0eb3\u{111c2}\u{111c3}\u{113d1}\u{1193f}\u{11941}\u{11a84}-\u{11a89}\u{11d46}\u{11f02}]`,
  ].join(''),
  'u',
);

const blocks: (Uint8Array | undefined)[] = Array.from({ length: 0x1100 });

function fillBlock(block: number): Uint8Array {
  const classes = Uint8Array.from({ length: 256 }, (_, low) => {
    const codePoint = block * 256 + low;
    const text = String.fromCodePoint(codePoint);
    return (
      (isControl.test(text) ? textClass.control : 0) |
      (isBidi.test(text) ? textClass.bidi : 0) |
      (isInvisible.test(text) && !isBidi.test(text) ? textClass.invisible : 0) |
      (isMark.test(text) ? textClass.mark : 0) |
      (!standsAlone.test(text) || joins.test(text) ? textClass.joining : 0)
    );
  });
  blocks[block] = classes;
  return classes;
}

/** Bits of `textClass`; `codePoint` is a Unicode scalar value. */
export function codePointClass(codePoint: number): number {
  return (blocks[codePoint >>> 8] ?? fillBlock(codePoint >>> 8))[codePoint & 0xff];
}
