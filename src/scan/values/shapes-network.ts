// Shapes of layers: convolution, pooling, normalisation, image decoding. Enough to know that an ordinary network is no memory bomb.
import { addDims, divideDims, multiplyDims, subtractDims, unknownDim } from './dims.ts';
import type { NodeView } from './node-view.ts';
import type { ShapeFunction } from './shapes.ts';
import type { Dim } from './value-types.ts';

const like: ShapeFunction = (view) => view.inputs[0]?.shape;

function sizeAfter(size: Dim, window: Dim, stride: number, dilation: number, padding: string | undefined): Dim {
  if (stride < 1) return unknownDim;
  if (padding === 'SAME')
    return typeof size === 'number' ? Math.ceil(size / stride) : divideDims(addDims(size, stride - 1), stride);
  if (padding !== 'VALID') return unknownDim;
  const reach = addDims(multiplyDims(subtractDims(window, 1), dilation), 1);
  const after = divideDims(addDims(subtractDims(size, reach), stride), stride);
  return typeof after === 'number' ? Math.max(0, after) : { ...after, min: Math.max(0, after.min) };
}

/** Windows of the given sizes over the spatial axes; `channels` in the result. */
function windows(view: NodeView, window: readonly Dim[], channels: Dim): readonly Dim[] | undefined {
  const shape = view.inputs[0]?.shape;
  if (shape === undefined) return undefined;
  const rank = shape.length;
  const isFirst = (view.text('data_format') ?? 'NHWC').startsWith('NC');
  const strides = view.ints('strides') ?? [];
  const dilations = view.ints('dilations') ?? [];
  if (strides.length !== rank) return shape.map(() => unknownDim);
  const offset = isFirst ? 2 : 1;
  const spatial = Array.from({ length: rank - 2 }, (_, i) =>
    sizeAfter(shape[offset + i], window[i] ?? unknownDim, strides[offset + i], dilations[offset + i] ?? 1, view.text('padding')),
  );
  return isFirst ? [shape[0], channels, ...spatial] : [shape[0], ...spatial, channels];
}

const convolution: ShapeFunction = (view) => {
  const filter = view.inputs[1]?.shape;
  return filter === undefined
    ? view.inputs[0]?.shape?.map(() => unknownDim)
    : windows(view, filter.slice(0, -2), filter.at(-1) ?? unknownDim);
};

const depthwise: ShapeFunction = (view) => {
  const filter = view.inputs[1]?.shape;
  if (filter?.length !== 4) return view.inputs[0]?.shape?.map(() => unknownDim);
  return windows(view, filter.slice(0, 2), multiplyDims(filter[2], filter[3]));
};

const pooling: ShapeFunction = (view) => {
  const [shape, sizes] = [view.inputs[0]?.shape, view.ints('ksize')];
  if (shape === undefined || sizes === undefined || sizes.length !== shape.length) return shape?.map(() => unknownDim);
  const isFirst = (view.text('data_format') ?? 'NHWC').startsWith('NC');
  return windows(view, isFirst ? sizes.slice(2) : sizes.slice(1, -1), isFirst ? shape[1] : (shape.at(-1) ?? unknownDim));
};

const normalised: ShapeFunction = (view, output) => (output === 0 ? view.inputs[0]?.shape : view.inputs[1]?.shape);

const image: ShapeFunction = (view) => [unknownDim, unknownDim, channelsOf(view)];
const channelsOf = (view: NodeView): Dim => {
  const channels = view.int('channels') ?? 0;
  return channels > 0 ? channels : unknownDim;
};

/** Every window becomes a pixel that holds all of it. */
const patches: ShapeFunction = (view) => {
  const [shape, sizes, strides, rates] = [view.inputs[0]?.shape, view.ints('ksizes'), view.ints('strides'), view.ints('rates')];
  if (shape === undefined || sizes?.length !== shape.length || strides?.length !== shape.length) return undefined;
  const spatial = shape
    .slice(1, -1)
    .map((size, i) => sizeAfter(size, sizes[i + 1], strides[i + 1], rates?.[i + 1] ?? 1, view.text('padding')));
  const depth = sizes.reduce<Dim>((all, size) => multiplyDims(all, size), shape.at(-1) ?? unknownDim);
  return [shape[0], ...spatial, depth];
};

export const networkShapes: Readonly<Record<string, ShapeFunction>> = {
  Conv2D: convolution,
  Conv3D: convolution,
  DepthwiseConv2dNative: depthwise,
  MaxPool: pooling,
  AvgPool: pooling,
  MaxPool3D: pooling,
  AvgPool3D: pooling,
  ExtractImagePatches: patches,
  ExtractVolumePatches: patches,
  BiasAdd: like,
  FusedBatchNorm: normalised,
  FusedBatchNormV2: normalised,
  FusedBatchNormV3: normalised,
  DecodeJpeg: image,
  DecodePng: image,
  DecodeAndCropJpeg: image,
  DecodeBmp: image,
  SparseSoftmaxCrossEntropyWithLogits: ({ inputs: [logits] }, output) =>
    output === 0 ? logits?.shape?.slice(0, 1) : logits?.shape,
  SoftmaxCrossEntropyWithLogits: ({ inputs: [logits] }, output) => (output === 0 ? logits?.shape?.slice(0, 1) : logits?.shape),
};
