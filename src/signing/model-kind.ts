// Tells by names alone what a path holds, so that people sign what they mean: a version and not the folder of all versions, a whole
// checkpoint and not its prefix. Looks into no file: whether a model is well formed is asked where it is loaded.
import { lstat, readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';

const checkpointPart = /\.(?:index|data-[0-9]{5}-of-[0-9]{5})$/;
const versionName = /^(?:0|[1-9][0-9]{0,18})$/;

const kindsOfFiles: readonly (readonly [end: string, kind: string])[] = [
  ['.keras', 'Keras model'],
  ['.h5', 'HDF5 model'],
  ['.hdf5', 'HDF5 model'],
  ['.tflite', 'TensorFlow Lite model'],
  ['.pb', 'frozen graph'],
  ['.pbtxt', 'frozen graph in text form'],
];

/** What a path holds. */
export interface ModelKind {
  /** For people: `SavedModel`, `checkpoint`, `file`. */
  readonly kind: string;
  readonly isFile: boolean;
}

/**
 * @throws MODEL_NOT_FOUND; MODEL_INVALID for what is only a part of a model, or holds several, with what to sign instead
 */
export async function recogniseModel(path: string): Promise<ModelKind> {
  const name = printable(basename(path), 200);
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) {
    const index = await lstat(`${path}.index`).catch(() => undefined);
    if (index !== undefined) throw invalid(`${name} is the prefix of a checkpoint: sign the folder that holds its files`);
    throw new AirlockError('MODEL_NOT_FOUND', { message: `There is no ${name}`, detail: path });
  }
  if (stats.isFile()) return { kind: kindOfFile(basename(path), name), isFile: true };
  if (!stats.isDirectory()) throw invalid(`${name} is neither a file nor a folder`);
  return { kind: kindOfFolder(await readdir(path, { withFileTypes: true }), name), isFile: false };
}

function kindOfFile(file: string, name: string): string {
  if (checkpointPart.test(file)) throw invalid(`${name} is a part of a checkpoint: sign the folder that holds it`);
  if (/^saved_model\.pb(?:txt)?$/.test(file)) throw invalid(`${name} is a part of a SavedModel: sign the folder that holds it`);
  return kindsOfFiles.find(([end]) => file.toLowerCase().endsWith(end))?.[1] ?? 'file';
}

interface Entry {
  readonly name: string;
  isDirectory(): boolean;
}

function kindOfFolder(entries: readonly Entry[], name: string): string {
  const names = new Set(entries.map((entry) => entry.name));
  if (names.has('saved_model.pb') || names.has('saved_model.pbtxt')) return 'SavedModel';
  if (names.has('model.json') && [...names].some((entry) => entry.endsWith('.bin'))) return 'TensorFlow.js model';
  if (names.has('model.weights.h5') && names.has('config.json')) return 'unpacked Keras model';
  if (names.has('checkpoint') || [...names].some((entry) => checkpointPart.test(entry))) return 'checkpoint';
  const versions = entries.filter((entry) => entry.isDirectory() && versionName.test(entry.name)).map((entry) => entry.name);
  const [first] = versions;
  if (first === undefined) return 'folder';
  throw invalid(`${name} holds versions of a model: sign each of them, as ${name}/${first}`);
}

function invalid(message: string): AirlockError {
  return new AirlockError('MODEL_INVALID', { message });
}
