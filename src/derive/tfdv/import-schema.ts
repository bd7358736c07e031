// A TFDV schema, and statistics, as a contract: of one input that takes serialized tf.Example messages, or of a model's own inputs.
import type { Contract, ExampleRules, RuleName, Source } from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import { VocabularyFiles } from '../vocabulary-files.ts';
import type { DomainContext } from './domain-context.ts';
import { assertEnvironmentIsKnown } from './environments.ts';
import { type FeatureDraft, invalidSchema } from './feature-draft.ts';
import type { Feature, Schema, StringDomain } from './gen/tensorflow_metadata/schema_pb.ts';
import type { DatasetFeatureStatisticsList } from './gen/tensorflow_metadata/statistics_pb.ts';
import { type ImportedFeature, importDense } from './import-dense.ts';
import { chooseInput, emptyContract, exampleContract, maxExampleBytes } from './import-example.ts';
import { type FeatureContext, importFeature } from './import-feature.ts';
import { applyStatistics, selectSlice, statisticsByName } from './import-statistics.ts';
import { importStructures } from './import-structures.ts';
import { TransferNotes, type TransferReport } from './transfer-report.ts';

export interface MetadataFile<Message> {
  readonly message: Message;
  /** For people. */
  readonly name: string;
  readonly sha256: string;
}

export interface ImportOptions {
  readonly id: string;
  readonly schema: MetadataFile<Schema>;
  readonly statistics?: MetadataFile<DatasetFeatureStatisticsList>;
  /** Bounds from statistics go out by this fraction of max − min. Default 0.25. */
  readonly margin?: number;
  /** Default: the features of all environments. */
  readonly environment?: string;
  /** Default `serving_default`. */
  readonly signature?: string;
  /** A contract of the model, as its signatures give it; without it the contract has one input of tf.Example. */
  readonly base?: Contract;
  /** The input that takes tf.Example messages. Default `examples`, or the model's only string input. */
  readonly exampleInput?: string;
}

export interface ImportResult {
  readonly contract: Contract;
  readonly report: TransferReport;
  /** Files to write beside the contract, by name. */
  readonly vocabularies: ReadonlyMap<string, Buffer>;
}

const maxFeatures = 10_000;

function sharedDomains(
  { stringDomain, intDomain, floatDomain }: Schema,
  notes: TransferNotes,
): ReadonlyMap<string, StringDomain> {
  const shared = new Map<string, StringDomain>();
  for (const domain of stringDomain) {
    if (shared.has(domain.name ?? '')) throw invalidSchema('', `the domain ${printable(domain.name ?? '')} is there twice`);
    shared.set(domain.name ?? '', domain);
  }
  if (stringDomain.length > 0)
    notes.change('', 'string_domain', 'domains that features share', 'each feature has a list of its own');
  const numeric = 'TFDV itself lets features refer only to domains of strings';
  if (intDomain.length > 0) notes.lose('', 'int_domain', 'shared domains of integers', numeric);
  if (floatDomain.length > 0) notes.lose('', 'float_domain', 'shared domains of floats', numeric);
  return shared;
}

function reportWhole(schema: Schema, notes: TransferNotes): void {
  if (schema.defaultEnvironment.length > 0)
    notes.lose('', 'default_environment', 'the default environments', 'a contract is for one environment');
  if (schema.annotation !== undefined) notes.lose('', 'annotation', 'tags and comments', 'not a rule');
  if (schema.datasetConstraints !== undefined)
    notes.lose('', 'dataset_constraints', 'the number of examples', 'it is about the data set, and a request is no data set');
  for (const { name = '' } of schema.weightedFeature)
    notes.lose(name, '', 'a weighted feature', 'a contract has no weights; the two features are checked by themselves');
  if (schema.representVariableLengthAsRagged !== undefined)
    notes.lose('', 'represent_variable_length_as_ragged', 'how features become tensors', 'it concerns the parser of the model');
}

/** What the statistics changed, by the name of the rule. */
function measuredRules(before: FeatureDraft, after: FeatureDraft): ReadonlySet<RuleName> {
  const measured = new Set<RuleName>();
  if (before.min !== after.min) measured.add('min');
  if (before.max !== after.max) measured.add('max');
  if (before.count !== after.count) measured.add('example.count');
  if (before.string?.maxBytes !== after.string?.maxBytes) measured.add('string.maxBytes');
  return measured;
}

function truncateAt({ sequenceMetadata }: Feature): number | undefined {
  const limit = sequenceMetadata?.sequenceTruncationLimit;
  return limit !== undefined && limit > 0n && limit <= 2n ** 31n ? Number(limit) : undefined;
}

