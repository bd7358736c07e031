// What a feature's values may be: each domain of a TFDV schema as rules. A domain that does not go with the feature's type, which TFDV
// itself reports as an error of the schema, gives no rule and is reported.
import { type DomainContext, reportMisfit } from './domain-context.ts';
import {
  assertOrdered,
  contractNumber,
  type FeatureDraft,
  floatTextPattern,
  integerTextPattern,
  invalidSchema,
  stringRules,
} from './feature-draft.ts';
import type {
  BoolDomain,
  Feature,
  FloatDomain,
  IntDomain,
  TimeDomain,
  TimeOfDayDomain,
} from './gen/tensorflow_metadata/schema_pb.ts';
import { importImage, importLanguage } from './import-media.ts';
import { importStrings } from './import-vocabulary.ts';
import { timePattern } from './time-pattern.ts';

const noSuchRule = 'says what the values are, not what they may be';

function importInt(domain: IntDomain, draft: FeatureDraft, context: DomainContext): void {
  const { path, kind, notes } = context;
  const { min, max, name, isCategorical } = domain;
  if (name !== undefined) notes.lose(path, 'int_domain.name', 'the name of a domain', 'not part of a contract');
  if (isCategorical !== undefined) notes.lose(path, 'int_domain.is_categorical', 'whether numbers are categories', noSuchRule);
  assertOrdered(path, min, max);
  if (kind === 'int64') {
    if (min !== undefined) draft.min = contractNumber(min);
    if (max !== undefined) draft.max = contractNumber(max);
    if (min === undefined && max === undefined) notes.lose(path, 'int_domain', 'a range without bounds', 'says nothing');
  } else if (kind === 'bytes') {
    draft.string = stringRules('ascii', { pattern: integerTextPattern });
    if (min !== undefined)
      notes.lose(path, 'int_domain.min', 'the range of integers that are spelled as text', 'only their form is checked');
    if (max !== undefined)
      notes.lose(path, 'int_domain.max', 'the range of integers that are spelled as text', 'only their form is checked');
  } else reportMisfit('int_domain', context);
}

function importFloat(domain: FloatDomain, draft: FeatureDraft, context: DomainContext): void {
  const { path, kind, notes } = context;
  const { min, max } = domain;
  assertOrdered(path, min, max);
  const told = { name: domain.name, is_categorical: domain.isCategorical, is_embedding: domain.isEmbedding };
  for (const [field, value] of Object.entries({
    ...told,
    embedding_dim: domain.embeddingDim,
    embedding_type: domain.embeddingType,
  }))
    if (value !== undefined) notes.lose(path, `float_domain.${field}`, 'what a number stands for', noSuchRule);
  if (kind === 'float') {
    for (const [field, bound] of [['min', min] as const, ['max', max] as const]) {
      if (bound === undefined) continue;
      // The contract has one zero.
      if (Number.isFinite(bound)) draft[field] = bound === 0 ? 0 : bound;
      else notes.lose(path, `float_domain.${field}`, 'an infinite bound', 'says nothing');
    }
  } else if (kind === 'bytes') {
    draft.string = stringRules('ascii', { pattern: floatTextPattern });
    for (const [field, value] of Object.entries({ min, max, disallow_nan: domain.disallowNan, disallow_inf: domain.disallowInf }))
      if (value !== undefined)
        notes.lose(path, `float_domain.${field}`, 'the range of numbers that are spelled as text', 'only their form is checked');
  } else reportMisfit('float_domain', context);
}

function importBool({ name, trueValue, falseValue }: BoolDomain, draft: FeatureDraft, context: DomainContext): void {
  const { path, kind, notes } = context;
  if (name !== undefined) notes.lose(path, 'bool_domain.name', 'the name of a domain', 'not part of a contract');
  if (kind !== 'bytes') {
    draft.allowed = [0, 1];
    if (trueValue !== undefined)
      notes.lose(path, 'bool_domain.true_value', 'the word for true on numbers', 'TFDV itself calls this invalid');
    if (falseValue !== undefined)
      notes.lose(path, 'bool_domain.false_value', 'the word for false on numbers', 'TFDV itself calls this invalid');
    return;
  }
  const words = [trueValue, falseValue].filter((word) => word !== undefined);
  if (words.length === 0) {
    reportMisfit('bool_domain', context);
    return;
  }
  draft.allowed = [...new Set(words)];
  draft.string = stringRules('utf8');
  notes.lose(path, 'bool_domain', 'which word means true', 'both words become allowed values');
}

