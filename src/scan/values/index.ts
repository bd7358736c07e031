// The door of values: what is known about tensors before anything runs, and what a program may cost in memory and time.
export { judgeLoops } from './judge-loops.ts';
export { judgeSizes } from './judge-sizes.ts';
export { type OpenValues, openValues } from './open-values.ts';
export { valueRules } from './rules.ts';
export type { ValueLimits } from './value-cells.ts';
export type { Constant, ContentOrigin, Dim, PartialSizes, Value, Values } from './value-types.ts';
