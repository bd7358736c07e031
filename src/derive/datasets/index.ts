// The door of data sets, for the rest of derive.
export { datasetError } from './dataset-error.ts';
export {
  type Column,
  type Dataset,
  type DatasetKind,
  type DatasetLimits,
  type DatasetOptions,
  type RecordBatch,
  wholeRecord,
} from './dataset-types.ts';
export { isBlank } from './jsonl.ts';
export { linesOf } from './lines.ts';
export { datasetKinds, openDataset } from './open-dataset.ts';
export { SourceFile } from './source-file.ts';
export { bytesOfArray, type TypedArray, typedArrayOf } from './typed-array.ts';
