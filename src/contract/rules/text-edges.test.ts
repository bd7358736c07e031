// Texts and tokens where checks are easily a little wrong: runs of marks, cuts of bytes that are no text, variants of ideographs, and the
// places that a refusal of tokens names.
import { describe, expect, it } from 'vitest';
import { numbers, type RuleDraft, runRules, strings, textsOf } from '../../../tests/support/contracts.ts';
import type { StringRules, TokenRules } from '../contract-types.ts';
import { findInvisible } from './text-invisible.ts';

const open: StringRules = { encoding: 'utf8', controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow' };
function check(texts: readonly (string | Uint8Array)[], rules: Partial<StringRules>, onViolation = {}) {
  const draft: RuleDraft = { dtype: 'DT_STRING', string: { ...open, ...rules }, onViolation };
  const { findings, tensors } = runRules(draft, strings(texts));
  const said = findings.kept.map(({ violation: { path, rule, expected, got } }) => `${rule} ${path}: ${expected}, ${got}`);
  return { said, texts: textsOf(tensors[0]), refused: findings.refused };
}

describe('marks in a row', () => {
  // A mark that nothing composes with, so that only their number is the question.
  const marks = (count: number) => '\u0332'.repeat(count);
  it('are at most 30 where a form is asked for, each character by itself', () => {
    for (const normalization of ['NFC', 'NFKC'] as const) {
      expect(check([`x${marks(30)}`, `x${marks(30)}y${marks(30)}`], { normalization }).said).toEqual([]);
      expect(check([`x${marks(31)}`], { normalization }).said).toEqual([
        `string.normalization x[0]: Unicode ${normalization}, at most 30 marks in a row, 31 marks`,
      ]);
      expect(check([`y${marks(3)}x${marks(40)}z${marks(2)}`], { normalization }).said[0]).toContain('40 marks');
    }
    expect(check([`x${marks(100)}`], {}).said).toEqual([]);
  });

  it('are not looked at in texts that have their form anyhow', () => {
    expect(check(['\u00bd\u00e9'], { normalization: 'NFC' }).said).toEqual([]);
    expect(check(['\u00bd'], { normalization: 'NFKC' }).said).toHaveLength(1);
    expect(check(['\u00a0'], { normalization: 'NFKC' }).said).toHaveLength(1);
    expect(check(['e\u0301'], { normalization: 'NFC' }).said).toEqual([
      'string.normalization x[0]: Unicode NFC, text in another form',
    ]);
  });
});

describe('what is cut and put in place', () => {
  it('of bytes that are no text, to the byte at either side', () => {
    const cut = (side: string) =>
      check(
        [Uint8Array.from([65, 66, 67, 68])],
        { encoding: 'binary', maxBytes: 3 },
        { 'string.maxBytes': { kind: 'truncate', side } },
      );
    expect(cut('right')).toMatchObject({ texts: ['ABC'], refused: false });
    expect(cut('left')).toMatchObject({ texts: ['BCD'], refused: false });
  });

  it('stays within what a tensor may grow by', () => {
    const replace = (length: number) => ({ 'string.pattern': { kind: 'replace', with: 'w'.repeat(length) } });
    // Some become longer, others shorter; neither is near the limit.
    const short = new Array<string>(200).fill('1');
    expect(check(short, { pattern: '[a-z]*' }, replace(10))).toMatchObject({ refused: false });
    expect(new Set(check(short, { pattern: '[a-z]*' }, replace(10)).texts)).toEqual(new Set(['w'.repeat(10)]));
    expect(check(new Array<string>(200).fill('1'.repeat(50)), { pattern: '[a-z]*' }, replace(1)).texts).toEqual(
      new Array(200).fill('w'),
    );
  });

  it('is checked by what the contract says of text, not of bytes', () => {
    const broken = Uint8Array.from([0xc3]);
    expect(check([broken], { encoding: 'binary' }).said).toEqual([]);
    expect(check([broken], {}).said).toEqual(['string.encoding x[0]: valid UTF-8, an invalid byte at 0']);
    expect(check(['é'], { encoding: 'ascii' }).said).toHaveLength(1);
    expect(check(['\u007f'], { encoding: 'ascii' }).said).toEqual([]);
  });

  it('is found behind many plain characters', () => {
    for (const before of [0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64]) {
      const text = 'a'.repeat(before);
      expect(check([`${text}\x1b`], { controlCharacters: 'reject' }).said).toEqual([
        `string.controlCharacters x[0]: no control characters, U+001B at byte ${before}`,
      ]);
      expect(check([`${text}\x80`], { controlCharacters: 'reject' }).said).toEqual([
        `string.controlCharacters x[0]: no control characters, U+0080 at byte ${before}`,
      ]);
      expect(check(['ok', `${text}\u202e`], { bidiControls: 'reject' }).said).toEqual([
        `string.bidiControls x[1]: no characters that reorder text, U+202E at byte ${before}`,
      ]);
    }
  });
});

describe('variants of a character', () => {
  it('may follow an ideograph, in their ranges, and nothing else', () => {
    for (const variant of [0xfe00, 0xfe01, 0xfe02, 0xe0100, 0xe01ef]) {
      const character = String.fromCodePoint(variant);
      expect(findInvisible(`漢${character}`)).toBe(-1);
      expect(findInvisible(`a${character}`)).toBe(1);
    }
    for (const other of [0xfe03, 0xfe0d, 0xe00ff, 0xe01f0]) {
      const found = findInvisible(`漢${String.fromCodePoint(other)}`);
      // Not all of them are characters that nobody sees.
      expect(found === 1 || !/\p{DI}/u.test(String.fromCodePoint(other))).toBe(true);
    }
    // Tags stand behind a black flag only.
    expect(findInvisible('🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}')).toBe(-1);
    for (const tag of [0xe0020, 0xe007f]) expect(findInvisible(`a${String.fromCodePoint(tag)}`)).toBe(1);
  });
});

describe('a refusal of tokens', () => {
  const of = (tokens: Partial<TokenRules>, rows: readonly (readonly number[])[]): string[] => {
    const draft: RuleDraft = { dtype: 'DT_INT32', tokens: { padSide: 'right', specialIds: [], ...tokens } };
    const { findings } = runRules(draft, numbers('DT_INT32', rows.flat(), [rows.length, rows[0].length]));
    return findings.kept.map(({ violation: { rule, path, expected, got } }) => `${rule} ${path}: ${expected}, ${got}`);
  };
  const fine = [1, 5, 2, 0];
  it('names the token in its row', () => {
    const ends = { padId: 0, startsWith: 1, endsWith: 2 };
    expect(of(ends, [fine, [3, 5, 2, 0]])).toEqual(['tokens.startsWith x[4]: 1 as the first token, 3']);
    expect(of(ends, [fine, [1, 5, 4, 0]])).toEqual(['tokens.endsWith x[6]: 2 as the last token, 4']);
    expect(of(ends, [fine, [1, 0, 2, 0]])).toEqual([
      expect.stringMatching(/^tokens\.padding x\[5\]: padding \(0\) only at the right, /),
    ]);
    expect(
      of({ ...ends, padSide: 'left' }, [
        [0, 1, 5, 2],
        [0, 3, 5, 2],
      ]),
    ).toEqual(['tokens.startsWith x[5]: 1 as the first token, 3']);
    expect(of({ padId: 0, startsWith: 1 }, [fine, [0, 0, 0, 0]])[0]).toMatch(
      /^tokens\.startsWith x\[4\]: 1 as the first token, /,
    );
    expect(of({ padId: 0, endsWith: 2 }, [fine, [0, 0, 0, 0]])[0]).toMatch(/^tokens\.endsWith x\[4\]: 2 as the last token, /);
  });

  it('comes for each rule by itself', () => {
    const limits = { padId: 0, specialIds: [1, 2], maxSpecialTokens: 2, maxRepeatRun: 2, length: { min: 2, max: 3 } };
    expect(of(limits, [fine])).toEqual([]);
    expect(of(limits, [fine, [1, 2, 1, 0]])).toEqual([expect.stringMatching(/^tokens\.maxSpecialTokens x\[\d\]: /)]);
    expect(of(limits, [fine, [7, 7, 7, 0]])).toEqual([expect.stringMatching(/^tokens\.maxRepeatRun x\[6\]: /)]);
    expect(of(limits, [fine, [7, 0, 0, 0]])).toEqual([expect.stringMatching(/^tokens\.length x\[4\]: /)]);
    expect(of(limits, [fine, [7, 8, 7, 8]])).toEqual([expect.stringMatching(/^tokens\.length x\[4\]: /)]);
    expect(
      of({ endsWith: 2 }, [
        [2, 2],
        [2, 3],
      ]),
    ).toHaveLength(1);
    expect(
      of({ startsWith: 1 }, [
        [1, 2],
        [3, 1],
      ]),
    ).toHaveLength(1);
  });
});
