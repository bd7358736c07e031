// The rules of one string, each as a step: what is wrong with the text, and how it can be cut. The order is the order in which they are
// looked at: what is cheap bounds what is not. A step decides nothing about what follows from it.
import type { StringRules } from '../contract-types.ts';
import type { RuleName } from '../rule-table.ts';
import { type CutLimit, maxCodePointsPerGrapheme } from './graphemes.ts';
import { compilePattern, matchesWithin, type Pattern, type PatternWork } from './pattern.ts';
import { textClass } from './text-classes.ts';
import { findInvisible } from './text-invisible.ts';
import { findClass } from './text-scan.ts';
import type { TextView } from './text-view.ts';
import { codePointAt, utf8Text } from './utf8.ts';

export type TextRule = Extract<RuleName, `string.${string}`>;

export interface TextProblem {
  readonly expected: string;
  readonly got: () => string;
}

export interface TextStep {
  readonly rule: TextRule;
  /** Takes far longer per byte than the scan: not worth it for a text that is too long anyway. */
  readonly isCostly: boolean;
  /** What `truncate` cuts to. */
  readonly cut?: CutLimit;
  /** The same as `find`, for plain ASCII that nobody made a view of yet. */
  readonly accepts?: (bytes: Uint8Array, work: PatternWork) => boolean;
  find(text: TextView, work: PatternWork): TextProblem | undefined;
}

/** The marks in a row that a normal form may have: as the Stream-Safe Text Format of UAX #15. */
const maxMarks = maxCodePointsPerGrapheme - 2;

/**
 * The steps of the rules that are set and bound, cheap ones first.
 * @throws CONTRACT_INVALID for a pattern that is not RE2 or too large.
 */
export function textSteps(rules: StringRules, isBound: (rule: TextRule) => boolean): readonly TextStep[] {
  const steps = rules.encoding === 'binary' ? byteSteps(rules) : [...byteSteps(rules), ...characterSteps(rules)];
  // Not compiled before it is known that the pattern counts.
  if (rules.encoding !== 'binary' && rules.pattern !== undefined && isBound('string.pattern')) {
    steps.push(patternStep(compilePattern(rules.pattern)));
  }
  return steps.filter(({ rule }) => isBound(rule));
}

function byteSteps({ minBytes, maxBytes }: StringRules): TextStep[] {
  const size = (text: TextView): number => text.rawBytes.length;
  return [atLeast('string.minBytes', minBytes, 'bytes', size), atMost('string.maxBytes', maxBytes, 'bytes', size)].flat();
}

function characterSteps(rules: StringRules): TextStep[] {
  const count = (text: TextView): number => text.codePoints;
  return [
    encodingStep(rules.encoding === 'ascii'),
    atLeast('string.minCodePoints', rules.minCodePoints, 'code points', count),
    atMost('string.maxCodePoints', rules.maxCodePoints, 'codePoints', count),
    classStep('string.controlCharacters', rules.controlCharacters, textClass.control, 'no control characters'),
    classStep('string.bidiControls', rules.bidiControls, textClass.bidi, 'no characters that reorder text'),
    invisibleStep(rules.invisible),
    rules.normalization === undefined ? [] : normalizationStep(rules.normalization),
    minGraphemes(rules.minGraphemes),
    maxGraphemes(rules.maxGraphemes),
  ].flat();
}

function encodingStep(asciiOnly: boolean): TextStep {
  return {
    rule: 'string.encoding',
    isCostly: false,
    find: ({ invalidAt, notAsciiAt }) => {
      if (asciiOnly) return notAsciiAt < 0 ? undefined : problem('ASCII', () => `a byte above 127 at ${notAsciiAt}`);
      return invalidAt < 0 ? undefined : problem('valid UTF-8', () => `an invalid byte at ${invalidAt}`);
    },
  };
}

type Measure = (text: TextView) => number;

function atLeast(rule: TextRule, limit: number | undefined, unit: string, measure: Measure): TextStep[] {
  if (limit === undefined) return [];
  const find = (text: TextView): TextProblem | undefined => {
    const size = measure(text);
    return size >= limit ? undefined : problem(`at least ${limit} ${unit}`, () => `${size} ${unit}`);
  };
  return [{ rule, isCostly: false, find }];
}

function atMost(rule: TextRule, limit: number | undefined, unit: 'bytes' | 'codePoints', measure: Measure): TextStep[] {
  if (limit === undefined) return [];
  const words = unit === 'bytes' ? 'bytes' : 'code points';
  const find = (text: TextView): TextProblem | undefined => {
    const size = measure(text);
    return size <= limit ? undefined : problem(`at most ${limit} ${words}`, () => `${size} ${words}`);
  };
  return [{ rule, isCostly: false, cut: { unit, limit }, find }];
}

