// What is scanned, from the outside in: a folder is divided into models (SavedModels, checkpoints) and files, and a file gets the reader that its
// content asks for. Readers of other formats than SavedModels are loaded when one is there: most models are small, and loading code takes longer than
// reading them. What no reader knows is not clean: a file that is called like a model, or was given by itself, is said to be unreadable.
import { AirlockError, isAirlockError } from '../../core/index.ts';
import { bundleWeights, scanBundle, scanCheckpointFolder, scanCheckpointState, scanCheckpointV1 } from '../checkpoint/index.ts';
import { type Program, programFacts, readGraphDefProgram, readMetaGraphProgram, readSavedModelPrograms } from '../graph/index.ts';
import type { FolderFacts } from '../hazards/index.ts';
import { readChunkedModel, readTextModel, savedModelPrefixes, scanSavedModelFolder } from '../saved-model/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import {
  type FolderView,
  type Format,
  folderOfMembers,
  formatKind,
  formatTitle,
  isBelow,
  judgeFile,
  judgeFiles,
  openArchive,
  readZip,
  sniffFormats,
} from '../source/index.ts';
import { judgeWeights, type WeightTensor } from '../weights/index.ts';
import { collectCost } from './collect-cost.ts';
import { type FolderNames, namesByFolder, siblingsIn } from './folder-names.ts';
import { judgeGraph } from './judge-graph.ts';
import type { SiblingFiles } from './sibling-files.ts';

/** What macOS keeps of a file's attributes beside it (`._x.pb`), and archives made there carry along (AppleDouble, RFC 1740). */
function isAppleDouble(source: Source): boolean {
  return /(?:^|\/)\._[^/]*$/.test(source.name) && source.sizeBytes >= 4 && source.read(0, 4).readUInt32BE(0) === 0x00051607;
}

/** Endings by which a file promises to be a model: when its content is of no known kind, it was not read and is not clean. */
const modelEndings = /\.(?:pb|pbtxt|cpb|meta|keras|h5|hdf5|weights|tflite|lite|ckpt)$/i;

/** In one folder or archive: each is looked for among all files. */
const maxModels = 1000;
const readableKinds: ReadonlySet<string> = new Set(['model', 'archive', 'packed']);
/** What Keras opens by itself: published vulnerabilities of its readers are about these. */
const kerasFormats: ReadonlySet<Format> = new Set(['keras-archive', 'hdf5', 'keras-json', 'keras-yaml', 'keras-metadata']);
const noSiblings: SiblingFiles = { names: [], open: () => undefined };
const noFolder = { assets: new Set<string>(), variables: undefined } as const;

export class TargetScan {
  readonly #context: ScanContext;

  constructor(context: ScanContext) {
    this.#context = context;
  }

  /** A folder on the disk, or the members of an archive; `name` is that of the folder, without what is above it. */
  async folder(folder: FolderView, name?: string): Promise<void> {
    const formats = judgeFiles(folder, this.#context);
    const prefixes = savedModelPrefixes(folder);
    if (prefixes.length > maxModels) {
      this.#context.unreadable(
        folder.label === '' ? '.' : folder.label,
        `it has ${prefixes.length} SavedModels: only ${maxModels} of them were read`,
      );
    }
    for (const prefix of prefixes.slice(0, maxModels))
      await this.#safely(`${folder.label}${prefix}`, () => this.#savedModel(folder, prefix));
    const inModels = new Set(prefixes);
    const rest = folder.entries.filter((entry) => entry.kind === 'file' && !isBelow(entry.name, inModels));
    const groups = namesByFolder(rest);
    const seen = await this.#checkpoints(folder, groups, name);
    for (const { name } of rest) {
      if (seen.has(name)) continue;
      await this.#safely(`${folder.label}${name}`, () => this.#member(folder, name, groups, formats.get(name)));
    }
  }

