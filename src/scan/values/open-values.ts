// Finds values when they are asked for: backwards from the tensor, through calls, branches and loops, until nothing changes any more. What is
// beyond the budget is unknown and said to be so, and nothing ever hangs.
import type { Body, Edge, Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { argumentSources, elementSources, type FlowSource, outputSources } from './call-arguments.ts';
import { requestDim, unknownDim } from './dims.ts';
import { FlowPlanner, joinPlan } from './flow-plans.ts';
import { originsOf, uniteOrigins, unknownOf } from './lattice.ts';
import { placeArgs, viewOf } from './node-view.ts';
import { RequestTensors } from './request-tensors.ts';
import { transfer, valueOfConst, valueOfRequest } from './transfer.ts';
import { type Cell, CellSolver, defaultLimits, type Plan, type ValueLimits } from './value-cells.ts';
import type { Value, Values } from './value-types.ts';

/** Values, and whether some are unknown only because the program is too large. */
export interface OpenValues extends Values {
  readonly isExhausted: boolean;
}

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

class Interpreter implements OpenValues {
  readonly #program: Program;
  readonly #context: ScanContext;
  readonly #limits: ValueLimits;
  readonly #requests: RequestTensors;
  readonly #cells: CellSolver;
  readonly #flow: FlowPlanner;
  #elements = 0;

  constructor(program: Program, context: ScanContext, limits: ValueLimits) {
    this.#program = program;
    this.#context = context;
    this.#limits = limits;
    this.#requests = new RequestTensors(program);
    this.#cells = new CellSolver(limits, (cell) => (cell.component < 0 ? this.#planTensor(cell) : this.#planElement(cell)));
    this.#flow = new FlowPlanner(this.#cells, this.#requests);
  }

  get isExhausted(): boolean {
    return this.#cells.isExhausted;
  }

  of(body: Body, edge: Edge): Value {
    return this.#cells.demand(this.#cells.cell(body, edge.node, edge.output ?? 0));
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
    return this.#flow.planSources(sources, {
      own: isUnreached ? unknownOf(originsOf('computed'), dtype, undefined) : own,
      component,
      dtype,
    });
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
      return this.#flow.planSources(sources.map((source) => ({ body, node, source })));
    }
    const edges = this.#flow.inputsOf(body, node);
    if (joins.has(op)) {
      if (output === 0) {
        return joinPlan(edges.map((edge) => this.#flow.cellOf(body, edge)));
      }
      return { inputs: [], compute: () => unknownOf(originsOf('computed'), 3, []) };
    }
    if (op === 'PlaceholderWithDefault' && this.#requests.isSaverFile(body, node)) {
      return { inputs: [], compute: () => unknownOf(originsOf('saver'), 7, []) };
    }
    if (op === 'IdentityN' && edges[output] !== undefined) return joinPlan([this.#flow.cellOf(body, edges[output])]);
    if (op === 'DatasetToSingleElement' && edges.length > 0) return joinPlan([this.#flow.cellOf(body, edges[0], output)]);
    if (op === 'IteratorGetNext' && edges.length > 0) return joinPlan([this.#flow.cellOf(body, edges[0], output)]);
    const inputs = edges.map((edge) => this.#flow.cellOf(body, edge));
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
    this.#cells.isExhausted = true;
    return false;
  }

  #planElement(cell: Cell): Plan {
    const { body, node, output, component } = cell;
    if (node < body.argCount) return this.#planArgument(cell);
    const op = body.op(node);
    const edges = this.#flow.inputsOf(body, node);
    if (sameThing.has(op)) {
      const chosen = joins.has(op) ? edges : op === 'IdentityN' ? edges.slice(output, output + 1) : edges.slice(0, 1);
      return joinPlan(chosen.map((edge) => this.#flow.cellOf(body, edge, component)));
    }
    const calls = this.#program.callsFrom(body, node);
    const carried = outputSources(body, node, output, calls);
    if (carried !== undefined) {
      return this.#flow.planSources(
        carried.map((source) => ({ body, node, source })),
        { component },
      );
    }
    if (op === 'OneShotIterator') {
      const handles = calls.flatMap(({ callee }) =>
        callee.returns[0] === undefined ? [] : [this.#flow.cellOf(callee, callee.returns[0].edge, component)],
      );
      return joinPlan(handles);
    }
    const dataset = this.#datasetOf(cell, op);
    if (dataset !== undefined) return joinPlan([this.#flow.cellOf(body, dataset, component)]);
    const sources = elementSources(body, node, component, calls);
    if (sources !== undefined) {
      const nested = sources.flatMap((source) =>
        source.kind === 'return-element' && source.callee.returns[0] !== undefined
          ? [this.#flow.cellOf(source.callee, source.callee.returns[0].edge, source.component)]
          : [],
      );
      const flows = sources.filter((source): source is FlowSource => source.kind !== 'return-element');
      const plan = this.#flow.planSources(flows.map((source) => ({ body, node, source })));
      if (nested.length === 0) return plan;
      return joinPlan(nested);
    }
    const types = body.attr(node, 'output_types');
    const dtype = types?.case === 'list' ? types.value.type[component] : undefined;
    return this.#planElementsOf(body, node, dtype);
  }

  /** Elements of a dataset whose making is not known in detail: of what its inputs are. */
  #planElementsOf(body: Body, node: number, dtype: number | undefined): Plan {
    const inputs = body.inputs(node).flatMap((edge) => {
      const isDataset = body.op(edge.node).includes('Dataset');
      return isDataset ? [this.#flow.cellOf(body, edge, 0), this.#flow.cellOf(body, edge)] : [this.#flow.cellOf(body, edge)];
    });
    // What reads a file is a dataset too: its own value has that origin.
    const own = this.#cells.cell(body, node, 0);
    return joinPlan([own, ...inputs], unknownOf(originsOf('computed'), dtype, undefined), (value) =>
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
  return new Interpreter(program, context, { ...defaultLimits, ...limits });
}
