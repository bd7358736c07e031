// The kinds of files that a scan tells apart, as data. What a file is comes from its content (sniff-format.ts) and never from its name.

/**
 * What a format means for a scan: `model` and `archive` are read; `executable`, `code` and `pickle` run something when they are opened the
 * usual way; `packed` can hold anything and cannot be opened here; `other-model` belongs to another framework; `data` and `document` run
 * nothing.
 */
export type FormatKind =
  | 'model'
  | 'archive'
  | 'executable'
  | 'code'
  | 'pickle'
  | 'packed'
  | 'other-model'
  | 'data'
  | 'document'
  | 'unknown';

interface FormatFacts {
  readonly kind: FormatKind;
  /** With its article, for messages. */
  readonly title: string;
}

const table = {
  'saved-model': { kind: 'model', title: 'a SavedModel' },
  'saved-model-text': { kind: 'model', title: 'a SavedModel in text format' },
  'saved-model-chunked': { kind: 'model', title: 'a chunked SavedModel (Riegeli records)' },
  'graph-def': { kind: 'model', title: 'a frozen graph (GraphDef)' },
  'graph-def-text': { kind: 'model', title: 'a frozen graph (GraphDef) in text format' },
  'meta-graph': { kind: 'model', title: 'a MetaGraph' },
  'meta-graph-text': { kind: 'model', title: 'a MetaGraph in text format' },
  'checkpoint-index': { kind: 'model', title: 'the index of a checkpoint' },
  'checkpoint-v1': { kind: 'model', title: 'a checkpoint of TensorFlow 1 in one file' },
  'checkpoint-data': { kind: 'model', title: 'a data file of a checkpoint' },
  'checkpoint-state': { kind: 'model', title: 'a checkpoint state file' },
  'keras-archive': { kind: 'model', title: 'a Keras v3 archive' },
  'keras-json': { kind: 'model', title: 'a Keras model in JSON' },
  'keras-yaml': { kind: 'model', title: 'a Keras model in YAML' },
  'keras-metadata': { kind: 'model', title: 'Keras metadata of a SavedModel' },
  hdf5: { kind: 'model', title: 'an HDF5 file' },
  tflite: { kind: 'model', title: 'a TensorFlow Lite model' },
  'tfjs-model': { kind: 'model', title: 'a TensorFlow.js model' },
  fingerprint: { kind: 'data', title: 'the fingerprint of a SavedModel' },
  tfrecord: { kind: 'data', title: 'TFRecord data' },
  zip: { kind: 'archive', title: 'a zip archive' },
  tar: { kind: 'archive', title: 'a tar archive' },
  gzip: { kind: 'archive', title: 'gzip data' },
  bzip2: { kind: 'packed', title: 'bzip2 data' },
  xz: { kind: 'packed', title: 'xz data' },
  zstd: { kind: 'packed', title: 'Zstandard data' },
  lz4: { kind: 'packed', title: 'LZ4 data' },
  '7z': { kind: 'packed', title: 'a 7z archive' },
  rar: { kind: 'packed', title: 'a RAR archive' },
  cab: { kind: 'packed', title: 'a cabinet archive' },
  pickle: { kind: 'pickle', title: 'a Python pickle' },
  'torch-archive': { kind: 'pickle', title: 'a PyTorch archive (a pickle)' },
  'numpy-objects': { kind: 'pickle', title: 'a NumPy array of objects (a pickle)' },
  numpy: { kind: 'data', title: 'a NumPy array' },
  'numpy-archive': { kind: 'archive', title: 'an archive of NumPy arrays' },
  onnx: { kind: 'other-model', title: 'an ONNX model' },
  safetensors: { kind: 'other-model', title: 'safetensors weights' },
  gguf: { kind: 'other-model', title: 'a GGUF model' },
  elf: { kind: 'executable', title: 'an ELF program or library' },
  pe: { kind: 'executable', title: 'a Windows program or library (PE)' },
  'mach-o': { kind: 'executable', title: 'a macOS program or library (Mach-O)' },
  wasm: { kind: 'executable', title: 'a WebAssembly module' },
  'native-archive': { kind: 'executable', title: 'a static library (ar)' },
  'llvm-bitcode': { kind: 'executable', title: 'LLVM bitcode' },
  dex: { kind: 'executable', title: 'an Android program (DEX)' },
  'java-class': { kind: 'executable', title: 'a Java class' },
  jar: { kind: 'executable', title: 'a Java archive' },
  'python-bytecode': { kind: 'code', title: 'compiled Python' },
  python: { kind: 'code', title: 'Python source code' },
  script: { kind: 'code', title: 'a script' },
  database: { kind: 'data', title: 'a database file' },
  table: { kind: 'data', title: 'tabular data' },
  image: { kind: 'document', title: 'an image' },
  audio: { kind: 'document', title: 'audio or video' },
  pdf: { kind: 'document', title: 'a PDF document' },
  json: { kind: 'document', title: 'JSON' },
  yaml: { kind: 'document', title: 'YAML' },
  text: { kind: 'document', title: 'text' },
  empty: { kind: 'document', title: 'an empty file' },
  unknown: { kind: 'unknown', title: 'data of an unknown kind' },
} as const satisfies Record<string, FormatFacts>;

export type Format = keyof typeof table;

export function formatKind(format: Format): FormatKind {
  return table[format].kind;
}

/** With its article: `a SavedModel`. */
export function formatTitle(format: Format): string {
  return table[format].title;
}
