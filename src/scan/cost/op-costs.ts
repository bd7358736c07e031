// What an operation costs when it runs once, beside reading its inputs and writing its outputs. An operation that is in no table here has no cost
// that is known: whoever asks says so.
import { addSizes, constantSize, type Size, scaleSize } from '../values/index.ts';
import { bytesOf, type CostFunction, type CostView, elementsOf, type OpCost, product, sizeOfDim } from './cost-formulas.ts';
import { aliases, elementwiseFlops, loaded } from './elementwise-costs.ts';
import { networkCosts } from './network-costs.ts';

const free = constantSize(0);

/** Copy, and compute nothing. */
const copying = [
  ...[
    'ConcatV2',
    'Concat',
    'Pack',
    'ParallelConcat',
    'Pad',
    'PadV2',
    'MirrorPad',
    'Tile',
    'BroadcastTo',
    'Fill',
    'Empty',
    'Range',
  ],
  ...[
    'LinSpace',
    'ZerosLike',
    'OnesLike',
    'OneHot',
    'Gather',
    'GatherV2',
    'GatherNd',
    'ResourceGather',
    'ResourceGatherNd',
    'ReverseV2',
  ],
  ...['Reverse', 'ReverseSequence', 'Roll', 'DeepCopy', 'Shape', 'ShapeN', 'Size', 'Rank', 'BroadcastArgs', 'MatrixBandPart'],
  ...['MatrixDiag', 'MatrixDiagV2', 'MatrixDiagV3', 'MatrixDiagPart', 'MatrixDiagPartV2', 'MatrixDiagPartV3', 'MatrixSetDiag'],
  ...[
    'MatrixSetDiagV2',
    'MatrixSetDiagV3',
    'Diag',
    'DiagPart',
    'SpaceToDepth',
    'DepthToSpace',
    'SpaceToBatchND',
    'BatchToSpaceND',
  ],
  ...['SpaceToBatch', 'BatchToSpace', 'InvertPermutation', 'ExtractImagePatches', 'ExtractVolumePatches', 'DataFormatVecPermute'],
  ...[
    'DataFormatDimMap',
    'DynamicStitch',
    'ParallelDynamicStitch',
    'Where',
    'SparseToDense',
    'RaggedTensorToTensor',
    'RaggedRange',
  ],
  ...['RaggedTensorToSparse', 'RaggedTensorToVariant', 'SparseReshape', 'SparseSlice', 'SparseReorder', 'SparseFillEmptyRows'],
  ...[
    'SparseConcat',
    'DecodeRaw',
    'DecodePaddedRaw',
    'LowerBound',
    'UpperBound',
    'Assert',
    'PrintV2',
    'StringFormat',
    'GetSessionHandle',
  ],
  ...[
    'TensorListReserve',
    'EmptyTensorList',
    'TensorListSetItem',
    'TensorListPushBack',
    'TensorListLength',
    'TensorListElementShape',
  ],
  ...[
    'Slice',
    'StridedSlice',
    'Split',
    'SplitV',
    'Unpack',
    'Transpose',
    'DynamicPartition',
    'TensorListGetItem',
    'TensorListStack',
  ],
  ...[
    'TensorListFromTensor',
    'TensorListPopBack',
    'TensorListResize',
    'TensorListGather',
    'TensorListConcatV2',
    'TensorListConcat',
    'TensorListScatterV2',
    'Unbatch',
  ],
  ...['TensorScatterUpdate', 'ScatterNd', 'Abort', 'Timestamp', 'DrawBoundingBoxesV2', 'RandomShuffle', 'UnicodeScript'],
  ...['DynamicUpdateSlice', 'XlaDynamicUpdateSlice', 'ConcatOffset', 'ListDiff', 'SparseSplit', 'SobolSample', 'RngReadAndSkip'],
  ...[
    'StatelessRandomGetKeyCounter',
    'StatelessRandomGetAlg',
    'StatelessRandomGetKeyCounterAlg',
    'CropAndResize',
    'DeserializeSparse',
  ],
];

