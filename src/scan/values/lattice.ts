// Values as a lattice: what two ways to the same tensor have in common, and the widening that makes loops come to an end. Values are shared
// and never changed.
import { isSameDim, joinDims, unknownDim } from './dims.ts';
import type { Constant, ContentOrigin, Dim, PartialSizes, Value } from './value-types.ts';

/** More contents than this are not told apart. */
export const maxAlternatives = 16;

const allOrigins: readonly ContentOrigin[] = ['constant', 'asset', 'saver', 'request', 'variable', 'file', 'random', 'computed'];
const sets = new Map<number, ReadonlySet<ContentOrigin>>();
const masks = new WeakMap<ReadonlySet<ContentOrigin>, number>();

function setOf(mask: number): ReadonlySet<ContentOrigin> {
  const known = sets.get(mask);
  if (known !== undefined) return known;
  const made = new Set(allOrigins.filter((_, bit) => (mask & (1 << bit)) !== 0));
  sets.set(mask, made);
  masks.set(made, mask);
  return made;
}

function maskOf(origins: ReadonlySet<ContentOrigin>): number {
  const known = masks.get(origins);
  if (known !== undefined) return known;
  return allOrigins.reduce((mask, origin, bit) => (origins.has(origin) ? mask | (1 << bit) : mask), 0);
}

/** The same set object for the same origins, so that half a million values share a few. */
export function originsOf(...origins: readonly ContentOrigin[]): ReadonlySet<ContentOrigin> {
  return setOf(origins.reduce((mask, origin) => mask | (1 << allOrigins.indexOf(origin)), 0));
}

export function uniteOrigins(...all: readonly ReadonlySet<ContentOrigin>[]): ReadonlySet<ContentOrigin> {
  return setOf(all.reduce((mask, origins) => mask | maskOf(origins), 0));
}

export function withoutRequest(origins: ReadonlySet<ContentOrigin>): ReadonlySet<ContentOrigin> {
  if (!origins.has('request')) return origins;
  return setOf((maskOf(origins) & ~(1 << allOrigins.indexOf('request'))) | (1 << allOrigins.indexOf('computed')));
}

/** Nothing is known but that something made it. */
export const unknownValue: Value = { dtype: undefined, shape: undefined, constants: undefined, origins: originsOf('computed') };

export function unknownOf(
  origins: ReadonlySet<ContentOrigin>,
  dtype: number | undefined,
  shape: readonly Dim[] | undefined,
): Value {
  return { dtype, shape, constants: undefined, origins };
}

export function constantValue(
  constants: readonly Constant[],
  dtype: number | undefined,
  origins: ReadonlySet<ContentOrigin>,
): Value {
  const shapes = constants.map(({ shape }) => shape as readonly Dim[]);
  const shape = shapes.slice(1).reduce<readonly Dim[] | undefined>(joinShapes, shapes[0]);
  return { dtype, shape, constants, origins };
}

export function joinShapes(a: readonly Dim[] | undefined, b: readonly Dim[] | undefined): readonly Dim[] | undefined {
  if (a === b) return a;
  if (a === undefined || b === undefined || a.length !== b.length) return undefined;
  return a.map((dim, index) => joinDims(dim, b[index]));
}

export function isSameShape(a: readonly Dim[] | undefined, b: readonly Dim[] | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  return a.every((dim, index) => isSameDim(dim, b[index]));
}

export function isSameConstant(a: Constant, b: Constant): boolean {
  if (a === b) return true;
  if (a.shape.length !== b.shape.length || a.shape.some((size, index) => size !== b.shape[index])) return false;
  if (a.numbers !== undefined && b.numbers !== undefined) {
    const other = b.numbers;
    return a.numbers.length === other.length && a.numbers.every((x, index) => Object.is(x, other[index]));
  }
  if (a.strings !== undefined && b.strings !== undefined) {
    const other = b.strings;
    return a.strings.length === other.length && a.strings.every((x, index) => x.equals(other[index]));
  }
  return false;
}

/** Each once; undefined when they are too many. */
export function distinctConstants(all: readonly Constant[]): readonly Constant[] | undefined {
  const found: Constant[] = [];
  for (const constant of all) {
    if (found.some((other) => isSameConstant(other, constant))) continue;
    if (found.length === maxAlternatives) return undefined;
    found.push(constant);
  }
  return found;
}

/** Smallest and largest element of all contents, or the bounds that are known. */
export function elementBounds(value: Value): { readonly min: number | undefined; readonly max: number | undefined } {
  if (value.constants !== undefined) {
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { numbers } of value.constants) {
      for (const x of numbers ?? []) {
        if (x < min) min = x;
        if (x > max) max = x;
      }
    }
    return min <= max ? { min, max } : { min: undefined, max: undefined };
  }
  if (value.partial !== undefined) {
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const size of value.partial.sizes) {
      min = Math.min(min, typeof size === 'number' ? size : size.min);
      max = Math.max(max, typeof size === 'number' ? size : (size.max ?? Number.POSITIVE_INFINITY));
    }
    return { min: Number.isFinite(min) ? min : undefined, max: Number.isFinite(max) ? max : undefined };
  }
  return { min: value.min, max: value.max };
}

