// Folding of arithmetic on small tensors: what shapes, counters, conditions and code points are made with. Sizes known in part are computed
// with their bounds; integers wrap around as TensorFlow's do.

import { narrowRange, typeOf } from './data-types.ts';
import * as dims from './dims.ts';
import type { Fold } from './fold.ts';
import { maxConstantElements } from './tensor-proto.ts';
import { type Atom, axisOf, broadcastTo, countOfShape, numbersOf, type Tensor, vector } from './tensors.ts';
import type { Dim } from './value-types.ts';

type Binary = (a: number, b: number) => number;

/** Where both are known. Integers of 32 bits wrap; beyond 2^53 nothing is said, since the result would not be exact. */
function settle(x: number, dtype: number | undefined): number | undefined {
  if (Number.isNaN(x)) return dtype === typeOf.int32 || dtype === typeOf.int64 ? undefined : x;
  if (dtype === typeOf.int32) return Number.isSafeInteger(x) ? x | 0 : undefined;
  if (dtype === typeOf.int64) return Math.abs(x) < 2 ** 63 ? x : undefined;
  const range = narrowRange(dtype);
  return range === undefined || (x >= range[0] && x <= range[1]) ? x : undefined;
}

function commonShape(a: Tensor, b: Tensor): readonly number[] | undefined {
  const rank = Math.max(a.shape.length, b.shape.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const x = a.shape[axis - rank + a.shape.length] ?? 1;
    const y = b.shape[axis - rank + b.shape.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    shape.push(x === 1 ? y : x);
  }
  return countOfShape(shape) <= maxConstantElements ? shape : undefined;
}

function spread(a: Tensor | undefined, b: Tensor | undefined): { x: Tensor; y: Tensor; shape: readonly number[] } | undefined {
  const shape = a === undefined || b === undefined ? undefined : commonShape(a, b);
  if (a === undefined || b === undefined || shape === undefined) return undefined;
  const [x, y] = [broadcastTo(a, shape), broadcastTo(b, shape)];
  return x === undefined || y === undefined ? undefined : { x, y, shape };
}

function mapPairs(
  a: Tensor | undefined,
  b: Tensor | undefined,
  combine: (x: Atom, y: Atom) => Atom | undefined,
): Tensor | undefined {
  const both = spread(a, b);
  if (both === undefined) return undefined;
  const atoms: Atom[] = [];
  for (let i = 0; i < both.x.atoms.length; i++) {
    const result = combine(both.x.atoms[i], both.y.atoms[i]);
    if (result === undefined) return undefined;
    atoms.push(result);
  }
  return { shape: both.shape, atoms };
}

const binary =
  (known: Binary, bounded?: (a: Dim, b: Dim) => Dim): Fold =>
  (view, [a, b]) => {
    const dtype = view.inputs[0]?.dtype;
    return mapPairs(a, b, (x, y) => {
      if (Buffer.isBuffer(x) || Buffer.isBuffer(y)) return undefined;
      if (typeof x === 'number' && typeof y === 'number') return settle(known(x, y), dtype);
      return bounded?.(x, y);
    });
  };

const compare =
  (test: (a: number, b: number) => boolean): Fold =>
  (_, [a, b]) =>
    mapPairs(a, b, (x, y) => (typeof x === 'number' && typeof y === 'number' ? Number(test(x, y)) : undefined));

const isEqual = (x: Atom, y: Atom): boolean | undefined => {
  if (typeof x === 'number' && typeof y === 'number') return x === y;
  return Buffer.isBuffer(x) && Buffer.isBuffer(y) ? x.equals(y) : undefined;
};

const equality =
  (wanted: boolean): Fold =>
  (_, [a, b]) =>
    mapPairs(a, b, (x, y) => {
      const same = isEqual(x, y);
      return same === undefined ? undefined : Number(same === wanted);
    });

const unary =
  (known: (x: number) => number): Fold =>
  (view, [input]) => {
    const numbers = numbersOf(input);
    if (input === undefined || numbers === undefined) return undefined;
    const atoms = numbers.map((x) => settle(known(x), view.inputs[0]?.dtype));
    return atoms.every((x) => x !== undefined) ? { shape: input.shape, atoms: atoms as number[] } : undefined;
  };

function reduceOver(
  input: Tensor,
  axes: readonly number[],
  keepDims: boolean,
  combine: (a: Dim, b: Dim) => Dim,
  start: Dim | undefined,
): Tensor | undefined {
  const rank = input.shape.length;
  const gone = new Set(axes.map((axis) => axisOf(axis, rank)));
  if (gone.has(undefined) || input.atoms.some((atom) => Buffer.isBuffer(atom))) return undefined;
  const shape = input.shape.flatMap((size, axis) => (gone.has(axis) ? (keepDims ? [1] : []) : [size]));
  const results = new Map<number, Dim>();
  const index = input.shape.map(() => 0);
  for (const atom of input.atoms as readonly Dim[]) {
    const place = index.reduce((at, i, axis) => (gone.has(axis) ? at : at * input.shape[axis] + i), 0);
    const before = results.get(place) ?? start;
    results.set(place, before === undefined ? atom : combine(before, atom));
    for (let axis = rank - 1; axis >= 0; axis--) {
      index[axis]++;
      if (index[axis] < input.shape[axis]) break;
      index[axis] = 0;
    }
  }
  const count = countOfShape(shape);
  if (results.size !== count && start === undefined) return undefined;
  return { shape, atoms: Array.from({ length: count }, (_, place) => results.get(place) ?? start ?? 0) };
}

const reduction =
  (combine: (a: Dim, b: Dim) => Dim, start?: Dim): Fold =>
  (view, [input, axisInput]) => {
    const axes = numbersOf(axisInput);
    if (input === undefined || axes === undefined) return undefined;
    const result = reduceOver(input, axes, view.flag('keep_dims'), combine, start);
    const dtype = view.inputs[0]?.dtype;
    const atoms = result?.atoms.map((atom) => (typeof atom === 'number' ? settle(atom, dtype) : atom));
    return result === undefined || atoms === undefined || atoms.includes(undefined)
      ? undefined
      : { shape: result.shape, atoms: atoms as readonly Atom[] };
  };

const truthy =
  (combine: (a: boolean, b: boolean) => boolean): ((a: Dim, b: Dim) => Dim) =>
  (a, b) =>
    typeof a === 'number' && typeof b === 'number' ? Number(combine(a !== 0, b !== 0)) : { isRequest: false, min: 0, max: 1 };

function cast(x: number, dtype: number | undefined): number | undefined {
  if (dtype === typeOf.bool) return x === 0 ? 0 : 1;
  if (dtype === typeOf.int32) return Number.isFinite(x) && Math.abs(Math.trunc(x)) < 2 ** 53 ? Math.trunc(x) | 0 : undefined;
  if (dtype === typeOf.int64) return Number.isFinite(x) ? Math.trunc(x) : undefined;
  const range = narrowRange(dtype);
  if (range === undefined) return x;
  const whole = Math.trunc(x);
  return whole >= range[0] && whole <= range[1] ? whole : undefined;
}

const floorMod: Binary = (a, b) => (b === 0 ? Number.NaN : a - Math.floor(a / b) * b);
const shift =
  (direction: 1 | -1): Binary =>
  (a, b) =>
    b >= 0 && b < 64 ? Math.floor(a * 2 ** (b * direction)) : Number.NaN;
const bitwise =
  (combine: (a: bigint, b: bigint) => bigint): Binary =>
  (a, b) =>
    Number.isSafeInteger(a) && Number.isSafeInteger(b) ? Number(combine(BigInt(a), BigInt(b))) : Number.NaN;

const addition = binary((a, b) => a + b, dims.addDims);
const division: Fold = (view, inputs, output) => {
  const isWhole = view.inputs[0]?.dtype === typeOf.int32 || view.inputs[0]?.dtype === typeOf.int64;
  const whole: Binary = (a, b) => (b === 0 ? Number.NaN : Math.trunc(a / b));
  return binary(isWhole ? whole : (a, b) => a / b, isWhole ? dims.divideDims : undefined)(view, inputs, output);
};

export const foldMath: Readonly<Record<string, Fold>> = {
  Add: addition,
  AddV2: addition,
  Sub: binary((a, b) => a - b, dims.subtractDims),
  Mul: binary((a, b) => a * b, dims.multiplyDims),
  FloorDiv: binary((a, b) => (b === 0 ? Number.NaN : Math.floor(a / b)), dims.divideDims),
  Div: division,
  RealDiv: division,
  TruncateDiv: division,
  Mod: binary((a, b) => (b === 0 ? Number.NaN : a % b)),
  TruncateMod: binary((a, b) => (b === 0 ? Number.NaN : a % b)),
  FloorMod: binary(floorMod),
  Maximum: binary(Math.max, dims.largerDim),
  Minimum: binary(Math.min, dims.smallerDim),
  Pow: binary((a, b) => a ** b),
  LeftShift: binary(shift(1)),
  RightShift: binary(shift(-1)),
  BitwiseAnd: binary(bitwise((a, b) => a & b)),
  BitwiseOr: binary(bitwise((a, b) => a | b)),
  BitwiseXor: binary(bitwise((a, b) => a ^ b)),
  SquaredDifference: binary((a, b) => (a - b) ** 2),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Square: unary((x) => x * x),
  Sqrt: unary(Math.sqrt),
  Exp: unary(Math.exp),
  Log: unary(Math.log),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Sign: unary(Math.sign),
  Invert: unary((x) => ~x),
  LogicalNot: unary((x) => Number(x === 0)),
  LogicalAnd: compare((a, b) => a !== 0 && b !== 0),
  LogicalOr: compare((a, b) => a !== 0 || b !== 0),
  Less: compare((a, b) => a < b),
  LessEqual: compare((a, b) => a <= b),
  Greater: compare((a, b) => a > b),
  GreaterEqual: compare((a, b) => a >= b),
  Equal: equality(true),
  NotEqual: equality(false),
  Cast: (view, [input]) => {
    if (input === undefined) return undefined;
    const dtype = view.type('DstT');
    const atoms = input.atoms.map((atom) =>
      typeof atom === 'number' ? cast(atom, dtype) : Buffer.isBuffer(atom) ? undefined : atom,
    );
    const isWhole = dtype === typeOf.int32 || dtype === typeOf.int64;
    if (!atoms.every((atom) => atom !== undefined && (isWhole || typeof atom === 'number'))) return undefined;
    return { shape: input.shape, atoms: atoms as readonly Atom[] };
  },
  AddN: (view, inputs) => inputs.slice(1).reduce<Tensor | undefined>((sum, input) => addition(view, [sum, input], 0), inputs[0]),
  ClipByValue: (_, [input, low, high]) =>
    mapPairs(
      mapPairs(input, low, (x, y) => limit(x, y, dims.largerDim)),
      high,
      (x, y) => limit(x, y, dims.smallerDim),
    ),
  Sum: reduction(dims.addDims, 0),
  Prod: reduction(dims.multiplyDims, 1),
  Max: reduction(dims.largerDim),
  Min: reduction(dims.smallerDim),
  All: reduction(
    truthy((a, b) => a && b),
    1,
  ),
  Any: reduction(
    truthy((a, b) => a || b),
    0,
  ),
  Cumsum: (view, [input, axis]) => {
    const numbers = numbersOf(input);
    if (numbers === undefined || input?.shape.length !== 1 || axis === undefined) return undefined;
    if (view.flag('exclusive') || view.flag('reverse')) return undefined;
    let sum = 0;
    return vector(numbers.map((x) => (sum += x)));
  },
  Range: (_, [start, limitInput, delta]) => {
    const [from] = numbersOf(start) ?? [];
    const [to] = numbersOf(limitInput) ?? [];
    const [step] = numbersOf(delta) ?? [];
    if (from === undefined || to === undefined || step === undefined || step === 0) return undefined;
    const count = Math.max(0, Math.ceil((to - from) / step));
    return count > maxConstantElements ? undefined : vector(Array.from({ length: count }, (_, i) => from + i * step));
  },
  BroadcastArgs: (_, [a, b]) => broadcastSizes(a, b),
  Bincount: (_, [values, size, weights]) => count(values, size, weights),
  DenseBincount: (view, [values, size, weights]) => (view.flag('binary_output') ? undefined : count(values, size, weights)),
  InvertPermutation: (_, [input]) => {
    const numbers = numbersOf(input);
    if (numbers === undefined) return undefined;
    const inverse = numbers.map((_, at) => numbers.indexOf(at));
    return numbers.length > 254 || inverse.includes(-1) ? undefined : vector(inverse);
  },
  SelectV2: (_, [condition, yes, no]) => select(condition, yes, no),
  Select: (_, [condition, yes, no]) => select(condition, yes, no),
  OnesLike: (_, [input]) => (input === undefined ? undefined : { shape: input.shape, atoms: input.atoms.map(() => 1) }),
  ZerosLike: (view, [input]) =>
    input === undefined || view.inputs[0]?.dtype === typeOf.string
      ? undefined
      : { shape: input.shape, atoms: input.atoms.map(() => 0) },
  LinSpace: (_, [start, stop, count]) => {
    const [from] = numbersOf(start) ?? [];
    const [to] = numbersOf(stop) ?? [];
    const [number] = numbersOf(count) ?? [];
    if (from === undefined || to === undefined || number === undefined || number < 1 || number > maxConstantElements)
      return undefined;
    return vector(Array.from({ length: number }, (_, i) => (number === 1 ? from : from + ((to - from) * i) / (number - 1))));
  },
};

function limit(x: Atom, y: Atom, bound: (a: Dim, b: Dim) => Dim): Atom | undefined {
  return Buffer.isBuffer(x) || Buffer.isBuffer(y) ? undefined : bound(x, y);
}

function broadcastSizes(a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined {
  if (a === undefined || b === undefined || a.atoms.some(Buffer.isBuffer) || b.atoms.some(Buffer.isBuffer)) return undefined;
  const shape = dims.broadcastShapes(a.atoms as readonly Dim[], b.atoms as readonly Dim[]);
  return shape === undefined ? undefined : vector(shape);
}

/** How often each number is there: ragged tensors find the ends of their rows with it. */
function count(values: Tensor | undefined, size: Tensor | undefined, weights: Tensor | undefined): Tensor | undefined {
  const [numbers, [length] = []] = [numbersOf(values), numbersOf(size) ?? []];
  if (numbers === undefined || length === undefined || !(length >= 0 && length <= maxConstantElements)) return undefined;
  if (weights?.atoms.length !== 0 || values?.shape.length !== 1) return undefined;
  const counts = Array.from({ length }, () => 0);
  for (const number of numbers) if (number >= 0 && number < length) counts[number]++;
  return vector(counts);
}

/** Which of two, where the condition is known; a scalar condition chooses all. */
function select(condition: Tensor | undefined, yes: Tensor | undefined, no: Tensor | undefined): Tensor | undefined {
  const flags = numbersOf(condition);
  if (condition === undefined || flags === undefined) return undefined;
  if (flags.length === 1 && condition.shape.length === 0) return flags[0] === 0 ? no : yes;
  const both = spread(yes, no);
  const chosen = both === undefined ? undefined : broadcastTo(condition, both.shape);
  if (both === undefined || chosen === undefined) return undefined;
  return { shape: both.shape, atoms: chosen.atoms.map((flag, i) => (flag === 0 ? both.y.atoms[i] : both.x.atoms[i])) };
}
