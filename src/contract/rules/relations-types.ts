// What the compile steps of relations share. Types only.
import type { Tensor } from '../../tensor/index.ts';
import type { ElementPath } from '../check-types.ts';
import type { TensorRules } from '../contract-types.ts';
import type { BoundRule } from '../findings.ts';

/** A tensor that went through its own checks. */
export interface Passed {
  readonly tensor: Tensor;
  readonly path: ElementPath;
  readonly isRefused: boolean;
}

export interface RelationParts {
  readonly rule: BoundRule;
  /** Elements that one relation reports in one request. */
  readonly maxReports: number;
  readonly inputs: ReadonlyMap<string, TensorRules>;
}
