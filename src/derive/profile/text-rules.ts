// The rules that follow from the strings of an input or a feature: lengths, which characters, a pattern, a closed set of words.
import type { Mode, StringRules, TensorRules } from '../../contract/index.ts';
import { VocabularyFiles } from '../vocabulary-files.ts';
import { lengthBounds } from './margins.ts';
import { addUnique, type RuleDraft, type RuleOptions } from './rule-draft.ts';
import type { TextMeasure } from './text-measure.ts';

/** Words of a vocabulary; more are not a closed set just because they were counted. */
const maxWords = 100;
/** How likely another word may be. */
const maxUnseen = 0.01;

export interface MeasuredString {
  readonly rules: StringRules;
  /** Of the pattern; absent where it has the contract's own. */
  readonly mode?: Mode;
  readonly notes: readonly string[];
}

export function addText(text: TextMeasure, base: TensorRules, options: RuleOptions, to: RuleDraft): void {
  if (text.count === 0) return;
  const words = wordsOf(text);
  const { rules, mode, notes } = stringRules(text, options, words === undefined);
  to.draft.string = { ...base.string, ...rules };
  to.derive('string.encoding', 'string.minBytes', 'string.maxBytes');
  to.notes.push(...notes);
  if (rules.encoding === 'binary') return;
  to.derive('string.maxCodePoints', 'string.controlCharacters', 'string.bidiControls', 'string.invisible');
  if (rules.maxGraphemes !== undefined) to.derive('string.maxGraphemes');
  if (rules.normalization !== undefined) to.derive('string.normalization');
  if (rules.pattern !== undefined) {
    to.derive('string.pattern');
    if (mode !== undefined) to.modes.set('string.pattern', mode);
  }
  addWords(words, text, base, to);
  if (options.detect) addUnique(text.distinct.allDiffer && text.count > 1, to);
}

function addWords(words: readonly string[] | undefined, text: TextMeasure, base: TensorRules, to: RuleDraft): void {
  const table = base.vocabulary?.entries;
  if (table === undefined) {
    to.words = words;
    return;
  }
  // A table of the model itself knows better which words there are; that the data hold no others is reason enough to enforce it.
  const isInside = words?.every((word) => table.has(word)) === true;
  if (isInside) to.derive('vocabulary');
  let outside = 0;
  for (const word of text.distinct.values) if (!table.has(word)) outside++;
  if (outside === 0) return;
  const note = `${outside} of ${text.distinct.size} different values are not among the ${table.size} words of the vocabulary`;
  if (base.modes.get('vocabulary') === 'shadow') to.notes.push(`${note}, which therefore only watches`);
  else to.warn(note);
}

/** The closed set of words that the values are, if there is one. */
function wordsOf({ distinct }: TextMeasure): readonly string[] | undefined {
  const { size } = distinct;
  if (size === undefined || size > maxWords || distinct.unseenShare > maxUnseen) return undefined;
  const words = [...distinct.values].sort((one, other) => (one < other ? -1 : 1));
  return VocabularyFiles.canHold(words) ? words : undefined;
}

export function stringRules(text: TextMeasure, { margin }: RuleOptions, withPattern = true): MeasuredString {
  const bytes = lengthBounds(text.bytes, margin);
  const lengths = { minBytes: bytes.min, maxBytes: bytes.max };
  if (text.invalid > 0) {
    const allow = { controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow' } as const;
    const notes = [`${text.invalid} of ${text.count} values are not UTF-8: no rule of text is set`];
    return { rules: { encoding: 'binary', ...allow, ...lengths }, notes };
  }
  const graphemes = lengthBounds(text.graphemes, margin).max;
  const codePoints = lengthBounds(text.codePoints, margin).max;
  const found = withPattern ? text.shapes.pattern(margin) : undefined;
  const rules: StringRules = {
    encoding: 'utf8',
    controlCharacters: text.controls === 0 ? 'reject' : 'allow',
    bidiControls: text.bidiControls === 0 ? 'reject' : 'allow',
    invisible: text.invisibles === 0 ? 'reject' : 'allow',
    ...lengths,
    maxCodePoints: codePoints,
    ...(graphemes < codePoints ? { maxGraphemes: graphemes } : {}),
    // ASCII is its own normal form and says nothing about other text.
    ...(text.notAscii > 0 && text.notNfc === 0 ? { normalization: 'NFC' as const } : {}),
    ...(found?.pattern === undefined ? {} : { pattern: found.pattern }),
  };
  const notes = found?.mistake === undefined ? [] : [`no pattern: ${found.mistake}`];
  return found?.pattern !== undefined && found.share < 1 ? { rules, mode: 'shadow', notes } : { rules, notes };
}
