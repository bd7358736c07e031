// Shapes of what is made from sizes given as values: where memory bombs are. A size that is not known stays unknown.
import { addDims, divideDims, largerDim, multiplyDims, requestDim, subtractDims, unknownDim } from './dims.ts';
import { contentOf } from './fold.ts';
import { elementBounds } from './lattice.ts';
import type { NodeView } from './node-view.ts';
import type { ShapeFunction } from './shapes.ts';
import { numbersOf } from './tensors.ts';
import type { Dim, Value } from './value-types.ts';

/** A tensor that holds a shape, as a shape: -1 and below stand for unknown. */
export function shapeFromValue(value: Value | undefined): readonly Dim[] | undefined {
  const content = contentOf(value);
  if (content !== undefined) return content.atoms.map((atom) => (Buffer.isBuffer(atom) ? unknownDim : sizeFromDim(atom)));
  const rank = value?.shape?.length === 1 ? value.shape[0] : undefined;
  if (typeof rank !== 'number' || rank > 32) return undefined;
  return Array.from({ length: rank }, () => (value?.origins.has('request') ? requestDim : unknownDim));
}

function sizeFromDim(dim: Dim): Dim {
  if (typeof dim === 'number') return dim < 0 ? unknownDim : dim;
  return dim.min < 0 ? { ...dim, min: 0 } : dim;
}

/** A scalar that holds one size. */
export function sizeFromValue(value: Value | undefined): Dim {
  const [atom] = contentOf(value)?.atoms ?? [];
  if (atom !== undefined && !Buffer.isBuffer(atom)) return sizeFromDim(atom);
  return value?.origins.has('request') ? requestDim : unknownDim;
}

const shapeAt =
  (index: number): ShapeFunction =>
  (view) =>
    shapeFromValue(view.inputs[index]);

/** The first size is the value of an input, the rest follow another input from an axis on. */
const segments =
  (dataIndex: number, idsIndex: number | undefined, countIndex: number): ShapeFunction =>
  (view) => {
    const data = view.inputs[dataIndex]?.shape;
    const rank = idsIndex === undefined ? 1 : view.inputs[idsIndex]?.shape?.length;
    return data === undefined || rank === undefined ? undefined : [sizeFromValue(view.inputs[countIndex]), ...data.slice(rank)];
  };

const range: ShapeFunction = ({ inputs: [start, limit, delta] }) => {
  const dtype = start?.dtype;
  if (dtype !== 3 && dtype !== 9) {
    const [from, to, step] = [start, limit, delta].map((value) => numbersOf(contentOf(value))?.[0]);
    if (from === undefined || to === undefined || step === undefined || step === 0) return [unknownDim];
    return [Math.max(0, Math.ceil((to - from) / step))];
  }
  const [from, to, step] = [start, limit, delta].map((value) => contentOf(value)?.atoms[0]);
  if (from === undefined || to === undefined || step === undefined) return [sizeFromValue(limit)];
  if (Buffer.isBuffer(from) || Buffer.isBuffer(to) || Buffer.isBuffer(step) || typeof step !== 'number' || step === 0)
    return [unknownDim];
  const distance = step > 0 ? subtractDims(to, from) : subtractDims(from, to);
  const width = Math.abs(step);
  return [sizeFromDim(typeof distance === 'number' ? Math.max(0, Math.ceil(distance / width)) : divideDims(distance, width))];
};

function resized(images: Value | undefined, size: Value | undefined): readonly Dim[] {
  const [batch, , , channels] = images?.shape?.length === 4 ? images.shape : [unknownDim, 0, 0, unknownDim];
  const [height, width] = shapeFromValue(size) ?? [unknownDim, unknownDim];
  return [batch, height ?? unknownDim, width ?? unknownDim, channels];
}

const resize: ShapeFunction = ({ inputs: [images, size] }) => resized(images, size);

/** Pads: each size grows by what the rows of paddings say. */
export function padShape(input: readonly Dim[] | undefined, paddings: Value | undefined): readonly Dim[] | undefined {
  if (input === undefined) return undefined;
  const atoms = contentOf(paddings)?.atoms;
  if (atoms === undefined || atoms.length !== input.length * 2 || atoms.some(Buffer.isBuffer)) return input.map(() => unknownDim);
  const sizes = atoms as readonly Dim[];
  return input.map((size, axis) => sizeFromDim(addDims(size, addDims(sizes[axis * 2], sizes[axis * 2 + 1]))));
}

const diagonal: ShapeFunction = ({ inputs: [input] }) => {
  const last = input?.shape?.at(-1);
  return last === undefined || input?.shape === undefined ? undefined : [...input.shape, last];
};

const diagonalWithSizes: ShapeFunction = ({ inputs: [input, , rows, columns] }) => {
  const shape = input?.shape;
  if (shape === undefined) return undefined;
  const last = shape.at(-1) ?? 1;
  const sizes = [rows, columns].map((value) => {
    const size = numbersOf(contentOf(value))?.[0];
    return size !== undefined && size < 0 ? last : sizeFromValue(value);
  });
  return [...shape.slice(0, -1), ...sizes];
};

