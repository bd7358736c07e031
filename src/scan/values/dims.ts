// Arithmetic on sizes that are known, bounded or unknown. Bounds only ever get wider than the truth, never narrower.
import { addSizes, constantSize, divideSizes, largerSize, multiplySizes, type Size, scaleSize, smallerSize } from './sizes.ts';
import type { Dim } from './value-types.ts';

/** A size that nothing is known of. */
export const unknownDim: Dim = { isRequest: false, min: 0, max: undefined };
/** A size that a request chooses: 1 at least, since what is asked is what one example costs. */
export const requestDim: Dim = { isRequest: true, min: 1, max: undefined };

interface Bounds {
  readonly isRequest: boolean;
  readonly min: number;
  readonly max: number;
}

function boundsOf(dim: Dim): Bounds {
  if (typeof dim === 'number') return { isRequest: false, min: dim, max: dim };
  return { isRequest: dim.isRequest, min: dim.min, max: dim.max ?? Number.POSITIVE_INFINITY };
}

function dimOf(min: number, max: number, isRequest: boolean): Dim {
  if (Number.isNaN(min) || Number.isNaN(max)) return isRequest ? requestDim : unknownDim;
  if (min === max && Number.isFinite(min)) return min;
  return { isRequest, min, max: Number.isFinite(max) ? max : undefined };
}

/** What a formula says of a size; exact for a number. Undefined where there is none. */
interface Formula {
  readonly size: Size;
  readonly isExact: boolean;
}

export function formulaOf(dim: Dim): Formula | undefined {
  if (typeof dim === 'number') return { size: constantSize(dim), isExact: true };
  if (dim.upper !== undefined) return { size: dim.upper, isExact: dim.isExact === true };
  return dim.max === undefined ? undefined : { size: constantSize(dim.max), isExact: false };
}

const hasFormula = (a: Dim, b: Dim): boolean =>
  (typeof a !== 'number' && a.upper !== undefined) || (typeof b !== 'number' && b.upper !== undefined);

const least = (dim: Dim): number => (typeof dim === 'number' ? dim : dim.min);

/** `dim` with a formula, where one can be said of what two sizes give. */
function withFormula(dim: Dim, a: Dim, b: Dim, combine: (x: Formula, y: Formula) => Size | undefined, isExact?: boolean): Dim {
  if (typeof dim === 'number' || !hasFormula(a, b)) return dim;
  const [x, y] = [formulaOf(a), formulaOf(b)];
  const upper = x === undefined || y === undefined ? undefined : combine(x, y);
  if (x === undefined || y === undefined || upper === undefined) return dim;
  const { isRequest, min, max } = dim;
  return (isExact ?? (x.isExact && y.isExact)) ? { isRequest, min, max, upper, isExact: true } : { isRequest, min, max, upper };
}

/** What one of the ways makes of it: itself where it is known. */
const chosen = (dim: Dim): number => (typeof dim === 'number' ? dim : (dim.choice ?? Math.max(dim.min, 1)));

const hasChoice = (dim: Dim): boolean => typeof dim !== 'number' && dim.choice !== undefined;

/** `dim` with what it is when each of two sizes is what one of its ways makes it. */
function withChoice(dim: Dim, a: Dim, b: Dim, combine: (x: number, y: number) => number): Dim {
  if (typeof dim === 'number' || !(hasChoice(a) || hasChoice(b))) return dim;
  const choice = combine(chosen(a), chosen(b));
  return Number.isFinite(choice) && choice > dim.min ? { ...dim, choice } : dim;
}

function corners(a: Bounds, b: Bounds, combine: (x: number, y: number) => number): Dim {
  const all = [combine(a.min, b.min), combine(a.min, b.max), combine(a.max, b.min), combine(a.max, b.max)];
  // 0 times infinity: nothing times anything is nothing.
  const known = all.map((x) => (Number.isNaN(x) ? 0 : x));
  return dimOf(Math.min(...known), Math.max(...known), a.isRequest || b.isRequest);
}

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const dim = corners(boundsOf(a), boundsOf(b), (x, y) => x + y);
  return withChoice(
    withFormula(dim, a, b, (x, y) => addSizes(x.size, y.size)),
    a,
    b,
    (x, y) => x + y,
  );
}

