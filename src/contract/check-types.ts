// How the parts of the engine fit together. compile.ts builds, from one signature's rules, a list of tensor checks and relation checks;
// each file in rules/ makes checks of one kind.
import type { Tensor } from '../tensor/index.ts';
import type { TensorRules } from './contract-types.ts';
import type { BoundRule, Findings } from './findings.ts';
import type { RuleName } from './rule-table.ts';
import type { PatternWork } from './rules/pattern.ts';

/** The client's own words for an element: `instances[3].age[2]`; without an index, for the whole tensor. */
export type ElementPath = (flatIndex?: number) => string;

/** What a compile step is given: the rules of one tensor, and how to bind a rule. */
export interface CompileContext {
  readonly rules: TensorRules;
  /** Undefined when the rule's mode is off: then there is nothing to compile. */
  bind(name: RuleName): BoundRule | undefined;
}

/** What a check is given beside the tensor. */
export interface CheckContext {
  readonly path: ElementPath;
  readonly findings: Findings;
  /** Named dimensions that are bound so far, by name. */
  readonly dims: Map<string, number>;
  /** Images that must be decoded and made anew before the model may see them. */
  readonly imageJobs: ImageJob[];
  readonly measure: Measure;
}

/** What this request costs so far: checks that read a header add pixels. */
export interface Measure extends PatternWork {
  pixels: number;
}

/**
 * Looks at one tensor, reports to `context.findings`, and gives the tensor that goes on: the same one, or a changed copy. It must never
 * write into the tensor that it got: shadow rules of a later check want to see what came.
 */
export interface TensorCheck {
  (tensor: Tensor, context: CheckContext): Tensor;
  /** The same in steps of a few milliseconds, for a check that may take long on a large tensor. */
  readonly inSteps?: (tensor: Tensor, context: CheckContext) => Generator<void, Tensor>;
}

/** Looks at several inputs of one request at once, by name. */
export type RelationCheck = (tensors: ReadonlyMap<string, Tensor>, context: RelationContext) => void;

export interface RelationContext {
  readonly pathOf: (alias: string) => ElementPath;
  readonly findings: Findings;
}

/** One encoded image that has to go through the decoder. */
export interface ImageJob {
  /** Position among the signature's inputs. */
  readonly tensorIndex: number;
  /** Which string of the tensor. */
  readonly elementIndex: number;
  /** For messages. */
  readonly path: string;
  /** By the header; the decoder checks it against what it finds. */
  readonly width: number;
  readonly height: number;
  /** Exactly the size that the result must have; the image's own when it is only made anew. */
  readonly resultWidth: number;
  readonly resultHeight: number;
  /** Only the first frame is kept. */
  readonly firstFrameOnly: boolean;
}