  /** The file that somebody asked about: one that is no model is not clean. */
  async file(source: Source, siblings: SiblingFiles): Promise<void> {
    const formats = judgeFile(source, source.name, this.#context);
    await this.#safely(source.name, () => this.#read(source, formats, siblings));
    if (formats.some((format) => readableKinds.has(formatKind(format)))) return;
    this.#context.unreadable(source.name, `it is ${formatTitle(formats[0] ?? 'unknown')}, and no model that this scan reads`);
  }

  /** A file that lies in another, whatever it is. */
  async source(source: Source): Promise<readonly Format[]> {
    const formats = judgeFile(source, source.name, this.#context);
    await this.#safely(source.name, () => this.#read(source, formats, noSiblings));
    return formats;
  }

  async #member(folder: FolderView, name: string, groups: FolderNames, known: readonly Format[] | undefined): Promise<void> {
    // Opening it again may mean to inflate it again.
    if (known?.some((format) => readableKinds.has(formatKind(format))) === false && !modelEndings.test(name)) return;
    const source = folder.open(name);
    await this.#read(source, known ?? sniffFormats(source), siblingsIn(folder, name, groups));
  }

  async #read(source: Source, formats: readonly Format[], siblings: SiblingFiles): Promise<void> {
    for (const format of formats) {
      if (!readableKinds.has(formatKind(format))) continue;
      try {
        await this.#format(source, format, siblings);
      } catch (thrown) {
        if (!isAirlockError(thrown) || thrown.code === 'INTERNAL') throw thrown;
        this.#malformed(source.name, `${source.name} is ${formatTitle(format)} that cannot be read: ${thrown.message}`);
        this.#context.unreadable(source.name, thrown.message);
      }
    }
    if (isAppleDouble(source)) return;
    if (!modelEndings.test(source.name) || formats.some((format) => !['unknown', 'empty'].includes(format))) return;
    const reason = `it is called like a model and is ${formatTitle(formats[0] ?? 'unknown')}`;
    this.#malformed(source.name, `${source.name} cannot be read: ${reason}`);
    this.#context.unreadable(source.name, reason);
  }