export function subtractDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const dim = corners(boundsOf(a), boundsOf(b), (x, y) => x - y);
  return withFormula(dim, a, b, (x, y) => {
    if (y.isExact) return addSizes(x.size, scaleSize(y.size, -1));
    return Number.isFinite(least(b)) ? addSizes(x.size, constantSize(-least(b))) : undefined;
  });
}

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  const dim = corners(boundsOf(a), boundsOf(b), (x, y) => x * y);
  const isPositive = least(a) >= 0 && least(b) >= 0;
  const product = withFormula(dim, a, b, (x, y) =>
    isPositive || (x.isExact && y.isExact) ? multiplySizes(x.size, y.size) : undefined,
  );
  return withChoice(product, a, b, (x, y) => x * y);
}

/** Rounds down. Unknown when the divisor may be zero or below. */
export function divideDims(a: Dim, b: Dim): Dim {
  const divisor = boundsOf(b);
  if (divisor.min <= 0) return isRequestDim(a) || divisor.isRequest ? requestDim : unknownDim;
  const dim = corners(boundsOf(a), divisor, (x, y) => Math.floor(x / y));
  const isPositive = least(a) >= 0;
  const exact = withFormula(dim, a, b, (x, y) => (y.isExact ? divideSizes(x.size, y.size) : undefined));
  if (exact !== dim || !isPositive) return exact;
  return withFormula(dim, a, b, (x) => divideSizes(x.size, constantSize(Math.max(1, divisor.min))), false);
}

export function smallerDim(a: Dim, b: Dim): Dim {
  const [x, y] = [boundsOf(a), boundsOf(b)];
  const dim = dimOf(Math.min(x.min, y.min), Math.min(x.max, y.max), x.isRequest || y.isRequest);
  if (typeof dim === 'number' || !hasFormula(a, b)) return dim;
  const [p, q] = [formulaOf(a), formulaOf(b)];
  // The smaller of two is no larger than the one that is known.
  const only = p === undefined ? q : q === undefined ? p : undefined;
  if (only !== undefined) return { isRequest: dim.isRequest, min: dim.min, max: dim.max, upper: only.size };
  return withFormula(dim, a, b, (one, other) => smallerSize(one.size, other.size));
}

export function largerDim(a: Dim, b: Dim): Dim {
  const [x, y] = [boundsOf(a), boundsOf(b)];
  const dim = dimOf(Math.max(x.min, y.min), Math.max(x.max, y.max), x.isRequest || y.isRequest);
  return withChoice(
    withFormula(dim, a, b, (one, other) => largerSize(one.size, other.size)),
    a,
    b,
    Math.max,
  );
}

/** The largest that one of two ways surely makes it, where one does. */
function largestChoice(a: Dim, b: Dim): number | undefined {
  const known = [a, b].flatMap((dim) => (typeof dim === 'number' ? [dim] : dim.choice === undefined ? [] : [dim.choice]));
  return known.length === 0 ? undefined : Math.max(...known);
}

/** Covers both. */
export function joinDims(a: Dim, b: Dim): Dim {
  if (a === b) return a;
  const dim = joinedDims(a, b);
  const choice = typeof dim === 'number' ? undefined : largestChoice(a, b);
  return typeof dim === 'number' || choice === undefined || choice <= dim.min ? dim : { ...dim, choice };
}

function joinedDims(a: Dim, b: Dim): Dim {
  const [x, y] = [boundsOf(a), boundsOf(b)];
  const dim = dimOf(Math.min(x.min, y.min), Math.max(x.max, y.max), x.isRequest || y.isRequest);
  if (typeof dim === 'number' || !hasFormula(a, b)) return dim;
  const [p, q] = [formulaOf(a), formulaOf(b)];
  const isSame = p?.isExact === true && q?.isExact === true && p.size.key === q.size.key;
  return withFormula(dim, a, b, (one, other) => largerSize(one.size, other.size), isSame);
}

