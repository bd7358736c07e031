// What is known about the tensors of a TFLite model before it runs: contents that are constant, sizes, and whether a request decides over the
// content. Values flow through subgraphs by rounds until nothing changes, with a bound on the rounds; it never runs a kernel.
import { type Folded, fold, readConstant } from './fold.ts';
import { shapeOfOutput } from './output-shapes.ts';
import { callsOf } from './subgraph-calls.ts';
import { contentOf, type Subgraph, type TfliteModel, type TfliteOperator, type TfliteTensor } from './tflite-model.ts';

/** Where a content comes from; several when ways meet. A size of an input is no content: it is bounded by the bytes that were sent. */
export const from = { size: 1, request: 2, state: 4, unknown: 8 } as const;

export interface TensorValue {
  readonly constant: Folded | undefined;
  /** Bits of `from`; 0 for what the file alone decides. */
  readonly origins: number;
  /** -1 for sizes that are not known; undefined for an unknown rank. */
  readonly shape: readonly number[] | undefined;
  /** Upper bound of all elements, where MINIMUM or a constant gives one. */
  readonly max: number | undefined;
}

const nothing: TensorValue = { constant: undefined, origins: from.unknown, shape: undefined, max: undefined };
/** Rounds after which what still changes counts as unknown. */
const maxRounds = 12;
/** Operators, tensors and arguments looked at in all, and numbers folded. */
const maxSteps = 16_000_000;

function staticShape(tensor: TfliteTensor): readonly number[] | undefined {
  if (tensor.shapeSignature !== undefined && tensor.shapeSignature.length === tensor.shape.length) return tensor.shapeSignature;
  return tensor.hasRank || tensor.shape.length > 0 ? tensor.shape : undefined;
}

function same(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  return (
    a === b || (a !== undefined && b !== undefined && a.length === b.length && a.every((value, index) => value === b[index]))
  );
}

function join(a: TensorValue | undefined, b: TensorValue): TensorValue {
  if (a === undefined) return b;
  const isSame = same(a.constant?.numbers, b.constant?.numbers) && same(a.constant?.shape, b.constant?.shape);
  return {
    constant: isSame ? a.constant : undefined,
    origins: a.origins | b.origins,
    shape: same(a.shape, b.shape) ? a.shape : undefined,
    max: a.max === undefined || b.max === undefined ? undefined : Math.max(a.max, b.max),
  };
}

function isEqual(a: TensorValue | undefined, b: TensorValue): boolean {
  return (
    a !== undefined &&
    a.origins === b.origins &&
    a.max === b.max &&
    same(a.shape, b.shape) &&
    same(a.constant?.numbers, b.constant?.numbers)
  );
}

const boundKeeping = new Set([
  'RESHAPE',
  'SQUEEZE',
  'EXPAND_DIMS',
  'CAST',
  'GATHER',
  'SLICE',
  'STRIDED_SLICE',
  'REDUCE_MAX',
  'REDUCE_MIN',
]);

