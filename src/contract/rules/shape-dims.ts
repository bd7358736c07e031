// What one dimension of a shape may be, and the nearest size that it could be cut or filled to. Pure arithmetic on sizes; changes nothing.
import type { DimExpression, DimRules } from '../contract-types.ts';

/** How one dimension stands to its rule. */
export type DimState =
  | { readonly kind: 'fits' }
  /** Fits, and gives a name that had no value yet this one. */
  | { readonly kind: 'binds'; readonly name: string; readonly value: number }
  /** Does not fit; `cutTo` and `fillTo` are the sizes that would, where there are any, and what they bind. */
  | { readonly kind: 'differs'; readonly cutTo?: DimSize; readonly fillTo?: DimSize };

export interface DimSize {
  readonly size: number;
  readonly binds?: { readonly name: string; readonly value: number };
}

const fits: DimState = { kind: 'fits' };

/** `bound` are the dimensions that have a value; `declared` the contract's rules of all names. */
export function dimState(
  expression: DimExpression,
  size: number,
  bound: ReadonlyMap<string, number>,
  declared: ReadonlyMap<string, DimRules>,
): DimState {
  if (expression.kind === 'any') return fits;
  if (expression.kind === 'fixed') return towards(expression.size, size);
  const { name, multiplier, offset } = expression;
  const value = bound.get(name);
  if (value !== undefined) return towards(multiplier * value + offset, size);
  const rules = declared.get(name) ?? { min: 0, max: Number.MAX_SAFE_INTEGER };
  return unboundState(name, (size - offset) / multiplier, rules, (wanted) => multiplier * wanted + offset);
}

function towards(wanted: number, size: number): DimState {
  if (size === wanted) return fits;
  if (wanted < 0 || !Number.isSafeInteger(wanted)) return { kind: 'differs' };
  return size > wanted ? { kind: 'differs', cutTo: { size: wanted } } : { kind: 'differs', fillTo: { size: wanted } };
}

function unboundState(name: string, value: number, rules: DimRules, sizeOf: (value: number) => number): DimState {
  const { min, max, multipleOf: step = 1 } = rules;
  if (Number.isInteger(value) && value >= min && value <= max && value % step === 0) return { kind: 'binds', name, value };
  const at = (wanted: number): DimSize | undefined =>
    wanted >= min && wanted <= max && sizeOf(wanted) >= 0 ? { size: sizeOf(wanted), binds: { name, value: wanted } } : undefined;
  const cutTo = at(Math.floor(Math.min(value, max) / step) * step);
  const fillTo = at(Math.ceil(Math.max(value, min) / step) * step);
  return { kind: 'differs', ...(cutTo === undefined ? {} : { cutTo }), ...(fillTo === undefined ? {} : { fillTo }) };
}

/** `[batch≤256, seq=17, 3]`: names with their limits, or with the value that they have in this request. */
export function shapeText(
  shape: readonly DimExpression[],
  bound: ReadonlyMap<string, number>,
  declared: ReadonlyMap<string, DimRules>,
): string {
  return `[${shape.map((expression) => dimText(expression, bound, declared)).join(', ')}]`;
}

function dimText(expression: DimExpression, bound: ReadonlyMap<string, number>, declared: ReadonlyMap<string, DimRules>): string {
  if (expression.kind === 'any') return '?';
  if (expression.kind === 'fixed') return String(expression.size);
  const { name, multiplier, offset } = expression;
  const factor = multiplier === 1 ? '' : `${multiplier}*`;
  const sign = offset < 0 ? '' : '+';
  const text = `${factor}${name}${offset === 0 ? '' : `${sign}${offset}`}`;
  const value = bound.get(name);
  if (value !== undefined) return text === name ? `${name}=${value}` : `${text}=${multiplier * value + offset}`;
  const rules = declared.get(name);
  if (rules === undefined) return text;
  const { min, max, multipleOf = 1 } = rules;
  const limits = min <= 1 ? `${name}≤${max}` : min === max ? `${name}=${max}` : `${min}≤${name}≤${max}`;
  const steps = multipleOf === 1 ? '' : ` in steps of ${multipleOf}`;
  return text === name ? `${limits}${steps}` : `${text} with ${limits}${steps}`;
}
