// One feature of a TFDV schema as the rules of a tf.Example feature, and a line in the report for everything that has no rule.

import type { DomainContext } from './domain-context.ts';
import { isInEnvironment, stageOf } from './environments.ts';
import { type FeatureDraft, kinds, stringRules } from './feature-draft.ts';
import { type Feature, FeatureSchema, FeatureType, type Schema } from './gen/tensorflow_metadata/schema_pb.ts';
import { importCount } from './import-counts.ts';
import { importDomain } from './import-domain.ts';
import type { TransferNotes } from './transfer-report.ts';

export interface FeatureContext extends Omit<DomainContext, 'kind'> {
  readonly schema: Schema;
  /** Undefined: features of all environments. */
  readonly environment: string | undefined;
}

const population = 'it is about the data set, and a request is one example';

function importPresence({ presenceConstraints: { case: kind, value } }: Feature, path: string, notes: TransferNotes): boolean {
  if (kind === 'groupPresence') {
    notes.lose(path, 'group_presence', 'presence inside a struct', 'tf.Example has no structs');
    return false;
  }
  if (kind !== 'presence') return false;
  if (value.minCount === undefined && value.minFraction === undefined)
    notes.lose(path, 'presence', 'a presence without a bound', 'says nothing');
  if (value.minCount !== undefined) notes.lose(path, 'presence.min_count', 'how many examples have the feature', population);
  const isRequired = value.minFraction !== undefined && value.minFraction >= 1;
  if (value.minFraction !== undefined && !isRequired)
    notes.lose(path, 'presence.min_fraction', 'the share of examples that have the feature', population);
  return isRequired;
}

/** What TFDV knows about a feature and a contract has no word for. */
function reportTheRest(feature: Feature, path: string, environment: string | undefined, notes: TransferNotes): void {
  const lists = environment === undefined ? 'the features of all environments are taken' : `decided for ${environment}`;
  if (feature.inEnvironment.length > 0) notes.lose(path, 'in_environment', 'the environments of a feature', lists);
  if (feature.notInEnvironment.length > 0) notes.lose(path, 'not_in_environment', 'the environments of a feature', lists);
  if (feature.lifecycleStage !== undefined)
    notes.lose(path, 'lifecycle_stage', 'a stage of life', 'decides only whether it is checked');
  if (feature.deprecated !== undefined) notes.lose(path, 'deprecated', 'a stage of life', 'decides only whether it is checked');
  if (feature.annotation !== undefined) notes.lose(path, 'annotation', 'tags and comments', 'a contract keeps none per feature');
  const drift = 'a comparison of two data sets; nothing here compares requests over time';
  if (feature.skewComparator !== undefined) notes.lose(path, 'skew_comparator', 'the limit of skew', drift);
  if (feature.driftComparator !== undefined) notes.lose(path, 'drift_comparator', 'the limit of drift', drift);
  if (feature.uniqueConstraints !== undefined)
    notes.lose(path, 'unique_constraints', 'how many different values there are', population);
  if (feature.validationDerivedSource !== undefined)
    notes.lose(path, 'validation_derived_source', 'how TFDV makes the feature', 'not part of a request');
  const sequence = feature.sequenceMetadata;
  if (sequence !== undefined)
    notes.lose(
      path,
      'sequence_metadata',
      'that values form a sequence, and where it is cut',
      'a feature of an example cannot be cut',
    );
}

/**
 * The rules of `feature`; undefined when it is not part of a request (wrong environment, derived, a struct, no type), which makes it
 * an unknown feature.
 * @throws DATASET_INVALID when the feature contradicts itself.
 */
export function importFeature(feature: Feature, context: FeatureContext): FeatureDraft | undefined {
  const { path, notes, schema, environment } = context;
  const leaveOut = (what: string, why: string) => {
    notes.lose(path, '', what, why);
    return undefined;
  };
  if (!isInEnvironment(feature, schema, environment))
    return leaveOut('the feature', `it is not in environment ${environment}, so that a request that has it is refused`);
  const stage = stageOf(feature);
  if (stage === 'derived') return leaveOut('the feature', 'TFDV derives it while it validates; no request has it');
  const kind = kinds.get(feature.type ?? FeatureType.TYPE_UNKNOWN);
  if (kind === undefined) {
    const inner = feature.domainInfo.case === 'structDomain' ? feature.domainInfo.value.feature : [];
    const names = inner.map(({ name }) => `${path}.${name ?? ''}`).join(', ');
    if (feature.type === FeatureType.STRUCT)
      return leaveOut(
        names === '' ? 'a struct' : `a struct with ${names}`,
        'tf.Example has no structs; such a feature is refused as unknown',
      );
    return leaveOut('a feature without a type', 'bytes, integers and floats differ on the wire; it is refused as unknown');
  }
  reportTheRest(feature, path, environment, notes);
  if (stage === 'unchecked') {
    const choices = [feature.presenceConstraints.case, feature.shapeType.case, feature.domainInfo.case];
    const fields = choices.filter((choice) => choice !== undefined).map((choice) => FeatureSchema.field[choice].name);
    if (feature.distributionConstraints !== undefined) fields.push('distribution_constraints');
    for (const field of fields)
      notes.lose(
        path,
        field,
        'the rules of a feature whose stage TFDV does not check',
        'it may be there, and hold anything of its type',
      );
    const open = kind === 'float' ? { number: { nan: 'allow', infinity: 'allow' } as const } : {};
    return { kind, required: false, ...open, ...(kind === 'bytes' ? { string: stringRules('binary') } : {}) };
  }
  const required = importPresence(feature, path, notes);
  const count = importCount(feature, required, path, notes);
  const draft: FeatureDraft = { kind, required, ...(count === undefined ? {} : { count }) };
  importDomain(feature, draft, { ...context, kind });
  // Bytes of which nothing is said may be anything; floats that are none are refused in every contract.
  if (kind === 'bytes') draft.string ??= stringRules('binary');
  if (kind === 'float') draft.number ??= { nan: 'reject', infinity: 'reject' };
  return draft;
}
