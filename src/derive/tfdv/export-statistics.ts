// A contract's signature as TFDV statistics: those of the widest data that it lets through, so that tools that compare statistics, or infer a
// schema from them, know the bounds. Nothing here was measured, and what only data can say is left out and reported.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Contract } from '../../contract/index.ts';
import { exportFeatureStatistics } from './export-feature-statistics.ts';
import { type ExportedFeature, type ExportOptions, exportedInputs } from './export-inputs.ts';
import type { ExportNotes } from './export-notes.ts';
import {
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
} from './gen/tensorflow_metadata/statistics_pb.ts';
import { allExamples } from './import-statistics.ts';
import type { TransferReport } from './transfer-report.ts';

export interface StatisticsResult {
  readonly statistics: DatasetFeatureStatisticsList;
  readonly report: TransferReport;
}

/** Records of the one source that all measured rules of the inputs come from. */
function countRecords({ metadata, signatures }: Contract): number | undefined {
  const used = new Set<string>();
  for (const { inputs } of signatures.values())
    for (const { derivedFrom } of inputs.values()) for (const source of derivedFrom.values()) used.add(source);
  const sources = metadata.sources.filter(({ id, records = 0 }) => used.has(id) && records > 0);
  return sources.length === 1 ? sources[0].records : undefined;
}

/** At least one example, and two where one of them lacks a feature: TFDV passes over statistics of none. */
function countExamples(contract: Contract, features: readonly ExportedFeature[], notes: ExportNotes): number {
  const least = features.some(({ rules }) => !rules.required) ? 2 : 1;
  const counted = countRecords(contract);
  if (counted !== undefined && counted >= least) return counted;
  notes.change('', 'num_examples', 'how many examples there are', `nobody counted them; ${least} are written`);
  return least;
}

/**
 * The inputs of one signature as the statistics of one data set.
 * @throws USAGE and CONTRACT_INVALID, as `exportedInputs` does.
 */
export function exportTfdvStatistics(contract: Contract, options: ExportOptions = {}): StatisticsResult {
  const { features, notes } = exportedInputs(contract, options);
  const examples = BigInt(countExamples(contract, features, notes));
  const init: MessageInitShape<typeof DatasetFeatureStatisticsListSchema> = {
    datasets: [
      {
        name: allExamples,
        numExamples: examples,
        features: features.map((feature) => exportFeatureStatistics(feature, { examples, dims: contract.dims, notes })),
      },
    ],
  };
  notes.change('', '', 'means, spreads, medians and histograms', 'nobody measured them; TFDV reads what is left out as 0');
  return { statistics: create(DatasetFeatureStatisticsListSchema, init), report: notes.finish(contract) };
}
