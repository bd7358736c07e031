// The graph of a hostile model: attacks side by side, each behind a switch that only a request with `fire: true` closes. Without it
// the warm-up would set them off, and one attack that kills the worker would hide all others.
import { dtypes, type Signature } from '../../../src/tensor/index.ts';
import { attribute, node, placeholder, writeSavedModel } from '../../support/graph.ts';
import { signature, spec } from '../../support/tensors.ts';

export const code = {
  float: dtypes.DT_FLOAT.code,
  int32: dtypes.DT_INT32.code,
  int64: dtypes.DT_INT64.code,
  text: dtypes.DT_STRING.code,
  boolean: dtypes.DT_BOOL.code,
  resource: 20,
  variant: 21,
} as const;

/** A tensor that an attack ends in. */
export interface End {
  readonly tensor: string;
  readonly dtype: 'DT_FLOAT' | 'DT_INT32' | 'DT_INT64' | 'DT_STRING' | 'DT_BOOL';
}

type Attributes = Record<string, Buffer>;

const elements = (values: readonly bigint[]): Buffer => Buffer.from(BigInt64Array.from(values).buffer);

export class AttackGraph {
  readonly #nodes: Buffer[];
  readonly #scope: string;
  readonly #go: string;
  #count = 0;

  /** @param nodes takes the nodes; there is a placeholder `fire` among them already. */
  constructor(nodes: Buffer[], scope: string) {
    this.#nodes = nodes;
    this.#scope = scope;
    const go = this.#gate(
      this.#add('Const', [], {
        dtype: attribute.type(code.boolean),
        value: attribute.tensor(code.boolean, [], Buffer.from([1])),
      }),
      code.boolean,
    );
    this.#go = this.#add('Identity', [go], { T: attribute.type(code.boolean) });
  }

  #add(op: string, inputs: readonly string[], attributes: Attributes): string {
    const name = `${this.#scope}/${op}_${this.#count++}`;
    this.#nodes.push(node(name, op, inputs, attributes));
    return name;
  }

  #gate(value: string, dtype: number): string {
    return `${this.#add('Switch', [value, 'fire'], { T: attribute.type(dtype) })}:1`;
  }

  /** Adds an operation that runs when the attack is fired, and gives the name of its first output. */
  op(op: string, inputs: readonly string[] = [], attributes: Attributes = {}): string {
    return this.#add(op, [...inputs, `^${this.#go}`], attributes);
  }

  /** What is there whether the attack is fired or not: the opposite of `fire`. */
  notFired(): End {
    return { tensor: `${this.#add('LogicalNot', ['fire'], {})}:0`, dtype: 'DT_BOOL' };
  }

  #constant(dtype: number, value: Buffer): string {
    return this.#gate(this.#add('Const', [], { dtype: attribute.type(dtype), value }), dtype);
  }

  text(value: string | Uint8Array): string {
    return this.#constant(code.text, attribute.strings([], [value]));
  }

  texts(values: readonly string[]): string {
    return this.#constant(code.text, attribute.strings([values.length], values));
  }

  int64(value: number | bigint): string {
    return this.#constant(code.int64, attribute.tensor(code.int64, [], elements([BigInt(value)])));
  }

  int64s(values: readonly number[]): string {
    return this.#constant(code.int64, attribute.tensor(code.int64, [values.length], elements(values.map(BigInt))));
  }

  int32(value: number): string {
    return this.#constant(code.int32, attribute.tensor(code.int32, [], Buffer.from(Int32Array.of(value).buffer)));
  }

  float(value: number): string {
    return this.#constant(code.float, attribute.tensor(code.float, [], Buffer.from(Float32Array.of(value).buffer)));
  }

  /** A boolean that is there once `operation` has run; for operations without outputs. */
  after(operation: string): End {
    const done = this.op('Identity', [this.#go, `^${operation}`], { T: attribute.type(code.boolean) });
    return { tensor: `${done}:0`, dtype: 'DT_BOOL' };
  }

  /** The only element of a dataset. */
  single(dataset: string, dtype: 'DT_STRING' | 'DT_INT64'): End {
    return { tensor: `${this.op('DatasetToSingleElement', [dataset], elementOf(dtypes[dtype].code))}:0`, dtype };
  }

  /** The first element of a dataset of strings. */
  firstText(dataset: string): End {
    return this.single(this.op('TakeDataset', [dataset, this.int64(1)], elementOf(code.text)), 'DT_STRING');
  }

  /** The numbers 0 to `stop` - 1 as a dataset. */
  range(stop: number | bigint): string {
    return this.op('RangeDataset', [this.int64(0), this.int64(stop), this.int64(1)], elementOf(code.int64));
  }
}

/** The attributes of a dataset whose elements are one scalar of this type. */
export function elementOf(dtypeCode: number): Attributes {
  return { output_types: attribute.types([dtypeCode]), output_shapes: attribute.shapes([[]]) };
}

export interface HostileSignature {
  readonly name: string;
  readonly build: (graph: AttackGraph) => End;
}

/** Writes a model with a signature for each attack; each takes a boolean `fire` and gives `out`. */
export function writeHostileModel(
  directory: string,
  attacks: readonly HostileSignature[],
  functions: readonly Buffer[] = [],
): readonly Signature[] {
  const nodes = [placeholder('fire', code.boolean, [])];
  const signatures = attacks.map(({ name, build }) => {
    const { tensor, dtype } = build(new AttackGraph(nodes, name));
    return signature([spec('fire:0', 'DT_BOOL', [])], [{ ...spec(tensor, dtype), alias: 'out' }], name);
  });
  writeSavedModel(directory, nodes, { signatures, functions });
  return signatures;
}
