// The door of profile: what the operations of a model really took, from TensorFlow's own traces.
export { opOfModel } from './op-name.ts';
export { readRunMetadata } from './read-run-metadata.ts';
export type { NodeRun, RunProfile } from './run-profile.ts';
