// What the rules of one tensor mean together: rules that fit its type, bounds that leave something over, and actions that the rules can
// take. Reports every mistake; never changes anything.
import { describeValue } from '../config/index.ts';
import { dtypes } from '../tensor/index.ts';
import type { Action, ContractValue, OutputRules, TensorRules } from './contract-types.ts';
import { type RuleName, ruleTable } from './rule-table.ts';
import { checkExample, checkImage, checkString, checkTokens } from './schema-content-checks.ts';
import { below, type Report } from './schema-mistakes.ts';
import { ruleFits, rulesSetOn } from './schema-rules-set.ts';
import { dtypeShortName } from './schema-tensor.ts';
import { boundsAreEmpty, isWithin, valueMistake } from './schema-values.ts';

const bounds = ['min', 'max', 'exclusiveMin', 'exclusiveMax', 'softMin', 'softMax'] as const;

/** Where a rule stands in the file. */
const placeOf = (name: RuleName): readonly string[] => name.split('.');

function checkFit(rules: TensorRules, set: ReadonlySet<RuleName>, report: Report): boolean {
  const { kind } = dtypes[rules.dtype];
  const wrong = [...set].filter((name) => !ruleFits(name, rules));
  for (const name of wrong)
    report(placeOf(name), 'ruleFits', `no such rule on a tensor of type ${dtypeShortName(rules.dtype)}`, 'one');
  const groups = { number: kind === 'float' || kind === 'complex', string: kind === 'string', tokens: kind === 'int' };
  for (const key of ['number', 'string', 'tokens'] as const)
    if (rules[key] !== undefined && !groups[key] && !wrong.some((name) => name.startsWith(key)))
      report([key], 'ruleFits', `no such rules on a tensor of type ${dtypeShortName(rules.dtype)}`, 'some');
  const containers = (['image', 'audio', 'example'] as const).filter((key) => rules[key] !== undefined);
  if (containers.length > 1) report([containers[1]], 'exclusive', `this key to be left out beside ${containers[0]}`, 'both');
  return wrong.length === 0;
}

function checkValues(rules: TensorRules, report: Report): void {
  const isNumber = ['int', 'float'].includes(dtypes[rules.dtype].kind);
  const mistakes = bounds.flatMap((key) => {
    const expected = rules[key] === undefined || !isNumber ? undefined : valueMistake(rules[key], rules.dtype);
    return expected === undefined ? [] : [{ key, expected }];
  });
  for (const { key, expected } of mistakes) report([key], 'value', expected, rules[key]);
  if (mistakes.length === 0 && isNumber) {
    const isInteger = dtypes[rules.dtype].kind === 'int';
    if (boundsAreEmpty(rules, isInteger)) report([], 'order', 'bounds that leave at least one value over', boundsText(rules));
    if (rules.softMin !== undefined && rules.softMax !== undefined && rules.softMin > rules.softMax)
      report(['softMin'], 'order', `at most softMax, ${rules.softMax}`, rules.softMin);
  }
  if (rules.number?.negativeZero === 'normalize' && !isWithin(0, rules))
    report(['number', 'negativeZero'], 'value', 'allow or reject, where the bounds do not allow 0', 'normalize');
  const seen = new Set<ContractValue>();
  for (const [index, value] of (rules.allowed ?? []).entries()) {
    const expected = valueMistake(value, rules.dtype);
    if (expected !== undefined) report(['allowed', index], 'value', expected, value);
    else if (seen.has(value)) report(['allowed', index], 'unique', 'each value once', value);
    seen.add(value);
  }
}

function boundsText(rules: TensorRules): string {
  return bounds.flatMap((key) => (rules[key] === undefined ? [] : [`${key} ${rules[key]}`])).join(', ');
}

