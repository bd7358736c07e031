// What a model can be called with: the names, types and shapes of one signature of a SavedModel.
import type { DType } from './dtype.ts';

export interface TensorSpec {
  /** The name that clients use, for example `x`. */
  readonly alias: string;
  /** The tensor in the graph, for example `serving_default_x:0`. */
  readonly tensorName: string;
  readonly dtype: DType;
  /** -1 for a dimension of any size; null when even the rank is unknown. */
  readonly shape: readonly number[] | null;
}

export interface Signature {
  /** For example `serving_default`. */
  readonly name: string;
  /** `tensorflow/serving/predict`, `…/classify`, `…/regress`, or whatever the model's author wrote. */
  readonly methodName: string;
  /** Sorted by alias; the index in this list is the tensor's number on the way to a worker. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /**
   * Why this signature can be listed but not called (an input of a type that cannot be fed, a composite tensor), or undefined.
   * Safe to show to a client.
   */
  readonly unsupported?: string;
}

/**
 * True when a tensor of shape `got` fits `expected`: the same rank, and every fixed dimension equal.
 * An unknown rank (null) fits everything.
 */
export function shapeFits(expected: readonly number[] | null, got: readonly number[]): boolean {
  if (expected === null) return true;
  if (expected.length !== got.length) return false;
  return expected.every((size, index) => size === -1 || size === got[index]);
}

/** `[-1,224,224,3]` as people read it: `[?,224,224,3]`; `unknown` for an unknown rank. */
export function formatShape(shape: readonly number[] | null): string {
  return shape === null ? 'unknown' : `[${shape.map((size) => (size === -1 ? '?' : String(size))).join(',')}]`;
}
