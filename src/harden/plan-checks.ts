// Decides which rules of a contract can be built into a graph, and as what; every other rule is named with the reason why not. A rule that
// is built in refuses exactly what the server refuses, or it is not built in.
import {
  type Action,
  type Contract,
  fitsType,
  type Mode,
  nearestOf,
  type OutputRules,
  type RuleName,
  rulesSetOn,
  type TensorRules,
} from '../contract/index.ts';
import { dtypes } from '../tensor/index.ts';
import type { DimBounds, FiniteCheck, LayoutCheck, NamedAxis, TensorChecks, ValueCheck } from './graph-checks.ts';
import { planStringChecks } from './plan-strings.ts';

/** What became of one rule of one tensor. */
export interface PlannedRule {
  readonly rule: RuleName;
  /** `serving_default/inputs/age/max`. */
  readonly ruleId: string;
  /** Why it is not built in; absent when it is. */
  readonly reason?: string;
  /** The server only watches it: it neither refuses a request for it nor changes a value. */
  readonly isWatched?: boolean;
}

export interface TensorPlan {
  readonly checks: TensorChecks;
  readonly rules: readonly PlannedRule[];
}

/** Never refuse, whatever their mode. */
const softRules: ReadonlySet<RuleName> = new Set<RuleName>(['softMin', 'softMax']);

/** Collects what is planned for one tensor; each rule is asked for once, by name. */
export class Planner {
  readonly rules: TensorRules;
  readonly layout: LayoutCheck[] = [];
  readonly finite: FiniteCheck[] = [];
  readonly values: ValueCheck[] = [];
  readonly planned: PlannedRule[] = [];
  readonly #place: string;
  readonly #mode: Mode;

  constructor(place: string, rules: TensorRules, mode: Mode) {
    this.#place = place;
    this.rules = rules;
    this.#mode = mode;
  }

  /** True when the rule refuses requests; otherwise it is reported as left out. */
  wants(rule: RuleName): boolean {
    const mode = this.#modeOf(rule);
    const action = this.#actionOf(rule);
    if (mode === 'enforce' && action === 'reject') return true;
    this.leaveOut(rule, mode === 'enforce' ? `its action is ${action}: a graph only refuses` : `its mode is ${mode}`);
    return false;
  }

  leaveOut(rule: RuleName, reason: string): void {
    // A rule that samples refuses some requests.
    const isWatched = ['off', 'shadow'].includes(this.#modeOf(rule)) || this.#actionOf(rule) === 'log';
    this.planned.push({ rule, ruleId: this.idOf(rule), reason, ...(isWatched ? { isWatched } : {}) });
  }

  #modeOf(rule: RuleName): Mode {
    return softRules.has(rule) ? 'shadow' : (this.rules.modes.get(rule) ?? this.#mode);
  }

  #actionOf(rule: RuleName): Action['kind'] {
    return this.rules.onViolation.get(rule)?.kind ?? 'reject';
  }

  built(rule: RuleName): void {
    this.planned.push({ rule, ruleId: this.idOf(rule) });
  }

  idOf(rule: RuleName): string {
    return `${this.#place}/${rule}`;
  }

  addValue(rule: RuleName, expected: string, parts: ValueParts): void {
    this.values.push({ ruleIds: [this.idOf(rule)], expected, ...parts });
    this.built(rule);
  }
}

type WithoutText<Check> = Check extends unknown ? Omit<Check, 'ruleIds' | 'expected'> : never;
export type ValueParts = WithoutText<ValueCheck>;

/** `place` is `serving_default/inputs/age`; `signatureShape` what the model itself says of this tensor. */
export function planTensor(contract: Contract, place: string, rules: TensorRules | OutputRules): TensorPlan {
  const planner = new Planner(place, rules, contract.mode);
  const dims = planShape(planner, contract);
  planSizes(planner);
  const { kind } = dtypes[rules.dtype];
  if (kind === 'float' || kind === 'complex') planFinite(planner, kind);
  planBounds(planner);
  planSets(planner);
  if (kind === 'string') planStringChecks(planner);
  leaveOutTheRest(planner);
  const { layout, finite, values } = planner;
  return { checks: { dtype: rules.dtype, layout, finite, values, dims }, rules: planner.planned };
}

function planShape(planner: Planner, contract: Contract): ReadonlyMap<string, DimBounds> {
  const { shape } = planner.rules;
  const dims = new Map<string, DimBounds>();
  if (shape === undefined || !planner.wants('shape')) return dims;
  const named: NamedAxis[] = [];
  for (const [axis, dim] of shape.entries()) {
    if (dim.kind !== 'symbol') continue;
    const { name, multiplier, offset } = dim;
    named.push({ axis, name, multiplier, offset });
    const bounds = contract.dims.get(name);
    if (bounds !== undefined) dims.set(name, bounds);
  }
  const sizes = shape.map((dim) => (dim.kind === 'fixed' ? dim.size : -1));
  const expected = `shape [${shape.map(dimText).join(', ')}]`;
  planner.layout.push({ kind: 'shape', ruleIds: [planner.idOf('shape')], expected, sizes, named });
  planner.built('shape');
  return dims;
}

function dimText(dim: NonNullable<TensorRules['shape']>[number]): string {
  if (dim.kind === 'any') return '?';
  if (dim.kind === 'fixed') return String(dim.size);
  const { name, multiplier, offset } = dim;
  return `${multiplier === 1 ? '' : `${multiplier}*`}${name}${offset === 0 ? '' : offset > 0 ? `+${offset}` : String(offset)}`;
}

