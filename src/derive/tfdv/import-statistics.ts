// Fills the bounds that a TFDV schema leaves open from TFDV's statistics: infer_schema never writes a range for a number, nor a length.
// Statistics hold min and max as double even for integers, and string lengths only for bytes.
import { AirlockError, printable } from '../../core/index.ts';
import { contractNumber, type FeatureDraft, stringRules } from './feature-draft.ts';
import type { Feature } from './gen/tensorflow_metadata/schema_pb.ts';
import type {
  BytesStatistics,
  CommonStatistics,
  DatasetFeatureStatistics,
  DatasetFeatureStatisticsList,
  FeatureNameStatistics,
  NumericStatistics,
  StringStatistics,
} from './gen/tensorflow_metadata/statistics_pb.ts';
import { outwardFloat32, outwardInteger } from './outward.ts';
import type { TransferNotes } from './transfer-report.ts';

/** The slice that holds everything, by TFDV's own name for it. */
export const allExamples = 'All Examples';

/**
 * The statistics of all examples.
 * @throws DATASET_INVALID when there are none, or several slices and none of them is all.
 */
export function selectSlice({ datasets }: DatasetFeatureStatisticsList): DatasetFeatureStatistics {
  const whole = datasets.find(({ name }) => name === allExamples) ?? (datasets.length === 1 ? datasets[0] : undefined);
  if (whole !== undefined) return whole;
  const names = datasets.slice(0, 5).map(({ name }) => printable(name ?? ''));
  throw new AirlockError('DATASET_INVALID', {
    message: `The statistics have no slice "${allExamples}"${names.length === 0 ? '' : `, only ${names.join(', ')}`}`,
  });
}

/** Statistics by the name of the feature; those of nested features have a longer path and are left out. */
export function statisticsByName({ features }: DatasetFeatureStatistics): ReadonlyMap<string, FeatureNameStatistics> {
  const byName = new Map<string, FeatureNameStatistics>();
  for (const feature of features) {
    const { case: kind, value } = feature.fieldId;
    const name = kind === 'name' ? value : kind === 'path' && value.step.length === 1 ? value.step[0] : undefined;
    if (name !== undefined && !byName.has(name)) byName.set(name, feature);
  }
  return byName;
}

export interface StatisticsContext {
  readonly path: string;
  /** The bounds go out by this fraction of max − min, 0 or more. */
  readonly margin: number;
  readonly notes: TransferNotes;
  /** What the schema says of the values. */
  readonly domainInfo: Feature['domainInfo'];
}

function numbers(stats: NumericStatistics, draft: FeatureDraft, { path, margin, notes, domainInfo }: StatisticsContext): void {
  // A 0 is not written: these fields have no presence in TFDV's messages. Where neither is there, the zeros tell whether there were values.
  const isThere = stats.min !== undefined || stats.max !== undefined || (stats.numZeros ?? 0n) > 0n;
  const [min, max] = isThere ? [stats.min ?? 0, stats.max ?? 0] : [];
  const nan = stats.histograms.reduce((most, { numNan }) => (numNan !== undefined && numNan > most ? numNan : most), 0n);
  const hasInfinity = [min, max].some((bound) => bound !== undefined && !Number.isFinite(bound) && !Number.isNaN(bound));
  if (draft.kind === 'float' && (nan > 0n || hasInfinity)) {
    const { disallowNan, disallowInf } = domainInfo.case === 'floatDomain' ? domainInfo.value : {};
    draft.number = {
      nan: nan > 0n && disallowNan !== true ? 'allow' : 'reject',
      infinity: hasInfinity && disallowInf !== true ? 'allow' : 'reject',
    };
    const what = `data with ${nan} NaN${hasInfinity ? ' and infinities' : ''}`;
    notes.change(path, '', what, 'allowed where the schema does not forbid them: the model has seen them');
  }
  if (min === undefined || max === undefined || !(min <= max) || draft.allowed !== undefined) return;
  const spread = Number.isFinite(max - min) ? (max - min) * margin : 0;
  // A count, an index or an amount that was never negative stays so.
  const low = min >= 0 ? Math.max(0, min - spread) : min - spread;
  const outward = draft.kind === 'int64' ? outwardInteger : outwardFloat32;
  if (draft.kind === 'int64' && Math.max(Math.abs(min), Math.abs(max)) > Number.MAX_SAFE_INTEGER)
    notes.change(
      path,
      '',
      'integers beyond 2^53',
      'statistics hold them rounded; the bounds go out to the next value that is certain',
    );
  if (draft.min === undefined && Number.isFinite(low)) draft.min = contractOf(outward(low, 'down'));
  if (draft.max === undefined && Number.isFinite(max)) draft.max = contractOf(outward(max + spread, 'up'));
  // A bound of the schema can contradict the data.
  if (draft.min !== undefined && draft.max !== undefined && draft.min > draft.max)
    throw new AirlockError('DATASET_INVALID', {
      message: `Feature ${printable(path)}: the range of the schema and that of the statistics have nothing in common`,
    });
}

