// A contract from a model alone: what its signatures say, and what its graph demands. Reads the model's files and runs nothing; writes nothing.
import { createHash } from 'node:crypto';
import {
  type Contract,
  completeTensor,
  type RuleName,
  type SignatureRules,
  type Source,
  type TensorRules,
} from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import {
  defaultGraphLimits,
  parseWholeModel,
  readModelFile,
  readSavedModel,
  selectMetaGraph,
  type WholeMetaGraph,
} from '../../model/index.ts';
import { dtypes, type Signature } from '../../tensor/index.ts';
import { contractFromSignature, type SkeletonOptions } from '../skeleton.ts';
import { VocabularyFiles } from '../vocabulary-files.ts';
import { type InferredInput, inferInputs } from './infer-inputs.ts';
import type { TableWords } from './lookup-vocabulary.ts';

export interface InferOptions extends SkeletonOptions {
  /** Which MetaGraph; default `['serve']`. */
  readonly tags?: readonly string[];
}

export interface InferredContract {
  readonly contract: Contract;
  /** For `formatContract`: by `signature/inputs/alias`, what was found. */
  readonly comments: ReadonlyMap<string, string>;
  /** To be written beside the contract. */
  readonly vocabularies: ReadonlyMap<string, Buffer>;
  /** By `signature/inputs/alias`, what nobody but the owner of the data can say. */
  readonly open: ReadonlyMap<string, readonly string[]>;
}

/** Of a vocabulary among the model's assets. */
const maxAssetBytes = 64 * 1024 * 1024;
const sourceId = 'model';

/** At the head of the file. */
const guesses =
  'Sizes under `dims` are guesses: no model says how many rows or how long a row may be. So are the limits of images and sounds, and the\n' +
  'number of features, where nothing in the graph bounds them.';

/**
 * Derives a contract of the SavedModel in `directory`. The result fits its signatures.
 * @throws MODEL_INVALID, MODEL_INCOMPLETE, MODEL_FORMAT_UNSUPPORTED as `readWholeModel`; SIGNATURE_NOT_FOUND for a name in `signatures`
 * that the model does not have.
 */
