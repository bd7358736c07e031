// Finds values when they are asked for: backwards from the tensor, through calls, branches and loops, until nothing changes any more. Every walk
// has a stack of its own and a budget; what is beyond the budget is unknown and said to be so, and nothing ever hangs.
import type { Body, Edge, Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { argumentSources, elementSources, type FlowSource, outputSources } from './call-arguments.ts';
import { requestDim, unknownDim } from './dims.ts';
import { gatheredRows } from './gathered-rows.ts';
import { isSameValue, joinValues, originsOf, uniteOrigins, unknownOf, unknownValue, widen, wideningRounds } from './lattice.ts';
import { placeArgs, viewOf } from './node-view.ts';
import { RequestTensors } from './request-tensors.ts';
import { transfer, valueOfConst, valueOfRequest } from './transfer.ts';
import type { Value, Values } from './value-types.ts';

export interface ValueLimits {
  /** Tensors looked at. Default 300,000. */
  readonly maxTensors: number;
  /** Inputs of those. Default 2,000,000. */
  readonly maxInputs: number;
  /** Elements of constants computed with. Default 30,000,000. */
  readonly maxElements: number;
}

const defaults: ValueLimits = { maxTensors: 300_000, maxInputs: 2_000_000, maxElements: 30_000_000 };

/** Values, and whether some are unknown only because the program is too large. */
export interface OpenValues extends Values {
  readonly isExhausted: boolean;
}

/** How a cell's value is made of those of others. */
interface Plan {
  readonly inputs: readonly Cell[];
  /** Inputs without a value yet are undefined, for those that wait for none of them. */
  readonly compute: (inputs: readonly (Value | undefined)[]) => Value | undefined;
}

/** One tensor of one body; or one component of the elements of the dataset that it is. */
interface Cell {
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

const joins: ReadonlySet<string> = new Set(['Merge', 'RefMerge']);
const sameThing: ReadonlySet<string> = new Set([
  ...[
    'Identity',
    'StopGradient',
    'Enter',
    'RefEnter',
    'Exit',
    'RefExit',
    'NextIteration',
    'RefNextIteration',
    'Switch',
    'RefSwitch',
  ],
  ...['RefIdentity', 'Merge', 'RefMerge', 'IdentityN', 'WrapDatasetVariant', 'UnwrapDatasetVariant'],
]);

// Of every cell that nothing waits for, so that there is one list for all of them. Never pushed to.
const none: Cell[] = [];
// Beyond this a cell is made, so that a long chain is not walked for each of its nodes.
const maxHops = 64;
const aliases: ReadonlySet<string> = new Set(['Identity', 'StopGradient', 'PreventGradient', 'NextIteration', 'Exit']);

class Interpreter implements OpenValues {
  isExhausted = false;
  readonly #program: Program;
  readonly #context: ScanContext;
  readonly #limits: ValueLimits;
  readonly #requests: RequestTensors;
  readonly #firstCells = new Map<Body, Map<number, Cell>>();
  readonly #otherCells = new Map<Body, Map<number, Cell>>();
  #tensors = 0;
  #inputs = 0;
  #work = 0;
  #elements = 0;

  constructor(program: Program, context: ScanContext, limits: ValueLimits) {
    this.#program = program;
    this.#context = context;
    this.#limits = limits;
    this.#requests = new RequestTensors(program);
  }

  of(body: Body, edge: Edge): Value {
    return this.#demand(this.#cell(body, edge.node, edge.output ?? 0));
  }

  input(body: Body, node: number, index: number): Value | undefined {
    const edge = body.inputs(node)[index];
    return edge === undefined ? undefined : this.of(body, edge);
  }

  namedInput(body: Body, node: number, name: string): readonly Value[] {
    const args = this.#context.ops.get(body.op(node))?.inputs;
    const placed = args === undefined ? undefined : placeArgs(body, node, args).find((arg) => arg.name === name);
    if (placed === undefined) return [];
    return body
      .inputs(node)
      .slice(placed.start, placed.start + placed.count)
      .map((edge) => this.of(body, edge));
  }

  #cell(body: Body, node: number, output: number, component = -1): Cell {
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

  #demand(wanted: Cell): Value {
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
    const plan = cell.component < 0 ? this.#planTensor(cell) : this.#planElement(cell);
    this.#inputs += plan.inputs.length;
    return plan;
  }

  /** Of what the edge leads to in the end: a cell for each Identity would be a third of all cells. */
  #edgeCell(body: Body, edge: Edge, component = -1): Cell {
    for (let hop = 0; hop < maxHops; hop++) {
      if (edge.node < body.argCount || !aliases.has(body.op(edge.node)) || this.#requests.isFed(body, edge.node)) break;
      const [input] = body.inputs(edge.node);
      if (input === undefined) break;
      edge = input;
    }
    return this.#cell(body, edge.node, edge.output ?? 0, component);
  }

  #join(inputs: readonly Cell[], own: Value | undefined, change: (value: Value) => Value = (value) => value): Plan {
    return {
      inputs,
      compute(values) {
        let joined = own;
        for (const value of values)
          if (value !== undefined) joined = joined === undefined ? change(value) : joinValues(joined, change(value));
        return joined;
      },
    };
  }

  /** Cells that a source stands for, `component` of whose elements when that is asked. */
  #sourceCells(body: Body, node: number, source: FlowSource, component: number): readonly Cell[] {
    const inputs = body.inputs(node);
    switch (source.kind) {
      case 'input':
      case 'row': {
        const edge = inputs[source.input];
        return edge === undefined ? [] : [this.#edgeCell(body, edge, component)];
      }
      case 'element': {
        const edge = inputs[source.input];
        return edge === undefined ? [] : [this.#edgeCell(body, edge, source.component)];
      }
      case 'return': {
        const edge = source.callee.returns[source.index]?.edge;
        return edge === undefined ? [] : [this.#edgeCell(source.callee, edge, component)];
      }
      default:
        return inputs.map((edge) => this.#edgeCell(body, edge));
    }
  }

  /** A join of what several sources give, each changed as its kind demands. */
  #planSources(
    sources: readonly { readonly body: Body; readonly node: number; readonly source: FlowSource }[],
    own: Value | undefined,
    component: number,
    dtype: number | undefined,
  ): Plan {
    const parts = sources.map(({ body, node, source }) => ({ source, cells: this.#sourceCells(body, node, source, component) }));
    const inputs = parts.flatMap(({ cells }) => cells);
    return {
      inputs,
      compute(values) {
        let at = 0;
        let joined = own;
        for (const { source, cells } of parts) {
          for (const _ of cells) {
            const value = values[at++];
            if (value === undefined) continue;
            const changed =
              source.kind === 'row'
                ? gatheredRows(value)
                : source.kind === 'mixed'
                  ? unknownOf(uniteOrigins(value.origins, originsOf('computed')), dtype, undefined)
                  : value;
            joined = joined === undefined ? changed : joinValues(joined, changed);
          }
        }
        return joined;
      },
    };
  }

  #planArgument({ body, node, component }: Cell): Plan {
    const type = body.attr(node, 'T');
    const dtype = type?.case === 'type' ? type.value : undefined;
    const sources = this.#program.callsTo(body).flatMap((call) =>
      argumentSources(call, node, this.#program.callsFrom(call.caller.body, call.caller.node)).map((source) => ({
        ...call.caller,
        source,
      })),
    );
    const own = this.#requests.argument(body, node, dtype);
    const isUnreached = sources.length === 0 && own === undefined;
    return this.#planSources(sources, isUnreached ? unknownOf(originsOf('computed'), dtype, undefined) : own, component, dtype);
  }

  #planTensor(cell: Cell): Plan {
    const { body, node, output } = cell;
    if (node < body.argCount) return this.#planArgument(cell);
    const given = body === this.#program.main ? this.#requests.tensor(node, output) : undefined;
    const plan = this.#planNode(cell);
    if (given === undefined) return plan;
    return { inputs: plan.inputs, compute: (values) => joinFed(plan.compute(values), given) };
  }

  #planNode({ body, node, output }: Cell): Plan {
    const op = body.op(node);
    if (op === 'Const') {
      const isAsset = body === this.#program.main && this.#requests.isAsset(node);
      return { inputs: [], compute: () => valueOfConst(viewOf(body, node, op, [], unknownDim), isAsset) };
    }
    if (op === 'Placeholder' || op === 'PlaceholderV2' || (op === '_Arg' && body.function === undefined)) {
      const view = viewOf(body, node, op, [], requestDim);
      const value = this.#requests.isSaverFile(body, node)
        ? unknownOf(originsOf('saver'), view.type('dtype'), view.shape('shape'))
        : valueOfRequest(view.type('dtype') ?? view.type('T'), view.shape('shape'));
      return { inputs: [], compute: () => value };
    }
    const calls = this.#program.callsFrom(body, node);
    const sources = outputSources(body, node, output, calls);
    if (sources !== undefined) {
      return this.#planSources(
        sources.map((source) => ({ body, node, source })),
        undefined,
        -1,
        undefined,
      );
    }
    const edges = body.inputs(node);
    if (joins.has(op)) {
      if (output === 0) {
        return this.#join(
          edges.map((edge) => this.#edgeCell(body, edge)),
          undefined,
        );
      }
      return { inputs: [], compute: () => unknownOf(originsOf('computed'), 3, []) };
    }
    if (op === 'PlaceholderWithDefault' && this.#requests.isSaverFile(body, node)) {
      return { inputs: [], compute: () => unknownOf(originsOf('saver'), 7, []) };
    }
    if (op === 'IdentityN' && edges[output] !== undefined) return this.#join([this.#edgeCell(body, edges[output])], undefined);
    if (op === 'DatasetToSingleElement' && edges.length > 0)
      return this.#join([this.#edgeCell(body, edges[0], output)], undefined);
    if (op === 'IteratorGetNext' && edges.length > 0) return this.#join([this.#edgeCell(body, edges[0], output)], undefined);
    const inputs = edges.map((edge) => this.#edgeCell(body, edge));
    return {
      inputs,
      compute: (values) => {
        if (values.includes(undefined)) return undefined;
        return transfer(viewOf(body, node, op, values as readonly Value[], unknownDim), output, {
          ops: this.#context.ops,
          mayFold: (all) => this.#mayFold(all),
        });
      },
    };
  }

  #mayFold(inputs: readonly Value[]): boolean {
    for (const { constants } of inputs) {
      for (const { numbers, strings } of constants ?? []) {
        this.#elements += (numbers?.length ?? 0) + 8 * (strings?.length ?? 0) + 1;
        if (strings !== undefined && strings.length < 64) for (const text of strings) this.#elements += text.length / 8;
      }
    }
    if (this.#elements <= this.#limits.maxElements) return true;
    this.isExhausted = true;
    return false;
  }

  #planElement(cell: Cell): Plan {
    const { body, node, output, component } = cell;
    if (node < body.argCount) return this.#planArgument(cell);
    const op = body.op(node);
    const edges = body.inputs(node);
    if (sameThing.has(op)) {
      const chosen = joins.has(op) ? edges : op === 'IdentityN' ? edges.slice(output, output + 1) : edges.slice(0, 1);
      return this.#join(
        chosen.map((edge) => this.#edgeCell(body, edge, component)),
        undefined,
      );
    }
    const calls = this.#program.callsFrom(body, node);
    const carried = outputSources(body, node, output, calls);
    if (carried !== undefined) {
      return this.#planSources(
        carried.map((source) => ({ body, node, source })),
        undefined,
        component,
        undefined,
      );
    }
    if (op === 'OneShotIterator') {
      const handles = calls.flatMap(({ callee }) =>
        callee.returns[0] === undefined ? [] : [this.#edgeCell(callee, callee.returns[0].edge, component)],
      );
      return this.#join(handles, undefined);
    }
    const dataset = this.#datasetOf(cell, op);
    if (dataset !== undefined) return this.#join([this.#edgeCell(body, dataset, component)], undefined);
    const sources = elementSources(body, node, component, calls);
    if (sources !== undefined) {
      const nested = sources.flatMap((source) =>
        source.kind === 'return-element' && source.callee.returns[0] !== undefined
          ? [this.#edgeCell(source.callee, source.callee.returns[0].edge, source.component)]
          : [],
      );
      const flows = sources.filter((source): source is FlowSource => source.kind !== 'return-element');
      const plan = this.#planSources(
        flows.map((source) => ({ body, node, source })),
        undefined,
        -1,
        undefined,
      );
      if (nested.length === 0) return plan;
      return this.#join([...nested], undefined);
    }
    const types = body.attr(node, 'output_types');
    const dtype = types?.case === 'list' ? types.value.type[component] : undefined;
    return this.#planElementsOf(body, node, dtype);
  }

  /** Elements of a dataset whose making is not known in detail: of what its inputs are. */
  #planElementsOf(body: Body, node: number, dtype: number | undefined): Plan {
    const inputs = body.inputs(node).flatMap((edge) => {
      const isDataset = body.op(edge.node).includes('Dataset');
      return isDataset ? [this.#edgeCell(body, edge, 0), this.#edgeCell(body, edge)] : [this.#edgeCell(body, edge)];
    });
    // What reads a file is a dataset too: its own value has that origin.
    const own = this.#cell(body, node, 0);
    return this.#join([own, ...inputs], unknownOf(originsOf('computed'), dtype, undefined), (value) =>
      unknownOf(value.origins, dtype, undefined),
    );
  }

  /** The dataset that an iterator was made with, where that is done in the same body. */
  #datasetOf({ body, node }: Cell, op: string): Edge | undefined {
    if (!op.includes('Iterator')) return undefined;
    for (const consumer of body.consumers(node)) {
      if (body.op(consumer) === 'MakeIterator') return body.inputs(consumer)[0];
    }
    return undefined;
  }
}

/** A tensor that a signature feeds has what the request gives it; what it would have been is not told apart. */
function joinFed(own: Value | undefined, given: Value): Value {
  if (own === undefined || own.origins.has('request') || own.origins.has('saver')) return own ?? given;
  return { ...given, origins: uniteOrigins(given.origins, own.origins) };
}

/** Opens the values of a program; nothing is computed yet. Unknown is what it degrades to, never an error. */
export function openValues(program: Program, context: ScanContext, limits: Partial<ValueLimits> = {}): OpenValues {
  return new Interpreter(program, context, { ...defaults, ...limits });
}
