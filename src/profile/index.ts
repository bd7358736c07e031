// The door of profile: what the operations of a model really took, from TensorFlow's own traces. Pure: it starts, writes and refuses nothing.

export { formatMemory, formatUs, type ProfiledSignature, profileHtml } from './html-report.ts';
export {
  type LimitedOps,
  limitsAnything,
  limitsAsYaml,
  type OverLimit,
  opsOverLimit,
  overLimitText,
  type SuggestOptions,
  suggestLimits,
} from './op-limits.ts';
export { opOfModel } from './op-name.ts';
export { OpProfile, type OpStats } from './op-profile.ts';
export { type OpShare, type ProfileReport, profileReport } from './op-shares.ts';
export { maxProfileFileBytes, type ProfileOrigin, readProfile, writeProfile } from './profile-file.ts';
export { readRunMetadata } from './read-run-metadata.ts';
export type { NodeRun, RunProfile } from './run-profile.ts';