  #malformed(file: string, message: string): void {
    this.#context.report({
      ruleId: 'malformed/model-file',
      severity: 'medium',
      trigger: 'parse',
      message,
      location: { file },
      chain: [],
    });
  }

  async #savedModel(folder: FolderView, prefix: string): Promise<void> {
    const context = this.#context;
    await scanSavedModelFolder(folder, prefix, context, {
      program: async (program, facts) => {
        judgeGraph(program, facts, context);
        // One that lies in another one's folder is not what is served.
        if (prefix === '') collectCost(program, context, facts.variables?.values() ?? []);
        await this.#kerasObjects(program);
      },
      variables: async (model) => {
        const view = checkpointFolder(model);
        const facts = scanBundle(view, 'variables/variables', context);
        if (facts === undefined) return undefined;
        await judgeWeights(bundleWeights(facts), context);
        return facts.variables;
      },
      kerasMetadata: async (source) => (await import('../keras/index.ts')).scanKerasMetadata(source, context),
    });
  }

  /** Keras before 2.13 kept its layers, with their code, in the object graph itself; Keras builds from it what it finds there. */
  async #kerasObjects(program: Program): Promise<void> {
    const objects = program.objects.filter(({ metadata }) => metadata?.startsWith('{'));
    if (objects.length === 0) return;
    const { judgeKerasText } = await import('../keras/index.ts');
    for (const { path, metadata = '' } of objects) {
      const place = { file: program.file, pointer: `object ${path}` };
      judgeKerasText(Buffer.from(metadata), place, this.#context, { weightsBytes: Number.POSITIVE_INFINITY });
    }
  }

  /** Names that belong to checkpoints, in every folder that holds one. */
  async #checkpoints(folder: FolderView, groups: FolderNames, folderName?: string): Promise<ReadonlySet<string>> {
    const seen = new Set<string>();
    for (const [parent, names] of groups) {
      const view = checkpointFolder(folder, names);
      const nameOfParent = parent === '' ? folderName : parent.slice(parent.lastIndexOf('/') + 1);
      const options = { folder: parent, ...(nameOfParent === undefined ? {} : { folderName: nameOfParent }) };
      for (const name of await scanCheckpointFolder(view, this.#context, options)) seen.add(name);
    }
    return seen;
  }

  async #format(source: Source, format: Format, siblings: SiblingFiles): Promise<void> {
    const context = this.#context;
    if (kerasFormats.has(format))
      context.use({ kind: 'component', name: 'keras-file', trigger: 'load-python', location: { file: source.name } });
    switch (format) {
      case 'graph-def':
      case 'meta-graph':
      case 'saved-model':
        return this.#binaryGraph(source.read(0, bounded(source, context)), format, source);
      case 'saved-model-chunked':
        return this.#binaryGraph(readChunkedModel(source, context), 'saved-model', source);
      case 'graph-def-text':
      case 'meta-graph-text':
      case 'saved-model-text':
        return this.#binaryGraph(readTextModel(source, format, context), binaryOf[format], source);
      case 'checkpoint-v1':
        return scanCheckpointV1(source, context);
      case 'checkpoint-index':
        return this.#index(source, siblings);
      case 'checkpoint-state':
        return scanCheckpointState(source, context, { prefixes: new Set(), folderName: undefined });
      case 'keras-archive':
        return this.#kerasArchive(source);
      case 'hdf5':
        return (await import('../keras/index.ts')).scanHdf5(source, context, { weights: this.#weights });
      case 'keras-json':
        return (await import('../keras/index.ts')).scanKerasJson(source, context);
      case 'keras-yaml':
        return (await import('../keras/index.ts')).scanKerasYaml(source, context);
      case 'keras-metadata':
        return (await import('../keras/index.ts')).scanKerasMetadata(source, context);
      case 'tflite':
        return (await import('../tflite/index.ts')).scanTflite(source, context, {
          graph: (graphDef, file) => this.#graph(graphDef, file),
          weights: this.#weights,
        });
      case 'tfjs-model':
        return this.#tfjs(source, siblings);
      case 'zip':
      case 'tar':
      case 'gzip':
      case 'numpy-archive':
      case 'torch-archive':
      case 'jar':
        return this.folder(openArchive(source, format, context));
      default:
        return context.unreadable(source.name, `it is ${formatTitle(format)}, which this scan does not open`);
    }
  }

  /** In a folder it was judged with what lies there; by itself it has its data beside it. */
  async #index(source: Source, siblings: SiblingFiles): Promise<void> {
    const prefix = source.name.replace(/\.index$/, '');
    const isPair = prefix !== source.name && siblings.names.some((name) => name.startsWith(`${prefix}.data-`));
    if (!isPair) {
      this.#context.unreadable(source.name, 'it is the index of a checkpoint by itself: its data is not there');
      return;
    }
    const facts = scanBundle(siblings, prefix, this.#context);
    if (facts !== undefined) await judgeWeights(bundleWeights(facts), this.#context);
  }

  async #tfjs(source: Source, siblings: SiblingFiles): Promise<void> {
    const [{ scanTfjs }, { judgeKerasConfig }] = await Promise.all([import('../tfjs/index.ts'), import('../keras/index.ts')]);
    await scanTfjs(source, siblings, this.#context, {
      graph: (graphDef, file) => this.#graph(graphDef, file),
      keras: (config, place) => void judgeKerasConfig(config, place, this.#context),
      weights: this.#weights,
    });
  }

  async #kerasArchive(source: Source): Promise<void> {
    const context = this.#context;
    const members = readZip(source, context);
    judgeFiles(folderOfMembers(`${source.name}!/`, members), context);
    const { scanKerasArchive } = await import('../keras/index.ts');
    await scanKerasArchive(source, members, context, { weights: this.#weights });
  }

  readonly #weights = async (tensors: Iterable<WeightTensor>): Promise<void> => judgeWeights(tensors, this.#context);

  #graph(graphDef: Buffer, file: string): void {
    judgeGraph(readGraphDefProgram(graphDef, file, this.#context), { ...noFolder, kind: 'graph-def' }, this.#context);
  }

  #binaryGraph(bytes: Buffer, format: 'graph-def' | 'meta-graph' | 'saved-model', source: Source): void {
    const context = this.#context;
    context.progress(source.sizeBytes);
    const programs = readPrograms(bytes, format, source.name, context);
    context.artifact({ file: source.name, format, bytes: source.sizeBytes, facts: programFacts(programs) });
    if (programs.length === 0) context.unreadable(source.name, 'it has no MetaGraph');
    const facts: FolderFacts = { ...noFolder, kind: format };
    for (const program of programs) judgeGraph(program, facts, context);
  }

  /** What is wrong with one file must not hide what is wrong with another. */
  async #safely(file: string, read: () => Promise<void> | void): Promise<void> {
    try {
      await read();
    } catch (thrown) {
      if (!isAirlockError(thrown) || thrown.code === 'INTERNAL') throw thrown;
      this.#context.unreadable(file, thrown.message);
    }
  }
}

const binaryOf = {
  'graph-def-text': 'graph-def',
  'meta-graph-text': 'meta-graph',
  'saved-model-text': 'saved-model',
} as const;

function readPrograms(
  bytes: Buffer,
  format: 'graph-def' | 'meta-graph' | 'saved-model',
  file: string,
  context: ScanContext,
): readonly Program[] {
  if (format === 'saved-model') return readSavedModelPrograms(bytes, file, context);
  return [format === 'graph-def' ? readGraphDefProgram(bytes, file, context) : readMetaGraphProgram(bytes, file, context)];
}

/** @throws MODEL_INVALID for a graph that is larger than protobuf allows. */
function bounded(source: Source, { limits }: ScanContext): number {
  if (source.sizeBytes <= limits.maxGraphBytes) return source.sizeBytes;
  throw new AirlockError('MODEL_INVALID', { message: `${source.name} has more than ${limits.maxGraphBytes} bytes` });
}

function checkpointFolder(folder: FolderView, names?: readonly string[]): SiblingFiles {
  return {
    names: names ?? folder.entries.filter(({ kind }) => kind === 'file').map(({ name }) => name),
    open: (name) => (folder.get(name) === undefined ? undefined : folder.open(name)),
  };
}
