// What looks wrong, open or forgotten in the rules of one tensor. Opinions only: nothing here decides what is served.
import { dtypes } from '../tensor/index.ts';
import type { Contract, ContractNumber, DimExpression, Mode, OutputRules, StringRules, TensorRules } from './contract-types.ts';
import type { AddFinding } from './lint-finding.ts';
import { hasNestedRepeat } from './lint-pattern.ts';
import type { RuleName } from './rule-table.ts';
import { rulesSetOn } from './schema-rules-set.ts';
import { integerRange, isWithin } from './schema-values.ts';

const hugeAllowed = 1_000;
const hugeDimension = 1_000_000;
const bounds = ['min', 'max', 'exclusiveMin', 'exclusiveMax'] as const;

/** Aliases under which models take encoded images. */
const imageName = /image|img|jpe?g|png|photo|picture/i;

function lintSize(rules: TensorRules, contract: Contract, add: AddFinding): void {
  const open = rules.shape?.findIndex(({ kind }) => kind === 'any') ?? -1;
  if (rules.maxElements === undefined && (rules.shape === undefined || open >= 0)) {
    const what = rules.shape === undefined ? 'no shape' : `a dimension of any size (number ${open})`;
    add(
      'warning',
      'unbounded-shape',
      rules.shape === undefined ? '' : 'shape',
      `${what} and no maxElements: only the server’s own limits bound it`,
    );
  }
  const { maxElements, shape } = rules;
  if (maxElements === undefined || shape === undefined) return;
  const least = shape.reduce((product, dim) => product * leastSize(dim, contract), 1);
  if (least > maxElements)
    add(
      'error',
      'impossible-shape',
      'maxElements',
      `no tensor can pass: its shape has at least ${least} elements, maxElements is ${maxElements}`,
    );
}

function leastSize(dim: DimExpression, { dims }: Contract): number {
  if (dim.kind === 'any') return 0;
  return dim.kind === 'fixed' ? dim.size : Math.max(0, dim.multiplier * (dims.get(dim.name)?.min ?? 0) + dim.offset);
}

/** The limits of the type, which no value can pass anyway. */
function isTypeLimit(value: ContractNumber, rules: TensorRules): boolean {
  const { kind } = dtypes[rules.dtype];
  if (kind === 'int') {
    const { min, max } = integerRange(rules.dtype);
    // An unsigned minimum of 0 says what is meant, and costs nothing.
    return (BigInt(value) === min && min !== 0n) || BigInt(value) === max;
  }
  const largest: Partial<Record<string, number>> = {
    DT_HALF: 65_504,
    DT_FLOAT: 3.4028234663852886e38,
    DT_DOUBLE: Number.MAX_VALUE,
  };
  return Math.abs(Number(value)) === (largest[rules.dtype] ?? 3.3895313892515355e38);
}

function lintNumbers(rules: TensorRules, isInput: boolean, add: AddFinding): void {
  const { kind, itemBytes } = dtypes[rules.dtype];
  if (kind !== 'int' && kind !== 'float') return;
  const hasLow = rules.min !== undefined || rules.exclusiveMin !== undefined;
  const hasHigh = rules.max !== undefined || rules.exclusiveMax !== undefined;
  const isListed = rules.allowed !== undefined || rules.vocabulary !== undefined;
  // Bytes, such as pixels, use all of their type.
  if (isInput && !isListed && !(hasLow && hasHigh) && itemBytes > 1)
    add(
      'warning',
      kind === 'int' ? 'integer-without-bounds' : 'float-without-bounds',
      '',
      `no ${hasLow ? 'upper' : hasHigh ? 'lower' : 'lower and no upper'} bound`,
    );
  for (const key of bounds) {
    const value = rules[key];
    if (value !== undefined && itemBytes > 1 && isTypeLimit(value, rules))
      add('warning', 'bound-is-type-limit', key, 'this is the limit of the data type: it bounds nothing');
  }
  const outside = (rules.allowed ?? []).filter(
    (value) => typeof value !== 'string' && typeof value !== 'boolean' && !isWithin(value, rules),
  );
  if (outside.length > 0 && outside.length === rules.allowed?.length)
    add('error', 'allowed-outside-bounds', 'allowed', 'no tensor can pass: every allowed value is outside the bounds');
  else if (outside.length > 0)
    add('warning', 'allowed-outside-bounds', 'allowed', `${outside.length} of the allowed values are outside the bounds`);
}

function lintString(rules: StringRules, place: string, add: AddFinding): void {
  if (rules.pattern !== undefined && hasNestedRepeat(rules.pattern))
    add(
      'note',
      'nested-repeat',
      `${place}pattern`,
      'a repeat inside a repeat: harmless under RE2, which Airlock uses; not in engines that backtrack',
    );
}