/** n samples for each row, or in each class. */
const perRow = (view: NodeView, index: number): readonly Dim[] => [
  view.inputs[0]?.shape?.[0] ?? unknownDim,
  sizeFromValue(view.inputs[index]),
];

const counted: ShapeFunction = ({ inputs: [input, size] }) => {
  const rank = input?.shape?.length;
  if (rank === undefined) return undefined;
  return rank === 2 ? [input?.shape?.[0] ?? unknownDim, sizeFromValue(size)] : [sizeFromValue(size)];
};

const shapeWithParameters =
  (parameters: number): ShapeFunction =>
  (view) => {
    const [shape, rest] = [shapeFromValue(view.inputs[0]), view.inputs[parameters]?.shape];
    return shape === undefined || rest === undefined ? undefined : [...shape, ...rest];
  };

/** Rows for every index up to the largest that is known. */
const stitched: ShapeFunction = ({ inputs }) => {
  const half = Math.floor(inputs.length / 2);
  const largest = inputs.slice(0, half).map((indices) => elementBounds(indices).max);
  const known = largest.filter((index) => index !== undefined);
  const [indices, data] = [inputs[0], inputs[half]];
  if (data?.shape === undefined || indices?.shape === undefined) return undefined;
  const isSure = inputs.slice(0, half).some(({ constants }) => constants !== undefined);
  const rows: Dim = isSure && known.length > 0 ? Math.max(...known) + 1 : unknownDim;
  return [rows, ...data.shape.slice(indices.shape.length)];
};

/** Segment numbers are sorted: the last one says how many rows there are. */
const bySegment: ShapeFunction = ({ inputs: [data, ids] }) => {
  const last = numbersOf(contentOf(ids))?.at(-1);
  return data?.shape === undefined ? undefined : [last === undefined ? unknownDim : last + 1, ...data.shape.slice(1)];
};

const transformed: ShapeFunction = ({ inputs: [input, length] }) => {
  const size = shapeFromValue(length)?.[0];
  return input?.shape === undefined
    ? undefined
    : [...input.shape.slice(0, -1), typeof size === 'number' ? Math.floor(size / 2) + 1 : unknownDim];
};

const randomShapes = Object.fromEntries(
  [
    ...['RandomStandardNormal', 'RandomUniform', 'RandomUniformInt', 'TruncatedNormal', 'ParameterizedTruncatedNormal'],
    ...['StatelessRandomNormal', 'StatelessRandomNormalV2', 'StatelessRandomUniform', 'StatelessRandomUniformV2'],
    ...[
      'StatelessRandomUniformInt',
      'StatelessRandomUniformIntV2',
      'StatelessRandomUniformFullInt',
      'StatelessRandomUniformFullIntV2',
    ],
    ...['StatelessTruncatedNormal', 'StatelessTruncatedNormalV2', 'StatelessRandomBinomial', 'StatelessRandomPoisson'],
    ...['StatelessRandomGammaV2', 'StatelessRandomGammaV3', 'StatelessParameterizedTruncatedNormal'],
  ].map((op) => [op, shapeAt(0)]),
);

const statefulShapes = Object.fromEntries([
  ['StatefulStandardNormal', shapeAt(1)],
  ...[
    ...['StatefulStandardNormalV2', 'StatefulTruncatedNormal', 'StatefulUniform', 'StatefulUniformFullInt', 'StatefulUniformInt'],
    'StatefulRandomBinomial',
  ].map((op) => [op, shapeAt(2)] as const),
]);

const segmentShapes = Object.fromEntries([
  ...['Max', 'Min', 'Prod', 'Sum'].map((name) => [`UnsortedSegment${name}`, segments(0, 1, 2)] as const),
  ...['Mean', 'SqrtN', 'Sum'].map((name) => [`SparseSegment${name}WithNumSegments`, segments(0, undefined, 3)] as const),
]);

