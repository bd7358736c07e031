// The door of rehearsal: another TensorFlow is tried with the models and requests that are there, beside the one that serves, before it may take over.
export type { OutputComparison } from './compare-outputs.ts';
export { type ModelRehearsal, type RequestSource, requestSources, type SideReport } from './rehearsal-types.ts';
export { type Rehearsal, type RehearsalProgress, type RehearseOptions, rehearse } from './rehearse.ts';
