// The rules of single numbers of one tensor, compiled: in which interval none of them can be broken (all that the hot loop compares),
// and how each one is decided exactly for the few numbers outside of it. Decides nothing about a request.
import { AirlockError } from '../../core/index.ts';
import { dtypes, type NumericTensor } from '../../tensor/index.ts';
import { type EngineContext, refusing } from '../compile-context.ts';
import type { ContractNumber, TensorRules } from '../contract-types.ts';
import type { BoundRule } from '../findings.ts';
import type { RuleName } from '../rule-table.ts';
import { limitsOfFloat, nearestOf, numberForType } from './numeric-types.ts';

export interface NumberRule {
  readonly rule: BoundRule;
  /** The same rule where its action cannot help. */
  readonly refusing: BoundRule;
  readonly expected: string;
  /** A number (as the nearest double) within these ends, both inclusive, does not break the rule. NaN is within none. */
  readonly low: number;
  readonly high: number;
  /**
   * Exact. NaN breaks its own rule and, unless the contract says `nan: allow`, every bound that may refuse: where the rule of NaN only
   * watches, a bound that is in force still is.
   */
  breaks(value: ContractNumber): boolean;
  /** What the rule's action puts in the place of `value`. */
  fixed(value: ContractNumber): ContractNumber;
}

export interface NumberPlan {
  /** In the order in which an element is looked at; the first one that refuses ends it. */
  readonly rules: readonly NumberRule[];
  readonly soft: readonly NumberRule[];
  /** The interval in which no rule is broken. */
  readonly low: number;
  readonly high: number;
  /** Zeros and numbers below `tiny` need a second look: for subnormals and for the zero with a sign. 0: none do. */
  readonly tiny: number;
  readonly isComplex: boolean;
}

const all = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

/** Undefined when there is nothing to look at. @throws CONTRACT_INVALID when what replaces a number breaks a rule itself */
export function numberPlan(context: EngineContext): NumberPlan | undefined {
  const { dtype } = context.rules;
  if (dtype === 'DT_STRING') return undefined;
  const { kind } = dtypes[dtype];
  const floats = kind === 'float' || kind === 'complex' ? floatRules(context, dtype) : [];
  const bounds = kind === 'complex' ? [] : boundRules(context, dtype, hardBounds);
  const rules = [...floats, ...bounds];
  const soft = kind === 'complex' ? [] : boundRules(context, dtype, softBounds);
  if (rules.length + soft.length === 0) return undefined;
  for (const rule of rules) checkFix(context, rule, rules);
  const names = new Set(rules.map(({ rule }) => rule.name));
  const normal = limitsOfFloat(dtype)?.smallestNormal ?? 0;
  const tiny = names.has('number.subnormal') ? normal : names.has('number.negativeZero') ? Number.MIN_VALUE : 0;
  return { rules, soft, ...endsOf([...rules, ...soft]), tiny, isComplex: kind === 'complex' };
}

/** The interval in which none of the rules is broken. */
export function endsOf(rules: readonly NumberRule[]): { readonly low: number; readonly high: number } {
  let { low, high } = all;
  for (const rule of rules) {
    if (rule.low > low) low = rule.low;
    if (rule.high < high) high = rule.high;
  }
  return { low, high };
}

function floatRules(context: EngineContext, dtype: NumericTensor['dtype']): NumberRule[] {
  const { rules } = context;
  const { number } = rules;
  const found: NumberRule[] = [];
  const add = (
    name: RuleName,
    wanted: boolean,
    parts: Omit<NumberRule, 'rule' | 'refusing' | 'fixed'>,
    clipped?: NumberRule['fixed'],
  ): void => {
    const rule = wanted ? context.bind(name) : undefined;
    if (rule === undefined) return;
    found.push({ rule, refusing: refusing(rule), ...parts, fixed: fixOf(context, rule, dtype, clipped) });
  };
  add('number.nan', number?.nan !== 'allow', { expected: 'a number', ...all, breaks: (value) => Number.isNaN(value) });
  const isComplex = dtypes[dtype].kind === 'complex';
  add(
    'number.infinity',
    number?.infinity !== 'allow',
    {
      expected: 'a finite number',
      low: -Number.MAX_VALUE,
      high: Number.MAX_VALUE,
      breaks: (value) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY,
    },
    (value) => nearestFinite(rules, dtype, value),
  );
  if (isComplex) return found;
  const normal = limitsOfFloat(dtype)?.smallestNormal ?? 0;
  add('number.subnormal', number?.subnormal === 'reject', {
    expected: 'zero or a normal number',
    ...all,
    breaks: (value) => value !== 0 && Math.abs(Number(value)) < normal,
  });
  add('number.negativeZero', number !== undefined && number.negativeZero !== 'allow', {
    expected: 'zero without a sign',
    ...all,
    breaks: (value) => Object.is(value, -0),
  });
  return found;
}

