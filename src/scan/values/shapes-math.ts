// Shapes of arithmetic: element by element with broadcasting, reductions, matrix products.
import { broadcastShapes, mergeDims, unknownDim } from './dims.ts';
import { contentOf } from './fold.ts';
import type { NodeView } from './node-view.ts';
import type { ShapeFunction } from './shapes.ts';
import { shapeFromValue } from './shapes-creation.ts';
import { axisOf, numbersOf } from './tensors.ts';
import type { Dim, Value } from './value-types.ts';

const like: ShapeFunction = (view) => view.inputs[0]?.shape;
const broadcast: ShapeFunction = ({ inputs: [a, b] }) => broadcastShapes(a?.shape, b?.shape);
const scalar: ShapeFunction = () => [];

const unaryOps = [
  ...[
    'Abs',
    'Acos',
    'Acosh',
    'Asin',
    'Asinh',
    'Atan',
    'Atanh',
    'Cast',
    'Ceil',
    'Conj',
    'Cos',
    'Cosh',
    'Cumprod',
    'Cumsum',
    'Digamma',
  ],
  ...[
    'Elu',
    'Erf',
    'Erfc',
    'Exp',
    'Expm1',
    'FFT',
    'FFT2D',
    'Floor',
    'Gelu',
    'HardSwish',
    'IFFT',
    'IFFT2D',
    'Inv',
    'Invert',
    'IsFinite',
  ],
  ...[
    'IsInf',
    'IsNan',
    'LeakyRelu',
    'Lgamma',
    'Log',
    'Log1p',
    'LogSoftmax',
    'LogicalNot',
    'Neg',
    'Reciprocal',
    'Relu',
    'Relu6',
    'Rint',
  ],
  ...[
    'Round',
    'Rsqrt',
    'Selu',
    'Sigmoid',
    'Sign',
    'Sin',
    'Sinh',
    'Softmax',
    'Softplus',
    'Softsign',
    'Sqrt',
    'Square',
    'Tan',
    'Tanh',
  ],
  ...[
    'ClipByValue',
    'Bucketize',
    'Ndtri',
    'BesselI0e',
    'BesselI1e',
    'Imag',
    'Real',
    'ComplexAbs',
    'Angle',
    'QuantizeAndDequantizeV2',
  ],
  ...[
    'QuantizeAndDequantizeV3',
    'QuantizeAndDequantizeV4',
    'AdjustContrastv2',
    'AdjustHue',
    'AdjustSaturation',
    'RGBToHSV',
    'HSVToRGB',
  ],
  ...[
    'StringLower',
    'StringUpper',
    'StringStrip',
    'StringLength',
    'StringToNumber',
    'AsString',
    'DecodeBase64',
    'EncodeBase64',
    'Substr',
  ],
  ...[
    'StringToHashBucket',
    'StringToHashBucketFast',
    'StringToHashBucketStrong',
    'StaticRegexReplace',
    'RegexReplace',
    'RegexFullMatch',
  ],
  ...['StaticRegexFullMatch', 'InTopK', 'InvertPermutation', 'Cholesky', 'MatrixInverse', 'MatrixExponential', 'LRN'],
];

const binaryOps = [
  ...[
    'Add',
    'AddV2',
    'ApproximateEqual',
    'Atan2',
    'BitwiseAnd',
    'BitwiseOr',
    'BitwiseXor',
    'Complex',
    'Div',
    'DivNoNan',
    'Equal',
  ],
  ...[
    'FloorDiv',
    'FloorMod',
    'Greater',
    'GreaterEqual',
    'Igamma',
    'Igammac',
    'LeftShift',
    'Less',
    'LessEqual',
    'LogicalAnd',
    'LogicalOr',
  ],
  ...['Maximum', 'Minimum', 'Mod', 'Mul', 'MulNoNan', 'NextAfter', 'NotEqual', 'Polygamma', 'Pow', 'RealDiv', 'RightShift'],
  ...['SquaredDifference', 'Sub', 'TruncateDiv', 'TruncateMod', 'Xdivy', 'Xlog1py', 'Xlogy', 'Zeta'],
];

const reductions = ['Sum', 'Mean', 'Max', 'Min', 'Prod', 'All', 'Any', 'EuclideanNorm', 'ReduceJoin'];

const reduced: ShapeFunction = (view) => {
  const shape = view.inputs[0]?.shape;
  if (shape === undefined) return undefined;
  const keepDims = view.flag('keep_dims');
  const axes = numbersOf(contentOf(view.inputs[1]));
  if (axes === undefined) return keepDims ? shape.map(() => unknownDim) : undefined;
  const gone = new Set(axes.map((axis) => axisOf(axis, shape.length)));
  return shape.flatMap((size, axis) => (gone.has(axis) ? (keepDims ? [1] : []) : [size]));
};

