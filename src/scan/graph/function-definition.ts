// What a FunctionDef says besides its nodes.
import type { Span } from './wire-message.ts';

/** An input or output in the signature of a function. */
export interface FunctionArg {
  readonly span: Span;
  readonly name: string;
  readonly type: number;
  readonly typeAttr: string;
  readonly numberAttr: string;
  readonly typeListAttr: string;
}

export interface FunctionDefinition {
  readonly name: string;
  readonly args: readonly FunctionArg[];
  readonly outputs: readonly FunctionArg[];
  readonly ret: ReadonlyMap<string, string>;
  readonly controlRet: ReadonlyMap<string, string>;
  /** Encoded AttrValues, by name. */
  readonly attrs: ReadonlyMap<string, Span>;
  /** Of each argument that has some. */
  readonly argAttrs: ReadonlyMap<number, ReadonlyMap<string, Span>>;
  /** In the list of nodes: the first one and how many there are. */
  readonly firstNode: number;
  readonly nodeCount: number;
}
