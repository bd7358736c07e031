// The rules that follow from the numbers of an input or a feature: bounds, and which values that are no numbers are let through. A bound
// that is there already stays where it is narrower; that the data pass it is said aloud.
import type { ContractNumber, TensorRules } from '../../contract/index.ts';
import { dtypes } from '../../tensor/index.ts';
import type { InputMeasure } from './input-measure.ts';
import { type Bounds, boundsOf } from './margins.ts';
import type { NumberMeasure } from './number-measure.ts';
import { addUnique, type RuleDraft, type RuleOptions } from './rule-draft.ts';

export interface HardBounds {
  readonly min?: ContractNumber;
  readonly max?: ContractNumber;
}

export interface NarrowedBounds {
  /** What is new; a bound that is left out stays as it was. */
  readonly bounds: HardBounds;
  /** Where the data pass the bounds that were there. */
  readonly passed: readonly { readonly rule: 'min' | 'max'; readonly text: string }[];
}

/** `bounds` as far as they are narrower than `base` and leave something of it. An infinity is beyond every bound of its side. */
export function narrowBounds({ min, max }: Bounds, base: HardBounds, numbers: NumberMeasure): NarrowedBounds {
  const isMinNew = numbers.negativeInfinities === 0 && (base.min === undefined || min > base.min);
  const isMaxNew = numbers.positiveInfinities === 0 && (base.max === undefined || max < base.max);
  const passed: { rule: 'min' | 'max'; text: string }[] = [];
  const lowest = numbers.negativeInfinities > 0 ? Number.NEGATIVE_INFINITY : numbers.min;
  const highest = numbers.positiveInfinities > 0 ? Number.POSITIVE_INFINITY : numbers.max;
  if (base.min !== undefined && lowest !== undefined && lowest < base.min)
    passed.push({ rule: 'min', text: `the data go down to ${lowest}, min stays at ${base.min}` });
  if (base.max !== undefined && highest !== undefined && highest > base.max)
    passed.push({ rule: 'max', text: `the data go up to ${highest}, max stays at ${base.max}` });
  const bounds = {
    // A minimum above the old maximum would leave nothing.
    ...(isMinNew && !(base.max !== undefined && min > base.max) ? { min } : {}),
    ...(isMaxNew && !(base.min !== undefined && max < base.min) ? { max } : {}),
  };
  return { bounds, passed };
}

/** What values that are no numbers opened, for a person to decide on; undefined when there are none. */
export function openedBy({ nans, positiveInfinities, negativeInfinities, count }: NumberMeasure): string | undefined {
  if (nans + positiveInfinities + negativeInfinities === 0) return undefined;
  const all = nans + positiveInfinities + negativeInfinities + count;
  const seen = [
    ...(nans > 0 ? [`${nans} NaN`] : []),
    ...(positiveInfinities > 0 ? [`${positiveInfinities} times Infinity (so there is no max)`] : []),
    ...(negativeInfinities > 0 ? [`${negativeInfinities} times -Infinity (so there is no min)`] : []),
  ];
  return `of ${all} values ${seen.join(', ')}: therefore allowed; if a mistake, mend the data and measure again`;
}

export function addNumbers(
  measure: InputMeasure,
  numbers: NumberMeasure,
  base: TensorRules,
  options: RuleOptions,
  to: RuleDraft,
): void {
  const { kind } = dtypes[numbers.dtype];
  const opened = openedBy(numbers);
  if (opened !== undefined && base.number !== undefined) {
    to.draft.number = {
      ...base.number,
      nan: numbers.nans > 0 ? 'allow' : base.number.nan,
      infinity: numbers.infinities > 0 ? 'allow' : base.number.infinity,
    };
    if (numbers.nans > 0) to.derive('number.nan');
    if (numbers.infinities > 0) to.derive('number.infinity');
    to.warn(opened);
  }
  const bounds = kind === 'int' || kind === 'float' ? boundsOf(numbers, options.margin) : undefined;
  if (bounds !== undefined) addBounds(bounds, numbers, base, to);
  const [last] = measure.sizes.slice(-1);
  if (last !== undefined && last.min === last.max && last.max > 1 && measure.sizes.length === 1)
    to.notes.push('bounds hold for all elements of a row together; a contract cannot bound each one for itself');
  if (!options.detect) return;
  const { order } = measure;
  if (order !== undefined) {
    to.draft.monotone = order;
    to.derive('monotone');
  }
  addUnique(numbers.distinct.allDiffer && numbers.count > 1, to);
}

function addBounds(measured: Bounds, numbers: NumberMeasure, base: TensorRules, to: RuleDraft): void {
  const { bounds, passed } = narrowBounds(measured, base, numbers);
  Object.assign(to.draft, bounds);
  if (bounds.min !== undefined) to.derive('min');
  if (bounds.max !== undefined) to.derive('max');
  to.draft.softMin = measured.softMin;
  to.draft.softMax = measured.softMax;
  to.derive('softMin', 'softMax');
  for (const { rule, text } of passed) {
    if (base.modes.get(rule) === 'shadow') to.notes.push(`${text}, which only watches`);
    else to.warn(text);
  }
  if (numbers.min === numbers.max) to.notes.push(`all values are ${numbers.min}: only this one is allowed`);
}
