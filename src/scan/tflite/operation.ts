// One operator with what is known about its operands, as the checks of its parameters are given it. Plain data.
import type { TensorValue } from './tensor-values.ts';
import type { Subgraph, TfliteOperator } from './tflite-model.ts';

export interface Problem {
  /** Continues the sentence "CONV_2D operator 1 of subgraph 0 …". */
  readonly what: string;
  readonly advisory?: string;
  readonly severity?: 'medium' | 'high';
}

/** What a check of one operation is given. */
export interface Operation {
  readonly operator: TfliteOperator;
  readonly subgraph: Subgraph;
  readonly inputs: readonly TensorValue[];
  readonly outputCount: number;
  option(name: string): number;
}