export async function inferContract(directory: string, options: InferOptions = {}): Promise<InferredContract> {
  const tags = options.tags ?? ['serve'];
  const metaGraph = selectMetaGraph(await readSavedModel(directory), tags);
  for (const name of options.signatures ?? []) {
    if (!metaGraph.signatures.some((signature) => signature.name === name)) {
      throw new AirlockError('SIGNATURE_NOT_FOUND', { message: `The model has no signature ${printable(name)}` });
    }
  }
  const bytes = await readModelFile(directory, 'saved_model.pb', defaultGraphLimits.maxFileBytes);
  if (bytes === undefined) throw new AirlockError('MODEL_INCOMPLETE', { message: 'saved_model.pb went away' });
  const source: Source = {
    id: sourceId,
    kind: 'saved_model',
    name: 'saved_model.pb',
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
  const graph = wholeMetaGraph(parseWholeModel(bytes).metaGraphs, tags);
  const skeleton = contractFromSignature(metaGraph, options);
  const building = {
    directory,
    graph,
    vocabularies: new VocabularyFiles(),
    comments: new Map([['', guesses]]),
    open: new Map(),
  };
  const signatures = new Map<string, SignatureRules>();
  for (const [name, rules] of skeleton.signatures) {
    const signature = metaGraph.signatures.find((candidate) => candidate.name === name);
    signatures.set(name, signature === undefined ? rules : await withInferred(building, signature, rules));
  }
  const metadata = { ...skeleton.metadata, sources: [source] };
  const contract = { ...skeleton, metadata, signatures };
  return { contract, comments: building.comments, vocabularies: building.vocabularies.files, open: building.open };
}

interface Building {
  readonly directory: string;
  readonly graph: WholeMetaGraph;
  readonly vocabularies: VocabularyFiles;
  readonly comments: Map<string, string>;
  readonly open: Map<string, readonly string[]>;
}

function wholeMetaGraph(metaGraphs: readonly WholeMetaGraph[], tags: readonly string[]): WholeMetaGraph {
  const wanted = new Set(tags);
  const found = metaGraphs.find(({ metaInfoDef }) => {
    const own = new Set(metaInfoDef?.tags);
    return own.size === wanted.size && [...own].every((tag) => wanted.has(tag));
  });
  // The same file was read with the same tags a moment ago.
  if (found === undefined) throw new AirlockError('MODEL_INCOMPLETE', { message: 'saved_model.pb changed while it was read' });
  return found;
}

async function withInferred(building: Building, signature: Signature, rules: SignatureRules): Promise<SignatureRules> {
  const inferred = inferInputs(building.graph, signature);
  const inputs = new Map<string, TensorRules>();
  for (const [alias, skeleton] of rules.inputs) {
    const found = inferred.get(alias) ?? { notes: [] };
    const place = `${signature.name}/inputs/${alias}`;
    const narrowed = await narrow(building, alias, skeleton, found);
    inputs.set(alias, narrowed);
    if (found.notes.length > 0) building.comments.set(place, found.notes.join('\n'));
    const open = openQuestions(narrowed);
    if (open.length > 0) building.open.set(place, open);
  }
  return { ...rules, inputs };
}

async function narrow(building: Building, alias: string, skeleton: TensorRules, found: InferredInput): Promise<TensorRules> {
  const { bounds, example, image, audio, words } = found;
  const derived: RuleName[] = [];
  const modes = new Map(skeleton.modes);
  let rules: Partial<TensorRules> = {};
  if (bounds !== undefined) {
    rules = { min: bounds.min, max: bounds.max };
    derived.push('min', 'max');
    if (!bounds.isDemanded) for (const name of ['min', 'max'] as const) modes.set(name, 'shadow');
  } else if (example !== undefined) rules = { example };
  else if (image !== undefined) rules = { image };
  else if (audio !== undefined) rules = { audio };
  else if (words !== undefined) {
    const entries = await wordsOf(building.directory, words);
    if (entries !== undefined) {
      rules = { vocabulary: building.vocabularies.add(alias, entries, 0) };
      derived.push('vocabulary');
      // Every other word gets the table's default, which the model may well be made for.
      modes.set('vocabulary', 'shadow');
    }
  }
  const { string: text, ...rest } = skeleton;
  // Bytes are no text, and the skeleton cannot know which of the two they are.
  const isBinary = rules.example !== undefined || rules.image !== undefined || rules.audio !== undefined;
  return completeTensor({
    ...rest,
    ...(text === undefined || isBinary ? {} : { string: text }),
    ...rules,
    modes,
    derivedFrom: new Map(derived.map((name) => [name, sourceId])),
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The words as text; undefined when they are not all text that a vocabulary can hold. */
async function wordsOf(directory: string, words: TableWords): Promise<readonly string[] | undefined> {
  try {
    const all =
      words.kind === 'constant'
        ? words.words.map((word) => utf8.decode(word))
        : linesOf(await readModelFile(directory, `assets/${words.fileName}`, maxAssetBytes));
    return VocabularyFiles.canHold(all) ? all : undefined;
  } catch (thrown) {
    if (thrown instanceof TypeError) return undefined; // not UTF-8
    throw thrown;
  }
}

function linesOf(file: Buffer | undefined): string[] {
  if (file === undefined) return [];
  const lines = utf8.decode(file).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** What the model does not say and a contract should. */
function openQuestions(rules: TensorRules): string[] {
  const { kind } = dtypes[rules.dtype];
  const open: string[] = [];
  if ((kind === 'float' || kind === 'int') && (rules.min === undefined || rules.max === undefined)) open.push('no bounds');
  if (rules.image !== undefined && rules.image.maxPixels === undefined) open.push('no largest image');
  const isContainer = rules.image !== undefined || rules.audio !== undefined || rules.example !== undefined;
  if (kind === 'string' && rules.string?.maxBytes === undefined && rules.vocabulary === undefined)
    open.push(isContainer ? 'no largest size in bytes' : 'no longest string');
  return open;
}
