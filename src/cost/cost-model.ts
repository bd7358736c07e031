// What a model may cost, as plain data: bounds of each operation as functions of the sizes that a request chooses. Made by the process that scans the model
// (src/scan/cost), evaluated by the server, which must not believe a word of it before it was checked: a hostile model may have taken that process over.

/** An upper bound: a number; the name of a variable; or an operation on bounds. Never below the truth for the values of the variables that a request has. */
export type CostExpression = number | string | CostOperation;

export interface CostOperation {
  /** `floor/` and `ceil/` divide the first of two by the second, which is a number above zero, and round. */
  readonly op: '+' | '*' | 'max' | 'min' | 'floor/' | 'ceil/';
  readonly of: readonly CostExpression[];
}

/** Null: nothing bounds it. */
export type CostBound = CostExpression | null;

/** A size that a request chooses. */
export interface CostVariable {
  /** `<alias>.<axis>` for a dimension of an input; `<alias>.bytes` for all bytes of a string input, `<alias>.longest` for its longest string. */
  readonly name: string;
  readonly input: string;
  readonly axis: number | 'bytes' | 'longest';
}

export interface NodeCost {
  readonly node: string;
  /** Function of the library; absent in the main graph. */
  readonly function?: string;
  readonly op: string;
  /** How often it runs in one request. */
  readonly runs: CostBound;
  /** Of all its runs together. */
  readonly flops: CostBound;
  /** Bytes that it reads and writes, all runs together. */
  readonly bytes: CostBound;
  /** Of one run: what it allocates for outputs and for itself. */
  readonly memoryBytes: CostBound;
}

/** Something that is not bounded, and why. */
export interface CostGap {
  readonly node: string;
  readonly function?: string;
  readonly op: string;
  /** `op`: its cost is not known here. `shape`: its sizes depend on data. `loop`: how often it runs depends on data. `recursion`: it calls itself. */
  readonly why: 'op' | 'shape' | 'loop' | 'recursion';
}

export interface SignatureCost {
  readonly name: string;
  readonly variables: readonly CostVariable[];
  readonly flops: CostBound;
  readonly bytes: CostBound;
  /** The most that lives at one time beside the weights, in any order in which TensorFlow may run the nodes. */
  readonly peakBytes: CostBound;
  /** Those that cost most come first; at most `maxNodeCosts`, the rest of each operation in one entry whose `node` is empty. */
  readonly nodes: readonly NodeCost[];
  /** At most `maxGaps`. */
  readonly gaps: readonly CostGap[];
}

export interface CostModel {
  readonly format: 1;
  /** Of the variables and constants that the model keeps in memory. */
  readonly weightBytes: number;
  readonly signatures: readonly SignatureCost[];
}

export const maxNodeCosts = 512;
export const maxGaps = 64;
