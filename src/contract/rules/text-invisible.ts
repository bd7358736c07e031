// Which invisible characters have a reason to be where they are. Zero-width characters split words that a filter looks for, and variation
// selectors and tags carry whole hidden messages; but Persian, the scripts of India and emoji cannot be written without some of them. The
// places follow UAX #31 section 2.3 (join controls) and UTS #51 (emoji); where Unicode asks for tables that JavaScript does not have,
// the choice is named below. Nothing else is let through.
import { codePointClass, textClass } from './text-classes.ts';

const zwnj = 0x200c;
const zwj = 0x200d;

const isPictographic = /\p{Extended_Pictographic}/u;
const isEmoji = /\p{Emoji}/u;
const isModifier = /\p{Emoji_Modifier}/u;
const isHan = /\p{Unified_Ideograph}/u;
const isLetter = /\p{L}/u;
const isMark = /\p{Mn}/u;
// ccc = 9 of UnicodeData: the signs that take the vowel from a consonant, and so make a conjunct.
const isVirama =
  /[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u0e3a\u0eba\u0f84\u1039\u103a\u1714\u1715\u1734\u17d2\u1a60\u1b44\u1baa\u1bab\u1bf2\u1bf3\u2d7f\ua806\ua82c\ua8c4\ua953\ua9c0\uaaf6\uabed\u{10a3f}\u{11046}\u{11070}\u{1107f}\u{110b9}\u{11133}\u{11134}\u{111c0}\u{11235}\u{112ea}\u{1134d}\u{11442}\u{114c2}\u{115bf}\u{1163f}\u{116b6}\u{1172b}\u{11839}\u{1193d}\u{1193e}\u{119e0}\u{11a34}\u{11a47}\u{11a99}\u{11c3f}\u{11d44}\u{11d45}\u{11d97}]/u;
// Instead of Joining_Type: any letter of a script whose letters join. UAX #31 would refuse ZWNJ after a letter that never joins to the
// left; that is how some people type Persian, and nothing is hidden by it that the strict rule would show.
const isJoiningLetter =
  /(?=\p{L})[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Nko}\p{Script=Mandaic}\p{Script=Phags_Pa}\p{Script=Manichaean}\p{Script=Psalter_Pahlavi}\p{Script=Hanifi_Rohingya}\p{Script=Sogdian}\p{Script=Adlam}]/u;
const isMongolianLetter = /(?=\p{L})\p{Script=Mongolian}/u;

/** The three flags of RGI_Emoji_Tag_Sequence after U+1F3F4. Any other tag sequence shows a black flag and hides its letters. */
const flagTags = ['gbeng', 'gbsct', 'gbwls'].map(
  (letters) => `${Array.from(letters, (letter) => String.fromCodePoint(0xe0000 + letter.charCodeAt(0))).join('')}\u{e007f}`,
);

/** The offset in UTF-16 units of the first invisible character without a reason; -1: none. Linear in the text, which is well-formed. */
export function findInvisible(text: string): number {
  /** The characters before `at`; empty at the start. `base` is the last one that is no mark. */
  let previous = '';
  let base = '';
  let beforePrevious = '';
  let at = 0;
  while (at < text.length) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    const codePoint = character.codePointAt(0) ?? 0;
    if ((codePointClass(codePoint) & textClass.invisible) !== 0) {
      if (codePoint >= 0xe0020 && codePoint <= 0xe007f) {
        const tags = previous === '\u{1f3f4}' ? flagTags.find((sequence) => text.startsWith(sequence, at)) : undefined;
        if (tags === undefined) return at;
        at += tags.length;
        beforePrevious = '';
        previous = '';
        base = '';
        continue;
      }
      const next = text.slice(at + character.length, at + character.length + 2);
      if (!hasReason(codePoint, beforePrevious, previous, base, text, at + character.length, next)) return at;
    }
    beforePrevious = previous;
    previous = character;
    if (!isMark.test(character) && codePoint !== zwnj && codePoint !== zwj) base = character;
    at += character.length;
  }
  return -1;
}

function hasReason(
  codePoint: number,
  beforePrevious: string,
  previous: string,
  base: string,
  text: string,
  after: number,
  next: string,
): boolean {
  const following = firstCharacter(next);
  switch (codePoint) {
    case zwj:
      return (
        joinsEmoji(beforePrevious, previous, following) ||
        (isLetter.test(base) && (isVirama.test(previous) || (previous === base && isVirama.test(following))))
      );
    case zwnj:
      if (isVirama.test(previous)) return isLetter.test(base) && isLetter.test(following);
      return isJoiningLetter.test(base) && isJoiningLetter.test(firstUnmarked(text, after));
    case 0xfe0e:
    case 0xfe0f:
      return isEmoji.test(previous);
    case 0x180b:
    case 0x180c:
    case 0x180d:
    case 0x180f:
      return isMongolianLetter.test(previous);
    default:
      // Ideographic variation sequences (UTS #37), and standardized variants of ideographs.
      return (
        ((codePoint >= 0xe0100 && codePoint <= 0xe01ef) || (codePoint >= 0xfe00 && codePoint <= 0xfe02)) && isHan.test(previous)
      );
  }
}

/** ED-16 of UTS #51: an emoji, perhaps with a skin tone or U+FE0F, and one that follows. */
function joinsEmoji(beforePrevious: string, previous: string, following: string): boolean {
  const element = previous === '\ufe0f' || isModifier.test(previous) ? beforePrevious : previous;
  return isPictographic.test(element) && isPictographic.test(following);
}

function firstCharacter(text: string): string {
  return text === '' ? '' : String.fromCodePoint(text.codePointAt(0) ?? 0);
}

/** The first character from `at` that is no mark. Each mark is passed once in all: a further ZWNJ is no mark and ends the run. */
function firstUnmarked(text: string, at: number): string {
  let position = at;
  while (position < text.length) {
    const character = String.fromCodePoint(text.codePointAt(position) ?? 0);
    if (!isMark.test(character)) return character;
    position += character.length;
  }
  return '';
}