const argument: ShapeFunction = (view) => {
  const [shape, axis] = [view.inputs[0]?.shape, numbersOf(contentOf(view.inputs[1]))?.[0]];
  if (shape === undefined || axis === undefined) return shape?.slice(1).map(() => unknownDim);
  const at = axisOf(axis, shape.length);
  return at === undefined ? undefined : shape.filter((_, i) => i !== at);
};

function product(view: NodeView, transposeA: string, transposeB: string): readonly Dim[] | undefined {
  const [a, b] = [view.inputs[0]?.shape, view.inputs[1]?.shape];
  if (a === undefined || b === undefined || a.length < 2 || b.length < 2) return undefined;
  const rows = a.at(view.flag(transposeA) ? -1 : -2) ?? unknownDim;
  const columns = b.at(view.flag(transposeB) ? -2 : -1) ?? unknownDim;
  const batch = broadcastShapes(a.slice(0, -2), b.slice(0, -2));
  return batch === undefined ? undefined : [...batch, rows, columns];
}

const batchProduct: ShapeFunction = (view) => product(view, 'adj_x', 'adj_y');

const letter = /^[A-Za-z]$/;

/** `abc,cd->abd`, with `...` for a batch that is broadcast. */
const einsum: ShapeFunction = (view) => {
  const [left, right] = (view.text('equation') ?? '').split('->');
  const terms = left?.split(',') ?? [];
  if (right === undefined || terms.length !== view.inputs.length || right.length > 512) return undefined;
  const sizes = new Map<string, Dim>();
  let batch: readonly Dim[] | undefined = [];
  for (const [i, term] of terms.entries()) {
    const shape = view.inputs[i]?.shape;
    if (shape === undefined) return undefined;
    const [before, after] = term.includes('...') ? term.split('...') : [term, ''];
    const extra = shape.length - before.length - after.length;
    if (extra < 0 || (extra > 0 && !term.includes('...'))) return undefined;
    batch = broadcastShapes(batch, shape.slice(before.length, before.length + extra));
    const labels: readonly (readonly [string, Dim])[] = [
      ...[...before].map((label, at) => [label, shape[at]] as const),
      ...[...after].map((label, at) => [label, shape[before.length + extra + at]] as const),
    ];
    for (const [label, size] of labels) {
      if (!letter.test(label)) return undefined;
      const known = sizes.get(label);
      sizes.set(label, known === undefined ? size : mergeDims(known, size));
    }
  }
  const [before, after] = right.includes('...') ? right.split('...') : [right, ''];
  const of = (label: string) => sizes.get(label) ?? unknownDim;
  return batch === undefined
    ? undefined
    : [...[...before].map(of), ...(right.includes('...') ? batch : []), ...[...after].map(of)];
};

function stacked(shape: Value | undefined): readonly Dim[] | undefined {
  const element = shapeFromValue(shape);
  return element === undefined ? undefined : [unknownDim, ...element];
}

export const mathShapes: Readonly<Record<string, ShapeFunction>> = {
  ...Object.fromEntries(unaryOps.map((op) => [op, like] as const)),
  ...Object.fromEntries(binaryOps.map((op) => [op, broadcast] as const)),
  ...Object.fromEntries(reductions.map((op) => [op, reduced] as const)),
  AddN: like,
  AccumulateNV2: (view) => view.shape('shape') ?? view.inputs[0]?.shape,
  L2Loss: scalar,
  ArgMax: argument,
  ArgMin: argument,
  MatMul: (view) => product(view, 'transpose_a', 'transpose_b'),
  SparseMatMul: (view) => product(view, 'transpose_a', 'transpose_b'),
  BatchMatMul: batchProduct,
  BatchMatMulV2: batchProduct,
  BatchMatMulV3: batchProduct,
  Einsum: einsum,
  Betainc: ({ inputs: [a, b, x] }) => broadcastShapes(a?.shape, broadcastShapes(b?.shape, x?.shape)),
  StringJoin: (view) => view.inputs.map(({ shape }) => shape).find((shape) => shape?.length !== 0) ?? [],
  StringFormat: scalar,
  ShardedFilename: scalar,
  Cross: like,
  TensorListLength: scalar,
  // What was never set is filled with zeros of the shape that it should have.
  TensorListStack: ({ inputs: [list, shape] }) => list?.held?.shape ?? stacked(shape),
  TensorListGetItem: (view) => view.inputs[0]?.held?.shape?.slice(1),
};
