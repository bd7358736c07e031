// The door of values: what is known about tensors before anything runs.
export type { Constant, ContentOrigin, Dim, Value, Values } from './value-types.ts';
