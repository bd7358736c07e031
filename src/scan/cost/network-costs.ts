// Costs of layers: products of matrices, convolutions, pooling, normalisation, transforms.
import { addSizes, constantSize, type Dim, type Size, scaleSize } from '../values/index.ts';
import { bytesOf, type CostFunction, type CostView, elementsOf, elementsOfShape, product, sizeOfDim } from './cost-formulas.ts';

/** Twice the number of multiplications: rows × columns × what is summed up. */
const matrixProduct =
  (transposeA: string): CostFunction =>
  (view) => {
    const a = view.inputs[0]?.shape;
    const inner = a?.at(view.flag(transposeA) ? -2 : -1);
    return {
      flops: scaleSize(product(elementsOf(view.outputs[0]), sizeOfDim(inner)), 2),
      scratch: packed(view),
    };
  };

/** What oneDNN takes for a product with constant weights and for a convolution, whatever their sizes: a page for each operand that it brings into blocks. */
const productScratch = constantSize(4_352);
const convolutionScratch = constantSize(8_448);

function packed({ body, node }: CostView): Size | undefined {
  let edge = body.inputs(node)[1];
  // Few steps: a hostile graph may go round.
  for (let step = 0; step < 4 && edge !== undefined && edge.node >= body.argCount; step++)
    if (body.op(edge.node) === 'Identity') edge = body.inputs(edge.node)[0];
  return edge !== undefined && edge.node >= body.argCount && body.op(edge.node) === 'Const' ? productScratch : constantSize(0);
}

const isChannelsFirst = (view: CostView): boolean => (view.text('data_format') ?? 'NHWC').startsWith('NC');

/** Output elements × what each is summed up of. */
const convolution: CostFunction = (view) => {
  const [input, filter] = view.inputs;
  const window = elementsOfShape(filter?.shape?.slice(0, -1));
  return { flops: scaleSize(product(elementsOf(view.outputs[0]), window), 2), scratch: reordered(view, bytesOf(input)) };
};

const depthwise: CostFunction = (view) => {
  const [input, filter] = view.inputs;
  const window = elementsOfShape(filter?.shape?.slice(0, 2));
  return { flops: scaleSize(product(elementsOf(view.outputs[0]), window), 2), scratch: reordered(view, bytesOf(input)) };
};

const backwards: CostFunction = (view) => {
  const [, filter, gradient] = view.inputs;
  const spatial = elementsOfShape(filter?.shape?.slice(0, -2));
  const channels = sizeOfDim(filter?.shape?.at(-2));
  const input = elementsOf(gradient);
  const flops = scaleSize(product(input, spatial, channels), 2);
  // Each pixel becomes a row of a window (col2im), for one image at a time and thread.
  const columns = product(scaleSize(elementsOfShape(gradient?.shape?.slice(0, -1)), 4), spatial, channels);
  return { flops, scratch: columns };
};

/** oneDNN works on channels in blocks: what comes in and what goes out may be copied into that order. */
function reordered(view: CostView, input: Size | undefined): Size | undefined {
  return isChannelsFirst(view) ? addSizes(convolutionScratch, addSizes(input, bytesOf(view.outputs[0]))) : convolutionScratch;
}

const pooling: CostFunction = (view) => {
  const window = (view.ints('ksize') ?? [1]).reduce((all, size) => all * Math.max(1, size), 1);
  // oneDNN remembers which place of a window was the largest, in one byte while that is enough.
  const places = view.op.startsWith('Max') ? scaleSize(elementsOf(view.outputs[0]), window < 256 ? 1 : 4) : undefined;
  const flops = scaleSize(elementsOf(view.outputs[0]), window);
  return places === undefined ? { flops } : { flops, scratch: places };
};

const perInput =
  (flops: number, copies = 0): CostFunction =>
  (view) => ({
    flops: scaleSize(elementsOf(view.inputs[0]), flops),
    scratch: scaleSize(bytesOf(view.inputs[0]), copies),
  });

const perOutput =
  (flops: number, copies = 0): CostFunction =>
  (view) => ({
    flops: scaleSize(elementsOf(view.outputs[0]), flops),
    scratch: scaleSize(bytesOf(view.outputs[0]), copies),
  });

const letter = /[A-Za-z]/;

/** Each label once: the loop that would compute it without any order of its own. */
const einsum: CostFunction = (view) => {
  const terms = (view.text('equation') ?? '').split('->')[0].split(',');
  const sizes = new Map<string, Dim>();
  let extra: readonly Dim[] = [];
  for (const [index, term] of terms.entries()) {
    const shape = view.inputs[index]?.shape;
    if (shape === undefined) return { flops: undefined };
    const [before = '', after = ''] = term.split('...');
    if (term.includes('...') && shape.length - before.length - after.length > extra.length)
      extra = shape.slice(before.length, shape.length - after.length);
    for (const [at, label] of [...before].entries()) if (letter.test(label)) sizes.set(label, shape[at] ?? 1);
    for (const [at, label] of [...after].entries()) {
      if (letter.test(label)) sizes.set(label, shape[shape.length - after.length + at] ?? 1);
    }
  }
  const all = elementsOfShape([...sizes.values(), ...extra]);
  // Operands are brought into the form of a product of matrices: reordered copies of both, and of what comes out.
  const copies = [...view.inputs, view.outputs[0]].map(bytesOf).reduce<Size | undefined>(addSizes, constantSize(0));
  return { flops: scaleSize(all, 2), scratch: copies };
};

