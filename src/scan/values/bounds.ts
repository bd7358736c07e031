// Bounds of numbers whose content is not known, so that a size that a request chooses but the model clamps is no finding. Bounds only ever get
// wider than the truth.
import { narrowRange } from './data-types.ts';
import { addDims, divideDims, multiplyDims, subtractDims } from './dims.ts';
import { elementBounds } from './lattice.ts';
import type { NodeView } from './node-view.ts';
import type { Dim, Value } from './value-types.ts';

export interface Bounds {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

const none: Bounds = { min: undefined, max: undefined };

function of(value: Value | undefined): Bounds {
  if (value === undefined) return none;
  const { min, max } = elementBounds(value);
  const range = narrowRange(value.dtype);
  return { min: min ?? range?.[0], max: max ?? range?.[1] };
}

const dimOf = ({ min, max }: Bounds): Dim =>
  min !== undefined && min === max ? min : { isRequest: false, min: min ?? Number.NEGATIVE_INFINITY, max };

function boundsOf(dim: Dim): Bounds {
  if (typeof dim === 'number') return { min: dim, max: dim };
  return { min: dim.min === Number.NEGATIVE_INFINITY ? undefined : dim.min, max: dim.max };
}

const least = (a: number | undefined, b: number | undefined) => (a === undefined || b === undefined ? undefined : Math.min(a, b));
const most = (a: number | undefined, b: number | undefined) => (a === undefined || b === undefined ? undefined : Math.max(a, b));
/** The one that is known, or the smaller. */
const tighterMax = (a: number | undefined, b: number | undefined) => (a === undefined ? b : b === undefined ? a : Math.min(a, b));
const tighterMin = (a: number | undefined, b: number | undefined) => (a === undefined ? b : b === undefined ? a : Math.max(a, b));

type Rule = (view: NodeView) => Bounds;

const join = (all: readonly Bounds[]): Bounds =>
  all.reduce((a, b) => ({ min: least(a.min, b.min), max: most(a.max, b.max) }), all[0] ?? none);
const arithmetic =
  (combine: (a: Dim, b: Dim) => Dim): Rule =>
  ({ inputs: [a, b] }) =>
    boundsOf(combine(dimOf(of(a)), dimOf(of(b))));
const fixed =
  (min: number | undefined, max: number | undefined): Rule =>
  () => ({ min, max });
const inputsFrom =
  (from: number, to?: number): Rule =>
  (view) =>
    join(view.inputs.slice(from, to).map(of));
const modulo: Rule = ({ inputs: [, divisor] }) => {
  const { min, max } = of(divisor);
  return min !== undefined && min > 0 && max !== undefined ? { min: 0, max: max - 1 } : none;
};
const hashed: Rule = (view) => {
  const buckets = view.int('num_buckets');
  return buckets === undefined ? none : { min: 0, max: buckets - 1 };
};
const divided: Rule = ({ inputs: [a, b] }) => {
  const [x, y] = [of(a), of(b)];
  if (y.min === undefined || y.min <= 0) return none;
  if (y.min >= 1) return boundsOf(divideDims(dimOf(x), dimOf(y)));
  return none;
};

const product = arithmetic(multiplyDims);
const multiplied: Rule = (view) => {
  const { min, max } = product(view);
  const [a, b] = view.body.inputs(view.node);
  const isSquare = a !== undefined && a.node === b?.node && a.output === b.output;
  return isSquare ? { min: tighterMin(min, 0), max } : { min, max };
};

const same: Rule = ({ inputs: [input] }) => of(input);
const flag = fixed(0, 1);

const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...[
    ...[
      'Identity',
      'StopGradient',
      'PreventGradient',
      'EnsureShape',
      'Reshape',
      'Squeeze',
      'ExpandDims',
      'Unpack',
      'Gather',
      'GatherV2',
    ],
    ...[
      'GatherNd',
      'Slice',
      'StridedSlice',
      'SplitV',
      'Tile',
      'Transpose',
      'BroadcastTo',
      'ReverseV2',
      'Switch',
      'Enter',
      'Exit',
    ],
    ...['NextIteration', 'Cast', 'Max', 'Min', 'Mean', 'Floor', 'Round', 'Rint', 'CheckNumerics', 'MaxPool', 'AvgPool'],
  ].map((op) => [op, same] as const),
  ...[
    'Equal',
    'NotEqual',
    'Less',
    'LessEqual',
    'Greater',
    'GreaterEqual',
    'LogicalAnd',
    'LogicalOr',
    'LogicalNot',
    'Sigmoid',
    'Softmax',
  ].map((op) => [op, flag] as const),
  ...[
    'Shape',
    'ShapeN',
    'Size',
    'Rank',
    'StringLength',
    'ArgMax',
    'ArgMin',
    'Abs',
    'Square',
    'Exp',
    'Softplus',
    'LookupTableSizeV2',
  ].map((op) => [op, fixed(0, undefined)] as const),
  ['Pack', inputsFrom(0)],
  ['ConcatV2', inputsFrom(0, -1)],
  ['Concat', inputsFrom(1)],
  ['IdentityN', inputsFrom(0)],
  ['Select', inputsFrom(1)],
  ['SelectV2', inputsFrom(1)],
  ['Split', inputsFrom(1)],
  ['Fill', inputsFrom(1)],
  ['Tanh', fixed(-1, 1)],
  ['Sin', fixed(-1, 1)],
  ['Cos', fixed(-1, 1)],
  ['Relu6', fixed(0, 6)],
  ['Relu', ({ inputs: [input] }) => ({ min: tighterMin(of(input).min, 0), max: of(input).max })],
  ['Add', arithmetic(addDims)],
  ['AddV2', arithmetic(addDims)],
  ['Sub', arithmetic(subtractDims)],
  ['Mul', multiplied],
  ['FloorDiv', divided],
  ['RealDiv', divided],
  ['TruncateDiv', divided],
  ['FloorMod', modulo],
  ['Mod', modulo],
  ['StringToHashBucketFast', hashed],
  ['StringToHashBucketStrong', hashed],
  ['StringToHashBucket', hashed],
  ['Minimum', ({ inputs: [a, b] }) => ({ min: least(of(a).min, of(b).min), max: tighterMax(of(a).max, of(b).max) })],
  ['Maximum', ({ inputs: [a, b] }) => ({ min: tighterMin(of(a).min, of(b).min), max: most(of(a).max, of(b).max) })],
  [
    'ClipByValue',
    ({ inputs: [x, low, high] }) => ({ min: tighterMin(of(x).min, of(low).min), max: tighterMax(of(x).max, of(high).max) }),
  ],
]);

/** Of every element of this output, from what is known of the inputs and from its type. */
export function boundsOfNode(view: NodeView, dtype: number | undefined): Bounds {
  const found = rules.get(view.op)?.(view) ?? none;
  const range = narrowRange(dtype);
  return { min: found.min ?? range?.[0], max: found.max ?? range?.[1] };
}
