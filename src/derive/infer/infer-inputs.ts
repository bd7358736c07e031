// What a graph says about the inputs of one signature: bounds of indices, features of tf.Example, images, sounds, vocabularies. Only what refuses
// no input that the model can use; whatever cannot be told for certain becomes a note for the person who goes on with the contract.
import {
  type AudioRules,
  defaultAudioRules,
  defaultImageRules,
  type ExampleRules,
  type ImageFormat,
  type ImageRules,
  safeImageFormats,
} from '../../contract/index.ts';
import { printable } from '../../core/index.ts';
import type { WholeMetaGraph } from '../../model/index.ts';
import { dtypes, type Signature, type TensorSpec } from '../../tensor/index.ts';
import { type IndexBounds, indexBounds } from './gather-bounds.ts';
import { GraphView } from './graph-view.ts';
import { type InputUse, usesOf } from './input-uses.ts';
import { isTableLookup, type TableWords, tableWords } from './lookup-vocabulary.ts';
import { isExampleParser, parsedFeatures } from './parse-example.ts';

export interface InferredInput {
  /** Of whole numbers. `isDemanded` false: other values do no harm, so the rules only watch. */
  readonly bounds?: { readonly min: number; readonly max: number; readonly isDemanded: boolean };
  readonly example?: ExampleRules;
  readonly image?: ImageRules;
  readonly audio?: AudioRules;
  readonly words?: TableWords;
  /** Which node each rule comes from, and what could not be told; printable. */
  readonly notes: readonly string[];
}

const anyButBitmap = { formats: ['png', 'gif'], reencode: ['jpeg'] } as const;

/**
 * Formats by the op that decodes them, as TensorFlow 2.21 takes them: each op but DecodeBmp takes PNG, JPEG and GIF. `reencode`: not among
 * those that TensorFlow's SECURITY.md calls safe for input that nobody trusts.
 */
const decoders: Readonly<
  Record<string, { readonly formats: readonly ImageFormat[]; readonly reencode: readonly ImageFormat[] }>
> = {
  DecodePng: anyButBitmap,
  DecodeJpeg: anyButBitmap,
  DecodeGif: anyButBitmap,
  DecodeBmp: { formats: ['bmp'], reencode: [] },
  DecodeImage: { formats: safeImageFormats, reencode: ['jpeg'] },
  // Nothing but JPEG, which cannot be handed over as PNG here.
  DecodeAndCropJpeg: { formats: [], reencode: [] },
};

/** Ops that say what a string is. */
function reads(op: string): boolean {
  return Object.hasOwn(decoders, op) || op === 'DecodeWav' || op.startsWith('Parse') || op.startsWith('LookupTableFind');
}

/** The graph itself takes any number of other features. */
const maxFeatures = 1_000;

/** By alias, one entry per input of the signature. */
export function inferInputs(metaGraph: WholeMetaGraph, signature: Signature): ReadonlyMap<string, InferredInput> {
  const view = new GraphView(metaGraph.graphDef);
  return new Map(
    signature.inputs.map((spec) => [
      spec.alias,
      inferInput(metaGraph, view, spec, usesOf(view, { scope: view.main, name: spec.tensorName })),
    ]),
  );
}

function inferInput(metaGraph: WholeMetaGraph, view: GraphView, spec: TensorSpec, all: readonly InputUse[]): InferredInput {
  const notes: string[] = [];
  if (all.length === 0) notes.push('no op uses this input');
  // What one branch does with an input, another may do otherwise. Loops are how tf.map_fn looks at each image or sound.
  const isCertain = ({ node, scope }: InputUse): boolean =>
    dtypes[spec.dtype].kind === 'int' || scope.runs !== 'branch' || !reads(node.op);
  const uses = all.filter(isCertain);
  for (const use of all) {
    if (!isCertain(use)) notes.push(`${use.node.op} ${printable(use.node.name)} reads it in a branch that may not run`);
  }
  const found = { notes };
  if (dtypes[spec.dtype].kind === 'int') return { ...found, ...boundsOf(view, uses, notes) };
  if (spec.dtype !== 'DT_STRING') return found;
  return {
    ...found,
    ...exampleOf(view, uses, notes),
    ...imageOf(uses, notes),
    ...audioOf(uses, notes),
    ...wordsOf(metaGraph, view, uses, notes),
  };
}

