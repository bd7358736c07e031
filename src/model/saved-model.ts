// Reads what a SavedModel offers (tags, signatures) without TensorFlow, so that the server knows a model before any process that
// nobody trusts has loaded it. It never executes, resolves or follows anything that the model says.
import { AirlockError, printable } from '../core/index.ts';
import { SavedModelSchema } from './gen/tensorflow/saved_model_pb.ts';
import { MetaGraphBuilder, type MetaGraphInfo, type MetaGraphLimits } from './meta-graph.ts';
import { listModelFolder, openModelFile, readModelFile } from './model-files.ts';
import { type BinaryLimits, readBinarySavedModel } from './saved-model-binary.ts';
import { parseTextFormat } from './text-format.ts';

export interface SavedModelInfo {
  readonly metaGraphs: readonly MetaGraphInfo[];
  readonly format: 'pb' | 'pbtxt';
}

export interface SavedModelLimits extends MetaGraphLimits, BinaryLimits {
  /** saved_model.pb; protobuf itself ends at 2 GiB. */
  readonly maxFileBytes: number;
  /** saved_model.pbtxt, which is read at once. */
  readonly maxTextBytes: number;
  readonly maxMetaGraphs: number;
  /** Names in the model's folder. */
  readonly maxEntries: number;
}

export const defaultSavedModelLimits: SavedModelLimits = {
  maxFileBytes: 2 * 1024 ** 3 - 1,
  maxTextBytes: 64 * 1024 ** 2,
  maxMetaGraphs: 100,
  maxSignatures: 1000,
  maxTensors: 1000,
  maxFieldBytes: 4 * 1024 ** 2,
  maxKeptBytes: 32 * 1024 ** 2,
  maxFields: 100_000,
  maxEntries: 10_000,
};

const otherFormats: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /\.tflite$/, what: 'a TensorFlow Lite model' },
  { pattern: /^export\.meta$/, what: 'a SessionBundle of TensorFlow 0.x' },
  { pattern: /\.keras$|\.h5$|\.hdf5$/, what: 'a Keras model file' },
  { pattern: /\.onnx$/, what: 'an ONNX model' },
];

/** True when a folder with these names holds a SavedModel itself, and not versions of one. */
export function isSavedModelFolder(names: readonly string[]): boolean {
  return names.some((name) => ['saved_model.pb', 'saved_model.pbtxt', 'saved_model.cpb'].includes(name));
}

function formatOf(names: readonly string[]): 'pb' | 'pbtxt' {
  if (names.includes('saved_model.cpb')) {
    throw new AirlockError('MODEL_FORMAT_UNSUPPORTED', {
      message: 'This is a chunked SavedModel (saved_model.cpb), which is not supported: save it again without chunking',
    });
  }
  const binary = names.includes('saved_model.pb');
  const text = names.includes('saved_model.pbtxt');
  if (binary && text) {
    // TensorFlow takes the first; whoever looked at the other one has looked at a different model.
    throw new AirlockError('MODEL_INVALID', {
      message: 'The model has saved_model.pb and saved_model.pbtxt: remove the one that is not meant',
    });
  }
  if (binary) return 'pb';
  if (text) return 'pbtxt';
  for (const name of names) {
    const other = otherFormats.find(({ pattern }) => pattern.test(name));
    if (other !== undefined) {
      throw new AirlockError('MODEL_FORMAT_UNSUPPORTED', {
        message: `This is ${other.what} (${printable(name)}), which is not supported: export a SavedModel`,
      });
    }
  }
  throw new AirlockError('MODEL_INVALID', { message: 'There is no SavedModel here: saved_model.pb is missing' });
}

async function readBinary(directory: string, limits: SavedModelLimits, builders: MetaGraphBuilder[]): Promise<void> {
  const file = await openModelFile(directory, 'saved_model.pb', limits.maxFileBytes);
  if (file === undefined) throw new AirlockError('MODEL_INCOMPLETE', { message: 'saved_model.pb went away' });
  try {
    const onMetaGraph = () => addBuilder(builders, limits);
    await readBinarySavedModel(file, limits, onMetaGraph, (part) => builders.at(-1)?.add(part));
  } finally {
    await file.close();
  }
}

async function readText(directory: string, limits: SavedModelLimits, builders: MetaGraphBuilder[]): Promise<void> {
  const bytes = await readModelFile(directory, 'saved_model.pbtxt', limits.maxTextBytes);
  if (bytes === undefined) throw new AirlockError('MODEL_INCOMPLETE', { message: 'saved_model.pbtxt went away' });
  for (const metaGraph of parseTextFormat(SavedModelSchema, bytes, 'saved_model.pbtxt').metaGraphs) {
    addBuilder(builders, limits);
    builders.at(-1)?.add(metaGraph);
  }
}

function addBuilder(builders: MetaGraphBuilder[], limits: SavedModelLimits): void {
  if (builders.length === limits.maxMetaGraphs) {
    throw new AirlockError('MODEL_INVALID', { message: `The model has more than ${limits.maxMetaGraphs} MetaGraphs` });
  }
  builders.push(new MetaGraphBuilder(limits));
}

/**
 * Reads the SavedModel in `directory`. Limits default to `defaultSavedModelLimits`; a graph of any size is stepped over, not held.
 * @throws MODEL_FORMAT_UNSUPPORTED for chunked SavedModels and other formats, naming what was found; MODEL_INVALID when there is no
 * SavedModel, it is damaged, ambiguous, or passes a limit; MODEL_INCOMPLETE when files change while they are read.
 */
export async function readSavedModel(
  directory: string,
  limits: SavedModelLimits = defaultSavedModelLimits,
): Promise<SavedModelInfo> {
  const names = await listModelFolder(directory, '', limits.maxEntries);
  if (names === undefined) throw new AirlockError('MODEL_INVALID', { message: 'There is no SavedModel here', detail: directory });
  const format = formatOf(names);
  const builders: MetaGraphBuilder[] = [];
  await (format === 'pb' ? readBinary : readText)(directory, limits, builders);
  if (builders.length === 0) throw new AirlockError('MODEL_INVALID', { message: 'The SavedModel has no MetaGraph' });
  return { metaGraphs: builders.map((builder) => builder.build()), format };
}

function describe(tags: readonly string[]): string {
  return `{${tags.map((tag) => printable(tag)).join(', ')}}`;
}

/**
 * The MetaGraph whose set of tags is exactly `tags` (default `serve`), which is how TensorFlow chooses.
 * @throws MODEL_INVALID when there is none, naming the tags that exist, or more than one.
 */
export function selectMetaGraph(info: SavedModelInfo, tags: readonly string[] = ['serve']): MetaGraphInfo {
  const wanted = new Set(tags);
  const fitting = info.metaGraphs.filter(
    (graph) => graph.tags.length === wanted.size && graph.tags.every((tag) => wanted.has(tag)),
  );
  if (fitting.length === 1) return fitting[0];
  const message =
    fitting.length === 0
      ? `The model has no MetaGraph with the tags ${describe(tags)}; it has ${info.metaGraphs.map(({ tags: own }) => describe(own)).join(', ')}`
      : `The model has more than one MetaGraph with the tags ${describe(tags)}`;
  throw new AirlockError('MODEL_INVALID', { message });
}
