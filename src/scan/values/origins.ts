// Where the content of an operation's output comes from, as facts about operations. Three ways: it begins here (a file, a variable, chance); it is
// passed on as it is, whole or in parts; it is computed from what comes in.
import type { ContentOrigin } from './value-types.ts';

/** Content begins here. */
const sources: ReadonlyMap<string, ContentOrigin> = new Map([
  ...[
    ...[
      'ReadVariableOp',
      'VarHandleOp',
      'Variable',
      'VariableV2',
      'TemporaryVariable',
      'ResourceGather',
      'ResourceGatherNd',
      'AutoReloadVariable',
    ],
    ...['_VarHandlesOp', '_ReadVariablesOp', 'StatefulUniform'],
  ].map((op) => [op, 'variable'] as const),
  ...[
    ...[
      'ReadFile',
      'MatchingFiles',
      'ReaderRead',
      'ReaderReadV2',
      'ReaderReadUpTo',
      'ReaderReadUpToV2',
      'ImmutableConst',
      'LoadDataset',
    ],
    ...[
      'TextLineDataset',
      'TFRecordDataset',
      'TFRecordDatasetV2',
      'FixedLengthRecordDataset',
      'FixedLengthRecordDatasetV2',
      'CSVDataset',
    ],
    ...[
      'CSVDatasetV2',
      'ExperimentalCSVDataset',
      'SqlDataset',
      'ExperimentalSqlDataset',
      'LMDBDataset',
      'ExperimentalLMDBDataset',
    ],
    ...[
      'MatchingFilesDataset',
      'ExperimentalMatchingFilesDataset',
      'Restore',
      'RestoreSlice',
      'RestoreV2',
      'LoadAndRemapMatrix',
      'RecordInput',
    ],
    ...['GenerateVocabRemapping', 'Skipgram'],
  ].map((op) => [op, 'file'] as const),
  ...[
    ...[
      'RandomUniform',
      'RandomUniformInt',
      'RandomStandardNormal',
      'TruncatedNormal',
      'RandomGamma',
      'RandomPoisson',
      'RandomPoissonV2',
    ],
    ...[
      'ParameterizedTruncatedNormal',
      'Multinomial',
      'StatelessRandomNormal',
      'StatelessRandomNormalV2',
      'StatelessRandomUniform',
    ],
    ...['StatelessRandomUniformV2', 'StatelessRandomUniformInt', 'StatelessRandomUniformIntV2', 'StatelessRandomUniformFullInt'],
    ...[
      'StatelessRandomUniformFullIntV2',
      'StatelessTruncatedNormal',
      'StatelessTruncatedNormalV2',
      'StatelessMultinomial',
      'RandomDataset',
    ],
    ...['StatefulStandardNormalV2', 'StatefulUniformInt', 'StatefulUniformFullInt', 'StatefulTruncatedNormal', 'RandomDatasetV2'],
    'ExperimentalRandomDataset',
  ].map((op) => [op, 'random'] as const),
]);

/** Which inputs become content, given how many there are. */
type Span = (inputs: number) => readonly [from: number, to: number];

const firstInput: Span = () => [0, 1];
const allInputs: Span = (inputs) => [0, inputs];

