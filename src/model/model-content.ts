// The content of a model for a worker that can open no file: what TensorFlow reads of a SavedModel, in pieces. Only regular files of
// the model's own folder are read, never what a link points to.
import { AirlockError } from '../core/index.ts';
import { maxChunkBytes } from '../tensor/index.ts';
import { fileError, listModelFolder, openModelFile } from './model-files.ts';
import { maxModelEntries, walkTree } from './tree-snapshot.ts';

/** The next bytes of one of a model's files. */
export interface ModelChunk {
  /** Relative to the model's folder, for example `variables/variables.index`. */
  readonly name: string;
  /** At most 1 MiB; empty once for an empty file. */
  readonly chunk: Uint8Array;
}

/** assets.extra and whatever else lies there is for people and other programs. */
const readByTensorFlow = /^(?:saved_model\.pb|fingerprint\.pb|variables\/.+|assets\/.+)$/;

/** Whether TensorFlow reads a file of this name when it loads a SavedModel. */
export function isReadByTensorFlow(name: string): boolean {
  return readByTensorFlow.test(name);
}

/** More than any machine that this is for has memory. */
const maxTotalBytes = 64 * 1024 ** 3;

/**
 * Reads a model, one file after another, each from its beginning to the end that it has when it is opened.
 * @throws MODEL_FORMAT_UNSUPPORTED for a model in text form; MODEL_INVALID as `snapshotTree`, and beyond 64 GiB; MODEL_INCOMPLETE when
 * a file goes away or becomes shorter; MODEL_NOT_AVAILABLE when one cannot be read.
 */
export async function* readModelContent(directory: string): AsyncGenerator<ModelChunk> {
  const names = (await listModelFolder(directory, '', maxModelEntries)) ?? [];
  if (names.includes('saved_model.pbtxt') && !names.includes('saved_model.pb')) {
    // TensorFlow's memory file system takes the longer name as a sign that saved_model.pb is there too, and then fails to open that.
    throw new AirlockError('MODEL_FORMAT_UNSUPPORTED', {
      message: 'The model is in text form (saved_model.pbtxt), which can be read but not loaded: save it as saved_model.pb',
    });
  }
  let totalBytes = 0;
  for await (const { name, stats } of walkTree(directory, maxModelEntries)) {
    if (!stats.isFile() || !isReadByTensorFlow(name)) continue;
    totalBytes += Number(stats.size);
    if (totalBytes > maxTotalBytes) throw fileError('MODEL_INVALID', directory, '', `has more than ${maxTotalBytes} bytes`);
    yield* readFile(directory, name);
  }
}

async function* readFile(directory: string, name: string): AsyncGenerator<ModelChunk> {
  const file = await openModelFile(directory, name, maxTotalBytes);
  if (file === undefined) throw fileError('MODEL_INCOMPLETE', directory, name, 'went away');
  try {
    let position = 0;
    do {
      const chunk = await file.read(position, Math.min(maxChunkBytes, file.sizeBytes - position));
      position += chunk.length;
      yield { name, chunk };
    } while (position < file.sizeBytes);
  } finally {
    await file.close();
  }
}
