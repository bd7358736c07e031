// How often a WHILE of a TFLite model runs, by the shapes that loops have: a counter that the body moves by a constant towards a limit. It
// never unrolls a loop, and says "unknown" for everything else.
import { from, type TensorValues } from './tensor-values.ts';
import type { Subgraph, TfliteOperator } from './tflite-model.ts';

export type LoopBound =
  | { readonly kind: 'endless'; readonly why: string }
  | { readonly kind: 'bounded'; readonly iterations: number; readonly why: string }
  | { readonly kind: 'request'; readonly why: string }
  | { readonly kind: 'unknown' };

const unknown: LoopBound = { kind: 'unknown' };

/** Operations that hand a scalar on as it is. */
const passing = new Set([
  'CAST',
  'RESHAPE',
  'SQUEEZE',
  'EXPAND_DIMS',
  'STABLEHLO_RESHAPE',
  'STABLEHLO_CONVERT',
  'REDUCE_ALL',
  'REDUCE_ANY',
]);
const maxTrace = 64;
/** Conjunctions and disjunctions of a condition that are followed. */
const maxTerms = 256;

type Comparison = 'less' | 'lessEqual' | 'greater' | 'greaterEqual' | 'notEqual';
const comparisons: Readonly<Record<string, Comparison>> = {
  LESS: 'less',
  LESS_EQUAL: 'lessEqual',
  GREATER: 'greater',
  GREATER_EQUAL: 'greaterEqual',
  NOT_EQUAL: 'notEqual',
};
// STABLEHLO_COMPARE holds its direction as a number: EQ NE GE GT LE LT.
const directions: readonly (Comparison | undefined)[] = [undefined, 'notEqual', 'greaterEqual', 'greater', 'lessEqual', 'less'];
const mirrored: Readonly<Record<Comparison, Comparison>> = {
  less: 'greater',
  lessEqual: 'greaterEqual',
  greater: 'less',
  greaterEqual: 'lessEqual',
  notEqual: 'notEqual',
};

export interface Loop {
  readonly holder: Subgraph;
  readonly operator: TfliteOperator;
  readonly condition: Subgraph;
  readonly body: Subgraph;
}

type Producers = ReadonlyMap<number, TfliteOperator>;

export class LoopReader {
  readonly #values: TensorValues;
  readonly #producers = new Map<Subgraph, Producers>();

  constructor(values: TensorValues) {
    this.#values = values;
  }

  producersOf(subgraph: Subgraph): Producers {
    let producers = this.#producers.get(subgraph);
    if (producers === undefined) {
      producers = new Map(subgraph.operators.flatMap((operator) => operator.outputs.map((index) => [index, operator] as const)));
      this.#producers.set(subgraph, producers);
    }
    return producers;
  }

  /** Through what hands a value on, to the tensor that makes it. */
  trace(subgraph: Subgraph, tensor: number): number {
    let at = tensor;
    for (let step = 0; step < maxTrace; step++) {
      const producer = this.producersOf(subgraph).get(at);
      const input = producer?.inputs[0];
      if (producer === undefined || input === undefined || input < 0 || !passing.has(producer.code?.builtin ?? '')) return at;
      at = input;
    }
    return at;
  }

