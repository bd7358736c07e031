// Lists of allowed strings in a TFDV schema: in the contract when they are short and every value has to be on them, otherwise in a file.

import { VocabularyFiles } from '../vocabulary-files.ts';
import { type DomainContext, reportMisfit } from './domain-context.ts';
import { type FeatureDraft, invalidSchema, stringRules } from './feature-draft.ts';
import type { StringDomain } from './gen/tensorflow_metadata/schema_pb.ts';

/** Longer lists would drown the contract that people read. */
const maxInlineWords = 100;
const maxWords = 10_000;

function importMass(mass: number | undefined, { path, notes }: DomainContext): number {
  if (mass === undefined) return 0;
  if (!(mass >= 0 && mass <= 1)) throw invalidSchema(path, 'min_domain_mass is not between 0 and 1');
  if (mass < 1)
    notes.change(
      path,
      'distribution_constraints',
      'the share of a data set that may be outside the domain',
      'becomes the share of one feature’s values: of a single value, an unknown one is refused',
    );
  else notes.change(path, 'distribution_constraints', 'that all values are inside the domain', 'needs no words in a contract');
  return 1 - mass;
}

/** @throws DATASET_INVALID when the share of values inside the domain is no share. */
export function importStrings(domain: StringDomain, mass: number | undefined, draft: FeatureDraft, context: DomainContext): void {
  const { path, kind, notes, files } = context;
  const field = 'string_domain';
  if (domain.isCategorical !== undefined)
    notes.lose(path, `${field}.is_categorical`, 'whether words are categories', 'not a rule');
  const maxUnknownFraction = importMass(mass, context);
  if (kind !== 'bytes') {
    reportMisfit(field, context);
    return;
  }
  draft.string = stringRules('utf8');
  const words = [...new Set(domain.value)];
  if (words.length < domain.value.length) notes.change(path, `${field}.value`, 'words that are there twice', 'are kept once');
  if (words.length === 0) {
    notes.lose(path, field, 'an empty list of words', 'it would refuse everything');
    return;
  }
  const isExact = maxUnknownFraction === 0;
  if ((!isExact || words.length > maxInlineWords) && VocabularyFiles.canHold(words))
    draft.vocabulary = files.add(path, words, maxUnknownFraction);
  else if (isExact && words.length <= maxWords) draft.allowed = words;
  else
    notes.lose(
      path,
      field,
      'words that are empty or hold a line end',
      'a file has one word per line, and a list allows no exceptions',
    );
}
