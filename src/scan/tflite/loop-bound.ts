// What is known of how often a loop runs, and how the parts of a condition decide over it together. Plain data and arithmetic.

export type LoopBound =
  | { readonly kind: 'endless'; readonly why: string }
  | { readonly kind: 'bounded'; readonly iterations: number; readonly why: string }
  | { readonly kind: 'request'; readonly why: string }
  | { readonly kind: 'unknown' };

export const unknown: LoopBound = { kind: 'unknown' };

export type Comparison = 'less' | 'lessEqual' | 'greater' | 'greaterEqual' | 'notEqual';
const byName: Readonly<Record<string, Comparison>> = {
  LESS: 'less',
  LESS_EQUAL: 'lessEqual',
  GREATER: 'greater',
  GREATER_EQUAL: 'greaterEqual',
  NOT_EQUAL: 'notEqual',
};
// STABLEHLO_COMPARE holds its direction as a number: EQ NE GE GT LE LT.
const byDirection: readonly (Comparison | undefined)[] = [undefined, 'notEqual', 'greaterEqual', 'greater', 'lessEqual', 'less'];
export const mirrored: Readonly<Record<Comparison, Comparison>> = {
  less: 'greater',
  lessEqual: 'greaterEqual',
  greater: 'less',
  greaterEqual: 'lessEqual',
  notEqual: 'notEqual',
};

/** Of an operation; undefined for one that compares nothing, or for equality, which no counter ends by. */
export function comparisonOf(builtin: string, direction: number): Comparison | undefined {
  return builtin === 'STABLEHLO_COMPARE' ? byDirection[direction] : byName[builtin];
}

export function compare(comparison: Comparison, a: number, b: number): boolean {
  switch (comparison) {
    case 'less':
      return a < b;
    case 'lessEqual':
      return a <= b;
    case 'greater':
      return a > b;
    case 'greaterEqual':
      return a >= b;
    default:
      return a !== b;
  }
}

/** Ends when one of them ends. */
export function both(parts: readonly LoopBound[]): LoopBound {
  const bounded = parts.filter((part) => part.kind === 'bounded').sort((a, b) => a.iterations - b.iterations)[0];
  if (bounded !== undefined) return bounded;
  return parts.find((part) => part.kind === 'unknown') ?? parts.find((part) => part.kind === 'request') ?? parts[0] ?? unknown;
}

/** Ends when all of them end. */
export function either(parts: readonly LoopBound[]): LoopBound {
  const endless = parts.find((part) => part.kind === 'endless') ?? parts.find((part) => part.kind === 'request');
  if (endless !== undefined) return endless;
  if (parts.some((part) => part.kind === 'unknown')) return unknown;
  return (
    [...parts].sort((a, b) => (a.kind === 'bounded' && b.kind === 'bounded' ? b.iterations - a.iterations : 0))[0] ?? unknown
  );
}
