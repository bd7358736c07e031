// Shapes of what is rearranged: reshaped, joined, cut, gathered.
import { addDims, broadcastShapes, divideDims, mergeDims, multiplyDims, partOfDim, productOf, unknownDim } from './dims.ts';
import { contentOf } from './fold.ts';
import { joinShapes } from './lattice.ts';
import type { NodeView } from './node-view.ts';
import type { ShapeFunction } from './shapes.ts';
import { shapeFromValue } from './shapes-creation.ts';
import { stridedSliceShape } from './strided-slice.ts';
import { axisOf, numbersOf } from './tensors.ts';
import type { Dim, Value } from './value-types.ts';

type Shape = readonly Dim[] | undefined;

/** Same shape as this input. */
export const likeInput =
  (index: number): ShapeFunction =>
  (view) =>
    view.inputs[index]?.shape;

const sameAsOwn: ShapeFunction = (view, output) => view.inputs[output]?.shape;

export function numberAt(value: Value | undefined): number | undefined {
  const numbers = numbersOf(contentOf(value));
  return numbers?.length === 1 ? numbers[0] : undefined;
}

function concatShapes(shapes: readonly Shape[], axis: number | undefined): Shape {
  const [first] = shapes;
  if (first === undefined || shapes.some((shape) => shape?.length !== first.length)) return undefined;
  const at = axis === undefined ? undefined : axisOf(axis, first.length);
  if (at === undefined) return first.map(() => unknownDim);
  const all = shapes as readonly (readonly Dim[])[];
  return first.map((_, i) => all.map((shape) => shape[i]).reduce(i === at ? addDims : mergeDims));
}

const reshaped: ShapeFunction = ({ inputs: [input, shape] }) => {
  const wanted = contentOf(shape)?.atoms;
  if (wanted === undefined || wanted.some(Buffer.isBuffer)) return shapeFromValue(shape);
  const sizes = wanted as readonly Dim[];
  const open = sizes.indexOf(-1);
  if (open < 0) return sizes.map((size) => (typeof size === 'number' || size.min >= 0 ? size : { ...size, min: 0 }));
  const others = sizes.filter((_, i) => i !== open);
  const total = input?.shape === undefined ? unknownDim : productOf(input.shape);
  const rest = productOf(others);
  const found = typeof rest === 'number' && rest > 0 ? divideDims(total, rest) : unknownDim;
  return sizes.map((size, i) => (i === open ? found : typeof size === 'number' || size.min >= 0 ? size : { ...size, min: 0 }));
};

const gathered =
  (axisFrom: (view: NodeView) => number | undefined): ShapeFunction =>
  (view) => {
    const [params, indices] = [view.inputs[0]?.shape, view.inputs[1]?.shape];
    const axis = axisFrom(view);
    const batchDims = view.int('batch_dims') ?? 0;
    if (params === undefined || indices === undefined || axis === undefined || batchDims < 0) return undefined;
    const at = axisOf(axis, params.length);
    return at === undefined ? undefined : [...params.slice(0, at), ...indices.slice(batchDims), ...params.slice(at + 1)];
  };

const expanded: ShapeFunction = ({ inputs: [input, axisInput] }) => {
  const axis = numberAt(axisInput);
  if (input?.shape === undefined || axis === undefined) return undefined;
  const at = axisOf(axis, input.shape.length + 1);
  return at === undefined ? undefined : [...input.shape.slice(0, at), 1, ...input.shape.slice(at)];
};

const squeezed: ShapeFunction = (view) => {
  const shape = view.inputs[0]?.shape;
  if (shape === undefined) return undefined;
  const chosen = view.ints('squeeze_dims') ?? view.ints('axis') ?? [];
  if (chosen.length === 0)
    return shape.every((size) => typeof size === 'number') ? shape.filter((size) => size !== 1) : undefined;
  const axes = new Set(chosen.map((axis) => axisOf(axis, shape.length)));
  return shape.filter((_, axis) => !axes.has(axis));
};

