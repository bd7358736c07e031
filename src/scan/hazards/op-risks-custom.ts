// Operations that are not TensorFlow's own but belong to libraries that many models use. They still need a native library loaded into the
// process, which is why they stay a finding; but a person can see what is meant.

/** By the beginning of the operation's name. */
export const libraryPrefixes: readonly (readonly [prefix: string, library: string])[] = [
  ['Addons>', 'TensorFlow Addons'],
  ['IO>', 'TensorFlow I/O'],
  ['Text>', 'TensorFlow Text'],
  ['SimpleML', 'TensorFlow Decision Forests'],
  ['TFText>', 'TensorFlow Text'],
  ['Sentencepiece', 'TensorFlow Text'],
  ['RaggedTensorToSentencepiece', 'TensorFlow Text'],
  ['Wordpiece', 'TensorFlow Text'],
  ['FastWordpiece', 'TensorFlow Text'],
  ['FastBert', 'TensorFlow Text'],
  ['SentenceBreak', 'TensorFlow Text'],
  ['SentenceFragments', 'TensorFlow Text'],
  ['Phrase', 'TensorFlow Text'],
  ['SplitMerge', 'TensorFlow Text'],
  ['UnicodeScriptTokenize', 'TensorFlow Text'],
  ['WhitespaceTokenize', 'TensorFlow Text'],
  ['TFText', 'TensorFlow Text'],
  ['Utf8Binarize', 'TensorFlow Text'],
  ['AnalyzerPtransform', 'TensorFlow Transform'],
  ['Yggdrasil', 'TensorFlow Decision Forests'],
  ['Hb', 'HybridBackend'],
  ['TfraDynamic', 'TensorFlow Recommenders Addons'],
  ['TFRA>', 'TensorFlow Recommenders Addons'],
  ['Horovod', 'Horovod'],
  ['Hvd', 'Horovod'],
  ['Bytedance', 'Monolith'],
  ['Monolith', 'Monolith'],
];

export const libraryOps: ReadonlyMap<string, string> = new Map([
  ...[
    'CaseFoldUTF8',
    'NormalizeUTF8',
    'NormalizeUTF8WithOffsetsMap',
    'FindSourceOffsets',
    'ConstrainedSequence',
    'RougeL',
    'RegexSplitWithOffsets',
  ].map((op) => [op, 'TensorFlow Text'] as const),
  ...[
    'TokenizerFromLogits',
    'NgramsStringJoin',
    'MaxSpanningTree',
    'CoerceToStructurallyValid',
    'BoiseOffsetsToTags',
    'OffsetsToBoiseTags',
  ].map((op) => [op, 'TensorFlow Text'] as const),
  ...['AudioMicrofrontend', 'GatherTree', 'BeamSearch'].map((op) => [op, 'tf.contrib of TensorFlow 1'] as const),
  ['DecodeProtoSparse', 'struct2tensor'],
  ['DecodeProtoSparseV2', 'struct2tensor'],
  ['DecodeProtoSparseV3', 'struct2tensor'],
  ['ParquetDataset', 'struct2tensor'],
  ['EquiJoinIndices', 'struct2tensor'],
  ['RunLengthBefore', 'struct2tensor'],
]);

/** TensorRT: a serialized engine is native code of a GPU, and what it was compiled from may lie beside it. */
export const engineOps: ReadonlySet<string> = new Set([
  'TRTEngineOp',
  'CreateTRTResourceHandle',
  'InitializeTRTResource',
  'GetCalibrationDataOp',
  'NeuronOp',
  'XlaLocalLaunch',
  'IPUEncapsulate',
]);

/** The library that an operation is known to come from. */
export function libraryOf(op: string): string | undefined {
  return libraryOps.get(op) ?? libraryPrefixes.find(([prefix]) => op.startsWith(prefix))?.[1];
}
