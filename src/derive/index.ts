// The door of derive: where contracts come from (a model, data, TensorFlow Data Validation) and how they change. For the command line: it reads
// files that may be anybody's, and no server needs it.
export {
  contractText,
  diffContracts,
  formatChanges,
  loadObservations,
  measureData,
  proposeFromData,
  proposePromotions,
} from './changes/index.ts';
export {
  type CheckOptions,
  type CheckReport,
  type CheckRequestsOptions,
  checkDataset,
  checkFailures,
  checkRequests,
  formatCheckReport,
  isBroken,
  type RuleReport,
} from './check/index.ts';
export {
  type Dataset,
  type DatasetKind,
  type DatasetLimits,
  type DatasetOptions,
  datasetKinds,
  defaultDatasetLimits,
  type InputMapping,
  openDataset,
  parseMapping,
  SourceFile,
} from './datasets/index.ts';
export { type InferOptions, type InferredContract, inferContract } from './infer/infer-contract.ts';
export {
  defaultMargin,
  formatReport,
  type InputReport,
  type Profile,
  type ProfileOptions,
  profileDatasets,
} from './profile/index.ts';
export { contractFromSignature, type SkeletonOptions } from './skeleton.ts';
export {
  exportTfdvSchema,
  exportTfdvStatistics,
  formatTransferReport,
  importTfdv,
  loadTfdvSchema,
  loadTfdvStatistics,
  serializeTfdvSchema,
  serializeTfdvStatistics,
} from './tfdv/index.ts';
