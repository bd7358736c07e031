// Cells that depend on each other, evaluated until nothing changes any more: a walk with a stack of its own, a worklist for what is in a cycle,
// and a budget. It knows nothing of operations; how a cell is made of others is told by whoever opens it.
import type { Body } from '../graph/index.ts';
import { isSameValue, joinValues, unknownValue, widen, wideningRounds } from './lattice.ts';
import type { Value } from './value-types.ts';

export interface ValueLimits {
  /** Tensors looked at. Default 300,000. */
  readonly maxTensors: number;
  /** Inputs of those. Default 1,000,000. */
  readonly maxInputs: number;
  /** Elements of constants computed with. Default 30,000,000. */
  readonly maxElements: number;
}

export const defaultLimits: ValueLimits = { maxTensors: 300_000, maxInputs: 1_000_000, maxElements: 30_000_000 };

/** How a cell's value is made of those of others. */
export interface Plan {
  readonly inputs: readonly Cell[];
  /** Inputs without a value yet are undefined, for those that wait for none of them. */
  readonly compute: (inputs: readonly (Value | undefined)[]) => Value | undefined;
}

/** One tensor of one body; or one component of the elements of the dataset that it is. */
export interface Cell {
  readonly body: Body;
  readonly node: number;
  readonly output: number;
  /** -1: the tensor itself. */
  readonly component: number;
  state: 'new' | 'open' | 'done';
  value: Value | undefined;
  rounds: number;
  plan: Plan | undefined;
  dependents: Cell[];
  /** Waits to be evaluated again. */
  isQueued: boolean;
}

const maxOutput = 65_535;
const maxComponent = 255;
// A fault in the widening must not become a hang.
const maxRounds = 60;

// Of every cell that nothing waits for, so that there is one list for all of them. Never pushed to.
const none: Cell[] = [];

export class CellSolver {
  /** Set when something is unknown only because there is too much. */
  isExhausted = false;
  readonly #limits: ValueLimits;
  readonly #planOf: (cell: Cell) => Plan;
  readonly #firstCells = new Map<Body, Map<number, Cell>>();
  readonly #otherCells = new Map<Body, Map<number, Cell>>();
  #tensors = 0;
  #inputs = 0;
  #work = 0;

  constructor(limits: ValueLimits, planOf: (cell: Cell) => Plan) {
    this.#limits = limits;
    this.#planOf = planOf;
  }

  /** The cell of a tensor; made when it is not there yet. */
  cell(body: Body, node: number, output: number, component = -1): Cell {
    const [place, part] = [Math.min(output, maxOutput), Math.min(component, maxComponent)];
    const isFirst = place === 0 && part < 0;
    // The first output of a node has a small number for a key: Map is several times as fast with these.
    const all = isFirst ? this.#firstCells : this.#otherCells;
    let cells = all.get(body);
    if (cells === undefined) {
      cells = new Map();
      all.set(body, cells);
    }
    const key = isFirst ? node : (node * (maxOutput + 1) + place) * (maxComponent + 2) + part + 1;
    const known = cells.get(key);
    if (known !== undefined) return known;
    const cell: Cell = {
      body,
      node,
      output: place,
      component: part,
      state: 'new',
      value: undefined,
      rounds: 0,
      plan: undefined,
      dependents: none,
      isQueued: false,
    };
    cells.set(key, cell);
    return cell;
  }

  /** The value, settled for good. */
  demand(wanted: Cell): Value {
    if (wanted.state !== 'done') this.#settle(wanted);
    return wanted.value ?? unknownValue;
  }

  /** Evaluates what the cell needs before the cell; then whatever changed in a cycle, until nothing does. */
  #settle(wanted: Cell): void {
    const stack = [wanted];
    const touched: Cell[] = [];
    const changed: Cell[] = [];
    while (stack.length > 0) {
      const cell = stack[stack.length - 1];
      if (cell.state === 'new') {
        cell.state = 'open';
        touched.push(cell);
        cell.plan = this.#planWithin(cell);
        for (const input of cell.plan.inputs) {
          if (input.plan !== undefined || input.state === 'new') {
            if (input.dependents === none) input.dependents = [];
            input.dependents.push(cell);
          }
          if (input.state === 'new') stack.push(input);
        }
        continue;
      }
      stack.pop();
      if (cell.state === 'open') {
        cell.state = 'done';
        this.#evaluate(cell, changed);
      }
    }
    for (let at = 0; at < changed.length && this.#work <= this.#limits.maxInputs * 4; at++) {
      changed[at].isQueued = false;
      this.#evaluate(changed[at], changed);
    }
    // What was given up to come to an end can be said better now: from inputs that are sure, every result is sure.
    // Inputs before what they are inputs of.
    for (let at = touched.length - 1; at >= 0; at--) if (touched[at].rounds >= wideningRounds) this.#narrow(touched[at]);
    const isUnfinished = changed.some(({ isQueued }) => isQueued);
    if (isUnfinished) this.isExhausted = true;
    // All of them are settled for good: nothing that comes later can change them.
    for (const cell of touched) {
      if (isUnfinished || cell.value === undefined) cell.value = unknownValue;
      cell.isQueued = false;
      cell.plan = undefined;
      cell.dependents = none;
    }
  }

  #evaluate(cell: Cell, changed: Cell[]): void {
    const { plan } = cell;
    if (plan === undefined || cell.rounds > maxRounds) return;
    this.#work += plan.inputs.length + 1;
    const found = plan.compute(plan.inputs.map(({ value }) => value));
    if (found === undefined) return;
    const next = cell.value === undefined ? found : widen(joinValues(cell.value, found), cell.rounds);
    if (cell.value !== undefined && isSameValue(cell.value, next)) return;
    cell.value = next;
    cell.rounds++;
    for (const dependent of cell.dependents) {
      if (dependent.state !== 'done' || dependent.isQueued) continue;
      dependent.isQueued = true;
      changed.push(dependent);
    }
  }

  #narrow(cell: Cell): void {
    if (cell.plan === undefined || this.#work > this.#limits.maxInputs * 4) return;
    this.#work += cell.plan.inputs.length + 1;
    const found = cell.plan.compute(cell.plan.inputs.map(({ value }) => value));
    if (found !== undefined) cell.value = found;
  }

  #planWithin(cell: Cell): Plan {
    if (++this.#tensors > this.#limits.maxTensors || this.#inputs > this.#limits.maxInputs) {
      this.isExhausted = true;
      return { inputs: [], compute: () => unknownValue };
    }
    const plan = this.#planOf(cell);
    this.#inputs += plan.inputs.length;
    return plan;
  }
}