export const creationShapes: Readonly<Record<string, ShapeFunction>> = {
  ...randomShapes,
  ...statefulShapes,
  ...segmentShapes,
  Fill: shapeAt(0),
  Empty: shapeAt(0),
  BroadcastTo: shapeAt(1),
  ScatterNd: shapeAt(2),
  SparseToDense: shapeAt(1),
  Conv2DBackpropInput: shapeAt(0),
  Conv3DBackpropInputV2: shapeAt(0),
  DepthwiseConv2dNativeBackpropInput: shapeAt(0),
  Conv2DBackpropFilter: shapeAt(1),
  Conv3DBackpropFilterV2: shapeAt(1),
  DepthwiseConv2dNativeBackpropFilter: shapeAt(1),
  RandomGamma: shapeWithParameters(1),
  RandomPoisson: shapeWithParameters(1),
  RandomPoissonV2: shapeWithParameters(1),
  Range: range,
  LinSpace: (view) => [sizeFromValue(view.inputs[2])],
  Multinomial: (view) => perRow(view, 1),
  StatelessMultinomial: (view) => perRow(view, 1),
  Bincount: (view) => [sizeFromValue(view.inputs[1])],
  DenseBincount: counted,
  SparseBincount: ({ inputs: [, , , size] }) => [sizeFromValue(size)],
  RaggedBincount: ({ inputs: [, , size] }) => [unknownDim, sizeFromValue(size)],
  OneHot: (view) => {
    const indices = view.inputs[0]?.shape;
    if (indices === undefined) return undefined;
    const axis = view.int('axis') ?? -1;
    const at = axis < 0 ? indices.length : Math.min(axis, indices.length);
    return [...indices.slice(0, at), sizeFromValue(view.inputs[1]), ...indices.slice(at)];
  },
  Tile: ({ inputs: [input, times] }) => {
    const counts = shapeFromValue(times);
    const shape = input?.shape;
    if (shape === undefined || counts?.length !== shape.length) return undefined;
    return shape.map((size, axis) => multiplyDims(size, counts[axis]));
  },
  Pad: ({ inputs: [input, paddings] }) => padShape(input?.shape, paddings),
  PadV2: ({ inputs: [input, paddings] }) => padShape(input?.shape, paddings),
  MirrorPad: ({ inputs: [input, paddings] }) => padShape(input?.shape, paddings),
  ResizeArea: resize,
  ResizeBicubic: resize,
  ResizeBilinear: resize,
  ResizeNearestNeighbor: resize,
  QuantizedResizeBilinear: resize,
  ImageProjectiveTransformV2: ({ inputs: [images, , size] }) => resized(images, size),
  ImageProjectiveTransformV3: ({ inputs: [images, , size] }) => resized(images, size),
  ScaleAndTranslate: ({ inputs: [images, size] }) => resized(images, size),
  CropAndResize: ({ inputs: [image, boxes, , size] }) => {
    const [height, width] = shapeFromValue(size) ?? [unknownDim, unknownDim];
    return [boxes?.shape?.[0] ?? unknownDim, height ?? unknownDim, width ?? unknownDim, image?.shape?.[3] ?? unknownDim];
  },
  Diag: ({ inputs: [input] }) => (input?.shape === undefined ? undefined : [...input.shape, ...input.shape]),
  MatrixDiag: diagonal,
  MatrixDiagV2: diagonalWithSizes,
  MatrixDiagV3: diagonalWithSizes,
  // -1 takes a size from the ragged tensor; only what is given is known.
  RaggedTensorToTensor: shapeAt(0),
  ParallelConcat: (view) => view.shape('shape'),
  ImmutableConst: (view) => view.shape('shape'),
  SparseTensorDenseMatMul: ({ inputs: [, , shape, dense] }) => [
    shapeFromValue(shape)?.[0] ?? unknownDim,
    dense?.shape?.at(-1) ?? unknownDim,
  ],
  // One row of indices for each row of the dense shape that is empty.
  SparseFillEmptyRows: ({ inputs: [indices, , shape] }) => [
    largerDim(shapeFromValue(shape)?.[0] ?? unknownDim, indices?.shape?.[0] ?? unknownDim),
    indices?.shape?.[1] ?? unknownDim,
  ],
  SobolSample: (view) => [sizeFromValue(view.inputs[1]), sizeFromValue(view.inputs[0])],
  HistogramFixedWidth: (view) => [sizeFromValue(view.inputs[2])],
  DecodePaddedRaw: ({ inputs: [bytes, length] }) =>
    bytes?.shape === undefined ? undefined : [...bytes.shape, sizeFromValue(length)],
  SpaceToBatchND: ({ inputs: [input, block, paddings] }) => {
    const [shape, sizes] = [input?.shape, numbersOf(contentOf(block))];
    const rows = contentOf(paddings)?.atoms;
    if (shape === undefined || sizes === undefined || rows?.length !== sizes.length * 2) return undefined;
    // What matters is how much there is: the blocks only move elements to the batch.
    return shape.map((size, axis) => {
      const [before, after] = [rows[(axis - 1) * 2], rows[(axis - 1) * 2 + 1]];
      return typeof before === 'number' && typeof after === 'number' ? addDims(size, before + after) : size;
    });
  },
  DynamicStitch: stitched,
  ParallelDynamicStitch: stitched,
  ...Object.fromEntries(['Sum', 'Max', 'Min', 'Mean', 'Prod'].map((name) => [`Segment${name}`, bySegment] as const)),
  ...Object.fromEntries(
    ['Uniform', 'LogUniform', 'LearnedUnigram', 'FixedUnigram', 'ThreadUnsafeUnigram'].map(
      (name) => [`${name}CandidateSampler`, (view: NodeView) => [view.int('num_sampled') ?? unknownDim]] as const,
    ),
  ),
  NonMaxSuppressionV4: (view) => [view.flag('pad_to_max_output_size') ? sizeFromValue(view.inputs[2]) : unknownDim],
  DecodeWav: (view) => [
    Math.max(view.int('desired_samples') ?? 0, 0) || unknownDim,
    Math.max(view.int('desired_channels') ?? 0, 0) || unknownDim,
  ],
  RFFT: transformed,
  IRFFT: transformed,
};