function lintStrings(alias: string, rules: TensorRules, isInput: boolean, add: AddFinding): void {
  if (dtypes[rules.dtype].kind !== 'string') return;
  const isListed = rules.allowed !== undefined || rules.vocabulary?.maxUnknownFraction === 0;
  const isBounded =
    rules.maxBytes !== undefined || rules.string?.maxBytes !== undefined || rules.string?.maxCodePoints !== undefined;
  if (isInput && !isListed && !isBounded)
    add('warning', 'unbounded-string', 'string.maxBytes', 'strings of any length: set string.maxBytes, or list what is allowed');
  if (rules.string !== undefined) lintString(rules.string, 'string.', add);
  const hasContent = rules.image !== undefined || rules.audio !== undefined || rules.example !== undefined;
  if (isInput && !hasContent && !isListed && imageName.test(alias))
    add('warning', 'image-without-rules', 'image', 'by its name this takes encoded images, and no image rule looks at them');
  const unsafe = rules.image?.formats.filter((format) => format === 'jpeg' || format === 'webp') ?? [];
  if (unsafe.length > 0) {
    const text = `${unsafe.join(' and ')} reaches TensorFlow’s own decoder, which its SECURITY.md does not call safe for untrusted input: use reencode`;
    add('warning', 'unsafe-image-format', 'image.formats', text);
  }
  for (const [name, feature] of rules.example?.features ?? []) {
    const place = `example.features.${name}.`;
    if (feature.string !== undefined) lintString(feature.string, `${place}string.`, add);
    const isOpen =
      feature.kind === 'bytes' && feature.string?.maxBytes === undefined && feature.string?.maxCodePoints === undefined;
    if (isInput && isOpen && feature.allowed === undefined && feature.vocabulary?.maxUnknownFraction !== 0)
      add(
        'warning',
        'unbounded-string',
        `${place}string.maxBytes`,
        'strings of any length: set string.maxBytes, or list what is allowed',
      );
    if (
      isInput &&
      feature.kind !== 'bytes' &&
      feature.allowed === undefined &&
      (feature.min === undefined || feature.max === undefined)
    )
      add(
        'warning',
        feature.kind === 'float' ? 'float-without-bounds' : 'integer-without-bounds',
        `${place}min`,
        'min and max are not both set',
      );
    if (isInput && feature.count?.max === undefined) add('warning', 'unbounded-count', `${place}count`, 'any number of values');
  }
}

const enforces = (mode: Mode, { sampleFraction }: Contract): boolean =>
  mode === 'enforce' || (mode === 'sample' && sampleFraction > 0);

function lintModes(rules: TensorRules, set: ReadonlySet<RuleName>, contract: Contract, add: AddFinding): void {
  const hard: readonly RuleName[] = [...set].filter((name) => name !== 'softMin' && name !== 'softMax');
  const isEnforced = (name: RuleName) => enforces(rules.modes.get(name) ?? contract.mode, contract);
  if (enforces(contract.mode, contract) && hard.length > 0 && !hard.some(isEnforced))
    add('warning', 'never-enforced', 'modes', 'no rule of this tensor ever refuses anything');
  else
    for (const [name, mode] of rules.modes)
      if (mode === 'off' && hard.includes(name)) add('note', 'rule-off', `modes.${name}`, 'this rule is not looked at');
  for (const [name, action] of rules.onViolation)
    if (action.kind === 'log' && hard.includes(name))
      add('note', 'rule-only-logs', `onViolation.${name}`, 'what breaks this rule gets through');
}

const measured: readonly RuleName[] = [
  ...bounds,
  'softMin',
  'softMax',
  'allowed',
  'vocabulary',
  'string.maxBytes',
  'string.maxCodePoints',
  'string.maxGraphemes',
  'string.pattern',
  'tokens.length',
  'image.width',
  'image.height',
  'image.maxPixels',
];

/** Reports what is worth a second look in one input or output. */
export function lintTensor(
  alias: string,
  rules: TensorRules | OutputRules,
  isInput: boolean,
  contract: Contract,
  add: AddFinding,
): void {
  const set = rulesSetOn(rules);
  if (isInput) lintSize(rules, contract, add);
  lintNumbers(rules, isInput, add);
  lintStrings(alias, rules, isInput, add);
  lintModes(rules, set, contract, add);
  if ((rules.allowed?.length ?? 0) > hugeAllowed)
    add('note', 'huge-allowed', 'allowed', `${rules.allowed?.length} values: a vocabulary file keeps the contract readable`);
  if (contract.metadata.sources.length > 0)
    for (const name of measured)
      if (set.has(name) && !rules.derivedFrom.has(name))
        add('note', 'no-provenance', name, 'derivedFrom does not say where this comes from');
  const byDefault = new Set<RuleName>(['number.nan', 'number.infinity', 'string.encoding']);
  if (!isInput && ![...set].some((name) => !byDefault.has(name)))
    add('note', 'output-without-rules', '', 'nothing but the data type and the defaults is checked of this output');
}

/** Reports dimensions that are as good as unbounded. */
export function lintDims(contract: Contract, add: AddFinding): void {
  for (const [name, { max }] of contract.dims)
    if (max > hugeDimension) add('warning', 'huge-dimension', `dims.${name}.max`, `${max} bounds nothing in practice`);
}
