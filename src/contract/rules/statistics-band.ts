// An interval that a computed number must lie in, with the rule and the text for the case that it does not.
import type { EngineContext } from '../compile-context.ts';
import type { Interval } from '../contract-types.ts';
import type { BoundRule } from '../findings.ts';
import type { RuleName } from '../rule-table.ts';

export interface Band {
  readonly rule: BoundRule;
  readonly min: number;
  readonly max: number;
  readonly expected: string;
}

/** `between 1 and 3`, `at least 1`, `at most 3`, `exactly 3`. */
export function intervalText({ min, max }: Interval): string {
  if (min === undefined) return `at most ${max}`;
  if (max === undefined) return `at least ${min}`;
  return min === max ? `exactly ${min}` : `between ${min} and ${max}`;
}

/** Undefined when the contract has no such interval, or its mode is off. `what` goes in front of the text: `a sum of`. */
export function bandOf(context: EngineContext, name: RuleName, interval: Interval | undefined, what: string): Band | undefined {
  const rule = interval === undefined ? undefined : context.bind(name);
  if (interval === undefined || rule === undefined) return undefined;
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = interval;
  return { rule, min, max, expected: `${what} ${intervalText(interval)}` };
}

/** NaN is outside of every interval. */
export function isOutside(value: number, { min, max }: Band): boolean {
  return !(value >= min && value <= max);
}
