// The door of hazards: what a graph can do.
export type { FolderFacts } from './hazard-types.ts';
export { judgeProgram } from './judge-program.ts';
export { hazardRules } from './rules.ts';
