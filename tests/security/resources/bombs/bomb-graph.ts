// Builds the graphs of resource bombs: small models whose only purpose is to take much more memory or time than the bytes that describe them. Each bomb is written once
// and comes in two forms: sized by a constant that lies in the model, or by what a request sends.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AttrsInput,
  attrInt,
  attrType,
  constFloats,
  constInts,
  type FunctionInput,
  field,
  graphDef,
  type MetaGraphInput,
  message,
  type NodeInput,
  placeholder,
  type SignatureInput,
  savedModel,
  type TensorInput,
  varintField,
} from '../../../support/graph-builder.ts';

/** Where a bomb gets its size from. */
export type BombForm = 'model' | 'input';

export class BombGraph {
  readonly nodes: NodeInput[] = [];
  readonly functions: FunctionInput[] = [];
  readonly #scope: string;
  readonly #fire: string | undefined;
  readonly #go: string | undefined;
  #count = 0;

  /**
   * @param scope begins the names of all nodes.
   * @param fire name of a boolean: without it nothing runs, so that a constant bomb does not go off while the model is loaded and warmed up.
   */
  constructor(scope: string, fire?: string) {
    this.#scope = scope;
    this.#fire = fire;
    if (fire === undefined) return;
    const yes = this.#add('yes', { op: 'Identity', inputs: [fire], attrs: { T: attrType('DT_BOOL') } });
    const gate = this.#add('gate', { op: 'Switch', inputs: [yes, fire], attrs: { T: attrType('DT_BOOL') } });
    this.#go = this.#add('go', { op: 'Identity', inputs: [`${gate}:1`], attrs: { T: attrType('DT_BOOL') } });
  }

  #add(name: string, { op, inputs = [], attrs = {} }: Omit<NodeInput, 'name'>): string {
    const full = `${this.#scope}/${name}`;
    this.nodes.push({ name: full, op, inputs, attrs });
    return full;
  }

  /** Adds an operation and gives the name of its first output. */
  op(op: string, inputs: readonly string[], attrs: AttrsInput = {}): string {
    const after = this.#go === undefined ? [] : [`^${this.#go}`];
    return this.#add(`${op}_${this.#count++}`, { op, inputs: [...inputs, ...after], attrs });
  }

  /** One number: a scalar; several: a vector. */
  ints(values: number | readonly number[], dtype: 'DT_INT32' | 'DT_INT64' = 'DT_INT64'): string {
    const name = `${this.#scope}/ints_${this.#count++}`;
    this.nodes.push(constInts(name, values, { dtype }));
    return name;
  }

  /** What `value` (int64) is when the bomb is fired; nothing otherwise. */
  gated(value: string): string {
    const name = `gated_${this.#count++}`;
    const inputs = [value, this.#fire ?? ''];
    return `${this.#add(name, { op: 'Switch', inputs, attrs: { T: attrType('DT_INT64') } })}:1`;
  }

  floats(values: number | readonly number[]): string {
    const name = `${this.#scope}/floats_${this.#count++}`;
    this.nodes.push(constFloats(name, values));
    return name;
  }

  function(input: FunctionInput): string {
    const name = `${this.#scope.replaceAll('/', '_')}_${input.name}`;
    this.functions.push({ ...input, name });
    return name;
  }

  /** The sizes as a vector that an operation takes as a shape. */
  shape(...sizes: readonly string[]): string {
    return this.op('Pack', sizes, { T: attrType('DT_INT64'), N: attrInt(sizes.length), axis: attrInt(0) });
  }

  /** The largest of all elements, as a scalar, so that an answer is small whatever was computed. */
  largest(tensor: string, dtype: string, rank: number): string {
    const axes = this.ints(
      Array.from({ length: rank }, (_, axis) => axis),
      'DT_INT32',
    );
    return this.op('Max', [tensor, axes], { T: attrType(dtype), Tidx: attrType('DT_INT32') });
  }
}

/** A scalar that a bomb ends in. */
export interface BombEnd {
  readonly tensor: string;
  readonly dtype: 'DT_FLOAT' | 'DT_INT32' | 'DT_INT64';
}

export interface Bomb {
  /** Also the name of its signature. */
  readonly name: string;
  /** How a request chooses the size: by a number in it, or by how many rows of `width` floats it sends. */
  readonly by: 'number' | { readonly rows: number };
  /** Adds it. `size` is a scalar (int64), or the rows. */
  readonly build: (graph: BombGraph, size: string) => BombEnd;
}

const fire: TensorInput = { name: 'fire:0', dtype: 'DT_BOOL', shape: [] };

/** The MetaGraph of a model with a signature for each bomb. In the form `model` it takes `fire`, in the form `input` it takes `n` or `x`. */
export function bombModel(bombs: readonly Bomb[], form: BombForm, sizes: Readonly<Record<string, number>>): MetaGraphInput {
  const nodes: NodeInput[] = form === 'model' ? [placeholder('fire', 'DT_BOOL', [])] : [];
  const functions: FunctionInput[] = [];
  const signatures: Record<string, SignatureInput> = {};
  for (const { name, by, build } of bombs) {
    const graph = new BombGraph(name, form === 'model' ? 'fire' : undefined);
    const input = form === 'model' ? fire : bombInput(name, by);
    const { tensor, dtype } = build(graph, form === 'model' ? constantSize(graph, by, sizes[name] ?? 1) : `${name}/n`);
    if (form === 'input') nodes.push(placeholder(`${name}/n`, input.dtype, input.shape));
    nodes.push(...graph.nodes);
    functions.push(...graph.functions);
    const alias = form === 'model' ? 'fire' : by === 'number' ? 'n' : 'x';
    signatures[name] = { inputs: { [alias]: input }, outputs: { out: { name: `${tensor}:0`, dtype, shape: [] } } };
  }
  // 1882 is the producer version of TensorFlow 2.15; without one TensorFlow takes the graph for one of its first.
  const graph = message(graphDef(nodes, { functions }), field(4, varintField(1, 1882)));
  return { graph, signatures };
}

function bombInput(name: string, by: Bomb['by']): TensorInput {
  if (by === 'number') return { name: `${name}/n:0`, dtype: 'DT_INT64', shape: [] };
  return { name: `${name}/n:0`, dtype: 'DT_FLOAT', shape: [-1, by.rows] };
}

/** Through a switch: TensorFlow works out in advance what hangs on constants alone, and the bomb would go off while the model is loaded. */
function constantSize(graph: BombGraph, by: Bomb['by'], size: number): string {
  if (by === 'number') return graph.gated(graph.ints(size));
  const shape = graph.shape(graph.gated(graph.ints(size)), graph.ints(by.rows));
  return graph.op('Fill', [shape, graph.floats(1)], { T: attrType('DT_FLOAT'), index_type: attrType('DT_INT64') });
}

/** Writes it as version 1 below `folder`. */
export function writeBombModel(folder: string, model: MetaGraphInput): void {
  mkdirSync(join(folder, '1'), { recursive: true });
  writeFileSync(join(folder, '1', 'saved_model.pb'), savedModel({ metaGraphs: [model] }));
}
