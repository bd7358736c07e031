// The rules of text that a graph can check: lengths, and what RE2 can say. Graphemes, normal forms and invisible characters need Unicode
// tables that no TensorFlow operation has; they are named as left out.
import type { RuleName, StringRules } from '../contract/index.ts';
import type { Planner } from './plan-checks.ts';
import { re2Obstacle } from './re2-obstacle.ts';
import { alternatives, noControls, onlyAscii, wellFormedUtf8 } from './regex-literal.ts';

const noBidi = '[^\\x{61C}\\x{200E}\\x{200F}\\x{202A}-\\x{202E}\\x{2066}-\\x{2069}]*';
const unicodeOnly = 'TensorFlow has no operation for it';

const defaultRules: StringRules = { encoding: 'utf8', controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow' };

export function planStringChecks(planner: Planner): void {
  planStringSets(planner);
  const { image, audio, example } = planner.rules;
  // Bytes of a container are no text.
  const isBinary = image !== undefined || audio !== undefined || example !== undefined;
  const text = planner.rules.string ?? (isBinary ? undefined : defaultRules);
  if (text === undefined) return;
  planLengths(planner, text);
  if (text.encoding === 'binary') return;
  planCharacters(planner, text);
}

function planLengths(planner: Planner, text: StringRules): void {
  const isText = text.encoding !== 'binary';
  const lengths = [
    ['string.minBytes', text.minBytes, 'BYTE', 'GreaterEqual', 'at least', 'bytes'],
    ['string.maxBytes', text.maxBytes, 'BYTE', 'LessEqual', 'at most', 'bytes'],
    ['string.minCodePoints', isText ? text.minCodePoints : undefined, 'UTF8_CHAR', 'GreaterEqual', 'at least', 'code points'],
    ['string.maxCodePoints', isText ? text.maxCodePoints : undefined, 'UTF8_CHAR', 'LessEqual', 'at most', 'code points'],
  ] as const;
  for (const [rule, limit, unit, comparison, words, noun] of lengths) {
    if (limit === undefined || !planner.wants(rule)) continue;
    // StringLength gives an int32; a limit that no string can break needs no check, one that none can keep is a mistake.
    const value = Math.min(limit, 2 ** 31 - 1);
    planner.addValue(rule, `${words} ${limit} ${noun}`, { kind: 'length', unit, comparison, value });
  }
}

function planCharacters(planner: Planner, text: StringRules): void {
  const ascii = text.encoding === 'ascii';
  match(planner, 'string.encoding', true, ascii ? 'ASCII' : 'valid UTF-8', ascii ? onlyAscii : wellFormedUtf8);
  match(planner, 'string.controlCharacters', text.controlCharacters === 'reject', 'no control characters', noControls);
  match(planner, 'string.bidiControls', text.bidiControls === 'reject', 'no characters that reorder text', noBidi);
  const leftOut: readonly (readonly [RuleName, boolean])[] = [
    ['string.invisible', text.invisible === 'reject'],
    ['string.normalization', text.normalization !== undefined],
    ['string.minGraphemes', text.minGraphemes !== undefined],
    ['string.maxGraphemes', text.maxGraphemes !== undefined],
  ];
  for (const [rule, isSet] of leftOut) if (isSet) planner.leaveOut(rule, unicodeOnly);
  const { pattern } = text;
  if (pattern === undefined || !planner.wants('string.pattern')) return;
  const obstacle = re2Obstacle(pattern);
  if (obstacle !== undefined) {
    planner.leaveOut('string.pattern', obstacle);
    return;
  }
  planner.addValue('string.pattern', 'a match of the pattern', { kind: 'match', pattern });
}

function match(planner: Planner, rule: RuleName, isSet: boolean, expected: string, pattern: string): void {
  if (isSet && planner.wants(rule)) planner.addValue(rule, expected, { kind: 'match', pattern });
}

function planStringSets(planner: Planner): void {
  const { allowed, vocabulary } = planner.rules;
  if (allowed !== undefined && planner.wants('allowed')) {
    const texts = allowed.filter((value) => typeof value === 'string');
    addAlternatives(planner, 'allowed', texts, `one of ${texts.length} allowed values`);
  }
  if (vocabulary === undefined || !planner.wants('vocabulary')) return;
  if (vocabulary.maxUnknownFraction > 0) {
    planner.leaveOut('vocabulary', 'a share of unknown values is allowed');
    return;
  }
  addAlternatives(planner, 'vocabulary', vocabulary.entries, `one of the ${vocabulary.entries.size} entries of the vocabulary`);
}

function addAlternatives(planner: Planner, rule: 'allowed' | 'vocabulary', texts: Iterable<string>, expected: string): void {
  const pattern = alternatives(texts);
  if (pattern === undefined) {
    planner.leaveOut(rule, 'its entries make a pattern of more than 64 KiB');
    return;
  }
  planner.addValue(rule, expected, { kind: 'match', pattern });
}
