// The rules of one feature as TFDV statistics of the widest values that keep them. A field of these messages that is 0 is not written, as
// TFDV itself does; a bound that a contract does not have is therefore the largest that the type has, never left out.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { type DimRules, type FeatureRules, type Interval, integerRange, type TensorRules } from '../../contract/index.ts';
import { dtypes } from '../../tensor/index.ts';
import { isNumeric } from '../changes/index.ts';
import { integerEnds, isZeroAndOne, largest, smallest } from './export-ends.ts';
import type { ExportedFeature } from './export-inputs.ts';
import type { ExportNotes } from './export-notes.ts';
import {
  type BytesStatisticsSchema,
  type CommonStatisticsSchema,
  type FeatureNameStatisticsSchema,
  FeatureNameStatistics_Type as Type,
} from './gen/tensorflow_metadata/statistics_pb.ts';
import { largestFloat32, outwardDouble, outwardFloat32 } from './outward.ts';

export interface StatisticsExport {
  /** Of the data set, 1 or more; 2 or more where a feature need not be there. */
  readonly examples: bigint;
  readonly dims: ReadonlyMap<string, DimRules>;
  readonly notes: ExportNotes;
}

type FeatureInit = Exclude<MessageInitShape<typeof FeatureNameStatisticsSchema>, { $typeName: string }>;
type CommonInit = Exclude<MessageInitShape<typeof CommonStatisticsSchema>, { $typeName: string }>;
type BytesInit = Exclude<MessageInitShape<typeof BytesStatisticsSchema>, { $typeName: string }>;

/** Of values in a list, and of bytes in a value: what a contract can count. */
const most = 2 ** 31 - 1;

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/** Without fields that are 0. */
function written<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== 0 && value !== 0n)) as Partial<T>;
}

/** How many values a row of a tensor has. */
function countOfTensor(path: string, { shape }: TensorRules, { dims, notes }: StatisticsExport): Interval {
  if (shape === undefined) return {};
  if (shape.length > 2) notes.lose(`${path}.shape`, '', 'the dimensions of a shape', 'statistics have a number of values');
  notes.say(`${path}.shape`);
  let [min, max] = [1, 1];
  for (const dim of shape.slice(1)) {
    if (dim.kind === 'fixed') [min, max] = [min * dim.size, max * dim.size];
    else if (dim.kind === 'any') [min, max] = [0, most];
    else {
      const bounds = dims.get(dim.name) ?? { min: 0, max: most };
      const size = (bound: number) => Math.max(0, bound * dim.multiplier + dim.offset);
      [min, max] = [min * size(bounds.min), max * size(bounds.max)];
    }
  }
  return { min, max };
}

function commonOf({ path, rules, tensor }: ExportedFeature, context: StatisticsExport): CommonInit {
  const { examples, notes } = context;
  for (const key of ['kind', 'required', 'count']) notes.say(`${path}.${key}`);
  const { min = 0, max = most } = (tensor === undefined ? rules.count : countOfTensor(path, tensor, context)) ?? {};
  const [fewest, largestCount] = [min, max].map((count) => BigInt(Math.min(count, most)));
  const present = rules.required ? examples : examples - 1n;
  return written({
    numNonMissing: present,
    numMissing: examples - present,
    minNumValues: fewest,
    maxNumValues: largestCount,
    totNumValues: fewest === largestCount ? fewest * present : 0n,
  });
}

function integers({ path, rules, tensor }: ExportedFeature, notes: ExportNotes): { min: number; max: number } {
  const type = tensor !== undefined && dtypes[tensor.dtype].kind === 'int' ? integerRange(tensor.dtype) : int64;
  const isBool = tensor?.dtype === 'DT_BOOL' && rules.allowed !== undefined && isZeroAndOne(rules.allowed);
  const { from = type.min, to = type.max < int64.max ? type.max : int64.max } = isBool
    ? { from: 0n, to: 1n }
    : integerEnds(path, 'num_stats', rules, notes);
  if (isBool) notes.say(`${path}.allowed`);
  const ends = { min: outwardDouble(from, 'down'), max: outwardDouble(to, 'up') };
  for (const [key, exact] of [['min', from] as const, ['max', to] as const])
    if (rules[key] !== undefined && BigInt(ends[key]) !== exact)
      notes.change(`${path}.${key}`, `num_stats.${key}`, 'an integer that no double holds', `becomes ${BigInt(ends[key])}`);
  return ends;
}

