// Judges a SavedModel as TensorFlow sees it: a folder with a model file, assets and variables. Which judges look at the program is the caller's
// choice; this one finds the parts, and judges how they fit together.
import { isAirlockError } from '../../core/index.ts';
import { type Program, readSavedModelPrograms } from '../graph/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { type FolderView, formatKind, formatTitle, sniffFormats, subfolder } from '../source/index.ts';
import { judgeAssets, judgeUnlistedAssets } from './asset-files.ts';
import { readChunkedModel } from './chunked-model.ts';
import { isSameModel } from './compare-models.ts';
import { readPart, reportModel } from './saved-model-report.ts';
import { readTextModel } from './text-model.ts';

/** What judges need to know about the folder around a program; the hazards' FolderFacts. */
export interface SavedModelFacts {
  /** Files below `assets`, with and without that folder's name. */
  readonly assets: ReadonlySet<string>;
  readonly variables: ReadonlyMap<string, { readonly dtype: number; readonly shape: readonly number[] }> | undefined;
  readonly kind: 'saved-model';
}

export interface SavedModelJudges {
  program(program: Program, facts: SavedModelFacts): void | Promise<void>;
  /** Reads `variables/`; `folder` is the model's own. Undefined when there is none or it cannot be read. */
  variables(folder: FolderView): SavedModelFacts['variables'] | Promise<SavedModelFacts['variables']>;
  kerasMetadata(source: Source): void | Promise<void>;
}

/** As the loaders look for them: the first that is there is the model. */
const modelFiles = ['saved_model.pb', 'saved_model.pbtxt', 'saved_model.cpb'] as const;
const maxFingerprintBytes = 64 * 1024;

/** Folders below which a SavedModel lies: `''`, `1/`, `models/a/2/`; those in another one's assets too. */
export function savedModelPrefixes(folder: FolderView): readonly string[] {
  const prefixes = new Set<string>();
  for (const { name, kind } of folder.entries) {
    const slash = name.lastIndexOf('/') + 1;
    if (kind !== 'folder' && (modelFiles as readonly string[]).includes(name.slice(slash))) prefixes.add(name.slice(0, slash));
  }
  return [...prefixes];
}

function readModelFile(folder: FolderView, name: (typeof modelFiles)[number], context: ScanContext): Buffer | undefined {
  return readPart(`${folder.label}${name}`, context, () => {
    const source = folder.open(name);
    if (name === 'saved_model.pbtxt') return readTextModel(source, 'saved-model-text', context);
    if (name === 'saved_model.cpb') return readChunkedModel(source, context);
    context.progress(source.sizeBytes);
    return source.read(0, source.sizeBytes);
  });
}

/** saved_model.pb that is something else, or something else too: both are judged. */
async function judgeKind(folder: FolderView, name: string, context: ScanContext): Promise<void> {
  const file = `${folder.label}${name}`;
  const source = readPart(file, context, () => folder.open(name));
  const formats = source === undefined ? [] : readPart(file, context, () => sniffFormats(source));
  const others =
    formats?.filter((format) => !format.startsWith('saved-model') && !['unknown', 'text', 'empty'].includes(format)) ?? [];
  if (source === undefined || others.length === 0) return;
  const message = `${file} is ${others.map(formatTitle).join(' and ')}${others.length === formats?.length ? '' : ' as well'}: not what its name says`;
  reportModel(context, 'parser-differential/wrong-model-file', { file, message });
  await context.scanSource(source);
}

/** The files that say that they are the model, in wire format; undefined where one cannot be read. */
async function readModelFiles(folder: FolderView, context: ScanContext): Promise<ReadonlyMap<string, Buffer | undefined>> {
  const found = modelFiles.filter((name) => folder.get(name) !== undefined);
  const models = new Map<string, Buffer | undefined>();
  for (const name of found) {
    await judgeKind(folder, name, context);
    models.set(name, readModelFile(folder, name, context));
  }
  const [first, ...others] = found;
  for (const other of others) {
    const [a, b] = [models.get(first), models.get(other)];
    const isSame = a !== undefined && b !== undefined && isSameModel(a, b);
    const file = `${folder.label}${other}`;
    reportModel(context, 'parser-differential/two-graphs', {
      file,
      severity: isSame ? 'low' : 'medium',
      message: `${file} lies beside ${first}, which TensorFlow loads, and holds ${isSame ? 'the same model' : 'another model'}`,
    });
  }
  return models;
}