function importFeatures(options: ImportOptions, context: Omit<FeatureContext, 'path'>): ReadonlyMap<string, ImportedFeature> {
  const { schema, statistics, margin = 0.25 } = options;
  const { notes } = context;
  if (!(margin >= 0 && margin <= 100)) throw new AirlockError('USAGE', { message: 'The margin is a number from 0 to 100' });
  if (schema.message.feature.length > maxFeatures)
    throw new AirlockError('DATASET_INVALID', { message: `The schema has more than ${maxFeatures} features` });
  const measured = statistics === undefined ? undefined : statisticsByName(selectSlice(statistics.message));
  const features = new Map<string, ImportedFeature>();
  const seen = new Set<string>();
  for (const feature of schema.message.feature) {
    const path = feature.name ?? '';
    if (path === '' || printable(path, 1_024) !== path) throw invalidSchema(path, 'no name that can be shown');
    if (seen.has(path)) throw invalidSchema(path, 'it is there twice');
    seen.add(path);
    const before = importFeature(feature, { ...context, path });
    if (before === undefined) continue;
    const rules = { ...before };
    const stats = measured?.get(path);
    if (stats !== undefined) applyStatistics(stats, rules, { path, margin, notes, domainInfo: feature.domainInfo });
    else if (measured !== undefined) notes.change(path, '', 'a feature without statistics', 'has the schema’s rules only');
    const isOpen =
      feature.domainInfo.case !== 'floatDomain' ||
      !(feature.domainInfo.value.disallowNan && feature.domainInfo.value.disallowInf);
    if (rules.kind === 'float' && isOpen && (rules.number?.nan === 'reject' || rules.number?.infinity === 'reject'))
      notes.change(path, 'float_domain', 'NaN or infinities that the schema lets through', 'refused unless the data had them');
    features.set(path, { rules, measured: measuredRules(before, rules), truncateAt: truncateAt(feature) });
  }
  return features;
}

function sourcesOf({ schema, statistics, margin = 0.25 }: ImportOptions): readonly Source[] {
  const first: Source = { id: 'schema', kind: 'tfdv_schema', name: printable(schema.name, 1_024), sha256: schema.sha256 };
  if (statistics === undefined) return [first];
  const records = Number(selectSlice(statistics.message).numExamples ?? 0n);
  const second: Source = {
    id: 'statistics',
    kind: 'tfdv_statistics',
    name: printable(statistics.name, 1_024),
    sha256: statistics.sha256,
    ...(Number.isSafeInteger(records) ? { records } : {}),
    margin: `min and max of numbers widened by ${margin} of their distance, lengths of bytes by ${margin} of their largest`,
  };
  return [first, second];
}

/**
 * A contract that says what the schema says, with the bounds of the statistics where it says nothing, and the report of what is lost.
 * Features that are not in the contract are refused in requests.
 * @throws DATASET_INVALID when the schema contradicts itself or its statistics; CONTRACT_MISMATCH when it does not fit the model; USAGE
 * for an environment that the schema does not know, or a margin out of range.
 */
export function importTfdv(options: ImportOptions): ImportResult {
  const { schema, environment, id, signature = 'serving_default' } = options;
  const notes = new TransferNotes();
  const files = new VocabularyFiles();
  if (environment !== undefined) assertEnvironmentIsKnown(schema.message, environment);
  const shared: DomainContext['shared'] = sharedDomains(schema.message, notes);
  const features = importFeatures(options, { schema: schema.message, environment, notes, shared, files });
  reportWhole(schema.message, notes);
  const base = options.base ?? emptyContract(id, signature);
  const input = chooseInput(options.base, options.exampleInput, signature, features);
  let contract: Contract;
  if (input === undefined) contract = importDense(base, signature, features, notes);
  else {
    const rules = new Map([...features].map(([name, feature]) => [name, feature.rules]));
    const { sparse, ragged } = importStructures(schema.message, rules, notes);
    const example: ExampleRules = {
      features: rules,
      unknownFeatures: 'reject',
      maxFeatures: Math.max(1_000, rules.size),
      sparse,
      ragged,
    };
    contract = exampleContract(base, signature, input, example, features);
    notes.change(
      '',
      '',
      `examples of any size`,
      `at most ${maxExampleBytes} bytes each; change string.maxBytes if yours are larger`,
    );
  }
  const sources = [...contract.metadata.sources, ...sourcesOf(options)];
  contract = { ...contract, metadata: { ...contract.metadata, id, sources } };
  return { contract, report: { lost: notes.lost, changed: notes.changed }, vocabularies: files.files };
}
