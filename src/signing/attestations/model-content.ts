// Which content statements are about: that of a signature which is there, after the files were compared with it, or else of the files as they
// are. Nobody shall state something about a model that is not the one on the disk. Whose signature it is does not matter here: it is only
// taken for a list of files.
import { realpath } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { AirlockError } from '../../core/index.ts';
import { makeManifest, maxBundleBytes, parseBundle, parseStatement, readManifest } from '../../provenance/format/index.ts';
import type { Manifest } from '../../provenance/index.ts';
import { compareTree, hashTree, type ReadOptions } from '../../provenance/store/index.ts';
import { ignoredPaths } from '../ignore-paths.ts';
import { type ModelKind, recogniseModel } from '../model-kind.ts';
import { readBoundedFile } from './bounded-file.ts';

/** Where the signatures of a model lie; absolute. */
export interface SignaturePlaces {
  /** The model signature. */
  readonly signature: string;
  /** The folder of further signatures and of statements. */
  readonly folder: string;
}

export interface ModelPlaces extends ModelKind {
  /** Absolute, without links. */
  readonly path: string;
  /** For people: the name of the last folder or of the file. */
  readonly name: string;
  readonly beside: SignaturePlaces;
  /** The separate place, where one was given. */
  readonly separate: SignaturePlaces | undefined;
}

export interface ModelContent {
  readonly manifest: Manifest;
  /** Whether a signature lists the files, or nothing but the disk does. */
  readonly basis: 'signature' | 'files';
}

/**
 * @param separate the folder that holds `model.sig` and `model.sig.d` of this model, when they are not beside it
 * @throws MODEL_NOT_FOUND, MODEL_INVALID as recogniseModel does; USAGE when the separate folder lies in the model
 */
export async function modelPlaces(given: string, separate?: string): Promise<ModelPlaces> {
  const absolute = resolve(given);
  const path = await realpath(absolute).catch(() => absolute);
  const kind = await recogniseModel(path);
  const beside = kind.isFile ? places(`${path}.sig`) : places(join(path, 'model.sig'));
  const name = basename(path) || 'model';
  if (separate === undefined) return { ...kind, path, name, beside, separate: undefined };
  const folder = await realpath(resolve(separate)).catch(() => resolve(separate));
  if (isInside(folder, path)) {
    const message = 'The separate place of signatures lies in the model, where it would be an unsigned part of it';
    throw new AirlockError('USAGE', { message });
  }
  return { ...kind, path, name, beside, separate: places(join(folder, 'model.sig')) };
}

/** True when `file` is the folder `model` or lies in it; both absolute. */
export function isInside(file: string, model: string): boolean {
  const way = relative(model, file);
  return way !== '..' && !way.startsWith('../');
}

/**
 * The content of the model. A signature in the separate place counts before one beside the model.
 * @throws BUNDLE_INVALID, BUNDLE_UNSUPPORTED for a signature that cannot be read; MODEL_TAMPERED with the files that are not the signed ones;
 * MODEL_INVALID, CANCELLED
 */
export async function modelContent(model: ModelPlaces, options: ReadOptions = {}): Promise<ModelContent> {
  const manifest = (model.separate && (await manifestIn(model.separate.signature))) ?? (await manifestIn(model.beside.signature));
  if (manifest === undefined) return { manifest: await freshManifest(model, options), basis: 'files' };
  const { differences, moreDifferences } = await compareTree(model.path, manifest, options);
  if (differences.length === 0) return { manifest, basis: 'signature' };
  const violations = differences.map(({ name, kind }) => ({ path: name, rule: kind, expected: 'as it was signed', got: kind }));
  const count = differences.length + moreDifferences;
  const message = `The model is not as it was signed: ${count} ${count === 1 ? 'file differs' : 'files differ'}`;
  throw new AirlockError('MODEL_TAMPERED', { message, violations });
}

/** The manifest that a signature lists, whoever made it; undefined when there is none. @throws BUNDLE_INVALID, BUNDLE_UNSUPPORTED, USAGE */
export async function manifestIn(signature: string): Promise<Manifest | undefined> {
  const bytes = await readBoundedFile(signature, { maxBytes: maxBundleBytes, followLink: false });
  return bytes && readManifest(parseStatement(parseBundle(bytes).payload));
}

async function freshManifest({ path, isFile, beside }: ModelPlaces, options: ReadOptions): Promise<Manifest> {
  const ignored = isFile ? [] : ignoredPaths({ model: path, output: beside.signature, paths: [], git: true });
  const { files } = await hashTree(path, { ...options, ignored });
  if (files.length === 0) throw new AirlockError('MODEL_INVALID', { message: 'There is no file in the model' });
  return makeManifest(files, { ignored });
}

function places(signature: string): SignaturePlaces {
  return { signature, folder: `${signature}.d` };
}
