// Which rules a tensor has: those that its contract names, and those that are on by default. An action, a mode or a source for any other
// rule is a mistake, because its author believes in a check that is not made.
import { dtypes } from '../tensor/index.ts';
import type {
  AudioRules,
  ExampleRules,
  ImageRules,
  OutputRules,
  StringRules,
  TensorRules,
  TokenRules,
} from './contract-types.ts';
import { type RuleName, ruleTable } from './rule-table.ts';

const plainRules = [
  'shape',
  'maxElements',
  'maxBytes',
  'min',
  'max',
  'exclusiveMin',
  'exclusiveMax',
  'softMin',
  'softMax',
  'allowed',
  'vocabulary',
  'unique',
  'monotone',
  'sum',
  'rowSum',
  'mean',
  'standardDeviation',
  'zeroFraction',
] as const satisfies readonly RuleName[];

function* numberRulesOf({ dtype, number }: TensorRules): Generator<RuleName> {
  const { kind } = dtypes[dtype];
  if (kind !== 'float' && kind !== 'complex') return;
  if (number?.nan !== 'allow') yield 'number.nan';
  if (number?.infinity !== 'allow') yield 'number.infinity';
  if (number?.subnormal === 'reject') yield 'number.subnormal';
  if (number !== undefined && number.negativeZero !== 'allow') yield 'number.negativeZero';
  if (number !== undefined && number.narrowing !== 'nearest') yield 'number.narrowing';
}

const stringLimits = ['minBytes', 'maxBytes', 'minCodePoints', 'maxCodePoints', 'minGraphemes', 'maxGraphemes'] as const;

function* stringRulesOf(rules: StringRules): Generator<RuleName> {
  if (rules.encoding !== 'binary') yield 'string.encoding';
  if (rules.normalization !== undefined) yield 'string.normalization';
  for (const key of ['controlCharacters', 'bidiControls', 'invisible'] as const)
    if (rules[key] === 'reject') yield `string.${key}`;
  for (const key of stringLimits) if (rules[key] !== undefined) yield `string.${key}`;
  if (rules.pattern !== undefined) yield 'string.pattern';
}

function* tokenRulesOf(rules: TokenRules): Generator<RuleName> {
  if (rules.padId !== undefined) yield 'tokens.padding';
  for (const key of ['startsWith', 'endsWith', 'maxSpecialTokens', 'maxRepeatRun', 'length'] as const)
    if (rules[key] !== undefined) yield `tokens.${key}`;
}

function* imageRulesOf(rules: ImageRules): Generator<RuleName> {
  for (const key of ['format', 'structure', 'maxDecodedBytes', 'maxRatio', 'maxMetadataBytes', 'maxScans'] as const)
    yield `image.${key}`;
  for (const key of ['width', 'height', 'maxPixels', 'channels', 'bitDepth', 'maxFrames'] as const)
    if (rules[key] !== undefined) yield `image.${key}`;
  if (rules.inflatedSize === 'check') yield 'image.inflatedSize';
  if (rules.trailingData === 'reject') yield 'image.trailingData';
  if (rules.checksums === 'check') yield 'image.checksums';
}

function* audioRulesOf(rules: AudioRules): Generator<RuleName> {
  yield 'audio.structure';
  yield 'audio.maxMetadataBytes';
  for (const key of ['sampleRate', 'channels', 'bitDepth', 'codings', 'durationSeconds'] as const)
    if (rules[key] !== undefined) yield `audio.${key}`;
}

function* exampleRulesOf(rules: ExampleRules): Generator<RuleName> {
  yield 'example.structure';
  yield 'example.maxFeatures';
  if (rules.unknownFeatures === 'reject') yield 'example.unknownFeatures';
  const features = [...rules.features.values()];
  if (features.length > 0) yield* ['example.kind', 'example.values'] as const;
  if (features.some(({ required }) => required)) yield 'example.required';
  if (features.some(({ count }) => count !== undefined)) yield 'example.count';
  if (rules.sparse.length > 0) yield 'example.sparse';
  if (rules.ragged.length > 0) yield 'example.ragged';
}

/** The rules that are checked of a tensor, whatever their mode. */
export function rulesSetOn(rules: TensorRules | OutputRules): ReadonlySet<RuleName> {
  const set = new Set<RuleName>(plainRules.filter((name) => rules[name] !== undefined));
  for (const key of ['l1', 'l2', 'linf'] as const) if (rules.norm?.[key] !== undefined) set.add(`norm.${key}`);
  const groups = [
    numberRulesOf(rules),
    rules.string && stringRulesOf(rules.string),
    rules.tokens && tokenRulesOf(rules.tokens),
    rules.image && imageRulesOf(rules.image),
    rules.audio && audioRulesOf(rules.audio),
    rules.example && exampleRulesOf(rules.example),
  ];
  for (const group of groups) for (const name of group ?? []) set.add(name);
  if ('matchesBatch' in rules && rules.matchesBatch) set.add('matchesBatch');
  return set;
}

/** True when a rule of this name makes sense for tensors of this type. */
export function ruleFits(name: RuleName, { dtype }: TensorRules): boolean {
  const { kind } = dtypes[dtype];
  switch (ruleTable[name].subject) {
    case 'any':
    case 'output':
      return name === 'vocabulary' ? kind === 'string' || kind === 'int' : name !== 'allowed' || kind !== 'complex';
    case 'number':
      return kind === 'float' || kind === 'int';
    case 'float':
      return kind === 'float' || (kind === 'complex' && (name === 'number.nan' || name === 'number.infinity'));
    case 'token':
      return kind === 'int';
    case 'relation':
      return false;
    default:
      return kind === 'string';
  }
}
