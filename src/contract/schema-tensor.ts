// The rules of one input or output in a contract file.
import { z } from 'zod';
import type { DType } from '../tensor/index.ts';
import type { OutputRules, TensorRules } from './contract-types.ts';
import { contractNumber, field, interval, plainText, strict, wholeNumber, withDefault } from './fields.ts';
import { derivedFrom, modes, onViolation } from './schema-actions.ts';
import { completeOutput, completeTensor } from './schema-complete.ts';
import { shapeSchema } from './schema-dims.ts';
import { allowedValues, exampleRules, monotone } from './schema-example.ts';
import { audioRules, imageRules } from './schema-media.ts';
import { allowOrReject, stringRules, tokenRules, vocabulary } from './schema-text.ts';

/** The names of data types in a contract file, as TensorFlow's Python prints them. */
export const dtypeByName = {
  float16: 'DT_HALF',
  bfloat16: 'DT_BFLOAT16',
  float32: 'DT_FLOAT',
  float64: 'DT_DOUBLE',
  int8: 'DT_INT8',
  int16: 'DT_INT16',
  int32: 'DT_INT32',
  int64: 'DT_INT64',
  uint8: 'DT_UINT8',
  uint16: 'DT_UINT16',
  uint32: 'DT_UINT32',
  uint64: 'DT_UINT64',
  bool: 'DT_BOOL',
  string: 'DT_STRING',
  complex64: 'DT_COMPLEX64',
  complex128: 'DT_COMPLEX128',
} as const satisfies Record<string, DType>;

const nameByDType: ReadonlyMap<DType, string> = new Map(Object.entries(dtypeByName).map(([name, dtype]) => [dtype, name]));

/** `float32` for DT_FLOAT. */
export function dtypeShortName(dtype: DType): string {
  return nameByDType.get(dtype) ?? dtype;
}

const dtype = field({
  rule: 'dtype',
  expected: `one of ${Object.keys(dtypeByName).join(', ')}`,
  json: { enum: Object.keys(dtypeByName) },
  read: (value): DType | undefined =>
    typeof value === 'string' && Object.hasOwn(dtypeByName, value) ? dtypeByName[value as keyof typeof dtypeByName] : undefined,
});

const numberRules = strict({
  nan: allowOrReject('reject').describe('Not a number.'),
  infinity: allowOrReject('reject').describe('Infinities.'),
  subnormal: allowOrReject('allow').describe('Numbers so small that they have lost precision.'),
  negativeZero: withDefault(z.enum(['allow', 'normalize', 'reject']), 'allow').describe(
    'The zero with a sign; `normalize` makes it 0.',
  ),
  narrowing: withDefault(z.enum(['nearest', 'exactIntegers', 'exact']), 'nearest').describe(
    'Decimals in JSON: `nearest` rounds once; `exactIntegers` refuses integers that lose something; `exact` refuses every loss.',
  ),
}).meta({ id: 'NumberRules', description: 'Rules of floating-point numbers.' });

const bound = (text: string) => contractNumber().exactOptional().describe(text);
const range = (text: string, min?: number, max?: number) => interval(min, max).exactOptional().describe(text);
const maxCount = Number.MAX_SAFE_INTEGER;

const tensorShape = {
  dtype: dtype.describe('Data type; the model’s signature must have the same.'),
  shape: shapeSchema
    .exactOptional()
    .describe('Sizes, names of dims, expressions such as 2*seq+1, or null. Default: the signature’s shape alone counts.'),
  maxElements: wholeNumber(0, maxCount).exactOptional().describe('Most elements.'),
  maxBytes: wholeNumber(0, maxCount).exactOptional().describe('Most bytes of content; of strings the sum of their lengths.'),
  number: numberRules.exactOptional(),
  min: bound('Smallest value.'),
  max: bound('Largest value.'),
  exclusiveMin: bound('Values are larger than this.'),
  exclusiveMax: bound('Values are smaller than this.'),
  softMin: bound('Smallest usual value; only ever counted.'),
  softMax: bound('Largest usual value; only ever counted.'),
  allowed: allowedValues.exactOptional().describe('The only values; at most 10,000.'),
  vocabulary: vocabulary.exactOptional(),
  unique: z.enum(['elements', 'rows']).exactOptional().describe('No element, or no row, comes twice.'),
  monotone: monotone.exactOptional().describe('Along the last dimension.'),
  sum: range('Of the whole tensor.'),
  rowSum: range('Of each slice along the last dimension.'),
  norm: strict({
    l1: range('Sum of absolute values.', 0),
    l2: range('Euclidean length.', 0),
    linf: range('Largest absolute value.', 0),
  })
    .exactOptional()
    .describe('Of each slice along the last dimension.'),
  mean: range('Mean of the whole tensor.'),
  standardDeviation: range('Of the whole tensor.', 0),
  zeroFraction: range('Share of the elements that are zero.', 0, 1),
  string: stringRules.exactOptional(),
  tokens: tokenRules.exactOptional(),
  image: imageRules.exactOptional(),
  audio: audioRules.exactOptional(),
  example: exampleRules.exactOptional(),
  onViolation: onViolation.describe('By rule: what is done when it is broken. Default reject.'),
  modes: modes.describe('By rule: off, shadow, sample or enforce. Default: the contract’s mode.'),
  derivedFrom: derivedFrom(plainText('the id of a source', 128)).describe(
    'By rule: the id of the source that it was measured on.',
  ),
};

/** One input. */
export const tensorRules = strict(tensorShape)
  .transform((value): TensorRules => completeTensor(value))
  .meta({ id: 'TensorRules', description: 'The rules of one input.' });

/** One output: the same, and what makes an answer say less. */
export const outputRules = strict({
  ...tensorShape,
  matchesBatch: withDefault(z.boolean(), false).describe('The first dimension equals the first dimension of the inputs.'),
  roundTo: wholeNumber(0, 17).exactOptional().describe('Digits after the point that leave the server.'),
  topK: wholeNumber(1, 2 ** 31 - 1)
    .exactOptional()
    .describe(
      'Along the last dimension: all but the k largest become 0 or, in a row with negative numbers, the lowest number of the type.',
    ),
  redact: withDefault(z.boolean(), false).describe('Values are replaced by zeros or empty strings.'),
})
  .transform((value): OutputRules => completeOutput(value))
  .meta({ id: 'OutputRules', description: 'The rules of one output.' });
