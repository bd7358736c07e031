// The door of data sets, for the rest of derive.
export {
  type BoundInput,
  bindInputs,
  type InputMapping,
  type InputValues,
  isBatched,
  parseMapping,
  valuesOf,
  wantedColumns,
} from './bind-inputs.ts';
export { datasetError } from './dataset-error.ts';
export {
  type Column,
  type Dataset,
  type DatasetKind,
  type DatasetLimits,
  type DatasetOptions,
  defaultDatasetLimits,
  type RaggedShapes,
  type RecordBatch,
  wholeRecord,
} from './dataset-types.ts';
export { type FeatureValues, readExample } from './example-wire.ts';
export { isBlank } from './jsonl.ts';
export { linesOf } from './lines.ts';
export { datasetKinds, openDataset } from './open-dataset.ts';
export { SourceFile } from './source-file.ts';
export { bytesOfArray, type TypedArray, typedArrayOf } from './typed-array.ts';