/** Passed on, in whole or in parts: the other inputs choose, order or measure. */
const passedOn: ReadonlyMap<string, Span> = new Map<string, Span>([
  ...[
    ...[
      'Identity',
      'RefIdentity',
      'StopGradient',
      'PreventGradient',
      'Snapshot',
      'EnsureShape',
      'CheckNumerics',
      'DeepCopy',
      'Copy',
    ],
    ...[
      'Reshape',
      'Squeeze',
      'ExpandDims',
      'Unpack',
      'Gather',
      'GatherV2',
      'GatherNd',
      'Slice',
      'StridedSlice',
      'SplitV',
      'Tile',
    ],
    ...[
      'BroadcastTo',
      'ReverseV2',
      'Reverse',
      'ReverseSequence',
      'Roll',
      'Switch',
      'RefSwitch',
      'Enter',
      'RefEnter',
      'Exit',
      'RefExit',
    ],
    ...[
      'NextIteration',
      'RefNextIteration',
      'LoopCond',
      'RandomShuffle',
      'Cast',
      'Substr',
      'StringLower',
      'StringUpper',
      'StringStrip',
    ],
    ...[
      'AsString',
      'OptionalFromValue',
      'OptionalGetValue',
      'TensorDataset',
      'TensorSliceDataset',
      'StringSplitV2',
      'StringSplit',
    ],
    ...[
      'TensorListFromTensor',
      'TensorListStack',
      'TensorListGetItem',
      'TensorListConcatV2',
      'ShardedFilename',
      'ShardedFilespec',
    ],
    ...[
      'CopyHost',
      'DebugIdentity',
      'DebugIdentityV2',
      'DebugIdentityV3',
      'PlaceholderWithDefault',
      'DecodeBase64',
      'EncodeBase64',
    ],
    ...['Transpose', 'CheckNumericsV2', 'Max', 'Min'],
  ].map((op) => [op, firstInput] as const),
  ...[
    'IdentityN',
    'Pack',
    'StringJoin',
    'Concat',
    'StringFormat',
    'Merge',
    'RefMerge',
    'ParallelConcat',
    'OptimizationBarrier',
  ].map((op) => [op, allInputs] as const),
  ['ConcatV2', (inputs) => [0, inputs - 1]],
  ['Select', () => [1, 3]],
  ['SelectV2', () => [1, 3]],
  ['Fill', () => [1, 2]],
  ['Split', () => [1, 2]],
  ['TensorListSetItem', () => [0, 3]],
  ['TensorListPushBack', () => [0, 2]],
]);

/**
 * What such an operation gives is bounded by how much there is, not chosen freely: sizes, ranks, places, counts, numbers of classes. A request
 * that wants it large must be large itself.
 */
const measures: ReadonlySet<string> = new Set([
  ...[
    'Shape',
    'ShapeN',
    'Size',
    'Rank',
    'StringLength',
    'TensorListLength',
    'TensorListElementShape',
    'TensorArraySizeV3',
    'TensorArraySizeV2',
  ],
  ...[
    'Where',
    'ArgMax',
    'ArgMin',
    'UniqueWithCounts',
    'UniqueWithCountsV2',
    'NonMaxSuppression',
    'NonMaxSuppressionV2',
    'SearchSorted',
  ],
  ...[
    'NonMaxSuppressionV3',
    'NonMaxSuppressionV4',
    'NonMaxSuppressionV5',
    'CombinedNonMaxSuppression',
    'Bucketize',
    'LowerBound',
  ],
  ...[
    'UpperBound',
    'InTopK',
    'InTopKV2',
    'LookupTableFind',
    'LookupTableFindV2',
    'LookupTableSize',
    'LookupTableSizeV2',
    'QueueSizeV2',
  ],
  ...[
    'SparseFillEmptyRowsGrad',
    'BroadcastArgs',
    'BroadcastGradientArgs',
    'DatasetCardinality',
    'ExtractJpegShape',
    'InvertPermutation',
  ],
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
    'All',
    'Any',
    'IsNan',
  ],
  ...[
    'IsFinite',
    'IsInf',
    'StringToHashBucketFast',
    'StringToHashBucketStrong',
    'StringToHashBucket',
    'RegexFullMatch',
    'StaticRegexFullMatch',
  ],
]);

/** Outputs of these names measure their operation's input: of ParseExample, StringSplit, SparseReshape, Unique, RaggedTensor… */
const measuringOutputs = /shape|splits|indices|^idx$|^count$|row_lengths|num_|_length/;

/** How an operation treats origins. */
export type OriginRule =
  | { readonly kind: 'source'; readonly origin: ContentOrigin }
  | { readonly kind: 'passed'; readonly from: number; readonly to: number }
  | { readonly kind: 'measure' }
  | { readonly kind: 'computed' };

const measure: OriginRule = { kind: 'measure' };
const computed: OriginRule = { kind: 'computed' };

/** @param outputName Undefined when the operation has one output, or is not known. */
export function originRule(op: string, inputs: number, outputName: string | undefined): OriginRule {
  const origin = sources.get(op);
  if (origin !== undefined) return { kind: 'source', origin };
  if (measures.has(op)) return measure;
  if (outputName !== undefined && measuringOutputs.test(outputName)) return measure;
  const passed = passedOn.get(op);
  if (passed === undefined) return computed;
  const [from, to] = passed(inputs);
  return { kind: 'passed', from, to };
}