/** Some of it, and no more than `max` where that is known. */
export function partOfDim(dim: Dim, isRequest: boolean, max: number | undefined): Dim {
  if (typeof dim === 'number' || dim.upper === undefined) return { isRequest, min: 0, max };
  if (max === undefined) return { isRequest, min: 0, max, upper: dim.upper };
  const upper = smallerSize(dim.upper, constantSize(max));
  return upper === undefined ? { isRequest, min: 0, max } : { isRequest, min: 0, max, upper };
}

export function isRequestDim(dim: Dim): boolean {
  return typeof dim !== 'number' && dim.isRequest;
}

export function isSameDim(a: Dim, b: Dim): boolean {
  if (a === b) return true;
  if (typeof a === 'number' || typeof b === 'number') return false;
  if (a.upper?.key !== b.upper?.key || a.isExact !== b.isExact) return false;
  return a.isRequest === b.isRequest && a.min === b.min && a.max === b.max && a.choice === b.choice;
}

/** Of two sizes that TensorFlow demands to be equal: the one that says more. */
export function mergeDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number') return a;
  if (typeof b === 'number') return b;
  const dim = dimOf(
    Math.max(a.min, b.min),
    Math.min(a.max ?? Number.POSITIVE_INFINITY, b.max ?? Number.POSITIVE_INFINITY),
    a.isRequest || b.isRequest,
  );
  if (typeof dim === 'number' || !hasFormula(a, b)) return dim;
  const { upper, isExact } = betterFormula(a, b);
  const { isRequest, min, max } = dim;
  if (upper === undefined) return dim;
  return isExact === true ? { isRequest, min, max, upper, isExact } : { isRequest, min, max, upper };
}

/** Of two that are the same size: exact before a bound, and the shorter formula. */
function betterFormula(a: Exclude<Dim, number>, b: Exclude<Dim, number>): Exclude<Dim, number> {
  if (a.upper === undefined || b.upper === undefined) return a.upper === undefined ? b : a;
  if (a.isExact !== b.isExact) return a.isExact === true ? a : b;
  return a.upper.key.length <= b.upper.key.length ? a : b;
}

/** Of a result that two tensors are broadcast to: 1 gives way. */
export function broadcastDims(a: Dim, b: Dim): Dim {
  if (a === 1) return b;
  if (b === 1) return a;
  if (typeof a === 'number') return a;
  if (typeof b === 'number') return b;
  return largerDim(a, b);
}

export function broadcastShapes(a: readonly Dim[] | undefined, b: readonly Dim[] | undefined): readonly Dim[] | undefined {
  if (a === undefined || b === undefined) return undefined;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, index) => {
    const x = a[index - rank + a.length] ?? 1;
    const y = b[index - rank + b.length] ?? 1;
    return broadcastDims(x, y);
  });
}

export function productOf(shape: readonly Dim[]): Dim {
  return shape.reduce<Dim>(multiplyDims, 1);
}

/**
 * The fewest elements that it surely has with one example: a size that is not known counts as its lower bound and as 1 at least, so that a
 * batch does not make a model look large. Undefined when the rank is unknown.
 */
export function fewestElements(shape: readonly Dim[] | undefined): number | undefined {
  if (shape === undefined) return undefined;
  return shape.reduce<number>((all, dim) => all * (typeof dim === 'number' ? Math.max(dim, 0) : Math.max(dim.min, 1)), 1);
}

/** As `fewestElements`, on the way that makes it largest: of what a branch or a caller chooses. Undefined when nothing is chosen. */
export function chosenElements(
  shape: readonly Dim[] | undefined,
): { readonly elements: number; readonly choices: number } | undefined {
  // Sizes with the same two ends come of one choice: a vector in both directions of a product.
  const choices = new Set(
    shape?.flatMap((dim) => (typeof dim === 'number' || dim.choice === undefined ? [] : `${dim.min} ${dim.choice}`)),
  );
  if (shape === undefined || choices.size === 0) return undefined;
  return { elements: shape.reduce<number>((all, dim) => all * Math.max(chosen(dim), 0), 1), choices: choices.size };
}
