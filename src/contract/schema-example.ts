// The rules of serialized tf.Example messages in a contract file.
import { z } from 'zod';
import type { FeatureRules } from './contract-types.ts';
import {
  contractNumber,
  contractValue,
  countInterval,
  finiteNumber,
  mapping,
  plainText,
  strict,
  wholeNumber,
  withDefault,
} from './fields.ts';
import { completeFeature } from './schema-complete.ts';
import { imageRules } from './schema-media.ts';
import { allowOrReject, stringRules, vocabulary } from './schema-text.ts';

const maxCount = 2 ** 31 - 1;

/** How values rise or fall. */
export const monotone = z.enum(['increasing', 'nonDecreasing', 'decreasing', 'nonIncreasing']);

/** At most 10,000 values; more belong into a vocabulary. */
export const allowedValues = z.array(contractValue()).min(1).max(10_000).readonly();

const featureName = () => plainText('the name of a feature', 1_024);

const feature = strict({
  kind: z.enum(['bytes', 'float', 'int64']).describe('Kind of the values.'),
  required: withDefault(z.boolean(), true).describe('Whether each example must have it.'),
  count: countInterval(0, maxCount).exactOptional().describe('Number of values.'),
  number: strict({ nan: allowOrReject('reject'), infinity: allowOrReject('reject') })
    .exactOptional()
    .describe('float only: NaN and infinities.'),
  min: contractNumber().exactOptional().describe('Smallest value.'),
  max: contractNumber().exactOptional().describe('Largest value.'),
  allowed: allowedValues.exactOptional().describe('The only values.'),
  vocabulary: vocabulary.exactOptional(),
  string: stringRules.exactOptional(),
  image: imageRules.exactOptional(),
  monotone: monotone.exactOptional().describe('Values rise or fall.'),
  unique: z.boolean().exactOptional().describe('No value comes twice.'),
})
  .transform((value): FeatureRules => completeFeature(value))
  .meta({ id: 'FeatureRules', description: 'One feature of a tf.Example.' });

const sparse = strict({
  name: plainText('a name', 128).describe('For messages.'),
  index: z.array(featureName()).min(1).max(32).readonly().describe('Features that hold the indices, one per dimension.'),
  value: featureName().describe('The feature that holds the values.'),
  denseShape: z.array(wholeNumber(0, Number.MAX_SAFE_INTEGER)).min(1).max(32).readonly().describe('Size of each dimension.'),
  maxDensity: finiteNumber(0, 1).exactOptional().describe('Values over the product of the dense shape.'),
  sorted: withDefault(z.boolean(), true).describe('Indices are in row-major order.'),
  unique: withDefault(z.boolean(), true).describe('No index comes twice.'),
}).meta({ id: 'SparseFeatures', description: 'Features that together are a sparse tensor.' });

const ragged = strict({
  name: plainText('a name', 128).describe('For messages.'),
  value: featureName().describe('The feature that holds the values.'),
  rowLengths: featureName().describe('The feature that holds the length of each row.'),
  maxRows: wholeNumber(0, maxCount).exactOptional().describe('Most rows.'),
  maxRowLength: wholeNumber(0, maxCount).exactOptional().describe('Longest row.'),
}).meta({ id: 'RaggedFeatures', description: 'Features that together are a ragged tensor.' });

/** The tensor's strings are serialized tf.Example messages. */
export const exampleRules = strict({
  features: mapping(featureName(), feature, 10_000).describe('Features by name.'),
  unknownFeatures: allowOrReject('reject').describe('Features that are not named here.'),
  maxFeatures: withDefault(wholeNumber(0, 100_000), 1_000).describe('Most features of one example.'),
  sparse: z.array(sparse).max(1_000).readonly().default([]).describe('Sparse tensors made of features.'),
  ragged: z.array(ragged).max(1_000).readonly().default([]).describe('Ragged tensors made of features.'),
}).meta({ id: 'ExampleRules', description: 'Each string is a serialized tf.Example.' });
