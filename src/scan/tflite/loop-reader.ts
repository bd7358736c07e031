// How often a WHILE of a TFLite model runs, by the shapes that loops have: a counter that the body moves by a constant towards a limit. It
// never unrolls a loop, and says "unknown" for everything else.
import { both, type Comparison, compare, comparisonOf, either, type LoopBound, mirrored, unknown } from './loop-bound.ts';
import { from, type TensorValues } from './tensor-values.ts';
import type { Subgraph, TfliteOperator } from './tflite-model.ts';

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
    const comparison = comparisonOf(builtin, producer.options2?.number('comparisonDirection') ?? 0);
    const [left, right] = operands;
    if (comparison === undefined || left === undefined || right === undefined) {
      return unknown;
    }
    return this.#comparison(loop, comparison, left, right);
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
