// Copies a model into a staging folder: what the manifest names and nothing else, each file from the descriptor that was hashed. The copy is
// sealed before it gets a name.
import { constants } from 'node:fs';
import { chmod, mkdir, open, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AirlockError } from '../../core/index.ts';
import { singleFileName } from '../format/index.ts';
import type { Manifest } from '../provenance-types.ts';
import { assertSame, compareDigests, type NameComparison } from './compare-tree.ts';
import { digestFiles, type ReadOptions, sizeOf } from './digest-files.ts';
import type { StoreFolder } from './store-folder.ts';
import type { Tree } from './tree.ts';

/** What a model that is one file is called in the store. */
export const storedFileName = 'model';

/** The folder of an entry that holds the model; room for what may once lie beside it. */
export const modelFolder = 'model';

const sealedMode = 0o500;

/** Of disk, left free beside the copy. */
const spareBytes = 64 * 1024 * 1024;

/** The manifest of an entry's copy. */
export function storedManifest(manifest: Manifest): Manifest {
  return { ...manifest, files: manifest.files.map(({ name, digest }) => ({ name: storedName(name), digest })) };
}

/**
 * Fills `staging`.
 * @throws MODEL_TAMPERED when a file is not what was signed, MODEL_NOT_AVAILABLE when one cannot be read; DISK_FULL before or while
 * anything is written; CANCELLED; what the system says.
 */
export async function copyModel(
  store: StoreFolder,
  source: Tree,
  names: NameComparison,
  manifest: Manifest,
  staging: string,
  options: ReadOptions,
): Promise<void> {
  await assertSpace(store.folder, sizeOf(names.files));
  const root = join(staging, modelFolder);
  const folders = foldersOf(manifest);
  for (const folder of folders) await mkdir(join(root, folder), { mode: 0o700 });
  store.step('copy');
  const outcomes = await digestFiles(source, names.files, {
    ...options,
    hashType: manifest.hashType,
    target: (name) => open(join(root, storedName(name)), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o400),
  });
  assertSame(compareDigests(outcomes, manifest));
  store.step('seal');
  for (const folder of [...folders].reverse()) await chmod(join(root, folder), sealedMode);
  await chmod(staging, sealedMode);
}

function storedName(name: string): string {
  return name === singleFileName ? storedFileName : name;
}

/** Those that the files lie in, parents first, `''` for the model's own; and two that TensorFlow expects, which may be empty. */
function foldersOf(manifest: Manifest): string[] {
  const names = new Set(manifest.files.map(({ name }) => name));
  const folders = new Set(['']);
  const add = (folder: string): void => {
    if (folder === '.' || folders.has(folder)) return;
    add(dirname(folder));
    folders.add(folder);
  };
  for (const name of names) add(dirname(name));
  if (names.has('saved_model.pb')) for (const folder of ['assets', 'variables']) if (!names.has(folder)) add(folder);
  return [...folders];
}

async function assertSpace(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const megabytes = (bytes: number): number => Math.ceil(bytes / 1e6);
  if (bavail * bsize >= neededBytes + spareBytes) return;
  const [needed, free] = [neededBytes + spareBytes, bavail * bsize].map(megabytes);
  throw new AirlockError('DISK_FULL', {
    message: `Staging the model needs ${needed} MB of free disk, and the store has ${free} MB`,
  });
}
