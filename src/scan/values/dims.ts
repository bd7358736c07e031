// Arithmetic on sizes that are known, bounded or unknown. Bounds only ever get wider than the truth, never narrower.
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

function corners(a: Bounds, b: Bounds, combine: (x: number, y: number) => number): Dim {
  const all = [combine(a.min, b.min), combine(a.min, b.max), combine(a.max, b.min), combine(a.max, b.max)];
  // 0 times infinity: nothing times anything is nothing.
  const known = all.map((x) => (Number.isNaN(x) ? 0 : x));
  return dimOf(Math.min(...known), Math.max(...known), a.isRequest || b.isRequest);
}

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  return corners(boundsOf(a), boundsOf(b), (x, y) => x + y);
}

export function subtractDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return corners(boundsOf(a), boundsOf(b), (x, y) => x - y);
}

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  return corners(boundsOf(a), boundsOf(b), (x, y) => x * y);
}

/** Rounds down. Unknown when the divisor may be zero or below. */
export function divideDims(a: Dim, b: Dim): Dim {
  const divisor = boundsOf(b);
  if (divisor.min <= 0) return isRequestDim(a) || divisor.isRequest ? requestDim : unknownDim;
  return corners(boundsOf(a), divisor, (x, y) => Math.floor(x / y));
}

export function smallerDim(a: Dim, b: Dim): Dim {
  const [x, y] = [boundsOf(a), boundsOf(b)];
  return dimOf(Math.min(x.min, y.min), Math.min(x.max, y.max), x.isRequest || y.isRequest);
}

export function largerDim(a: Dim, b: Dim): Dim {
  const [x, y] = [boundsOf(a), boundsOf(b)];
  return dimOf(Math.max(x.min, y.min), Math.max(x.max, y.max), x.isRequest || y.isRequest);
}

/** Covers both. */
export function joinDims(a: Dim, b: Dim): Dim {
  if (a === b) return a;
  const [x, y] = [boundsOf(a), boundsOf(b)];
  return dimOf(Math.min(x.min, y.min), Math.max(x.max, y.max), x.isRequest || y.isRequest);
}

export function isRequestDim(dim: Dim): boolean {
  return typeof dim !== 'number' && dim.isRequest;
}

export function isSameDim(a: Dim, b: Dim): boolean {
  if (a === b) return true;
  if (typeof a === 'number' || typeof b === 'number') return false;
  return a.isRequest === b.isRequest && a.min === b.min && a.max === b.max;
}

/** Of two sizes that TensorFlow demands to be equal: the one that says more. */
export function mergeDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number') return a;
  if (typeof b === 'number') return b;
  return dimOf(
    Math.max(a.min, b.min),
    Math.min(a.max ?? Number.POSITIVE_INFINITY, b.max ?? Number.POSITIVE_INFINITY),
    a.isRequest || b.isRequest,
  );
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