function upperBound(operator: TfliteOperator, inputs: readonly TensorValue[]): number | undefined {
  const bounds = inputs.map((input) => input.max);
  const builtin = operator.code?.builtin ?? '';
  if (builtin === 'MINIMUM' || builtin === 'STABLEHLO_MINIMUM') {
    const known = bounds.filter((bound) => bound !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }
  // The remainder of a division by a constant stays below it.
  if (builtin === 'FLOOR_MOD') return bounds[1];
  if (boundKeeping.has(builtin)) return bounds[0];
  if (['PACK', 'CONCATENATION', 'MAXIMUM', 'SELECT_V2', 'SELECT'].includes(builtin)) {
    const considered = builtin.startsWith('SELECT') ? bounds.slice(1) : bounds;
    return considered.includes(undefined) ? undefined : Math.max(...considered.filter((bound) => bound !== undefined));
  }
  return undefined;
}

export class TensorValues {
  readonly #model: TfliteModel;
  readonly #values: (TensorValue | undefined)[][];
  readonly #arguments: (TensorValue | undefined)[][];
  readonly #results: (TensorValue | undefined)[][];
  readonly #constants = new Map<Subgraph, readonly (TensorValue | undefined)[]>();
  #changed = false;
  #round = 0;
  #steps = 0;
  /** True when it gave up before nothing changed any more. */
  isIncomplete = false;

  /** @param roots subgraphs that requests run directly. */
  constructor(model: TfliteModel, roots: ReadonlySet<number>, reached: readonly number[]) {
    this.#model = model;
    this.#values = model.subgraphs.map(() => []);
    this.#arguments = model.subgraphs.map(() => []);
    this.#results = model.subgraphs.map(() => []);
    for (const root of roots) {
      const subgraph = model.subgraphs[root];
      subgraph?.inputs.forEach((index, at) => {
        const tensor = subgraph.tensors[index];
        if (tensor === undefined) return;
        this.#pass(root, at, { constant: undefined, origins: from.request, shape: staticShape(tensor), max: undefined });
      });
    }
    do {
      this.#changed = false;
      this.#round++;
      for (const index of reached) this.#evaluate(index);
    } while (this.#changed && this.#round < maxRounds + 4 && this.#steps < maxSteps);
    this.isIncomplete = this.#changed || this.#steps >= maxSteps;
  }

  of(subgraph: Subgraph, tensor: number): TensorValue {
    return this.#values[subgraph.index]?.[tensor] ?? nothing;
  }

  #pass(subgraph: number, at: number, value: TensorValue): void {
    const list = this.#arguments[subgraph];
    if (list === undefined) return;
    const joined = join(list[at], value);
    if (isEqual(list[at], joined)) return;
    list[at] = this.#round < maxRounds ? joined : { ...nothing, origins: joined.origins | from.unknown };
    this.#changed = true;
  }

  #constantValue(tensor: TfliteTensor): TensorValue | undefined {
    if (contentOf(this.#model, tensor) === undefined) {
      if (tensor.isVariable) return { constant: undefined, origins: from.state, shape: staticShape(tensor), max: undefined };
      if (!tensor.shape.includes(0)) return undefined;
    }
    const constant = this.#steps < maxSteps ? readConstant(this.#model, tensor) : undefined;
    this.#steps += constant?.numbers.length ?? 0;
    const max = constant === undefined || constant.numbers.length === 0 ? undefined : Math.max(...constant.numbers);
    return { constant, origins: 0, shape: tensor.shape, max };
  }

  #evaluate(index: number): void {
    const subgraph = this.#model.subgraphs[index];
    if (subgraph === undefined) return;
    this.#steps += subgraph.operators.length + subgraph.tensors.length;
    let constants = this.#constants.get(subgraph);
    if (constants === undefined) {
      constants = subgraph.tensors.map((tensor) => this.#constantValue(tensor));
      this.#constants.set(subgraph, constants);
    }
    const values: (TensorValue | undefined)[] = [...constants];
    subgraph.inputs.forEach((tensor, at) => {
      const value = this.#arguments[index]?.[at];
      if (value !== undefined) values[tensor] = value;
    });
    for (const operator of subgraph.operators) {
      const inputs = operator.inputs.map((at) => values[at] ?? nothing);
      const outputs = this.#outputsOf(subgraph, operator, inputs);
      operator.outputs.forEach((at, position) => {
        if (at >= 0 && at < subgraph.tensors.length) values[at] = outputs(position);
      });
    }
    this.#values[index] = values;
    const results = this.#results[index];
    subgraph.outputs.forEach((tensor, at) => {
      const joined = join(results?.[at], values[tensor] ?? nothing);
      if (results === undefined || isEqual(results[at], joined)) return;
      results[at] = this.#round < maxRounds ? joined : { ...nothing, origins: joined.origins | from.unknown };
      this.#changed = true;
    });
  }

  #outputsOf(subgraph: Subgraph, operator: TfliteOperator, inputs: readonly TensorValue[]): (position: number) => TensorValue {
    const builtin = operator.code?.builtin ?? '';
    const declared = (position: number): readonly number[] | undefined => {
      const tensor = subgraph.tensors[operator.outputs[position] ?? -1];
      return tensor === undefined ? undefined : staticShape(tensor);
    };
    const calls = callsOf(operator);
    if (calls.length > 0) {
      const isLoop = builtin.endsWith('WHILE');
      this.#steps += calls.length * inputs.length;
      if (this.#steps >= maxSteps) return () => nothing;
      const given = builtin === 'IF' || builtin === 'STABLEHLO_CASE' ? inputs.slice(1) : inputs;
      for (const call of calls) {
        for (const [at, value] of given.entries()) this.#pass(call.subgraph, at, value);
        // What an iteration gives is what the next one gets.
        for (const [at, value] of (isLoop ? (this.#results[calls[1]?.subgraph ?? -1] ?? []) : []).entries()) {
          if (value !== undefined) this.#pass(call.subgraph, at, value);
        }
      }
      const callees = isLoop ? calls.slice(1) : calls;
      return (position) => {
        let value = isLoop ? given[position] : undefined;
        for (const call of callees) {
          const result = this.#results[call.subgraph]?.[position];
          if (result !== undefined) value = join(value, result);
        }
        return value ?? nothing;
      };
    }
    if (builtin === 'SHAPE' || builtin === 'RANK') return () => this.#shapeValue(builtin, inputs[0]);
    const isFoldable = operator.outputs.length === 1 && this.#steps < maxSteps;
    const constant = isFoldable
      ? fold(
          operator,
          inputs.map((input) => input.constant),
        )
      : undefined;
    this.#steps += constant?.numbers.length ?? 0;
    let origins = constant === undefined ? inputs.reduce((bits, input) => bits | input.origins, 0) : 0;
    if (['READ_VARIABLE', 'HASHTABLE_FIND', 'HASHTABLE_SIZE', 'VAR_HANDLE'].includes(builtin)) origins |= from.state;
    if (builtin === '' || builtin === 'CUSTOM' || builtin.startsWith('RANDOM_')) origins |= from.unknown;
    const max =
      constant !== undefined && constant.numbers.length > 0 ? Math.max(...constant.numbers) : upperBound(operator, inputs);
    const computed = shapeOfOutput(operator, inputs);
    return (position) => ({ constant, origins, shape: computed ?? declared(position), max });
  }

  #shapeValue(builtin: string, input: TensorValue | undefined): TensorValue {
    const shape = input?.shape;
    const isKnown = shape !== undefined && (builtin === 'RANK' || !shape.includes(-1));
    if (!isKnown || shape === undefined) {
      // The size of what a request chose the size of is its choice as well; the size of an input is bounded by what was sent.
      return { constant: undefined, origins: from.size, shape: shape && [shape.length], max: undefined };
    }
    const numbers = builtin === 'RANK' ? [shape.length] : shape;
    const max = numbers.length === 0 ? undefined : Math.max(...numbers);
    return { constant: { shape: builtin === 'RANK' ? [] : [numbers.length], numbers }, origins: 0, shape: [numbers.length], max };
  }
}