function checkAction(name: RuleName, action: Action, rules: TensorRules, isOutput: boolean, report: Report): void {
  const allowed = ['reject', 'log', ...ruleTable[name].actions];
  if (!allowed.includes(action.kind) || (isOutput && action.kind === 'downsample')) {
    report([], 'action', `one of the actions ${allowed.join(', ')}`, action.kind);
    return;
  }
  const [key, value] = action.kind === 'replace' ? ['with', action.with] : action.kind === 'pad' ? ['value', action.value] : [];
  if (key !== undefined && value !== undefined) {
    const expected = valueMistake(value, rules.dtype);
    if (expected !== undefined) report([key], 'value', expected, value);
    else if (typeof value !== 'string' && typeof value !== 'boolean' && !isWithin(value, rules))
      report([key], 'value', 'a value inside the bounds', value);
    else if (rules.allowed !== undefined && !rules.allowed.includes(value))
      report([key], 'value', 'one of the allowed values', value);
  }
  if (action.kind === 'clip') checkClip(name, rules, report);
  if (action.kind === 'downsample') {
    const { width, height, maxPixels } = rules.image ?? {};
    const fits =
      action.maxWidth <= (width?.max ?? action.maxWidth) &&
      action.maxHeight <= (height?.max ?? action.maxHeight) &&
      action.maxWidth * action.maxHeight <= (maxPixels ?? Number.POSITIVE_INFINITY);
    if (!fits) report([], 'action', 'a box that the other image rules accept', `${action.maxWidth} × ${action.maxHeight}`);
  }
}

/** What clip puts in place must keep the other bounds, or it would hand over what they refuse. */
function checkClip(name: RuleName, rules: TensorRules, report: Report): void {
  // Without a bound an infinity becomes the largest finite number of its type, which only an exclusive bound refuses.
  const isOpen =
    name === 'number.infinity' &&
    ((rules.max === undefined && rules.exclusiveMax !== undefined) ||
      (rules.min === undefined && rules.exclusiveMin !== undefined));
  const ends = name === 'number.infinity' ? [rules.min, rules.max] : name === 'min' || name === 'max' ? [rules[name]] : [];
  if (isOpen || ends.some((end) => end !== undefined && !isWithin(end, rules)))
    report([], 'action', 'an action whose result keeps the exclusive bounds', 'clip');
}

function checkSettings(rules: TensorRules, set: ReadonlySet<RuleName>, isOutput: boolean, report: Report): void {
  const settings = [
    ['onViolation', rules.onViolation],
    ['modes', rules.modes],
    ['derivedFrom', rules.derivedFrom],
  ] as const;
  for (const [key, map] of settings)
    for (const name of map.keys()) if (!set.has(name)) report([key, name], 'ruleSet', 'a rule that is set on this tensor', name);
  for (const [name, action] of rules.onViolation)
    if (set.has(name)) checkAction(name, action, rules, isOutput, below(report, 'onViolation', name));
  for (const name of ['softMin', 'softMax'] as const) {
    const mode = rules.modes.get(name);
    if (mode === 'sample' || mode === 'enforce')
      report(['modes', name], 'mode', 'off or shadow: a soft bound never refuses', mode);
    const action = rules.onViolation.get(name);
    if (action !== undefined && action.kind !== 'log')
      report(['onViolation', name], 'action', 'log: a soft bound never refuses', action.kind);
  }
}

/** Every mistake in the rules of one tensor. */
export function checkTensor(rules: TensorRules | OutputRules, isOutput: boolean, report: Report): void {
  const set = rulesSetOn(rules);
  if (checkFit(rules, set, report)) checkValues(rules, report);
  const isContainer = rules.image !== undefined || rules.audio !== undefined || rules.example !== undefined;
  if (rules.string !== undefined) checkString(rules.string, isContainer, below(report, 'string'));
  if (rules.tokens !== undefined) checkTokens(rules.tokens, rules, below(report, 'tokens'));
  if (rules.image !== undefined) checkImage(rules.image, !isOutput, below(report, 'image'));
  if (rules.example !== undefined) checkExample(rules.example, below(report, 'example'));
  checkSettings(rules, set, isOutput, report);
  if (!('matchesBatch' in rules)) return;
  const { kind } = dtypes[rules.dtype];
  for (const key of ['roundTo', 'topK'] as const) {
    const isRight = key === 'roundTo' ? kind === 'float' : kind === 'float' || kind === 'int';
    if (rules[key] !== undefined && !isRight)
      report([key], 'ruleFits', 'an output of numbers', describeValue(dtypeShortName(rules.dtype)));
  }
}
