// Images and running text in a TFDV schema. What TFDV says of them is mostly about the data set as a whole; what a single request can break is
// taken over.
import { defaultImageRules, safeImageFormats } from '../../contract/index.ts';
import { type DomainContext, reportMisfit } from './domain-context.ts';
import { type FeatureDraft, invalidSchema, stringRules } from './feature-draft.ts';
import type { ImageDomain, NaturalLanguageDomain } from './gen/tensorflow_metadata/schema_pb.ts';

const population = 'it is about the data set, and a request is one example';

export function importImage(domain: ImageDomain, draft: FeatureDraft, context: DomainContext): void {
  const { path, kind, notes } = context;
  const { maxImageByteSize, minimumSupportedImageFraction } = domain;
  if (kind !== 'bytes') {
    reportMisfit('image_domain', context);
    return;
  }
  if (maxImageByteSize !== undefined && (maxImageByteSize < 0n || maxImageByteSize > 2n ** 31n - 1n))
    throw invalidSchema(path, 'max_image_byte_size is no size');
  draft.image = { formats: safeImageFormats, reencode: [], ...defaultImageRules };
  draft.string = stringRules('binary', maxImageByteSize === undefined ? {} : { maxBytes: Number(maxImageByteSize) });
  notes.change(
    path,
    'image_domain',
    'every format that TensorFlow can decode',
    `only ${safeImageFormats.join(', ')}; add others by hand`,
  );
  if (minimumSupportedImageFraction !== undefined && minimumSupportedImageFraction !== 1)
    notes.lose(path, 'image_domain.minimum_supported_image_fraction', 'the share of images that can be decoded', population);
}

export function importLanguage(domain: NaturalLanguageDomain, draft: FeatureDraft, context: DomainContext): void {
  const { path, kind, notes } = context;
  const field = 'natural_language_domain';
  if (kind === 'bytes') draft.string = stringRules('utf8');
  if (domain.vocabulary !== undefined)
    notes.lose(path, `${field}.vocabulary`, 'the name of a vocabulary', 'the schema does not hold its words');
  if (domain.coverage !== undefined)
    notes.lose(path, `${field}.coverage`, 'how much of the text the vocabulary covers', population);
  if (domain.tokenConstraints.length > 0)
    notes.lose(path, `${field}.token_constraints`, 'how often a token may come', 'a feature has no rules of tokens');
  const length = domain.sequenceLengthConstraints;
  if (length === undefined) {
    notes.lose(path, field, 'that the feature is text', 'a contract has UTF-8, and no language');
    return;
  }
  notes.lose(
    path,
    field,
    'the length of a sequence as such',
    'becomes the number of values where nothing is left out of the count',
  );
  const isPlain = length.excludedIntValue.length === 0 && length.excludedStringValue.length === 0;
  const { minSequenceLength: min, maxSequenceLength: max } = length;
  if (!isPlain || draft.count !== undefined || (min === undefined && max === undefined)) return;
  if ((min ?? 0n) < 0n || (max ?? 0n) < 0n || (max ?? min ?? 0n) > 2n ** 31n || (min ?? 0n) > (max ?? min ?? 0n))
    throw invalidSchema(path, 'its sequence_length_constraints make no sense');
  draft.count = { ...(min === undefined ? {} : { min: Number(min) }), ...(max === undefined ? {} : { max: Number(max) }) };
}