function classStep(rule: TextRule, setting: 'allow' | 'reject', wanted: number, expected: string): TextStep[] {
  if (setting === 'allow') return [];
  const find = (text: TextView): TextProblem | undefined => {
    if ((text.classes & wanted) === 0) return undefined;
    return problem(expected, () => named(text.bytes, findClass(text.bytes, 0, text.bytes.length, wanted)));
  };
  return [{ rule, isCostly: false, find }];
}

function invisibleStep(setting: 'allow' | 'reject'): TextStep[] {
  if (setting === 'allow') return [];
  const find = (text: TextView): TextProblem | undefined => {
    if ((text.classes & textClass.invisible) === 0) return undefined;
    const unit = findInvisible(text.text);
    if (unit < 0) return undefined;
    return problem('no invisible characters', () => named(text.bytes, Buffer.byteLength(text.text.slice(0, unit))));
  };
  return [{ rule: 'string.invisible', isCostly: true, find }];
}

function normalizationStep(form: 'NFC' | 'NFKC'): TextStep {
  // Below these, text is in the form whatever its order: the quick checks of UAX #15.
  const firstSuspect = form === 'NFC' ? 0x300 : 0xa0;
  return {
    rule: 'string.normalization',
    isCostly: true,
    find: (text) => {
      if (text.maxCodePoint < firstSuspect) return undefined;
      // ICU sorts the marks of a character by insertion: 200,000 of them took 14 s.
      if (text.longestMarkRun > maxMarks) {
        return problem(`Unicode ${form}, at most ${maxMarks} marks in a row`, () => `${text.longestMarkRun} marks`);
      }
      return text.text.normalize(form) === text.text ? undefined : problem(`Unicode ${form}`, () => 'text in another form');
    },
  };
}

function minGraphemes(limit: number | undefined): TextStep[] {
  if (limit === undefined) return [];
  const find = (text: TextView): TextProblem | undefined => {
    const count = text.codePoints < limit ? text.codePoints : text.graphemes(limit);
    return count >= limit ? undefined : problem(`at least ${limit} graphemes`, () => `${text.graphemes(limit)} graphemes`);
  };
  return [{ rule: 'string.minGraphemes', isCostly: true, find }];
}

function maxGraphemes(limit: number | undefined): TextStep[] {
  if (limit === undefined) return [];
  const expected = `at most ${limit} graphemes`;
  const find = (text: TextView): TextProblem | undefined => {
    if (text.codePoints <= limit) return undefined;
    // A grapheme has no length of its own: one letter may carry a megabyte of marks. This also bounds what is segmented.
    if (text.codePoints > limit * maxCodePointsPerGrapheme) return problem(expected, () => `${text.codePoints} code points`);
    const count = text.graphemes(limit);
    return count <= limit ? undefined : problem(expected, () => `more than ${limit} graphemes`);
  };
  return [{ rule: 'string.maxGraphemes', isCostly: true, cut: { unit: 'graphemes', limit }, find }];
}

/** Instructions × bytes up to which a text that does not match may be matched twice. */
const maxQuickWork = 2 ** 16;

function patternStep(pattern: Pattern): TextStep {
  const maxQuickBytes = Math.min(pattern.maxBytes, Math.floor(maxQuickWork / pattern.size));
  const shown = pattern.source.length > 100 ? `${pattern.source.slice(0, 100)}…` : pattern.source;
  return {
    rule: 'string.pattern',
    isCostly: true,
    accepts: (bytes, work) => bytes.length <= maxQuickBytes && matchesWithin(pattern, bytes, work) === true,
    find: ({ bytes }, work) => {
      if (bytes.length > pattern.maxBytes) {
        return problem(`at most ${pattern.maxBytes} bytes for this pattern`, () => `${bytes.length} bytes`);
      }
      const isMatch = matchesWithin(pattern, bytes, work);
      if (isMatch === true) return undefined;
      if (isMatch === undefined) return problem('texts whose patterns are matched in the time of a request', () => 'too many');
      // Longer than what a message shows, so that a cut is seen as one.
      return problem(`text that matches ${shown}`, () => utf8Text(bytes, 0, Math.min(bytes.length, 200)));
    },
  };
}

function problem(expected: string, got: () => string): TextProblem {
  return { expected, got };
}

/** A character by its number: it must not be written into a message. */
function named(bytes: Uint8Array, at: number): string {
  return `U+${codePointAt(bytes, at, bytes.length).toString(16).toUpperCase().padStart(4, '0')} at byte ${at}`;
}