function contractOf(value: number | bigint) {
  return typeof value === 'bigint' ? contractNumber(value) : value;
}

function counts(stats: CommonStatistics | undefined, draft: FeatureDraft): void {
  // A fewest of 0 is not written.
  const { minNumValues: min = 0n, maxNumValues: max } = stats ?? {};
  if (draft.count !== undefined || max === undefined || min > max || max > 2 ** 31 - 1) return;
  draft.count = { min: Number(min), max: Number(max) };
}

function strings(stats: StringStatistics, draft: FeatureDraft, { path, notes }: StatisticsContext): void {
  const hasBroken = (stats.invalidUtf8Count ?? 0n) > 0n;
  if (hasBroken) notes.change(path, '', `${stats.invalidUtf8Count} values that are not UTF-8`, 'its values are bytes, not text');
  else if (draft.string?.encoding === 'binary' && draft.image === undefined) draft.string = { ...draft.string, encoding: 'utf8' };
  if (hasBroken && draft.string !== undefined && draft.string.pattern === undefined) draft.string = stringRules('binary');
  const { pattern, maxBytes } = draft.string ?? {};
  if ((draft.allowed ?? draft.vocabulary ?? pattern ?? maxBytes) === undefined)
    notes.lose(path, '', 'a limit of length', 'statistics hold the mean length of strings, not the largest: profile the data');
}

function bytes(stats: BytesStatistics, draft: FeatureDraft, { margin }: StatisticsContext): void {
  // The float has 24 bits; the integer is newer and exact.
  const longest = stats.maxNumBytesInt === undefined ? stats.maxNumBytes : Number(stats.maxNumBytesInt);
  if (longest === undefined || !(longest >= 0 && longest < 2 ** 30) || draft.string?.maxBytes !== undefined) return;
  const slack = stats.maxNumBytesInt === undefined && longest > 2 ** 24 ? longest * 2 ** -23 : 0;
  draft.string = {
    ...(draft.string ?? stringRules('binary')),
    maxBytes: Math.min(2 ** 31 - 1, Math.ceil(longest * (1 + margin) + slack)),
  };
}

/**
 * Adds to `draft` the bounds that it does not have yet.
 * @throws DATASET_INVALID when the data lies outside of what the schema allows.
 */
export function applyStatistics(feature: FeatureNameStatistics, draft: FeatureDraft, context: StatisticsContext): void {
  const { stats } = feature;
  if (stats.case === undefined || stats.case === 'structStats') return;
  const isNumeric = stats.case === 'numStats';
  if (isNumeric === (draft.kind === 'bytes')) {
    context.notes.lose(context.path, '', 'the statistics of this feature', 'they are of another type than the schema says');
    return;
  }
  counts(stats.value.commonStats, draft);
  if (stats.case === 'numStats') numbers(stats.value, draft, context);
  else if (stats.case === 'stringStats') strings(stats.value, draft, context);
  else bytes(stats.value, draft, context);
}