/** Operations for each element that comes in. */
const perInput: Readonly<Record<string, number>> = {
  ...Object.fromEntries(['Sum', 'Mean', 'Max', 'Min', 'Prod', 'All', 'Any', 'EuclideanNorm'].map((op) => [op, 2])),
  ...Object.fromEntries(['ArgMax', 'ArgMin', 'Cumsum', 'Cumprod', 'CumulativeLogsumexp'].map((op) => [op, 2])),
  ...Object.fromEntries(
    ['Sum', 'Max', 'Min', 'Mean', 'Prod', 'SumV2', 'MaxV2', 'MinV2', 'ProdV2'].flatMap((name) => [
      [`Segment${name}`, 2],
      [`UnsortedSegment${name}`, 2],
      [`SparseSegment${name}`, 2],
      [`SparseSegment${name}WithNumSegments`, 2],
    ]),
  ),
  SparseSegmentSqrtN: 4,
  SparseSegmentSqrtNWithNumSegments: 4,
  TensorScatterAdd: 2,
  TensorScatterSub: 2,
  TensorScatterMax: 2,
  TensorScatterMin: 2,
  Bincount: 2,
  DenseBincount: 2,
  SparseBincount: 2,
  RaggedBincount: 2,
  HistogramFixedWidth: 4,
  InTopK: 4,
  InTopKV2: 4,
  Multinomial: 40,
  Unique: 40,
  UniqueV2: 40,
  UniqueWithCounts: 40,
  UniqueWithCountsV2: 40,
  LookupTableFind: 40,
  LookupTableFindV2: 40,
  StringToHashBucket: 40,
  StringToHashBucketFast: 40,
  StringToHashBucketStrong: 80,
  StringToNumber: 100,
  AsString: 200,
  StringLength: 4,
  CTCGreedyDecoder: 4,
};

/** Time that grows with the bytes of strings counts as operations for each byte of what comes in (StringSplit, hashes: some ten instructions). */
export const textOps: ReadonlySet<string> = new Set([
  ...[
    'StringLower',
    'StringUpper',
    'StringStrip',
    'StringSplit',
    'StringSplitV2',
    'StringJoin',
    'Substr',
    'RegexReplace',
    'ReduceJoin',
  ],
  ...[
    'StaticRegexReplace',
    'RegexFullMatch',
    'StaticRegexFullMatch',
    'StringNGrams',
    'UnicodeDecode',
    'UnicodeDecodeWithOffsets',
  ],
  ...[
    'UnicodeEncode',
    'UnicodeTranscode',
    'DecodeBase64',
    'EncodeBase64',
    'UnsortedSegmentJoin',
    'StringToHashBucket',
    'StringToNumber',
  ],
  ...[
    'StringToHashBucketFast',
    'StringToHashBucketStrong',
    'LookupTableFindV2',
    'LookupTableFind',
    'ParseExample',
    'ParseExampleV2',
  ],
  ...[
    'ParseSingleExample',
    'ParseSequenceExample',
    'ParseSequenceExampleV2',
    'DecodeCSV',
    'DecodeRaw',
    'DecodePaddedRaw',
    'ParseTensor',
  ],
  ...['DecodeCompressed', 'DecodeJSONExample', 'DecodeProtoV2', 'StringLength'],
]);
export const flopsPerTextByte = 16;

const sorted: CostFunction = (view) => ({
  flops: scaleSize(elementsOf(view.inputs[0]), 32 * 4),
  scratch: scaleSize(elementsOf(view.inputs[0]), 16),
});

const own: Readonly<Record<string, CostFunction>> = {
  AddN: (view) => ({ flops: scaleSize(elementsOf(view.inputs[0]), view.inputs.length) }),
  AccumulateNV2: (view) => ({ flops: scaleSize(elementsOf(view.inputs[0]), view.inputs.length) }),
  TopK: sorted,
  TopKV2: sorted,
  TopKUnique: sorted,
  NthElement: sorted,
  SparseTensorDenseMatMul: (view) => ({
    flops: scaleSize(product(sizeOfDim(view.inputs[0]?.shape?.[0]), sizeOfDim(view.inputs[3]?.shape?.at(-1))), 2),
  }),
};

// A map, since an operation may call itself `constructor`.
const costs: ReadonlyMap<string, CostFunction> = new Map<string, CostFunction>([
  ...[...elementwiseFlops].map(([op, flops]) => [op, perElement(flops)] as const),
  ...[...copying, ...aliases, ...loaded].map((op) => [op, noWork] as const),
  ...Object.entries(perInput).map(([op, flops]) => [op, reducing(flops)] as const),
  ...[...textOps].map((op) => [op, reducing(perInput[op] ?? 4)] as const),
  ...Object.entries(own),
  ...Object.entries(networkCosts),
  ['Cast', perElement(1)],
]);

function noWork(): OpCost {
  return { flops: free };
}

function perElement(flops: number): CostFunction {
  return (view: CostView) => ({ flops: scaleSize(elementsOf(view.outputs[0]), flops) });
}

function reducing(flops: number): CostFunction {
  return (view: CostView) => {
    const all = [...view.inputs, ...view.outputs].map(elementsOf).reduce<Size | undefined>(addSizes, free);
    // Reductions over axes in the middle are done on a reordered copy.
    return { flops: scaleSize(all, flops), scratch: bytesOf(view.inputs[0]) };
  };
}

/** Undefined when nothing is known of the operation. */
export function opCost(view: CostView): OpCost | undefined {
  return costs.get(view.op)?.(view);
}
