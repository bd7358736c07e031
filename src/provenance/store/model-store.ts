// Verified copies of models, by what they hold: STORE/models/IDENTITY/model/… A model is served from here and from nowhere else, so what was
// verified is what loads. Never takes a copy on trust: one that is there already is hashed again before it is used.
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { AirlockError, errnoOf } from '../../core/index.ts';
import type { Manifest } from '../provenance-types.ts';
import { assertSame, compareContents, compareNames, compareSourceNames, type NameComparison } from './compare-tree.ts';
import { copyModel, modelFolder, storedManifest } from './copy-model.ts';
import type { ReadOptions } from './digest-files.ts';
import { assertNotCancelled, storeError } from './store-error.ts';
import { type Collected, openStoreFolder, type StoreFolder, type StoreFolderOptions } from './store-folder.ts';
import { openTree, type Tree } from './tree.ts';

/** A copy that stays as long as it is not released. */
export interface StagedModel {
  /** Holds the model's files under their names; a model that is one file is `model` in it. */
  readonly directory: string;
  readonly identity: string;
  /** Lets `collect` remove the copy. Harmless when it is called again. */
  release(): Promise<void>;
}

export interface ModelStore {
  /**
   * Copies the model at `sourcePath` while it is hashed, or takes the copy that is there after hashing that one. The names in the source
   * are compared in both cases; its contents are only read to be copied.
   * @throws MODEL_TAMPERED with a violation per file; MODEL_NOT_FOUND, MODEL_INVALID, MODEL_NOT_AVAILABLE; DISK_FULL, STORE_NOT_WRITABLE;
   * CANCELLED.
   */
  stage(sourcePath: string, manifest: Manifest, options?: ReadOptions): Promise<StagedModel>;
  /** Removes copies that no living process needs. @throws STORE_NOT_WRITABLE, INTERNAL. */
  collect(): Promise<Collected>;
  /** Releases what was staged here. */
  close(): Promise<void>;
}

/** Others may publish or collect the same entry meanwhile; each time somebody gets on. */
const maxAttempts = 10;

/**
 * Opens the models of a store; `folder` is STORE/models. Several processes may use it at the same time.
 * @throws STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL.
 */
export async function openModelStore(folder: string, options: StoreFolderOptions = {}): Promise<ModelStore> {
  const store = await openStoreFolder(path.resolve(folder), options);
  const guard = <T>(work: Promise<T>): Promise<T> =>
    work.catch((thrown: unknown) => {
      throw storeError(thrown);
    });
  return {
    stage: (sourcePath, manifest, readOptions = {}) => guard(stage(store, sourcePath, manifest, readOptions)),
    collect: () => guard(store.collect()),
    close: () => guard(store.leases.releaseAll()),
  };
}

async function stage(store: StoreFolder, sourcePath: string, manifest: Manifest, options: ReadOptions): Promise<StagedModel> {
  const entry = store.entryOf(manifest.identity);
  assertNotCancelled(options.signal);
  const source = await openTree(sourcePath);
  try {
    const names = await compareSourceNames(source, manifest, options.signal);
    assertSame(names.differences);
    store.step('lease');
    // Before the entry is looked for: `collect` does it the other way round.
    const lease = await store.leases.take(manifest.identity);
    const release = async (): Promise<void> => {
      store.step('release');
      await store.leases.release(lease);
    };
    try {
      await provide(store, entry, source, names, manifest, options);
      return { directory: path.join(entry, modelFolder), identity: manifest.identity, release };
    } catch (thrown) {
      await release();
      throw thrown;
    }
  } finally {
    await source.close();
  }
}

/** Makes sure that the entry is there and good. */
async function provide(
  store: StoreFolder,
  entry: string,
  source: Tree,
  names: NameComparison,
  manifest: Manifest,
  options: ReadOptions,
): Promise<void> {
  let staging: string | undefined;
  try {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const state = await examine(entry, manifest, options);
      if (state === 'good') return;
      if (staging === undefined) {
        staging = await store.makeStaging();
        await copyModel(store, source, names, manifest, staging, options);
      }
      const bad = state === 'bad' ? await store.setAside(entry) : undefined;
      const isPublished = await store.publish(staging, entry);
      if (isPublished) staging = undefined;
      if (bad !== undefined) await store.removeStaging(bad);
      if (isPublished) return;
    }
  } finally {
    if (staging !== undefined) await store.removeStaging(staging);
  }
  throw new AirlockError('MODEL_NOT_AVAILABLE', { message: 'Others keep replacing the copy of the model in the store' });
}

/** Hashes the copy that is there. `absent` also when it was taken away meanwhile. */
async function examine(entry: string, manifest: Manifest, options: ReadOptions): Promise<'absent' | 'bad' | 'good'> {
  if ((await idOf(entry)) === undefined) return 'absent';
  const place = path.join(entry, modelFolder);
  const stored = storedManifest(manifest);
  try {
    const tree = await openTree(place);
    try {
      const names = await compareNames(tree, stored, options.signal, []);
      const { differences } = await compareContents(tree, names, stored, options);
      if (differences.length > 0) return 'bad';
      return (await idOf(place)) === tree.id ? 'good' : 'absent';
    } finally {
      await tree.close();
    }
  } catch (thrown) {
    // Whatever is wrong with it, a new copy is better; but being stopped, or out of descriptors, says nothing about it.
    if (['CANCELLED', 'MODEL_NOT_AVAILABLE', 'INTERNAL'].includes(errnoOf(thrown))) throw thrown;
    return 'bad';
  }
}

async function idOf(place: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await lstat(place, { bigint: true });
    return `${dev}:${ino}`;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
