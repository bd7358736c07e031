// A model as a program: bodies of nodes, who calls whom, and what reaches what. Whoever judges a graph reads it through these types; how the
// bytes are held is the business of this folder. Numbers are indexes into one body, so half a million nodes cost no half a million objects.
import type { AttrValue } from '../../model/index.ts';
import type { ChainStep, Trigger } from '../scan-types.ts';

/** Where an input comes from: a node of the same body and the flat number of its output. */
export interface Edge {
  readonly node: number;
  /** Undefined when the name does not resolve to an output of a known operation; 0 then stands for nothing. */
  readonly output: number | undefined;
}

/** The main graph or the body of a function. Nodes 0 to argCount - 1 are the arguments of a function, as nodes with the op `_Arg`. */
export interface Body {
  /** Name of the function; undefined for the main graph. */
  readonly function: string | undefined;
  readonly argCount: number;
  readonly nodeCount: number;
  name(node: number): string;
  op(node: number): string;
  /** Empty when there is none. */
  device(node: number): string;
  /** In order. An input that names nothing is left out; `danglingInputs` has it. */
  inputs(node: number): readonly Edge[];
  controlInputs(node: number): readonly number[];
  /** Nodes that take a data or control input from this one; with 500,000 nodes built once, when first asked. */
  consumers(node: number): readonly number[];
  /** Decoded when asked for. Defaults of the operation are not filled in. */
  attr(node: number, name: string): AttrValue['value'] | undefined;
  attrNames(node: number): readonly string[];
  /** Encoded AttrValue, for whoever wants to measure it without decoding. */
  attrBytes(node: number, name: string): Buffer | undefined;
  find(name: string): number | undefined;
  /** Names of inputs that no node or argument has. At most 10,000 in a program. */
  readonly danglingInputs: readonly { readonly node: number; readonly input: string }[];
  /** Names that more than one node has; `find` and edges mean the first. At most 10,000 in a program. */
  readonly duplicateNames: readonly string[];
  /** Of a function, in the order of its signature; empty for the main graph. */
  readonly returns: readonly { readonly name: string; readonly edge: Edge }[];
  readonly controlReturns: readonly number[];
  /** Of a function: what its returns and control returns name and nothing is; the name of an output that has no return. */
  readonly missingReturns: readonly string[];
  /** Of a function, attribute of the FunctionDef (`api_implements`, `_noinline`). */
  functionAttr(name: string): AttrValue['value'] | undefined;
}

export interface NodeRef {
  readonly body: Body;
  readonly node: number;
}

/** `attr`: a function-valued attribute, nested ones included; `op`: the node's op is the function's name; `gradient`: library.gradient by
 * SymbolicGradient; `implements`: grappler may put another function with the same api_implements there; `string`: DatasetFromGraph. */
export type CallKind = 'attr' | 'op' | 'gradient' | 'implements';

export interface Call {
  readonly caller: NodeRef;
  readonly kind: CallKind;
  /** Name of the attribute: `f`, `then_branch`, `body`; with its place in a list: `branches[1]`. */
  readonly attr: string;
  readonly callee: Body;
}

export interface Root {
  readonly trigger: Trigger;
  /** `signature serving_default`, `restore op save/restore_all`, `initializer of table`, `function __inference_f_1`, `fetch out`. */
  readonly label: string;
  readonly body: Body;
  /** Nodes of the main graph; for a function its returns and control returns count and this is empty. */
  readonly nodes: readonly number[];
}

/** A tensor of several parts (sparse, composite) has one of these for each. */
export interface TensorRef {
  readonly alias: string;
  /** As the signature has it: `x:0`. */
  readonly name: string;
  /** DataType's number. */
  readonly dtype: number;
  /** Undefined: unknown rank or not given; -1: unknown size. */
  readonly shape: readonly number[] | undefined;
  readonly encoding: 'name' | 'sparse' | 'composite' | 'none';
}

/** VersionDef: what wrote the graph, and who may read it. 0 where it is not given. */
export interface GraphVersions {
  readonly producer: number;
  readonly minConsumer: number;
  /** At most 100. */
  readonly badConsumers: readonly number[];
}

export interface SignatureEntry {
  readonly name: string;
  readonly methodName: string;
  readonly inputs: readonly TensorRef[];
  readonly outputs: readonly TensorRef[];
  /** Strings that an input has when a request does not give it, by alias; at most 100 of each. */
  readonly defaults: ReadonlyMap<string, readonly string[]>;
}

