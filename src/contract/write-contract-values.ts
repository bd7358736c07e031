// A contract as the plain values that its file holds: defaults left out, short names for types and actions. Only formatContract uses it.
import { isDeepStrictEqual } from 'node:util';
import type {
  Action,
  Contract,
  ExampleRules,
  FeatureRules,
  OutputRules,
  Relation,
  StringRules,
  TensorRules,
  Vocabulary,
} from './contract-types.ts';
import { contractSchema } from './schema.ts';
import { completeFeature, completeTensor } from './schema-complete.ts';
import { formatDimExpression } from './schema-dims.ts';
import { exampleRules } from './schema-example.ts';
import { audioRules, imageRules } from './schema-media.ts';
import { dtypeShortName } from './schema-tensor.ts';
import { tokenRules } from './schema-text.ts';

/** Keys in the order in which a file has them; `undefined` is left out. */
export type FileValue = string | number | bigint | boolean | null | readonly FileValue[] | FileMap;
export type FileMap = ReadonlyMap<string, FileValue>;

function isPlain(value: unknown): value is string | number | bigint | boolean | null {
  return value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}

function toFile(value: unknown): FileValue {
  if (isPlain(value)) return value;
  if (Array.isArray(value)) return value.map(toFile);
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [String(key), toFile(inner)]));
  return mapOf(Object.entries(value ?? {}));
}

function mapOf(entries: readonly (readonly [string, unknown])[]): FileMap {
  return new Map(entries.filter(([, value]) => value !== undefined).map(([key, value]) => [key, toFile(value)]));
}

/** The entries of `value` that differ from `defaults`. */
function changed(value: object, defaults: object): FileMap {
  const presets = new Map<string, unknown>(Object.entries(defaults));
  return mapOf(Object.entries(value).filter(([key, inner]) => !isDeepStrictEqual(inner, presets.get(key))));
}

/** The same, or nothing where all is at its default. */
function changedOrNone(value: object | undefined, defaults: object | undefined): FileMap | undefined {
  if (value === undefined) return undefined;
  const map = changed(value, defaults ?? {});
  return defaults !== undefined && map.size === 0 ? undefined : map;
}

const presets = {
  image: imageRules.parse({}),
  audio: audioRules.parse({}),
  tokens: tokenRules.parse({}),
  example: exampleRules.parse({ features: {} }),
  contract: contractSchema.parse({
    apiVersion: 'airlock/contract/v1',
    metadata: { id: 'none', revision: 1n },
    signatures: {},
  }),
};

function vocabularyFile(vocabulary: Vocabulary | undefined): FileMap | undefined {
  if (vocabulary === undefined) return undefined;
  const { entries: _, ...rest } = vocabulary;
  return changed(rest, { maxUnknownFraction: 0 });
}

/** `encoding` first, whatever order the value has. */
function stringFile(rules: StringRules | undefined, preset: StringRules | undefined): FileMap | undefined {
  if (rules === undefined) return undefined;
  const { encoding, ...rest } = rules;
  return changedOrNone({ encoding, ...rest }, preset);
}

function featureFile(rules: FeatureRules): FileMap {
  const { kind, required, number, vocabulary, string, image, ...rest } = rules;
  const preset = completeFeature({ kind, required, ...(image === undefined ? {} : { image }) });
  return mapOf([
    ['kind', kind],
    ['required', required ? undefined : false],
    ...Object.entries(rest),
    ['number', changedOrNone(number, preset.number)],
    ['vocabulary', vocabularyFile(vocabulary)],
    ['string', stringFile(string, preset.string)],
    ['image', image && changed(image, presets.image)],
  ]);
}

function exampleFile({ features, sparse, ragged, ...rest }: ExampleRules): FileMap {
  return mapOf([
    ['features', new Map([...features].map(([name, feature]) => [name, featureFile(feature)]))],
    ...changed(rest, presets.example),
    ['sparse', sparse.length === 0 ? undefined : sparse.map((entry) => changed(entry, { sorted: true, unique: true }))],
    ['ragged', ragged.length === 0 ? undefined : ragged],
  ]);
}

