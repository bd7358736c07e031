// One bound, compiled so that evaluating it costs some nanoseconds for each operation: a list of steps on a stack of numbers. It must never give less than the bound
// says: what overflows or is no number is infinite, which is above every limit.
import type { CostExpression, CostOperation } from './cost-model.ts';

/** Steps: a constant, a variable, and the operations, each on the last so many numbers of the stack. */
const codes: Readonly<Record<'constant' | 'variable' | CostOperation['op'], number>> = {
  constant: 0,
  variable: 1,
  '+': 2,
  '*': 3,
  max: 4,
  min: 5,
  'floor/': 6,
  'ceil/': 7,
};

export class CostProgram {
  readonly #codes: Uint8Array;
  /** Of a constant and a variable where it lies, of an operation how many numbers it takes. */
  readonly #arguments: Uint32Array;
  readonly #constants: Float64Array;
  readonly #stack: Float64Array;

  /** @param variables the names, in the order in which `evaluate` gets their values. @throws RangeError for a name that is not among them. */
  constructor(expression: CostExpression, variables: readonly string[]) {
    const steps: { code: number; argument: number }[] = [];
    const constants: number[] = [];
    let height = 0;
    const add = (part: CostExpression, below: number): void => {
      height = Math.max(height, below + 1);
      if (typeof part === 'number') steps.push({ code: codes.constant, argument: constants.push(part) - 1 });
      else if (typeof part === 'string') {
        const index = variables.indexOf(part);
        if (index < 0) throw new RangeError('The bound names a variable that is not there');
        steps.push({ code: codes.variable, argument: index });
      } else {
        part.of.forEach((operand, at) => {
          add(operand, below + at);
        });
        steps.push({ code: codes[part.op], argument: part.of.length });
      }
    };
    add(expression, 0);
    this.#codes = Uint8Array.from(steps, ({ code }) => code);
    this.#arguments = Uint32Array.from(steps, ({ argument }) => argument);
    this.#constants = Float64Array.from(constants);
    this.#stack = new Float64Array(height);
  }

  /** At least 0; infinite for what overflows or is no number. */
  evaluate(values: Float64Array): number {
    const stack = this.#stack;
    let top = 0;
    for (let at = 0; at < this.#codes.length; at++) {
      const code = this.#codes[at];
      const argument = this.#arguments[at];
      if (code === codes.constant) stack[top++] = this.#constants[argument];
      else if (code === codes.variable) stack[top++] = values[argument];
      else {
        top -= argument;
        stack[top] = combine(code, stack, top, argument);
        top += 1;
      }
    }
    const result = stack[0];
    return Number.isNaN(result) ? Number.POSITIVE_INFINITY : Math.max(0, result);
  }
}

function combine(code: number, stack: Float64Array, from: number, count: number): number {
  let result = stack[from];
  if (code === codes['floor/']) return Math.floor(result / stack[from + 1]);
  if (code === codes['ceil/']) return Math.ceil(result / stack[from + 1]);
  for (let at = from + 1; at < from + count; at++) {
    const operand = stack[at];
    if (code === codes['+']) result += operand;
    else if (code === codes['*']) result *= operand;
    else if (code === codes.max) result = Math.max(result, operand);
    else result = Math.min(result, operand);
  }
  return result;
}

/** What `CostProgram` gives, for a bound that is evaluated once. */
export function evaluateCost(expression: CostExpression, variables: ReadonlyMap<string, number>): number {
  const names = [...variables.keys()];
  return new CostProgram(expression, names).evaluate(Float64Array.from(variables.values()));
}