const sliced: ShapeFunction = ({ inputs: [input, begin, size] }) => {
  const [shape, counts, starts] = [input?.shape, contentOf(size)?.atoms, contentOf(begin)?.atoms];
  if (shape === undefined) return undefined;
  return shape.map((whole, axis) => {
    const [count, start] = [counts?.[axis], starts?.[axis]];
    const max = typeof whole === 'number' ? whole : whole.max;
    if (typeof count === 'number' && count >= 0) return count;
    if (count === -1 && start === 0) return whole;
    if (count === -1 && typeof whole === 'number' && typeof start === 'number') return Math.max(0, whole - start);
    return partOfDim(whole, false, max);
  });
};

const packed: ShapeFunction = (view) => {
  const shapes = view.inputs.map(({ shape }) => shape);
  const [first] = shapes;
  if (first === undefined) return undefined;
  const known = shapes.filter((shape) => shape?.length === first.length) as readonly (readonly Dim[])[];
  const merged = first.map((_, i) => known.map((shape) => shape[i]).reduce(mergeDims));
  const at = axisOf(view.int('axis') ?? 0, first.length + 1);
  return at === undefined ? undefined : [...merged.slice(0, at), view.inputs.length, ...merged.slice(at)];
};

const unpacked: ShapeFunction = (view) => {
  const shape = view.inputs[0]?.shape;
  const at = shape === undefined ? undefined : axisOf(view.int('axis') ?? 0, shape.length);
  return at === undefined ? undefined : shape?.filter((_, axis) => axis !== at);
};

const splitInto: ShapeFunction = (view) => {
  const [shape, axis, parts] = [view.inputs[1]?.shape, numberAt(view.inputs[0]), view.int('num_split')];
  if (shape === undefined || parts === undefined || parts < 1) return undefined;
  const at = axis === undefined ? undefined : axisOf(axis, shape.length);
  return shape.map((size, i) => (at === undefined ? unknownDim : i === at ? divideDims(size, parts) : size));
};

const splitBySizes: ShapeFunction = ({ inputs: [input, sizes, axisInput] }, output) => {
  const [shape, axis] = [input?.shape, numberAt(axisInput)];
  if (shape === undefined) return undefined;
  const at = axis === undefined ? undefined : axisOf(axis, shape.length);
  const size = contentOf(sizes)?.atoms[output];
  return shape.map((whole, i) => {
    if (at === undefined) return unknownDim;
    if (i !== at) return whole;
    return typeof size === 'number' && size >= 0 ? size : unknownDim;
  });
};

const transposed: ShapeFunction = ({ inputs: [input, order] }) => {
  const [shape, axes] = [input?.shape, numbersOf(contentOf(order))];
  if (shape === undefined) return undefined;
  return shape.map((_, i) => (axes === undefined ? unknownDim : (shape[axes[i]] ?? unknownDim)));
};

const blocks =
  (isToSpace: boolean): ShapeFunction =>
  (view) => {
    const [shape, block] = [view.inputs[0]?.shape, view.int('block_size')];
    if (shape?.length !== 4 || block === undefined || block < 1 || (view.text('data_format') ?? 'NHWC') !== 'NHWC')
      return undefined;
    const [batch, height, width, depth] = shape;
    return isToSpace
      ? [batch, multiplyDims(height, block), multiplyDims(width, block), divideDims(depth, block * block)]
      : [batch, divideDims(height, block), divideDims(width, block), multiplyDims(depth, block * block)];
  };

const likeFirst = [
  'Identity',
  'StopGradient',
  'PreventGradient',
  'CheckNumerics',
  'CheckNumericsV2',
  'Snapshot',
  'DeepCopy',
  'Enter',
  'Exit',
];
const alsoLikeFirst = [
  'RefEnter',
  'RefExit',
  'NextIteration',
  'RefNextIteration',
  'LoopCond',
  'Copy',
  'CopyHost',
  'RefIdentity',
  'ReverseV2',
];
const moreLikeFirst = [
  'Reverse',
  'ReverseSequence',
  'Roll',
  'MatrixBandPart',
  'MatrixSetDiag',
  'MatrixSetDiagV2',
  'MatrixSetDiagV3',
];
const scatterLikeFirst = [
  'TensorScatterUpdate',
  'TensorScatterAdd',
  'TensorScatterSub',
  'TensorScatterMax',
  'TensorScatterMin',
  'RandomShuffle',
];
const switches = [
  'Switch',
  'RefSwitch',
  'OnesLike',
  'ZerosLike',
  'DebugGradientIdentity',
  'FakeQuantWithMinMaxVars',
  'FakeQuantWithMinMaxArgs',
];