function planSizes(planner: Planner): void {
  const { dtype, maxElements, maxBytes } = planner.rules;
  if (maxElements !== undefined && planner.wants('maxElements')) {
    const expected = `at most ${maxElements} elements`;
    planner.layout.push({ kind: 'elements', max: maxElements, expected, ruleIds: [planner.idOf('maxElements')] });
    planner.built('maxElements');
  }
  if (maxBytes === undefined || !planner.wants('maxBytes')) return;
  const expected = `at most ${maxBytes} bytes`;
  if (dtype === 'DT_STRING') {
    planner.addValue('maxBytes', expected, { kind: 'totalBytes', max: maxBytes });
    return;
  }
  const max = Math.floor(maxBytes / dtypes[dtype].itemBytes);
  planner.layout.push({ kind: 'elements', max, expected, ruleIds: [planner.idOf('maxBytes')] });
  planner.built('maxBytes');
}

function planFinite(planner: Planner, kind: 'float' | 'complex'): void {
  const { number } = planner.rules;
  const wanted = (['number.nan', 'number.infinity'] as const).filter((rule) => {
    const setting = rule === 'number.nan' ? number?.nan : number?.infinity;
    return setting !== 'allow' && planner.wants(rule);
  });
  if (kind === 'complex') {
    for (const rule of wanted) planner.leaveOut(rule, 'TensorFlow has no such check for complex numbers');
    return;
  }
  for (const rule of wanted) planner.built(rule);
  const ruleIds = wanted.map((rule) => planner.idOf(rule));
  if (wanted.length === 2) planner.finite.push({ kind: 'finite', ruleIds, expected: 'finite numbers' });
  else if (wanted[0] === 'number.nan') planner.finite.push({ kind: 'notNan', ruleIds, expected: 'numbers, not NaN' });
  else if (wanted.length === 1) planner.finite.push({ kind: 'notInfinite', ruleIds, expected: 'finite numbers' });
}

const bounds = [
  ['min', 'GreaterEqual', 'at least'],
  ['max', 'LessEqual', 'at most'],
  ['exclusiveMin', 'Greater', 'more than'],
  ['exclusiveMax', 'Less', 'less than'],
] as const;

function planBounds(planner: Planner): void {
  const { dtype } = planner.rules;
  const { kind } = dtypes[dtype];
  const passesNan = kind === 'float' && planner.rules.number?.nan === 'allow';
  for (const [rule, comparison, words] of bounds) {
    const value = planner.rules[rule];
    if (value === undefined || !planner.wants(rule)) continue;
    if (dtype === 'DT_STRING' || (kind !== 'float' && kind !== 'int')) planner.leaveOut(rule, `there is no order for ${dtype}`);
    else if (kind === 'int' && !fitsType(dtype, value)) planner.leaveOut(rule, 'the data type has no such number');
    else planner.addValue(rule, `${words} ${value}`, { kind: 'bound', comparison, value, passesNan });
  }
}

/** Values of a list: a search in a sorted constant, so that a large tensor costs memory of its own size only. */
const maxListValues = 100_000;

function planSets(planner: Planner): void {
  const { allowed, vocabulary, dtype } = planner.rules;
  const { kind } = dtypes[dtype];
  if (allowed !== undefined && kind !== 'string' && planner.wants('allowed')) {
    const numbers = allowed
      .filter((value) => typeof value !== 'string')
      .map((value) => (typeof value === 'boolean' ? Number(value) : value));
    addList(planner, 'allowed', numbers, `one of ${numbers.length} allowed values`);
  }
  if (vocabulary === undefined || kind === 'string' || !planner.wants('vocabulary')) return;
  if (vocabulary.maxUnknownFraction > 0) {
    planner.leaveOut('vocabulary', 'a share of unknown values is allowed');
    return;
  }
  const numbers = [...vocabulary.entries].filter((entry) => /^-?(?:0|[1-9][0-9]{0,19})$/.test(entry)).map(BigInt);
  addList(planner, 'vocabulary', numbers, `one of the ${numbers.length} values of the vocabulary`);
}

function addList(
  planner: Planner,
  rule: 'allowed' | 'vocabulary',
  numbers: readonly (number | bigint)[],
  expected: string,
): void {
  const { dtype } = planner.rules;
  const { kind } = dtypes[dtype];
  if (dtype === 'DT_STRING' || (kind !== 'int' && kind !== 'float')) {
    planner.leaveOut(rule, `lists of ${dtype} are not built in`);
    return;
  }
  const fitting =
    kind === 'float' ? numbers.map((value) => nearestOf(dtype, value)) : numbers.filter((value) => fitsType(dtype, value));
  // -0 is 0 to a comparison; NaN is never equal to anything.
  const distinct = [
    ...new Map(fitting.filter((value) => !Number.isNaN(Number(value))).map((value) => [String(value), value])).values(),
  ];
  if (distinct.length === 0) {
    planner.leaveOut(rule, 'the data type has none of the values');
    return;
  }
  if (distinct.length > maxListValues) {
    planner.leaveOut(rule, `it has more than ${maxListValues} values`);
    return;
  }
  const values = distinct.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  planner.addValue(rule, expected, { kind: 'oneOf', values });
}

/** Names every other rule that is set, so that nobody believes in a check that is not there. */
function leaveOutTheRest(planner: Planner): void {
  const done = new Set(planner.planned.map(({ rule }) => rule));
  for (const rule of rulesSetOn(planner.rules)) if (!done.has(rule)) planner.leaveOut(rule, 'it is checked by the server only');
}