async function judgePrograms(
  folder: FolderView,
  models: ReadonlyMap<string, Buffer | undefined>,
  facts: SavedModelFacts,
  judges: SavedModelJudges,
  context: ScanContext,
): Promise<void> {
  const used = new Set<string>();
  for (const [name, bytes] of models) {
    const file = `${folder.label}${name}`;
    if (bytes === undefined) continue;
    const programs = readPart(file, context, () => readSavedModelPrograms(bytes, file, context)) ?? [];
    context.artifact({ file, format: formatOf(name), bytes: bytes.length, facts: factsOf(programs) });
    for (const program of programs) {
      for (const asset of judgeAssets(program, folder, context)) used.add(asset);
      await judges.program(program, facts);
    }
  }
  judgeUnlistedAssets(folder, used, context);
}

const formatOf = (name: string): string =>
  name === 'saved_model.pb' ? 'saved-model' : name === 'saved_model.pbtxt' ? 'saved-model-text' : 'saved-model-chunked';

function factsOf(programs: readonly Program[]): Record<string, string | number> {
  const versions = new Set(programs.map(({ tensorflowVersion }) => tensorflowVersion).filter((version) => version !== ''));
  return {
    metaGraphs: programs.length,
    nodes: programs.reduce((sum, { main }) => sum + main.nodeCount, 0),
    functions: programs.reduce((sum, { functions }) => sum + functions.size, 0),
    signatures: programs.reduce((sum, { signatures }) => sum + signatures.length, 0),
    ...(versions.size === 0 ? {} : { tensorflow: [...versions].join(', ') }),
  };
}

function judgeFingerprint(folder: FolderView, context: ScanContext): void {
  const entry = folder.get('fingerprint.pb');
  if (entry?.kind !== 'file') return;
  const file = `${folder.label}fingerprint.pb`;
  const isGood = readPart(file, context, () => {
    const source = folder.open('fingerprint.pb');
    return source.sizeBytes <= maxFingerprintBytes && sniffFormats(source)[0] === 'fingerprint';
  });
  if (isGood !== false) return;
  reportModel(context, 'malformed/fingerprint', { file, message: `${file} is no fingerprint of a SavedModel` });
}

/** Models and archives that lie in the folder and are no part of the model. */
async function scanOthers(folder: FolderView, context: ScanContext): Promise<void> {
  const inner = savedModelPrefixes(folder).filter((prefix) => prefix !== '');
  for (const { name, kind } of folder.entries) {
    const isOwn = (modelFiles as readonly string[]).includes(name) || name === 'fingerprint.pb' || name === 'keras_metadata.pb';
    if (kind !== 'file' || isOwn || name.startsWith('variables/') || inner.some((prefix) => name.startsWith(prefix))) continue;
    try {
      const source = folder.open(name);
      if (['model', 'archive'].includes(formatKind(sniffFormats(source)[0]))) await context.scanSource(source);
    } catch (thrown) {
      if (!isAirlockError(thrown) || thrown.code === 'INTERNAL') throw thrown;
      context.unreadable(`${folder.label}${name}`, thrown.message);
    }
  }
}

/**
 * Scans the SavedModel below `prefix` (`''`, `1/`; savedModelPrefixes) of `whole`: all its model files, not only the one that TensorFlow takes;
 * assets, variables, Keras metadata, and other models that lie in it. Files as such are judged by judgeFiles. What cannot be read is reported
 * and makes the verdict `unreadable`.
 */
export async function scanSavedModelFolder(
  whole: FolderView,
  prefix: string,
  context: ScanContext,
  judges: SavedModelJudges,
): Promise<void> {
  const folder = subfolder(whole, prefix);
  const assets = new Set<string>();
  for (const { name, kind } of folder.entries) {
    if (kind !== 'folder' && name.startsWith('assets/')) assets.add(name).add(name.slice('assets/'.length));
  }
  const variables = await judges.variables(folder);
  const models = await readModelFiles(folder, context);
  await judgePrograms(folder, models, { assets, variables, kind: 'saved-model' }, judges, context);
  judgeFingerprint(folder, context);
  if (folder.get('keras_metadata.pb') !== undefined) {
    const metadata = readPart(`${folder.label}keras_metadata.pb`, context, () => folder.open('keras_metadata.pb'));
    if (metadata !== undefined) await judges.kerasMetadata(metadata);
  }
  await scanOthers(folder, context);
}
