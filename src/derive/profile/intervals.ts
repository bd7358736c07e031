// Intervals of counts and sizes, either end of which may be open.
import type { Interval } from '../../contract/index.ts';

export interface Extremes {
  readonly min: number;
  readonly max: number;
}

export function isOutside({ min, max }: Extremes, limits: Interval): boolean {
  return (limits.min !== undefined && min < limits.min) || (limits.max !== undefined && max > limits.max);
}

/** What both allow; undefined when that is nothing. */
export function commonInterval(one: Extremes, other: Interval): Extremes | undefined {
  const min = Math.max(one.min, other.min ?? one.min);
  const max = Math.min(one.max, other.max ?? one.max);
  return min > max ? undefined : { min, max };
}

export function intervalText({ min, max }: Interval): string {
  if (min !== undefined && max !== undefined) return min === max ? `${min}` : `${min} to ${max}`;
  return min === undefined ? `at most ${max}` : `at least ${min}`;
}
