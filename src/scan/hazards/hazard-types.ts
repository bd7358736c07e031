// What the judges of one graph share. Plain types: nothing here reads a model.
import type { Severity } from '../../core/index.ts';
import type { Body, NodeRef, Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { Argument, Trigger } from '../scan-types.ts';
import type { Values } from '../values/index.ts';

/** What is known about the folder that the graph lies in. A bare file has neither assets nor variables. */
export interface FolderFacts {
  /** Files below `assets`, with and without that folder's name. */
  readonly assets: ReadonlySet<string>;
  /** Tensors of the checkpoint by key; undefined when there is none or it could not be read. `dtype` is DataType's number. */
  readonly variables: ReadonlyMap<string, { readonly dtype: number; readonly shape: readonly number[] }> | undefined;
  readonly kind: 'saved-model' | 'meta-graph' | 'graph-def';
}

/** The resources of a graph by the names that TensorFlow knows them under. */
export interface Resources {
  /** Every node with this op, in all bodies; only of the operations that some judge asks for. */
  nodesOf(op: string): readonly NodeRef[];
  /** Names of the resources that the data input at this place may carry; with `?` when that cannot be told. */
  namesAt(body: Body, node: number, input: number): ReadonlySet<string>;
  /** Nodes that made what the data input at this place carries. */
  creatorsAt(body: Body, node: number, input: number): readonly NodeRef[];
}

/** What judging one graph may cost: hostile graphs have half a million nodes of the most expensive kind. */
export interface Budget {
  /** True the first `count` times for this name. */
  takes(name: string, count: number): boolean;
}

/** One graph under judgement. */
export interface Case {
  readonly program: Program;
  readonly values: Values;
  readonly context: ScanContext;
  readonly folder: FolderFacts;
  /** 0 for a graph of the model itself, 1 for one that lies in a string of it, and so on. */
  readonly depth: number;
  /** True where no operation runs that string, so that something outside of the model would have to. */
  readonly isHeld: boolean;
  readonly resources: Resources;
  readonly budget: Budget;
}

/** How one operation is dangerous. Tables of these are facts; what a value changes about them is decided by the judge of that kind. */
export interface OpRisk {
  readonly ops: readonly string[];
  readonly ruleId: string;
  /** Where the value of the argument does not decide. */
  readonly severity: Severity;
  /** Third person, what it does to the argument: `reads`. */
  readonly verb: string;
  /** What it does it to, where no value is known: `a file`. */
  readonly object: string;
  /** `in:NAME` an input of the operation, `attr:NAME` an attribute. The first with a value is named. */
  readonly at: readonly string[];
  readonly effect?: string;
}

export interface Hazard {
  readonly ruleId: string;
  /** Before the trigger lowers it. */
  readonly severity: Severity;
  /** One sentence without its end: when it happens is added. */
  readonly message: string;
  readonly argument?: Argument;
  readonly effect?: string;
  readonly fix?: string;
  /** For what happens even when nothing reaches the node: the trigger that it has anyway. */
  readonly always?: Trigger;
}
