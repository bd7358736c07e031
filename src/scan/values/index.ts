// The door of values: what is known about tensors before anything runs.
export { type OpenValues, openValues, type ValueLimits } from './open-values.ts';
export type { Constant, ContentOrigin, Dim, PartialSizes, Value, Values } from './value-types.ts';