/** The narrowest of what the uses demand: an index must be inside every table that it goes to. */
function boundsOf(view: GraphView, uses: readonly InputUse[], notes: string[]): Pick<InferredInput, 'bounds'> {
  const all = uses.map((use) => indexBounds(view, use)).filter((bounds) => bounds !== undefined);
  for (const { isPart, isDemanded, op, node, min, max } of all) {
    const but = isPart ? ', but not all values go there' : isDemanded ? '' : ', but other values do no harm or never come there';
    notes.push(`${op} ${printable(node)} takes ${min} to ${max}${but}`);
  }
  const whole = all.filter(({ isPart }) => !isPart);
  const demanded = whole.filter(({ isDemanded }) => isDemanded);
  const chosen = demanded.length > 0 ? demanded : whole;
  if (chosen.length === 0) return {};
  const min = Math.max(...chosen.map((bounds: IndexBounds) => bounds.min));
  const max = Math.min(...chosen.map((bounds: IndexBounds) => bounds.max));
  if (min > max) {
    notes.push('no value fits all tables that this input goes to');
    return {};
  }
  return { bounds: { min, max, isDemanded: demanded.length > 0 } };
}

function exampleOf(view: GraphView, uses: readonly InputUse[], notes: string[]): Pick<InferredInput, 'example'> {
  const parsers = uses.filter(isExampleParser);
  const features: Map<
    string,
    NonNullable<InferredInput['example']>['features'] extends ReadonlyMap<string, infer F> ? F : never
  > = new Map();
  for (const use of parsers) {
    const parsed = parsedFeatures(view, use);
    if (parsed === undefined)
      notes.push(`${use.node.op} ${printable(use.node.name)} reads features whose names are not constant`);
    for (const [name, rules] of parsed?.features ?? []) {
      const known = features.get(name);
      if (known !== undefined && known.kind !== rules.kind) notes.push(`feature ${printable(name)} is read as two kinds`);
      else features.set(name, known?.required ? known : rules);
    }
    notes.push(...(parsed?.notes ?? []).map((note) => printable(note, 200)));
  }
  if (features.size === 0 || features.size > maxFeatures) return {};
  const [{ node }] = parsers;
  notes.push(`${node.op} ${printable(node.name)} reads ${features.size} features`);
  return {
    example: { features, unknownFeatures: 'allow', maxFeatures, sparse: [], ragged: [] },
  };
}

function imageOf(uses: readonly InputUse[], notes: string[]): Pick<InferredInput, 'image'> {
  const decoding = uses.filter(({ node, inputIndex }) => inputIndex === 0 && Object.hasOwn(decoders, node.op));
  if (decoding.length === 0) return {};
  for (const { node } of decoding) notes.push(`${node.op} ${printable(node.name)} decodes it`);
  const kinds = decoding.map(({ node }) => decoders[node.op]);
  const formats = kinds[0].formats.filter((format) => kinds.every((kind) => kind.formats.includes(format)));
  const reencode = kinds[0].reencode.filter((format) => kinds.every((kind) => kind.reencode.includes(format)));
  if (formats.length + reencode.length === 0) {
    notes.push('no image format is both safe for TensorFlow to decode and taken by the graph: write the formats yourself');
    return {};
  }
  return { image: { formats, reencode, ...defaultImageRules } };
}

function audioOf(uses: readonly InputUse[], notes: string[]): Pick<InferredInput, 'audio'> {
  const use = uses.find(({ node, inputIndex }) => inputIndex === 0 && node.op === 'DecodeWav');
  if (use === undefined) return {};
  notes.push(`DecodeWav ${printable(use.node.name)} decodes it`);
  // The kernel takes 16-bit PCM only (core/lib/wav/wav_io.cc at 2.21).
  return { audio: { codings: ['pcm'], bitDepth: [16], ...defaultAudioRules } };
}

function wordsOf(
  metaGraph: WholeMetaGraph,
  view: GraphView,
  uses: readonly InputUse[],
  notes: string[],
): Pick<InferredInput, 'words'> {
  const lookups = uses.filter((use) => isTableLookup(use) && !use.isPart);
  const tables = lookups.map((use) => tableWords(metaGraph, view, use));
  if (lookups.length > 0 && tables.every((words) => words === undefined))
    notes.push('it is looked up in a table whose words cannot be told');
  const [words] = tables.filter((table) => table !== undefined);
  if (words === undefined || lookups.length > 1) return {};
  notes.push(
    `${lookups[0].node.op} ${printable(lookups[0].node.name)} looks it up; a word that is not there gets the table's default`,
  );
  return { words };
}
