// The door of checkpoint: bundles of TensorFlow 1 and 2, checkpoints of the first format, and the file that names the latest.
export { scanBundle } from './bundle.ts';
export { type BundleFacts, type BundleTensor, type CheckpointFolder, objectGraphKey } from './bundle-types.ts';
export { isCheckpointV1, scanCheckpointV1 } from './checkpoint-v1.ts';
export { checkpointRules } from './rules.ts';
export { bundleWeights, type CheckpointFolderOptions, scanCheckpointFolder } from './scan-folder.ts';
export { type CheckpointState, parseCheckpointState, type StateSurroundings, scanCheckpointState } from './state-file.ts';
