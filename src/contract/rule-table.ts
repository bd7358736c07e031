// Every rule by its name: which tensors it is for, and which actions it can take when it is broken. The schema, the docs' table and
// the tests that go through all rules read this one table; a rule that is not here does not exist.
import type { ActionKind } from './contract-types.ts';

/** What a rule is about: numbers, strings that are text or bytes, or every tensor. */
export type RuleSubject = 'any' | 'number' | 'float' | 'string' | 'token' | 'image' | 'audio' | 'example' | 'output' | 'relation';

export interface RuleSpec {
  readonly subject: RuleSubject;
  /** Besides reject and log, which every rule of an input takes. */
  readonly actions: readonly Exclude<ActionKind, 'reject' | 'log'>[];
  /** For people: one line in docs and reports. */
  readonly text: string;
}

const rule = (subject: RuleSubject, text: string, ...actions: Exclude<ActionKind, 'reject' | 'log'>[]): RuleSpec => ({
  subject,
  actions,
  text,
});

export const ruleTable = {
  shape: rule('any', 'rank, fixed sizes, named dimensions and their relations', 'truncate', 'pad'),
  maxElements: rule('any', 'number of elements'),
  maxBytes: rule('any', 'bytes of the tensor’s content'),
  'number.nan': rule('float', 'not a number', 'replace'),
  'number.infinity': rule('float', 'infinities', 'clip', 'replace'),
  'number.subnormal': rule('float', 'numbers below the smallest normal one', 'replace'),
  'number.negativeZero': rule('float', 'the zero with a sign'),
  'number.narrowing': rule('float', 'a decimal that loses precision in the data type'),
  min: rule('number', 'smallest value', 'clip', 'replace'),
  max: rule('number', 'largest value', 'clip', 'replace'),
  exclusiveMin: rule('number', 'values are larger than this', 'replace'),
  exclusiveMax: rule('number', 'values are smaller than this', 'replace'),
  softMin: rule('number', 'smallest usual value; never refuses'),
  softMax: rule('number', 'largest usual value; never refuses'),
  allowed: rule('any', 'the value is one of a list', 'replace'),
  vocabulary: rule('any', 'the value is in a file', 'replace'),
  unique: rule('any', 'no element, or no row, comes twice'),
  monotone: rule('number', 'values rise or fall along the last dimension'),
  sum: rule('number', 'sum of the tensor'),
  rowSum: rule('number', 'sum of each row'),
  'norm.l1': rule('number', 'sum of absolute values of each row'),
  'norm.l2': rule('number', 'Euclidean length of each row'),
  'norm.linf': rule('number', 'largest absolute value of each row'),
  mean: rule('number', 'mean of the tensor'),
  standardDeviation: rule('number', 'spread of the tensor'),
  zeroFraction: rule('number', 'share of zeros'),
  'string.encoding': rule('string', 'valid UTF-8, or ASCII', 'replace'),
  'string.normalization': rule('string', 'Unicode normal form', 'replace'),
  'string.controlCharacters': rule('string', 'control characters', 'replace'),
  'string.bidiControls': rule('string', 'characters that reorder text', 'replace'),
  'string.invisible': rule('string', 'characters that cannot be seen', 'replace'),
  'string.minBytes': rule('string', 'fewest bytes'),
  'string.maxBytes': rule('string', 'most bytes', 'truncate', 'replace'),
  'string.minCodePoints': rule('string', 'fewest code points'),
  'string.maxCodePoints': rule('string', 'most code points', 'truncate', 'replace'),
  'string.minGraphemes': rule('string', 'fewest characters as people count them'),
  'string.maxGraphemes': rule('string', 'most characters as people count them', 'truncate', 'replace'),
  'string.pattern': rule('string', 'an RE2 pattern over the whole string', 'replace'),
  'tokens.padding': rule('token', 'padding stands at one end only'),
  'tokens.startsWith': rule('token', 'first token'),
  'tokens.endsWith': rule('token', 'last token before padding'),
  'tokens.maxSpecialTokens': rule('token', 'number of special tokens in a row'),
  'tokens.maxRepeatRun': rule('token', 'longest run of one token'),
  'tokens.length': rule('token', 'tokens of a row without padding'),
  'image.format': rule('image', 'file format, by its content'),
  'image.structure': rule('image', 'a header and blocks that make sense'),
  'image.width': rule('image', 'width', 'downsample'),
  'image.height': rule('image', 'height', 'downsample'),
  'image.maxPixels': rule('image', 'width × height', 'downsample'),
  'image.channels': rule('image', 'channels'),
  'image.bitDepth': rule('image', 'bits per sample'),
  'image.maxFrames': rule('image', 'frames of an animation', 'truncate'),
  'image.maxDecodedBytes': rule('image', 'bytes when decoded, by the header'),
  'image.maxRatio': rule('image', 'decoded over encoded bytes'),
  'image.inflatedSize': rule('image', 'pixel data inflates to what the header declares'),
  'image.trailingData': rule('image', 'nothing follows the image'),
  'image.maxMetadataBytes': rule('image', 'bytes of metadata'),
  'image.maxScans': rule('image', 'scans of a progressive JPEG'),
  'image.checksums': rule('image', 'checksums of the blocks'),
  'audio.structure': rule('audio', 'a WAV file whose header and data agree'),
  'audio.sampleRate': rule('audio', 'samples per second'),
  'audio.channels': rule('audio', 'channels'),
  'audio.bitDepth': rule('audio', 'bits per sample'),
  'audio.codings': rule('audio', 'coding of the samples'),
  'audio.durationSeconds': rule('audio', 'duration'),
  'audio.maxMetadataBytes': rule('audio', 'bytes that are not samples'),
  'example.structure': rule('example', 'a well-formed tf.Example without duplicate features'),
  'example.unknownFeatures': rule('example', 'features that the contract does not name', 'select'),
  'example.maxFeatures': rule('example', 'number of features'),
  'example.required': rule('example', 'features that must be there'),
  'example.kind': rule('example', 'kind of a feature’s values'),
  'example.count': rule('example', 'number of a feature’s values'),
  'example.values': rule('example', 'the rules of a feature’s values'),
  'example.sparse': rule('example', 'features that make a sparse tensor'),
  'example.ragged': rule('example', 'features that make a ragged tensor'),
  matchesBatch: rule('output', 'as many rows as the request'),
  relation: rule('relation', 'a relation between inputs'),
} as const satisfies Record<string, RuleSpec>;

export type RuleName = keyof typeof ruleTable;

const specs: Readonly<Record<RuleName, RuleSpec>> = ruleTable;

/** The row of a rule. */
export function ruleSpec(name: RuleName): RuleSpec {
  return specs[name];
}

export function isRuleName(text: string): text is RuleName {
  return Object.hasOwn(ruleTable, text);
}