/** Contents as sizes, when there is one content or part of one is known. */
export function sizesOf(value: Value): PartialSizes | undefined {
  if (value.partial !== undefined) return value.partial;
  const [first, ...others] = value.constants ?? [];
  if (first?.numbers === undefined) return undefined;
  let { numbers: sizes }: { numbers: readonly Dim[] } = { numbers: first.numbers };
  for (const other of others) {
    if (other.numbers === undefined || other.numbers.length !== sizes.length) return undefined;
    sizes = sizes.map((size, index) => joinDims(size, other.numbers?.[index] ?? unknownDim));
  }
  return { shape: first.shape, sizes };
}

function joinPartial(a: Value, b: Value): PartialSizes | undefined {
  const [x, y] = [sizesOf(a), sizesOf(b)];
  if (x === undefined || y === undefined || x.sizes.length !== y.sizes.length || x.shape.length !== y.shape.length)
    return undefined;
  return { shape: x.shape, sizes: x.sizes.map((size, index) => joinDims(size, y.sizes[index])) };
}

/** What surely begins each of its strings: its prefix, or the content of a scalar. */
export function prefixOf(value: Value): Buffer | undefined {
  if (value.prefix !== undefined) return value.prefix;
  const strings = value.constants?.flatMap((constant) => constant.strings ?? []);
  if (strings === undefined || strings.length === 0) return undefined;
  return strings.reduce(commonPrefix);
}

function commonPrefix(a: Buffer, b: Buffer): Buffer {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return a.subarray(0, length);
}

function joinPrefix(a: Value, b: Value): Buffer | undefined {
  const [x, y] = [prefixOf(a), prefixOf(b)];
  if (x === undefined || y === undefined) return undefined;
  const common = commonPrefix(x, y);
  return common.length === 0 ? undefined : common;
}

/** What is true of both. */
export function joinValues(a: Value, b: Value): Value {
  if (a === b) return a;
  const constants =
    a.constants === undefined || b.constants === undefined ? undefined : distinctConstants([...a.constants, ...b.constants]);
  const [x, y] = [elementBounds(a), elementBounds(b)];
  const min = x.min === undefined || y.min === undefined ? undefined : Math.min(x.min, y.min);
  const max = x.max === undefined || y.max === undefined ? undefined : Math.max(x.max, y.max);
  const partial = constants === undefined ? joinPartial(a, b) : undefined;
  const prefix = constants === undefined ? joinPrefix(a, b) : undefined;
  const held =
    a.held === undefined || b.held === undefined
      ? undefined
      : {
          dtype: a.held.dtype === b.held.dtype ? a.held.dtype : undefined,
          shape: joinShapes(a.held.shape, b.held.shape),
        };
  return {
    dtype: a.dtype === b.dtype ? a.dtype : undefined,
    shape: joinShapes(a.shape, b.shape),
    constants,
    origins: uniteOrigins(a.origins, b.origins),
    ...(prefix === undefined ? {} : { prefix }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(partial === undefined ? {} : { partial }),
    ...(held === undefined ? {} : { held }),
  };
}

export function isSameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a.dtype !== b.dtype || a.origins !== b.origins || a.min !== b.min || a.max !== b.max) return false;
  if (!isSameShape(a.shape, b.shape) || !isSameShape(a.partial?.sizes, b.partial?.sizes)) return false;
  if (a.held !== b.held && (a.held?.dtype !== b.held?.dtype || !isSameShape(a.held?.shape, b.held?.shape))) return false;
  if ((a.prefix === undefined) !== (b.prefix === undefined)) return false;
  if (a.prefix !== undefined && b.prefix !== undefined && !a.prefix.equals(b.prefix)) return false;
  if (a.constants === undefined || b.constants === undefined) return a.constants === b.constants;
  const other = b.constants;
  return a.constants.length === other.length && a.constants.every((constant, index) => isSameConstant(constant, other[index]));
}

/** From so many rounds on a value is widened. */
export const wideningRounds = 6;

/**
 * Gives up what a loop keeps changing, so that the analysis of the loop ends: contents and bounds after a few rounds, the shape after more.
 * @param rounds How often the value has changed.
 */
export function widen(value: Value, rounds: number): Value {
  if (rounds < wideningRounds) return value;
  const forgetDims = (shape: readonly Dim[] | undefined) =>
    shape?.map((dim) =>
      typeof dim === 'number' ? dim : { isRequest: dim.isRequest, min: rounds < 8 ? dim.min : 0, max: undefined },
    );
  const shape = rounds < 12 ? forgetDims(value.shape) : undefined;
  // A beginning that parts share gets shorter only, so it may stay a while: a loop that adds to a path does not change how it begins.
  const prefix = rounds < 12 ? prefixOf(value) : undefined;
  return {
    dtype: value.dtype,
    shape,
    constants: undefined,
    origins: value.constants === undefined ? value.origins : uniteOrigins(value.origins, originsOf('computed')),
    ...(prefix === undefined || prefix.length === 0 ? {} : { prefix }),
  };
}