function nearestFinite(rules: TensorRules, dtype: NumericTensor['dtype'], value: ContractNumber): ContractNumber {
  const largest = limitsOfFloat(dtype)?.largest ?? 0;
  return withoutSign(nearestOf(dtype, value > 0 ? (rules.max ?? largest) : (rules.min ?? -largest)));
}

/** A bound of -0 is the bound 0, also where clip puts it in place: the digest of a contract does not tell them apart. */
function withoutSign(bound: ContractNumber): ContractNumber {
  return bound === 0 ? 0 : bound;
}

type BoundName = 'min' | 'max' | 'exclusiveMin' | 'exclusiveMax' | 'softMin' | 'softMax';
const hardBounds: readonly BoundName[] = ['min', 'max', 'exclusiveMin', 'exclusiveMax'];
const softBounds: readonly BoundName[] = ['softMin', 'softMax'];

function boundRules(context: EngineContext, dtype: NumericTensor['dtype'], names: readonly BoundName[]): NumberRule[] {
  return names.flatMap((name) => {
    const written = context.rules[name];
    const rule = written === undefined ? undefined : context.bind(name);
    if (written === undefined || rule === undefined) return [];
    const bound = withoutSign(nearestOf(dtype, written));
    const { breaks, ...parts } = boundParts(name, bound, written);
    const isNanBroken = names === hardBounds && context.rules.number?.nan !== 'allow';
    return [
      {
        rule,
        refusing: refusing(rule),
        ...parts,
        breaks: isNanBroken ? (value) => breaks(value) || Number.isNaN(value) : breaks,
        fixed: fixOf(context, rule, dtype, () => bound),
      },
    ];
  });
}

function boundParts(
  name: BoundName,
  bound: ContractNumber,
  written: ContractNumber,
): Omit<NumberRule, 'rule' | 'refusing' | 'fixed'> {
  const double = Number(bound);
  // From 2^53 on, a 64-bit integer beside the bound may look like it: whatever looks like it is decided exactly.
  const isExact = typeof bound === 'number' && (Math.abs(bound) < 2 ** 53 || !Number.isInteger(bound));
  switch (name) {
    case 'min':
    case 'softMin':
      return { expected: `at least ${written}`, ...all, low: isExact ? double : above(double), breaks: (value) => value < bound };
    case 'max':
    case 'softMax':
      return { expected: `at most ${written}`, ...all, high: isExact ? double : below(double), breaks: (value) => value > bound };
    case 'exclusiveMin':
      return { expected: `more than ${written}`, ...all, low: above(double), breaks: (value) => value <= bound };
    case 'exclusiveMax':
      return { expected: `less than ${written}`, ...all, high: below(double), breaks: (value) => value >= bound };
  }
}

function fixOf(
  { place }: EngineContext,
  { action, name }: BoundRule,
  dtype: NumericTensor['dtype'],
  clipped: NumberRule['fixed'] = (value) => value,
): NumberRule['fixed'] {
  if (action.kind === 'clip' && dtypes[dtype].kind === 'complex') {
    throw new AirlockError('CONTRACT_INVALID', { message: `${place}/${name}: complex numbers cannot be clipped` });
  }
  if (action.kind !== 'replace') return clipped;
  const value = numberForType(dtype, action.with, `${place}/${name}, replace`);
  return () => value;
}

// What one rule puts in place must keep all others: otherwise a clip would hand the model what another rule refuses.
function checkFix(context: EngineContext, fixing: NumberRule, rules: readonly NumberRule[]): void {
  const { action, name } = fixing.rule;
  if (action.kind !== 'replace' && action.kind !== 'clip') return;
  // Only an infinity has a sign that matters to what comes in its place.
  const results = [fixing.fixed(Number.POSITIVE_INFINITY), fixing.fixed(Number.NEGATIVE_INFINITY)];
  const broken = rules.find(({ rule, breaks }) => rule.mode !== 'shadow' && results.some((value) => breaks(value)));
  if (broken === undefined) return;
  throw new AirlockError('CONTRACT_INVALID', {
    message: `${context.place}/${name}: the number that ${action.kind} puts in place breaks the rule ${broken.rule.name}`,
  });
}

const bits = new BigInt64Array(1);
const doubles = new Float64Array(bits.buffer);

/** The next double above; infinity stays. */
function above(value: number): number {
  if (value === Number.POSITIVE_INFINITY) return value;
  if (value === 0) return Number.MIN_VALUE;
  doubles[0] = value;
  bits[0] += value > 0 ? 1n : -1n;
  return doubles[0];
}

/** The next double below; minus infinity stays. */
function below(value: number): number {
  return -above(-value);
}