export const arrayShapes: Readonly<Record<string, ShapeFunction>> = {
  ...Object.fromEntries(
    [...likeFirst, ...alsoLikeFirst, ...moreLikeFirst, ...scatterLikeFirst, ...switches].map((op) => [op, likeInput(0)] as const),
  ),
  IdentityN: sameAsOwn,
  OptimizationBarrier: sameAsOwn,
  EnsureShape: (view) => {
    const [asked, given] = [view.shape('shape'), view.inputs[0]?.shape];
    if (asked === undefined || given === undefined || asked.length !== given.length) return asked ?? given;
    return asked.map((size, i) => mergeDims(size, given[i]));
  },
  Shape: (view) => [view.inputs[0]?.shape?.length ?? unknownDim],
  ShapeN: (view, output) => [view.inputs[output]?.shape?.length ?? unknownDim],
  Size: () => [],
  Rank: () => [],
  BroadcastArgs: ({ inputs: [a, b] }) => (a?.shape?.length === 1 && b?.shape?.length === 1 ? [unknownDim] : undefined),
  Reshape: reshaped,
  ConcatV2: (view) =>
    concatShapes(
      view.inputs.slice(0, -1).map(({ shape }) => shape),
      numberAt(view.inputs.at(-1)),
    ),
  Concat: (view) =>
    concatShapes(
      view.inputs.slice(1).map(({ shape }) => shape),
      numberAt(view.inputs[0]),
    ),
  Pack: packed,
  Unpack: unpacked,
  Split: splitInto,
  SplitV: splitBySizes,
  ExpandDims: expanded,
  Squeeze: squeezed,
  Slice: sliced,
  StridedSlice: ({ inputs: [input, begin, end, step], ...view }) =>
    stridedSliceShape({ ...view, inputs: [] }, input?.shape, contentOf(begin), contentOf(end), contentOf(step)),
  Transpose: transposed,
  Gather: gathered(() => 0),
  ResourceGather: (view) => {
    const [held, indices] = [view.inputs[0]?.held?.shape, view.inputs[1]?.shape];
    return held === undefined || indices === undefined ? undefined : [...indices, ...held.slice(1)];
  },
  GatherV2: gathered((view) => numberAt(view.inputs[2])),
  GatherNd: ({ inputs: [params, indices] }) => {
    const depth = indices?.shape?.at(-1);
    if (params?.shape === undefined || indices?.shape === undefined || typeof depth !== 'number') return undefined;
    return [...indices.shape.slice(0, -1), ...params.shape.slice(depth)];
  },
  SelectV2: ({ inputs: [condition, yes, no] }) => broadcastShapes(condition?.shape, broadcastShapes(yes?.shape, no?.shape)),
  Select: ({ inputs: [, yes, no] }) => yes?.shape ?? no?.shape,
  Merge: (view, output) =>
    output === 0 ? view.inputs.map(({ shape }) => shape).reduce<Shape>(joinShapes, view.inputs[0]?.shape) : [],
  Where: ({ inputs: [input] }) => [unknownDim, input?.shape?.length ?? unknownDim],
  DepthToSpace: blocks(true),
  SpaceToDepth: blocks(false),
  Bitcast: (view) => view.inputs[0]?.shape?.map(() => unknownDim),
  TopK: (view) => topShape(view.inputs[0]?.shape, view.int('k')),
  TopKV2: (view) => topShape(view.inputs[0]?.shape, numberAt(view.inputs[1])),
};

function topShape(input: Shape, count: number | undefined): Shape {
  return input === undefined ? undefined : [...input.slice(0, -1), count !== undefined && count >= 0 ? count : unknownDim];
}