/** What one object of the SavedModel's object graph is. */
export interface ObjectEntry {
  readonly id: number;
  readonly kind:
    | 'user_object'
    | 'asset'
    | 'function'
    | 'variable'
    | 'bare_concrete_function'
    | 'constant'
    | 'resource'
    | 'captured_tensor'
    | 'none';
  /** Path from the root by child names: `signatures/serving_default`. */
  readonly path: string;
  /** user_object: identifier (`_tf_keras_layer`) and metadata; asset: index in assetFiles; function: names of its concrete functions. */
  readonly identifier?: string;
  readonly metadata?: string;
  readonly registeredName?: string;
  readonly assetIndex?: number;
  /** constant: node of the main graph; captured_tensor: tensor in a concrete function. */
  readonly node?: string;
  readonly concreteFunctions: readonly string[];
  readonly saveableFunctions: readonly { readonly name: string; readonly save: number; readonly restore: number }[];
  readonly children: readonly { readonly name: string; readonly id: number }[];
}

export interface Saver {
  readonly filenameTensor: string;
  readonly saveTensor: string;
  readonly restoreOp: string;
}

/** Which triggers reach which node, and by what way. */
export interface Reach {
  /** Worst first; empty when nothing reaches it. */
  triggersOf(body: Body, node: number): readonly Trigger[];
  /** The way from a root to the node, shortest known, the node itself last; at most 64 steps, a step `…` where some are left out. */
  chainTo(body: Body, node: number, trigger: Trigger): readonly ChainStep[];
  /** True when saver roots and nothing else reach it. */
  isSaverOnly(body: Body, node: number): boolean;
}

/** A GraphDef that lies in a string of another one. */
export interface NestedProgram {
  readonly holder: NodeRef;
  /** True when an operation that runs graphs from strings (DatasetFromGraph) takes the string, also by way of calls. */
  readonly isRun: boolean;
  readonly program: Program;
}

export interface Program {
  /** `Location.file`. */
  readonly file: string;
  /** Tags joined by `,`; undefined for a bare graph. */
  readonly metaGraph: string | undefined;
  readonly kind: 'saved-model' | 'meta-graph' | 'graph-def';
  /** That wrote it; may be empty. */
  readonly tensorflowVersion: string;
  readonly main: Body;
  /** A second function of the same name is there as `NAME (2)`; calls of the name lead to both. */
  readonly functions: ReadonlyMap<string, Body>;
  /** Function name to gradient function's name. */
  readonly gradients: ReadonlyMap<string, string>;
  readonly signatures: readonly SignatureEntry[];
  readonly saver: Saver | undefined;
  readonly assetFiles: readonly { readonly filename: string; readonly tensorName: string }[];
  /** Strings and node names of each collection; bytes lists as they are. */
  readonly collections: ReadonlyMap<string, readonly Buffer[]>;
  readonly objects: readonly ObjectEntry[];
  readonly roots: readonly Root[];
  readonly calls: readonly Call[];
  callsFrom(body: Body, node: number): readonly Call[];
  callsTo(callee: Body): readonly Call[];
  readonly reach: Reach;
  readonly nested: readonly NestedProgram[];
  /** Oddities of the encoding that two readers may read differently: a name defined twice, a singular field given twice. At most 200. */
  readonly differentials: readonly string[];
  /** Functions that reach themselves by calls, each with those that it does so through: TensorFlow's C++ loader crashes on them. */
  readonly recursiveFunctions: readonly (readonly string[])[];
  /** Nodes when every call is replaced by the function's body, all branches taken together; Infinity for recursive functions. */
  inlinedNodes(body: Body): number;
  /** Calls in each other below this body; Infinity for recursive functions. */
  callDepth(body: Body): number;
  /** Concrete function of the object graph to the ids of the objects that it captures: they become its last arguments. */
  readonly boundInputs: ReadonlyMap<string, readonly number[]>;
  readonly tags: readonly string[];
  readonly versions: GraphVersions;
  /** Operations that the writer says its graph used. */
  readonly strippedOps: readonly string[];
  /** Name of a function in the library to its name in Python. */
  readonly functionAliases: ReadonlyMap<string, string>;
  /** Set when this graph lies in a string of another one. */
  readonly holder: NodeRef | undefined;
}