  #constant(subgraph: Subgraph, tensor: number): number | undefined {
    const numbers = this.#values.of(subgraph, tensor).constant?.numbers;
    return numbers?.length === 1 ? numbers[0] : undefined;
  }

  /** By how much the body changes its variable `at`: 0 when it hands it on, undefined when that is not known. */
  step({ body }: Loop, at: number): number | undefined {
    const input = body.inputs[at];
    const output = body.outputs[at];
    if (input === undefined || output === undefined) return undefined;
    const made = this.trace(body, output);
    if (made === input) return 0;
    const producer = this.producersOf(body).get(made);
    const builtin = producer?.code?.builtin ?? '';
    const [left, right] = (producer?.inputs ?? []).map((index) => this.trace(body, index));
    if (left === undefined || right === undefined) return undefined;
    if (builtin === 'ADD' || builtin === 'STABLEHLO_ADD') {
      if (left === input) return this.#constant(body, right);
      if (right === input) return this.#constant(body, left);
    }
    if ((builtin === 'SUB' || builtin === 'STABLEHLO_SUBTRACT') && left === input) {
      const amount = this.#constant(body, right);
      return amount === undefined ? undefined : -amount;
    }
    // Times one is no progress either.
    if (builtin === 'MUL' || builtin === 'STABLEHLO_MULTIPLY') {
      if (left === input && this.#constant(body, right) === 1) return 0;
      if (right === input && this.#constant(body, left) === 1) return 0;
    }
    return undefined;
  }

  read(loop: Loop): LoopBound {
    const output = loop.condition.outputs[0];
    if (output === undefined) return unknown;
    return this.#term(loop, output, { left: maxTerms });
  }

  #term(loop: Loop, tensor: number, terms: { left: number }): LoopBound {
    if (--terms.left < 0) return unknown;
    const { condition } = loop;
    const at = this.trace(condition, tensor);
    const constant = this.#constant(condition, at);
    const variable = condition.inputs.indexOf(at);
    const producer = this.producersOf(condition).get(at);
    if (constant !== undefined && (!this.#values.isIncomplete || (producer === undefined && variable < 0))) {
      if (constant === 0) return { kind: 'bounded', iterations: 0, why: 'its condition is never true' };
      return { kind: 'endless', why: 'its condition is always true' };
    }
    if (variable >= 0) {
      if (this.step(loop, variable) !== 0) return unknown;
      // Nothing changes what is tested: it runs never or for ever.
      const given = this.#constant(loop.holder, loop.operator.inputs[variable] ?? -1);
      if (given === 0) return { kind: 'bounded', iterations: 0, why: 'its condition is never true' };
      return { kind: 'endless', why: `its condition is variable ${variable}, which the body hands on as it is` };
    }
    const builtin = producer?.code?.builtin ?? '';
    if (producer === undefined) return unknown;
    const operands = producer.inputs;
    if (['LOGICAL_AND', 'LOGICAL_OR', 'STABLEHLO_AND', 'STABLEHLO_OR'].includes(builtin)) {
      // The nesting is bounded by the number of terms.
      const parts = operands.slice(0, 2).map((operand) => this.#term(loop, operand, terms));
      return builtin.endsWith('AND') ? both(parts) : either(parts);
    }
    const comparison =
      comparisons[builtin] ?? (builtin === 'STABLEHLO_COMPARE' ? directions[this.#direction(producer)] : undefined);
    const [left, right] = operands;
    if (comparison === undefined || left === undefined || right === undefined) {
      return unknown;
    }
    return this.#comparison(loop, comparison, left, right);
  }

  #direction(operator: TfliteOperator): number {
    return operator.options2?.number('comparisonDirection') ?? 0;
  }

  #isInvariant(loop: Loop, tensor: number): boolean {
    const variable = loop.condition.inputs.indexOf(tensor);
    if (variable >= 0) return this.step(loop, variable) === 0;
    return this.#constant(loop.condition, tensor) !== undefined;
  }

  /** The one value that a tensor of the condition has all the time. */
  #invariantValue(
    loop: Loop,
    tensor: number,
  ): { readonly value: number | undefined; readonly isRequest: boolean; readonly max: number | undefined } {
    const variable = loop.condition.inputs.indexOf(tensor);
    if (variable < 0) return { value: this.#constant(loop.condition, tensor), isRequest: false, max: undefined };
    const given = this.#values.of(loop.holder, loop.operator.inputs[variable] ?? -1);
    return {
      value: given.constant?.numbers.length === 1 ? given.constant.numbers[0] : undefined,
      isRequest: (given.origins & from.request) !== 0,
      max: given.max,
    };
  }

  #comparison(loop: Loop, comparison: Comparison, leftTensor: number, rightTensor: number): LoopBound {
    const left = this.trace(loop.condition, leftTensor);
    const right = this.trace(loop.condition, rightTensor);
    const isLeftInvariant = this.#isInvariant(loop, left);
    const isRightInvariant = this.#isInvariant(loop, right);
    if (isLeftInvariant && isRightInvariant) {
      const [a, b] = [this.#invariantValue(loop, left).value, this.#invariantValue(loop, right).value];
      if (a !== undefined && b !== undefined && !compare(comparison, a, b)) {
        return { kind: 'bounded', iterations: 0, why: 'its condition is never true' };
      }
      return { kind: 'endless', why: 'its condition compares two values that the body never changes' };
    }
    if (isLeftInvariant) return this.#counter(loop, mirrored[comparison], right, left);
    if (isRightInvariant) return this.#counter(loop, comparison, left, right);
    return unknown;
  }

  #counter(loop: Loop, comparison: Comparison, counter: number, limitTensor: number): LoopBound {
    const variable = loop.condition.inputs.indexOf(counter);
    const step = variable < 0 ? undefined : this.step(loop, variable);
    if (step === undefined) return unknown;
    const limit = this.#invariantValue(loop, limitTensor);
    const start = this.#invariantValue(loop, counter);
    const rises = comparison === 'less' || comparison === 'lessEqual';
    if (comparison !== 'notEqual' && (rises ? step < 0 : step > 0)) {
      if (start.value !== undefined && limit.value !== undefined && !compare(comparison, start.value, limit.value)) {
        return { kind: 'bounded', iterations: 0, why: 'its condition is never true' };
      }
      return { kind: 'endless', why: `its counter moves by ${step} away from the limit` };
    }
    if (limit.isRequest && limit.value === undefined && limit.max === undefined) {
      return { kind: 'request', why: 'its limit is the value of an input' };
    }
    if (start.isRequest && start.value === undefined && !rises && start.max === undefined) {
      return { kind: 'request', why: 'its counter starts at the value of an input' };
    }
    const end = limit.value ?? limit.max;
    const begin = rises || comparison === 'notEqual' ? start.value : (start.value ?? start.max);
    if (end === undefined || begin === undefined) return unknown;
    const iterations = Math.max(0, Math.ceil((end - begin) / step));
    if (comparison === 'notEqual' && ((end - begin) % step !== 0 || (end - begin) / step < 0)) {
      return { kind: 'endless', why: `its counter moves from ${begin} by ${step} and never is ${end}` };
    }
    return { kind: 'bounded', iterations, why: `its counter moves from ${begin} to ${end} by ${step}` };
  }
}

function compare(comparison: Comparison, a: number, b: number): boolean {
  switch (comparison) {
    case 'less':
      return a < b;
    case 'lessEqual':
      return a <= b;
    case 'greater':
      return a > b;
    case 'greaterEqual':
      return a >= b;
    default:
      return a !== b;
  }
}

/** Ends when one of them ends. */
function both(parts: readonly LoopBound[]): LoopBound {
  const bounded = parts.filter((part) => part.kind === 'bounded').sort((a, b) => a.iterations - b.iterations)[0];
  if (bounded !== undefined) return bounded;
  return parts.find((part) => part.kind === 'unknown') ?? parts.find((part) => part.kind === 'request') ?? parts[0] ?? unknown;
}

/** Ends when all of them end. */
function either(parts: readonly LoopBound[]): LoopBound {
  const endless = parts.find((part) => part.kind === 'endless') ?? parts.find((part) => part.kind === 'request');
  if (endless !== undefined) return endless;
  if (parts.some((part) => part.kind === 'unknown')) return unknown;
  return (
    [...parts].sort((a, b) => (a.kind === 'bounded' && b.kind === 'bounded' ? b.iterations - a.iterations : 0))[0] ?? unknown
  );
}
