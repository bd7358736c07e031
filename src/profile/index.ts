// The door of profile: what the operations of a model really took, from TensorFlow's own traces.
export type { NodeRun, RunProfile } from './run-profile.ts';
