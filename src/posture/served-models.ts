// Which versions of models a configuration means to serve, and what is known of them before anything is loaded or scanned: the report that a server kept,
// where the same Airlock made it and nothing in the folder has changed since. It looks at names and times, and never reads a model.
import { lstat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { ModelConfig } from '../config/index.ts';
import { packageVersion } from '../core/index.ts';
import { isSavedModelFolder, listModelFolder, snapshotTree } from '../model/index.ts';
import type { Report } from '../scan/index.ts';
import type { PostureModel } from './posture-types.ts';

export interface ModelFolder {
  readonly model: string;
  readonly version: bigint;
  readonly directory: string;
}

const maxChildren = 10_000;
const maxVersion = 2n ** 63n - 1n;

type Folders = Pick<ModelConfig, 'name' | 'path' | 'versions'>;

/**
 * The version folders that the policies of `models` choose, whether they can be served or not. A folder that is not there or cannot be listed gives none:
 * what is not served reaches nothing.
 */
export async function modelFolders(models: readonly Folders[]): Promise<readonly ModelFolder[]> {
  const found: ModelFolder[] = [];
  for (const { name, path, versions } of models) {
    const folders = await versionFolders(resolve(path));
    const sorted = [...folders.keys()].sort((a, b) => (a < b ? 1 : -1));
    const wanted =
      versions.kind === 'all'
        ? sorted
        : versions.kind === 'latest'
          ? sorted.slice(0, versions.count)
          : sorted.filter((version) => versions.versions.includes(version));
    for (const version of wanted) {
      const directory = folders.get(version);
      if (directory !== undefined) found.push({ model: name, version, directory });
    }
  }
  return found;
}

async function versionFolders(base: string): Promise<ReadonlyMap<bigint, string>> {
  const names = (await listModelFolder(base, '', maxChildren).catch(() => undefined)) ?? [];
  if (isSavedModelFolder(names)) return new Map([[versionOf(basename(base)) ?? 1n, base]]);
  const found = new Map<bigint, string>();
  for (const name of names) {
    const version = versionOf(name);
    const stats = version === undefined ? undefined : await lstat(join(base, name)).catch(() => undefined);
    if (version !== undefined && stats?.isDirectory() === true) found.set(version, join(base, name));
  }
  return found;
}

function versionOf(name: string): bigint | undefined {
  if (!/^[0-9]{1,64}$/.test(name)) return undefined;
  const version = BigInt(name);
  return version <= maxVersion ? version : undefined;
}

/** Gives the report that was kept last for a version. */
export type LastReport = (model: string, version: bigint) => Report | undefined;

/** What the kept report of one folder says it uses; undefined where there is none, or it may be about something else by now. */
export async function keptUses({ model, version, directory }: ModelFolder, last: LastReport): Promise<PostureModel['uses']> {
  const report = last(model, version);
  // What a model uses depends on the code that reads it, and not on advisories: an update of those must not make every model unknown.
  if (report === undefined || report.scanner.version !== packageVersion() || report.unreadable.length > 0) return undefined;
  if (!Array.isArray(report.uses)) return undefined;
  const startedMs = Date.parse(report.startedAt);
  // The kernel's own time of a change, which no copy tool sets.
  const snapshot = await snapshotTree(directory).catch(() => undefined);
  return snapshot !== undefined && snapshot.newestChangeMs < startedMs ? report.uses : undefined;
}

/** Everything that would be served, with what kept reports know of it. Starts no scan. */
export async function keptModels(models: readonly Folders[], last: LastReport): Promise<readonly PostureModel[]> {
  const found: PostureModel[] = [];
  for (const folder of await modelFolders(models)) {
    const uses = await keptUses(folder, last);
    found.push({ name: folder.model, version: String(folder.version), ...(uses === undefined ? {} : { uses }) });
  }
  return found;
}