function importTime(field: string, { format }: TimeDomain | TimeOfDayDomain, draft: FeatureDraft, context: DomainContext): void {
  const { path, kind, notes } = context;
  const pattern = format.case === 'stringFormat' && kind === 'bytes' ? timePattern(format.value) : undefined;
  if (pattern === undefined)
    notes.lose(path, field, 'a unit or a form of time', 'a number has no unit here, and this form has no pattern');
  else {
    draft.string = stringRules('ascii', { pattern });
    notes.lose(path, field, 'the form of a time', 'becomes a pattern, which says less: 31 February matches it');
  }
}

function importHint(field: string, draft: FeatureDraft, encoding: 'utf8' | 'binary', { path, kind, notes }: DomainContext): void {
  if (kind === 'bytes') draft.string = stringRules(encoding);
  notes.lose(path, field, 'what the bytes are', 'TFDV has no rule behind this word, and a feature none for it');
}

/**
 * Adds to `draft` what the feature's domain says.
 * @throws DATASET_INVALID for a domain by name that the schema does not have, and for a range whose ends are the wrong way round.
 */
export function importDomain(
  { domainInfo, distributionConstraints }: Feature,
  draft: FeatureDraft,
  context: DomainContext,
): void {
  // The standard's default is 1.
  const mass = distributionConstraints === undefined ? undefined : (distributionConstraints.minDomainMass ?? 1);
  const isStrings = domainInfo.case === 'stringDomain' || domainInfo.case === 'domain';
  if (mass !== undefined && !isStrings)
    context.notes.lose(
      context.path,
      'distribution_constraints',
      'the share of values inside the domain',
      'every value has to be inside',
    );
  switch (domainInfo.case) {
    case undefined:
      return;
    case 'domain': {
      const domain = context.shared.get(domainInfo.value);
      if (domain === undefined) throw invalidSchema(context.path, 'its domain is not in the schema');
      context.notes.change(context.path, 'domain', 'a domain that several features share', 'each feature has a list of its own');
      importStrings(domain, mass, draft, context);
      return;
    }
    case 'stringDomain':
      if (domainInfo.value.name !== undefined)
        context.notes.lose(context.path, 'string_domain.name', 'the name of a domain', 'not part of a contract');
      importStrings(domainInfo.value, mass, draft, context);
      return;
    case 'intDomain':
      importInt(domainInfo.value, draft, context);
      return;
    case 'floatDomain':
      importFloat(domainInfo.value, draft, context);
      return;
    case 'boolDomain':
      importBool(domainInfo.value, draft, context);
      return;
    case 'imageDomain':
      importImage(domainInfo.value, draft, context);
      return;
    case 'naturalLanguageDomain':
      importLanguage(domainInfo.value, draft, context);
      return;
    case 'timeDomain':
      importTime('time_domain', domainInfo.value, draft, context);
      return;
    case 'timeOfDayDomain':
      importTime('time_of_day_domain', domainInfo.value, draft, context);
      return;
    case 'urlDomain':
      importHint('url_domain', draft, 'utf8', context);
      return;
    case 'midDomain':
      importHint('mid_domain', draft, 'utf8', context);
      return;
    case 'audioDomain':
      importHint('audio_domain', draft, 'binary', context);
      return;
    case 'videoDomain':
      importHint('video_domain', draft, 'binary', context);
      return;
    case 'contentChunkDomain':
      importHint('content_chunk_domain', draft, 'binary', context);
      return;
    case 'structDomain':
      reportMisfit('struct_domain', context);
      return;
  }
}
