// Judges a SavedModel as TensorFlow sees it: a folder with a model file, assets and variables. Which judges look at the program is the caller's
// choice; this one finds the parts, and judges how they fit together.
import { AirlockError, isAirlockError } from '../../core/index.ts';
import { type Program, programFacts, readSavedModelPrograms } from '../graph/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { type FolderView, type Format, formatKind, formatTitle, isBelow, sniffFormats, subfolder } from '../source/index.ts';
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

type ModelFile = (typeof modelFiles)[number];

const expected: Readonly<Record<ModelFile, Format>> = {
  'saved_model.pb': 'saved-model',
  'saved_model.pbtxt': 'saved-model-text',
  'saved_model.cpb': 'saved-model-chunked',
};
const undecided: readonly Format[] = ['unknown', 'text', 'empty'];

/** In wire format, by what it is; by its name where that is not clear, so that its reader says what is wrong. */
function readAs(source: Source, format: Format, context: ScanContext): Buffer {
  if (format === 'saved-model-text') return readTextModel(source, format, context);
  if (format === 'saved-model-chunked') return readChunkedModel(source, context);
  if (source.sizeBytes > context.limits.maxGraphBytes) {
    throw new AirlockError('MODEL_INVALID', { message: `${source.name} has more than ${context.limits.maxGraphBytes} bytes` });
  }
  context.progress(source.sizeBytes);
  return source.read(0, source.sizeBytes);
}

/** A model file in wire format. One that is something else, or something else too, is judged as that as well. */
async function readModelFile(folder: FolderView, name: ModelFile, context: ScanContext): Promise<Buffer | undefined> {
  const file = `${folder.label}${name}`;
  const source = readPart(file, context, () => folder.open(name));
  const formats = source === undefined ? undefined : readPart(file, context, () => sniffFormats(source));
  if (source === undefined || formats === undefined) return undefined;
  const others = formats.filter((format) => format !== expected[name] && !undecided.includes(format));
  if (others.length > 0) {
    const also = others.length === formats.length ? '' : ' as well';
    const message = `${file} is ${others.map(formatTitle).join(' and ')}${also}: not what its name says`;
    reportModel(context, 'parser-differential/wrong-model-file', { file, message });
  }
  if (others.some((format) => !format.startsWith('saved-model'))) await context.scanSource(source);
  const own = formats.find((format) => format.startsWith('saved-model')) ?? expected[name];
  return readPart(file, context, () => readAs(source, own, context));
}

/** The files that say that they are the model, in wire format; undefined where one cannot be read. */
async function readModelFiles(folder: FolderView, context: ScanContext): Promise<ReadonlyMap<ModelFile, Buffer | undefined>> {
  const found = modelFiles.filter((name) => folder.get(name) !== undefined);
  const models = new Map<ModelFile, Buffer | undefined>();
  for (const name of found) {
    models.set(name, await readModelFile(folder, name, context));
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
  models: ReadonlyMap<ModelFile, Buffer | undefined>,
  facts: SavedModelFacts,
  judges: SavedModelJudges,
  context: ScanContext,
): Promise<void> {
  const used = new Set<string>();
  for (const [name, bytes] of models) {
    const file = `${folder.label}${name}`;
    if (bytes === undefined) continue;
    const programs = readPart(file, context, () => readSavedModelPrograms(bytes, file, context)) ?? [];
    context.artifact({ file, format: expected[name], bytes: bytes.length, facts: programFacts(programs) });
    for (const program of programs) {
      for (const asset of judgeAssets(program, folder, context)) used.add(asset);
      judgeVariables(program, file, facts, folder, context);
      await judges.program(program, facts);
    }
  }
  judgeUnlistedAssets(folder, used, context);
}

const variableOps: ReadonlySet<string> = new Set(['VarHandleOp', 'VariableV2', 'Variable']);

/** Loaders restore only where there is an index, and say nothing where there is none (loader.cc, RunRestore). */
function judgeVariables(program: Program, file: string, facts: SavedModelFacts, folder: FolderView, context: ScanContext): void {
  if (facts.variables !== undefined || program.saver === undefined || program.saver.restoreOp === '') return;
  if (folder.entries.some(({ name }) => name.startsWith('variables/') && name.endsWith('.index'))) return;
  const { main } = program;
  for (let node = 0; node < main.nodeCount; node++) {
    if (!variableOps.has(main.op(node))) continue;
    const name = main.name(node);
    const message = `${file} restores variables (${main.op(node)} "${name}" is one) from a checkpoint, and variables/variables.index is missing`;
    reportModel(context, 'malformed/missing-variables', { file, message, metaGraph: program.metaGraph, node: name });
    return;
  }
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
  const inner = new Set(savedModelPrefixes(folder).filter((prefix) => prefix !== ''));
  for (const { name, kind } of folder.entries) {
    const isOwn = (modelFiles as readonly string[]).includes(name) || name === 'fingerprint.pb' || name === 'keras_metadata.pb';
    if (kind !== 'file' || isOwn || name.startsWith('variables/') || isBelow(name, inner)) continue;
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
