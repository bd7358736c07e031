// Collects the nodes that are added to one graph or one function. The two spell a tensor differently: `node:1` in a graph,
// `node:output:1` in a function. Everything that is added is below `airlock/`, so that it can be told apart and taken out again.
import type { AttrValue, NodeDef } from '../model/index.ts';
import type { DType } from '../tensor/index.ts';
import { boolAttribute, type ConstantValue, nodeDef, tensorAttribute, tensorProto, typeAttribute } from './graph-attributes.ts';

/** What begins the name of everything that hardening adds. */
export const reservedPrefix = 'airlock/';

/** The name of the one output of each operation that is used here, as its OpDef has it. */
const outputNames = {
  All: 'output',
  Any: 'output',
  Cast: 'y',
  CheckNumerics: 'output',
  ConcatV2: 'output',
  Const: 'output',
  EnsureShape: 'output',
  Equal: 'z',
  FloorDiv: 'z',
  FloorMod: 'z',
  GatherV2: 'output',
  Greater: 'z',
  GreaterEqual: 'z',
  Identity: 'output',
  IsFinite: 'y',
  IsInf: 'y',
  IsNan: 'y',
  Less: 'z',
  LessEqual: 'z',
  LogicalAnd: 'z',
  LogicalNot: 'y',
  LogicalOr: 'z',
  LowerBound: 'output',
  Max: 'output',
  Min: 'output',
  Minimum: 'z',
  Mul: 'z',
  Reshape: 'output',
  SelectV2: 'output',
  Shape: 'output',
  Size: 'output',
  Slice: 'output',
  StaticRegexFullMatch: 'output',
  StringLength: 'output',
  Sub: 'z',
  Sum: 'output',
} as const satisfies Record<string, string>;

export type ScopeOp = keyof typeof outputNames;

export class GraphScope {
  readonly kind: 'graph' | 'function';
  /** In the order in which they were added. */
  readonly nodes: NodeDef[] = [];

  constructor(kind: 'graph' | 'function') {
    this.kind = kind;
  }

  /** Adds a node and gives its output, as a node of this scope refers to it. `name` is relative to `airlock/`. */
  add(name: string, op: ScopeOp, inputs: readonly string[], attributes: Readonly<Record<string, AttrValue>>): string {
    const node = this.#push(name, op, inputs, attributes);
    return this.kind === 'graph' ? node : `${node}:${outputNames[op]}:0`;
  }

  constant(name: string, dtype: DType, values: readonly ConstantValue[], shape: readonly number[]): string {
    const value = tensorAttribute(tensorProto(dtype, values, shape));
    return this.add(name, 'Const', [], { dtype: typeAttribute(dtype), value });
  }

  scalar(name: string, dtype: DType, value: ConstantValue): string {
    return this.constant(name, dtype, [value], []);
  }

  /** An operation that is not waited for by its value: gives the name of the node. */
  addWithoutOutput(
    name: string,
    op: 'Assert' | 'NoOp' | 'StatefulPartitionedCall',
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttrValue>>,
  ): string {
    return this.#push(name, op, inputs, attributes);
  }

  /** One bool from a vector of them: true when all are, which an empty vector is too. */
  all(name: string, vector: string): string {
    const axis = this.constant(`${name}/axis`, 'DT_INT32', [0], [1]);
    return this.add(name, 'All', [vector, axis], { Tidx: typeAttribute('DT_INT32'), keep_dims: boolAttribute(false) });
  }

  /** The same value, which is there only after the nodes `after` have run. */
  after(name: string, value: string, dtype: DType, after: readonly string[]): string {
    if (after.length === 0) return value;
    return this.add(name, 'Identity', [value, ...after.map((node) => `^${node}`)], { T: typeAttribute(dtype) });
  }

  #push(name: string, op: string, inputs: readonly string[], attributes: Readonly<Record<string, AttrValue>>): string {
    const node = nodeDef(`${reservedPrefix}${name}`, op, inputs, attributes);
    this.nodes.push(node);
    return node.name;
  }
}

/** The node of an output: `a` of `a:1`, `a:output:0` and `a`. */
export function nodeOf(reference: string): string {
  const colon = reference.indexOf(':');
  return colon === -1 ? reference : reference.slice(0, colon);
}
