// All checkpoints of a folder: bundles by their indexes, checkpoints of the first format by their content, the state file, and
// data files that nobody claims. Graphs beside them (`.meta`) are somebody else's.

import type { ScanContext } from '../scan-context.ts';
import { judgeWeights, type WeightTensor } from '../weights/index.ts';
import { scanBundle } from './bundle.ts';
import { type BundleFacts, type CheckpointFolder, objectGraphKey } from './bundle-types.ts';
import { scanCheckpointState } from './state-file.ts';

const dataFile = /^(.*)\.data-\d{5}-of-\d{5}$/;
const indexSuffix = '.index';
/** In one folder: for each, all names of the folder are compared. */
const maxBundles = 1000;

/** The tensors of a bundle, for judgeWeights. The object graph is left out: it is judged as what it is. */
export function* bundleWeights(facts: BundleFacts, isUnused?: (key: string) => boolean): Generator<WeightTensor> {
  for (const [name, tensor] of facts.tensors) {
    const source = facts.shards.get(tensor.shard);
    if (source === undefined || tensor.sizeBytes === 0 || name === objectGraphKey) continue;
    const { dtype, shape, offset, sizeBytes } = tensor;
    yield {
      name,
      dtype,
      shape,
      source,
      offset,
      sizeBytes,
      file: source.name,
      ...(isUnused?.(name) === true ? { isUnused: true } : {}),
    };
  }
}

export interface CheckpointFolderOptions {
  /** Folders below are not looked into: only names that begin with this, and have no further `/`. Default: the folder itself. */
  readonly folder?: string;
  /** Name of that folder, where it is known; it tells the path of a training from one that leads elsewhere. */
  readonly folderName?: string;
}

/**
 * Scans every checkpoint that lies directly in a folder, with its weights.
 * @returns the names that it looked at, so that nobody takes them for unknown files.
 */
export async function scanCheckpointFolder(
  folder: CheckpointFolder,
  context: ScanContext,
  options: CheckpointFolderOptions = {},
): Promise<ReadonlySet<string>> {
  const start = options.folder === undefined || options.folder === '' ? '' : `${options.folder}/`;
  const names = folder.names.filter((name) => name.startsWith(start) && !name.slice(start.length).includes('/'));
  const seen = new Set<string>();
  const prefixes = new Set(names.filter((name) => name.endsWith(indexSuffix)).map((name) => name.slice(0, -indexSuffix.length)));
  const isMine = (name: string) => names.includes(name);
  let count = 0;
  for (const prefix of prefixes) {
    seen.add(`${prefix}${indexSuffix}`);
    if (++count > maxBundles) {
      context.unreadable(`${prefix}${indexSuffix}`, `its folder has more than ${maxBundles} checkpoints`);
      continue;
    }
    const facts = scanBundle(folder, prefix, context);
    if (facts !== undefined) await judgeWeights(bundleWeights(facts), context);
  }
  for (const name of names) {
    const prefix = dataFile.exec(name)?.[1];
    if (prefix === undefined) continue;
    seen.add(name);
    if (!prefixes.has(prefix))
      context.unreadable(folder.open(name)?.name ?? name, 'it is the data of a checkpoint whose index is missing');
  }
  const stateName = `${start}checkpoint`;
  const state = isMine(stateName) ? folder.open(stateName) : undefined;
  if (state !== undefined) {
    seen.add(stateName);
    // A checkpoint of the first format is a file by itself, with a graph of the same name beside it.
    const local = [...prefixes, ...names].map((name) => name.slice(start.length));
    scanCheckpointState(state, context, { prefixes: new Set(local), folderName: options.folderName });
  }
  return seen;
}