function floats({ path, rules, tensor }: ExportedFeature, notes: ExportNotes): { min: number; max: number; hasNan: boolean } {
  const { min, max, number, allowed } = rules;
  const listed = (allowed ?? []).filter(isNumeric);
  if (allowed !== undefined)
    notes.lose(`${path}.allowed`, 'num_stats', 'a list of allowed numbers', 'becomes its smallest and largest value');
  for (const key of ['min', 'max', 'number.nan', 'number.infinity']) notes.say(`${path}.${key}`);
  // An infinity is past every bound.
  const unbounded =
    number?.infinity === 'allow' ? Number.POSITIVE_INFINITY : tensor?.dtype === 'DT_DOUBLE' ? Number.MAX_VALUE : largestFloat32;
  const [from = -unbounded] = largest([...(min === undefined ? [] : [min]), ...smallest(listed)]);
  const [to = unbounded] = smallest([...(max === undefined ? [] : [max]), ...largest(listed)]);
  return { min: Number(from), max: Number(to), hasNan: number?.nan === 'allow' };
}

/** Where there are only zeros they are counted, as one an example: otherwise nothing would tell them from no values at all. */
function numbersOf(ends: { readonly min: number; readonly max: number }, { numNonMissing = 0n }: CommonInit) {
  return written({ ...ends, numZeros: ends.min === 0 && ends.max === 0 ? numNonMissing : 0n });
}

function lengthsOf(path: string, { string, image }: FeatureRules, notes: ExportNotes): BytesInit {
  const { minBytes = 0, maxBytes = most } = string ?? {};
  for (const key of ['minBytes', 'maxBytes']) notes.say(`${path}.string.${key}`);
  if (image !== undefined)
    notes.lose(`${path}.image`, 'bytes_stats', 'formats and sizes of images', 'only their bytes are counted');
  return {
    minNumBytes: outwardFloat32(minBytes, 'down'),
    maxNumBytes: outwardFloat32(maxBytes, 'up'),
    maxNumBytesInt: BigInt(maxBytes),
  };
}

/** How many different words there are, where nothing else is let through. */
function wordsOf(path: string, { allowed, vocabulary }: FeatureRules, notes: ExportNotes): bigint {
  const isClosed = vocabulary !== undefined && vocabulary.maxUnknownFraction === 0;
  const words = allowed ?? (isClosed ? [...vocabulary.entries] : []);
  const place = allowed === undefined ? 'vocabulary' : 'allowed';
  if (words.length > 0) notes.lose(`${path}.${place}`, 'string_stats', 'a list of words', 'statistics have only their number');
  return BigInt(new Set(words).size);
}

/** The statistics, for `create(DatasetFeatureStatisticsListSchema, …)`. */
export function exportFeatureStatistics(feature: ExportedFeature, context: StatisticsExport): FeatureInit {
  const { name, path, rules } = feature;
  const { notes } = context;
  const commonStats = commonOf(feature, context);
  const fieldId = { case: 'path' as const, value: { step: [name] } };
  if (rules.kind === 'int64') {
    const stats = { commonStats, ...numbersOf(integers(feature, notes), commonStats) };
    return { fieldId, stats: { case: 'numStats', value: stats } };
  }
  if (rules.kind === 'float') {
    const { hasNan, ...ends } = floats(feature, notes);
    const stats = { commonStats, ...numbersOf(ends, commonStats), histograms: hasNan ? [{ numNan: 1n }] : [] };
    return { fieldId, type: Type.FLOAT, stats: { case: 'numStats', value: stats } };
  }
  if (rules.string?.encoding === 'binary' || rules.image !== undefined) {
    const stats = { commonStats, ...written(lengthsOf(path, rules, notes)) };
    return { fieldId, type: Type.BYTES, stats: { case: 'bytesStats', value: stats } };
  }
  if (rules.string?.encoding === 'utf8') notes.say(`${path}.string.encoding`);
  const stats = { commonStats, ...written({ unique: wordsOf(path, rules, notes) }) };
  return { fieldId, type: Type.STRING, stats: { case: 'stringStats', value: stats } };
}
