// A configuration for `airlock serve ./models/digits`, where there is no airlock.yaml: every default, and the models that the
// folder holds. It looks at names only; whether a model can be served is decided by those who read it.
import { type Dirent, opendirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';
import type { Config, SandboxConfig } from './config-types.ts';
import { keyPolicy, keyTrustValues } from './key-trust.ts';
import { checkConfig } from './load-config.ts';
import { configError } from './violations.ts';

const maxEntries = 10_000;
const savedModelFiles: ReadonlySet<string> = new Set(['saved_model.pb', 'saved_model.pbtxt', 'saved_model.cpb']);
const versionName = /^\d{1,19}$/;

/** What a command line may say about a folder, in the words of airlock.yaml. */
export interface FolderOverrides {
  readonly listen?: { readonly rest: string };
  /** Relative to the current folder, as the default `.airlock` is. */
  readonly store?: string;
  readonly sandbox?: SandboxConfig;
  /** Default: every version is scanned before it is loaded. */
  readonly scan?: { readonly unsafeOff: boolean };
  /** A PEM file, relative to the current folder, with the public key whose owner must have signed every model of the folder and its release. */
  readonly publicKey?: string;
  /** Whether every model of the folder is served without any signature; default false. */
  readonly unsafeUnsigned?: boolean;
}

/**
 * One model when `path` holds a SavedModel or version folders (named by numbers), several when its folders do.
 * The store is `.airlock` in the current folder. CONFIG_NOT_FOUND when there is no such folder; CONFIG_INVALID when neither `publicKey` nor
 * `unsafeUnsigned` is given, or when the folder holds no model, more than 10,000 entries, or a folder whose name cannot be that of a model.
 */
export function configForFolder(path: string, overrides: FolderOverrides = {}): Config {
  const folder = resolve(path);
  const entries = readFolder(folder);
  const models = holdsModel(entries) ? [{ name: modelNameOf(folder), path: folder }] : modelsBelow(folder, entries);
  if (models.length === 0) {
    const expected = 'a SavedModel, version folders named by numbers, or folders of such folders';
    throw configError([{ path: '', rule: 'models', expected, got: 'a folder without any' }], printable(folder, 4_096));
  }
  const { publicKey, unsafeUnsigned, ...rest } = overrides;
  const ofEach = {
    ...(publicKey === undefined ? {} : { trust: keyPolicy }),
    ...(unsafeUnsigned === undefined ? {} : { unsafeUnsigned }),
  };
  const trust = publicKey === undefined ? {} : { trust: keyTrustValues(publicKey) };
  return checkConfig({ ...rest, ...trust, models: models.map((model) => ({ ...model, ...ofEach })) }, process.cwd(), folder);
}

function modelsBelow(folder: string, entries: readonly Dirent[]): { name: string; path: string }[] {
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({ name: entry.name, path: join(folder, entry.name) }))
    .filter((model) => holdsModel(readFolder(model.path)))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** What a model in the folder is called: the folder's name; for a version folder the name above it, because clients give both apart. */
export function modelNameOf(folder: string): string {
  const name = basename(folder);
  return versionName.test(name) ? basename(dirname(folder)) : name;
}

function holdsModel(entries: readonly Dirent[]): boolean {
  return entries.some((entry) => savedModelFiles.has(entry.name) || (entry.isDirectory() && versionName.test(entry.name)));
}

function readFolder(folder: string): Dirent[] {
  const entries: Dirent[] = [];
  try {
    const directory = opendirSync(folder);
    try {
      for (let entry = directory.readSync(); entry !== null && entries.length <= maxEntries; entry = directory.readSync()) {
        entries.push(entry);
      }
    } finally {
      directory.closeSync();
    }
  } catch (cause) {
    throw new AirlockError('CONFIG_NOT_FOUND', {
      message: 'There is no such folder of models, or it cannot be read',
      detail: printable(folder, 4_096),
      cause,
    });
  }
  if (entries.length > maxEntries) {
    const violation = { path: '', rule: 'entries', expected: `at most ${maxEntries} entries in a folder`, got: 'more' };
    throw configError([violation], printable(folder, 4_096));
  }
  return entries;
}
