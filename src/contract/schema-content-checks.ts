// What the rules inside a string, token, image, audio or tf.Example block mean together. Reports; never changes anything.
import type { ExampleRules, FeatureRules, ImageRules, StringRules, TensorRules, TokenRules } from './contract-types.ts';
import { below, type Report } from './schema-mistakes.ts';
import { patternMistake } from './schema-pattern.ts';
import { boundsAreEmpty, dtypeOfFeature, valueMistake } from './schema-values.ts';

const units = ['Bytes', 'CodePoints', 'Graphemes'] as const;
const textOnly = [
  'normalization',
  'minCodePoints',
  'maxCodePoints',
  'minGraphemes',
  'maxGraphemes',
  'pattern',
] as const satisfies readonly (keyof StringRules)[];

/** Text rules on bytes, minimum above maximum, and patterns that RE2 refuses. */
export function checkString(rules: StringRules, isContainer: boolean, report: Report): void {
  for (const unit of units) {
    const [min, max] = [rules[`min${unit}`], rules[`max${unit}`]];
    if (min !== undefined && max !== undefined && min > max) report([`min${unit}`], 'order', `at most max${unit}, ${max}`, min);
  }
  if (isContainer && rules.encoding !== 'binary')
    report(['encoding'], 'encoding', 'binary beside image, audio or example', rules.encoding);
  if (rules.encoding === 'binary') {
    const expected = 'this key to be left out: encoding binary turns every rule of text off';
    for (const key of textOnly) if (rules[key] !== undefined) report([key], 'encoding', expected, rules[key]);
    for (const key of ['controlCharacters', 'bidiControls', 'invisible'] as const)
      if (rules[key] === 'reject') report([key], 'encoding', expected, rules[key]);
  }
  const mistake = rules.pattern === undefined ? undefined : patternMistake(rules.pattern);
  if (mistake !== undefined) report(['pattern'], 'pattern', `a pattern in RE2 syntax (${mistake})`, rules.pattern);
}

/** Token ids that the data type cannot hold. */
export function checkTokens(rules: TokenRules, { dtype }: TensorRules, report: Report): void {
  for (const key of ['padId', 'startsWith', 'endsWith'] as const) {
    const expected = rules[key] === undefined ? undefined : valueMistake(rules[key], dtype);
    if (expected !== undefined) report([key], 'value', expected, rules[key]);
  }
  for (const [index, id] of rules.specialIds.entries()) {
    const expected = valueMistake(id, dtype);
    if (expected !== undefined) report(['specialIds', index], 'value', expected, id);
  }
  if (rules.maxSpecialTokens !== undefined && rules.specialIds.length === 0)
    report(['specialIds'], 'specialIds', 'the tokens that maxSpecialTokens counts', 'none');
}

/** Formats that are named twice or not at all. */
export function checkImage(rules: ImageRules, canDecode: boolean, report: Report): void {
  const formats = [...rules.formats, ...rules.reencode];
  if (formats.length === 0) report(['formats'], 'formats', 'at least one format, here or in reencode', 'none');
  const twice = formats.find((format, index) => formats.indexOf(format) !== index);
  if (twice !== undefined) report(['formats'], 'formats', 'each format once, here or in reencode', twice);
  if (!canDecode && rules.reencode.length > 0)
    report(['reencode'], 'reencode', 'none: only images of inputs are decoded', rules.reencode);
}

const valueRules: Readonly<Record<string, readonly FeatureRules['kind'][]>> = {
  number: ['float'],
  min: ['float', 'int64'],
  max: ['float', 'int64'],
  monotone: ['float', 'int64'],
  vocabulary: ['bytes', 'int64'],
  string: ['bytes'],
  image: ['bytes'],
};

function checkFeature(rules: FeatureRules, canDecode: boolean, report: Report): void {
  for (const [key, kinds] of Object.entries(valueRules)) {
    const value = rules[key as keyof FeatureRules];
    if (value !== undefined && !kinds.includes(rules.kind))
      report([key], 'ruleFits', `a feature of kind ${kinds.join(' or ')}`, rules.kind);
  }
  const dtype = dtypeOfFeature[rules.kind];
  for (const key of ['min', 'max'] as const) {
    const expected = rules[key] === undefined || rules.kind === 'bytes' ? undefined : valueMistake(rules[key], dtype);
    if (expected !== undefined) report([key], 'value', expected, rules[key]);
  }
  for (const [index, value] of (rules.allowed ?? []).entries()) {
    const expected = valueMistake(value, dtype);
    if (expected !== undefined) report(['allowed', index], 'value', expected, value);
  }
  if (boundsAreEmpty(rules, false)) report(['min'], 'order', `at most max, ${rules.max}`, rules.min);
  if (rules.string !== undefined) checkString(rules.string, rules.image !== undefined, below(report, 'string'));
  if (rules.image !== undefined) checkImage(rules.image, canDecode, below(report, 'image'));
}

/** Each feature, and the sparse and ragged tensors that name features. */
export function checkExample(rules: ExampleRules, report: Report): void {
  // Images inside a tf.Example are looked at by their headers only: nothing takes the message apart to decode one.
  for (const [name, feature] of rules.features) checkFeature(feature, false, below(report, 'features', name));
  if (rules.maxFeatures < [...rules.features.values()].filter(({ required }) => required).length)
    report(['maxFeatures'], 'order', 'at least the number of features that are required', rules.maxFeatures);
  const kindOf = (name: string) => rules.features.get(name)?.kind;
  const known = 'the name of a feature above';
  const integers = 'the name of a feature of kind int64';
  const names = new Set<string>();
  const checkName = (name: string, at: Report) => {
    if (names.has(name)) at(['name'], 'unique', 'a name that no other sparse or ragged tensor has', name);
    names.add(name);
  };
  for (const [index, { name, index: indices, value, denseShape }] of rules.sparse.entries()) {
    const at = below(report, 'sparse', index);
    checkName(name, at);
    for (const [position, feature] of indices.entries())
      if (kindOf(feature) !== 'int64') at(['index', position], 'feature', integers, feature);
    if (kindOf(value) === undefined) at(['value'], 'feature', known, value);
    if (denseShape.length !== indices.length)
      at(['denseShape'], 'length', `as many sizes as index features, ${indices.length}`, denseShape.length);
  }
  for (const [index, { name, value, rowLengths }] of rules.ragged.entries()) {
    const at = below(report, 'ragged', index);
    checkName(name, at);
    if (kindOf(rowLengths) !== 'int64') at(['rowLengths'], 'feature', integers, rowLengths);
    if (kindOf(value) === undefined) at(['value'], 'feature', known, value);
  }
}