/** n log n, with the logarithm of what is no longer than 2^30. */
const transform: CostFunction = (view) => ({
  flops: scaleSize(addSizes(elementsOf(view.inputs[0]), elementsOf(view.outputs[0])), 5 * 30),
  scratch: scaleSize(addSizes(bytesOf(view.inputs[0]), bytesOf(view.outputs[0])), 2),
});

/** Of n × n matrices, n^3 each. */
const cubic: CostFunction = (view) => ({
  flops: scaleSize(product(elementsOf(view.inputs[0]), sizeOfDim(view.inputs[0]?.shape?.at(-1))), 8),
  scratch: scaleSize(bytesOf(view.inputs[0]), 3),
});

/** All gates of all steps: both products, and some twenty operations for each unit. */
const blockLstm =
  (x: number, w: number): CostFunction =>
  (view) => {
    const [input, weights] = [view.inputs[x]?.shape, view.inputs[w]?.shape];
    const steps = elementsOfShape(input?.slice(0, -1));
    const flops = scaleSize(product(steps, elementsOfShape(weights)), 2);
    const gates = product(steps, sizeOfDim(weights?.at(-1)));
    return { flops: addSizes(flops, scaleSize(gates, 40)), scratch: scaleSize(gates, 8) };
  };

export const networkCosts: Readonly<Record<string, CostFunction>> = {
  MatMul: matrixProduct('transpose_a'),
  SparseMatMul: matrixProduct('transpose_a'),
  BatchMatMul: matrixProduct('adj_x'),
  BatchMatMulV2: matrixProduct('adj_x'),
  BatchMatMulV3: matrixProduct('adj_x'),
  Einsum: einsum,
  _FusedMatMul: matrixProduct('transpose_a'),
  Conv2D: convolution,
  Conv3D: convolution,
  Conv: convolution,
  _FusedConv2D: convolution,
  DepthwiseConv2dNative: depthwise,
  _FusedDepthwiseConv2dNative: depthwise,
  Conv2DBackpropInput: backwards,
  Conv3DBackpropInputV2: backwards,
  DepthwiseConv2dNativeBackpropInput: backwards,
  MaxPool: pooling,
  MaxPoolV2: perOutput(81, 1),
  MaxPool3D: pooling,
  AvgPool: pooling,
  AvgPool3D: pooling,
  MaxPoolWithArgmax: pooling,
  FusedBatchNorm: perInput(2),
  FusedBatchNormV2: perInput(2),
  FusedBatchNormV3: perInput(2),
  Softmax: perInput(40, 1),
  LogSoftmax: perInput(40, 1),
  SoftmaxCrossEntropyWithLogits: perInput(40, 1),
  SparseSoftmaxCrossEntropyWithLogits: perInput(40, 1),
  L2Loss: perInput(2),
  LRN: perInput(20, 1),
  ...Object.fromEntries(
    ['FFT', 'FFT2D', 'FFT3D', 'IFFT', 'IFFT2D', 'IFFT3D', 'RFFT', 'RFFT2D', 'RFFT3D', 'IRFFT', 'IRFFT2D', 'IRFFT3D'].map(
      (op) => [op, transform] as const,
    ),
  ),
  ...Object.fromEntries(
    ['Cholesky', 'MatrixInverse', 'MatrixDeterminant', 'LogMatrixDeterminant', 'MatrixExponential', 'MatrixLogarithm'].map(
      (op) => [op, cubic] as const,
    ),
  ),
  MatrixSolve: cubic,
  MatrixTriangularSolve: cubic,
  Qr: cubic,
  Svd: cubic,
  SelfAdjointEigV2: cubic,
  ResizeBilinear: perOutput(12),
  ResizeNearestNeighbor: perOutput(1),
  ResizeBicubic: perOutput(80),
  ResizeArea: (view) => ({
    flops: addSizes(scaleSize(elementsOf(view.inputs[0]), 4), scaleSize(elementsOf(view.outputs[0]), 16)),
  }),
  ScaleAndTranslate: (view) => ({
    flops: scaleSize(addSizes(elementsOf(view.inputs[0]), elementsOf(view.outputs[0])), 40),
    scratch: scaleSize(addSizes(bytesOf(view.inputs[0]), bytesOf(view.outputs[0])), 2),
  }),
  CropAndResize: perOutput(12),
  ImageProjectiveTransformV2: perOutput(30),
  ImageProjectiveTransformV3: perOutput(30),
  NonMaxSuppressionV3: boxes,
  NonMaxSuppressionV4: boxes,
  NonMaxSuppressionV5: boxes,
  CombinedNonMaxSuppression: (view) => {
    const scores = elementsOf(view.inputs[1]);
    return { flops: scaleSize(product(scores, sizeOfDim(view.inputs[0]?.shape?.[1])), 20), scratch: scaleSize(scores, 64) };
  },
  BlockLSTM: blockLstm(1, 4),
  BlockLSTMV2: blockLstm(1, 4),
  LSTMBlockCell: blockLstm(0, 3),
  GRUBlockCell: blockLstm(0, 2),
};

/** Each box with each other. */
function boxes(view: CostView): { readonly flops: Size | undefined; readonly scratch: Size | undefined } {
  const count = elementsOf(view.inputs[1]);
  return { flops: scaleSize(product(count, count), 20), scratch: scaleSize(count, 64) };
}
