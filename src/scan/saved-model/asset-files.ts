// Asset files: what a model names, and what is there. TensorFlow joins the name to the folder's path as it is (2.21, both loaders), so "../"
// leaves the model; an absolute name does so in Python only.
import { isAirlockError } from '../../core/index.ts';
import { decodeMessage } from '../../model/index.ts';
import { bodiesOf, type Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { type FolderView, linkedName, resolveEntry } from '../source/index.ts';
import { AssetFileDefSchema } from './gen/scan/text_model_pb.ts';
import { reportModel } from './saved-model-report.ts';

interface AssetFile {
  readonly filename: string;
  readonly tensorName: string;
}

const remoteScheme = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;

/** As the loaders choose: the MetaGraph's own list, or the collection of old models when that is empty. */
export function assetFilesOf(program: Program): readonly AssetFile[] {
  if (program.assetFiles.length > 0) return program.assetFiles;
  const assets: AssetFile[] = [];
  for (const bytes of program.collections.get('saved_model_assets') ?? []) {
    try {
      const { filename, tensorInfo } = decodeMessage(AssetFileDefSchema, bytes, program.file);
      assets.push({ filename, tensorName: tensorInfo?.encoding.case === 'name' ? tensorInfo.encoding.value : '' });
    } catch (thrown) {
      // Whatever else lies in the collection is no asset; the loader fails on it.
      if (!isAirlockError(thrown)) throw thrown;
    }
  }
  return assets;
}

interface Escape {
  readonly trigger: 'load' | 'load-python';
  readonly severity: 'high' | 'medium';
  readonly what: string;
}

/** How a name leaves the assets folder; undefined when it does not. */
function escapeOf(filename: string): Escape | undefined {
  const isPython = filename.startsWith('/') || remoteScheme.test(filename);
  if (filename.startsWith('/'))
    return { trigger: 'load-python', severity: 'high', what: `opens ${filename} when Python loads the model` };
  if (isPython) return { trigger: 'load-python', severity: 'medium', what: `names a remote file, ${filename}` };
  if (/^[A-Za-z]:[\\/]/.test(filename))
    return { trigger: 'load', severity: 'medium', what: `names a file of a drive, ${filename}` };
  const place = linkedName('assets/x', filename.replaceAll('\\', '/'));
  if (place === undefined)
    return { trigger: 'load', severity: 'high', what: `leaves the model: it opens assets/${filename} when the model is loaded` };
  if (place.startsWith('assets/')) return undefined;
  return {
    trigger: 'load',
    severity: 'medium',
    what: `is another file of the model, ${place || 'its own folder'}, and no asset`,
  };
}

function judgeName(program: Program, asset: AssetFile, context: ScanContext): boolean {
  const { filename, tensorName } = asset;
  const place = { file: program.file, metaGraph: program.metaGraph, node: tensorName.split(':')[0] };
  const argument = { name: 'filename', value: filename };
  const shown = `Asset "${filename}" of tensor ${tensorName}`;
  if (filename === '' || filename.includes('\0')) {
    const what = filename === '' ? 'names no file: the tensor holds the path of the assets folder' : 'has a NUL byte in its name';
    reportModel(context, 'malformed/odd-asset', { ...place, argument, severity: 'medium', message: `${shown} ${what}` });
    return false;
  }
  const way = escapeOf(filename);
  if (way !== undefined) {
    const { trigger, severity, what } = way;
    reportModel(context, 'path-traversal/asset', { ...place, argument, trigger, severity, message: `${shown} ${what}` });
    return false;
  }
  if (filename.includes('\\')) {
    reportModel(context, 'malformed/odd-asset', { ...place, argument, message: `${shown} has a backslash in its name` });
  }
  return true;
}

const readers =
  /^(?:InitializeTableFromTextFile|ReadFile$|GenerateVocabRemapping|MatchingFiles|LoadDataset|ImmutableConst)|Reader(?:V2)?$|(?:TextLine|TFRecord|FixedLengthRecord|CSV|Sql|LMDB|MatchingFiles)Dataset/;

/** Neither loader looks whether an asset is there: it is missed only where something opens it, and a custom operation may. */
function opensFiles(program: Program, context: ScanContext): boolean {
  for (const body of bodiesOf(program)) {
    for (let node = body.argCount; node < body.nodeCount; node++) {
      const op = body.op(node);
      if (readers.test(op) || (context.ops.get(op) === undefined && !program.functions.has(op))) return true;
    }
  }
  return false;
}

/** Judges the asset files of one MetaGraph; `folder` is the model's. Gives the names that it uses. */
export function judgeAssets(program: Program, folder: FolderView, context: ScanContext): ReadonlySet<string> {
  const entries = new Map(folder.entries.map((entry) => [entry.name, entry]));
  const used = new Set<string>();
  let isOpened: boolean | undefined;
  for (const asset of assetFilesOf(program)) {
    if (!judgeName(program, asset, context)) continue;
    const name = linkedName('assets/x', asset.filename);
    if (name === undefined || used.has(name)) continue;
    used.add(name);
    const { outcome, entry } = resolveEntry(entries, name);
    // Links that lead out are found by whoever judges files.
    if (outcome === 'outside' || (outcome === 'inside' && entry?.kind === 'file')) continue;
    isOpened ??= opensFiles(program, context);
    reportModel(context, 'malformed/missing-asset', {
      file: program.file,
      severity: isOpened ? 'medium' : 'low',
      metaGraph: program.metaGraph,
      node: asset.tensorName.split(':')[0],
      argument: { name: 'filename', value: asset.filename },
      message: `Asset file ${folder.label}${name} is ${outcome === 'inside' ? 'no plain file' : 'missing'}: loading fails, or opens what is put there later`,
    });
  }
  return used;
}

/** Files in `assets` that no MetaGraph names. */
export function judgeUnlistedAssets(folder: FolderView, used: ReadonlySet<string>, context: ScanContext): void {
  for (const { name, kind } of folder.entries) {
    if (kind !== 'file' || !name.startsWith('assets/') || used.has(name)) continue;
    const file = `${folder.label}${name}`;
    reportModel(context, 'payload/unlisted-asset', {
      file,
      trigger: 'none',
      message: `${file} is named by no part of the model`,
    });
  }
}