function actionFile(action: Action): FileValue {
  const { kind, ...parameters } = action;
  if (kind === 'truncate' && action.side === 'right') return kind;
  if (Object.keys(parameters).length === 0) return kind;
  return mapOf([['action', kind], ...Object.entries(parameters).filter(([key, value]) => key !== 'side' || value !== 'right')]);
}

function mapUnlessEmpty(map: ReadonlyMap<string, unknown>): ReadonlyMap<string, unknown> | undefined {
  return map.size === 0 ? undefined : map;
}

function tensorFile(rules: TensorRules): FileMap {
  const { dtype, shape, number, vocabulary, string, tokens, image, audio, example, onViolation, modes, derivedFrom, ...rest } =
    rules;
  const container = { ...(image && { image }), ...(audio && { audio }), ...(example && { example }) };
  const preset = completeTensor({ dtype, onViolation, modes, derivedFrom, ...container });
  return mapOf([
    ['dtype', dtypeShortName(dtype)],
    ['shape', shape?.map(formatDimExpression)],
    ...Object.entries(rest),
    ['number', changedOrNone(number, preset.number)],
    ['vocabulary', vocabularyFile(vocabulary)],
    ['string', stringFile(string, preset.string)],
    ['tokens', tokens && changed(tokens, presets.tokens)],
    ['image', image && changed(image, presets.image)],
    ['audio', audio && changed(audio, presets.audio)],
    ['example', example && exampleFile(example)],
    ['onViolation', mapUnlessEmpty(new Map([...onViolation].map(([rule, action]) => [rule, actionFile(action)])))],
    ['modes', mapUnlessEmpty(modes)],
    ['derivedFrom', mapUnlessEmpty(derivedFrom)],
  ]);
}

function outputFile({ matchesBatch, redact, roundTo, topK, ...rules }: OutputRules): FileMap {
  return mapOf([
    ...tensorFile(rules),
    ['matchesBatch', matchesBatch || undefined],
    ['roundTo', roundTo],
    ['topK', topK],
    ['redact', redact || undefined],
  ]);
}

function relationFile(relation: Relation, index: number): FileMap {
  const { id, rule, mode, ...rest } = relation;
  const isSparse = rule === 'sparse';
  const kept = changed(rest, isSparse ? { sorted: true, unique: true } : { strict: false });
  return mapOf([['id', id === String(index) ? undefined : id], ['rule', rule], ...kept, ['mode', mode]]);
}

function tensorsFile<T>(map: ReadonlyMap<string, T>, write: (rules: T) => FileMap): FileMap | undefined {
  return map.size === 0 ? undefined : new Map([...map].map(([alias, rules]) => [alias, write(rules)]));
}

/** All of a contract file, in the order in which people read it. */
export function contractFile(contract: Contract): FileMap {
  const { apiVersion, metadata, mode, sampleFraction, maxViolations, request, dims, signatures, cost } = contract;
  const { id, revision, description, sources } = metadata;
  return mapOf([
    ['apiVersion', apiVersion],
    [
      'metadata',
      mapOf([
        ['id', id],
        ['revision', revision],
        ['description', description],
        ['sources', sources.length === 0 ? undefined : sources],
      ]),
    ],
    ...changed({ mode, sampleFraction, maxViolations, request, dims }, presets.contract),
    [
      'signatures',
      new Map(
        [...signatures].map(([name, { inputs, outputs, relations }]) => [
          name,
          mapOf([
            ['inputs', tensorsFile(inputs, tensorFile)],
            ['outputs', tensorsFile(outputs, outputFile)],
            ['relations', relations.length === 0 ? undefined : relations.map(relationFile)],
          ]),
        ]),
      ),
    ],
    ['cost', changedOrNone(cost, presets.contract.cost)],
  ]);
}
