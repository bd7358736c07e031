// Walks through a program from its inputs to its outputs, each call on its own: what flows, what each node costs, what memory stands behind it. Calls are
// taken apart as TensorFlow inlines them; branches and loops are one item each. Nothing is believed of what a node says about its outputs.
import type { CostGap } from '../../cost/index.ts';
import type { Body, Edge, Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import {
  addSizes,
  constantSize,
  multiplySizes,
  type NodeView,
  placeArgs,
  type Size,
  transfer,
  typeOf,
  unknownDim,
  type Value,
  valueOfConst,
  viewOf,
} from '../values/index.ts';
import type { CostLedger } from './cost-ledger.ts';
import { costShape } from './cost-shapes.ts';
import { aliases, loaded } from './elementwise-costs.ts';
import type { Flow } from './flow-types.ts';
import { listAfter, shapeFromList } from './list-flows.ts';
import { flopsPerTextByte, opCost, textOps } from './op-costs.ts';
import { isReusable, reusedBy } from './reused-memory.ts';
import { mayShare, surelyShares } from './shared-memory.ts';
import { shapeFromText, textAfter } from './text-sizes.ts';
import { walkBranches } from './walk-branches.ts';
import { walkLoop } from './walk-loop.ts';
import { type Frame, flowBytes, listBytes, unknownFlow, type Walker } from './walk-types.ts';
import { unitsPerNode, type WorkBudget } from './work-budget.ts';

const unitsPerSkipped = 20;
const unitsPerInput = 500;
const unitsPerOutput = 2_000;
const unitsPerBuffer = 20;
const maxElements = 4_000_000;
const maxDepth = 64;
/** Items that one output may wait for before they are brought together in one. */
const maxAfter = 8;
const maxOutputs = 4096;

const plainCalls: ReadonlySet<string> = new Set([
  ...['PartitionedCall', 'StatefulPartitionedCall', 'TPUPartitionedCall', 'XlaLaunch', 'XlaLaunchV2'],
]);
const branching: ReadonlySet<string> = new Set(['If', 'StatelessIf', '_If', 'Case', 'StatelessCase']);
const looping: ReadonlySet<string> = new Set(['While', 'StatelessWhile', '_While']);
const backEdges: ReadonlySet<string> = new Set(['NextIteration', 'RefNextIteration']);

export class ProgramWalk implements Walker {
  readonly program: Program;
  readonly ledger: CostLedger;
  readonly #context: ScanContext;
  readonly #running = new Set<Body>();
  readonly work: WorkBudget;
  #elements = 0;

  constructor(program: Program, context: ScanContext, ledger: CostLedger, work: WorkBudget) {
    this.program = program;
    this.ledger = ledger;
    this.work = work;
    this.#context = context;
  }

  /** True when the program is too large to be walked through: what was found is no bound of anything. */
  get isExhausted(): boolean {
    return this.work.isUsedUp;
  }

  /** What a function returns. */
  call(
    callee: Body,
    args: readonly Flow[],
    frame: Frame,
    caller: { readonly body: Body; readonly node: number },
  ): readonly Flow[] {
    if (this.#running.has(callee) || this.#running.size >= maxDepth) {
      this.gap(caller.body, caller.node, 'recursion');
      return [];
    }
    this.#running.add(callee);
    const edges = callee.returns.map(({ edge }) => edge);
    const flows = this.walk(callee, args, frame, edges, callee.controlReturns, new Map());
    this.#running.delete(callee);
    return flows;
  }

  /** @param fed What a request gives in place of what a node would: by `node:output`. */
  walk(
    body: Body,
    args: readonly Flow[],
    frame: Frame,
    wanted: readonly Edge[],
    controls: readonly number[],
    fed: ReadonlyMap<string, Flow>,
  ): readonly Flow[] {
    // A call of a function costs what it has, also where little of it is wanted.
    this.work.take(unitsPerNode + body.nodeCount * unitsPerSkipped);
    const flows = new Map<number, readonly Flow[]>();
    const flowOf = ({ node, output }: Edge): Flow => {
      if (node < body.argCount) return args[node] ?? unknownFlow;
      const given = fed.size === 0 ? undefined : fed.get(`${node}:${output ?? 0}`);
      return given ?? flows.get(node)?.[output ?? 0] ?? unknownFlow;
    };
    for (const node of this.#orderOf(body, wanted, controls, fed)) {
      const edges = body.inputs(node);
      if (!this.work.take(unitsPerNode + edges.length * unitsPerInput)) break;
      const inputs = edges.map(flowOf);
      const after = body.controlInputs(node).flatMap((control) => (flows.get(control) ?? []).flatMap((flow) => flow.after));
      flows.set(node, this.#visit(body, node, inputs, after, frame));
    }
    return wanted.map(flowOf);
  }

  /** What must run for some outputs, each node after those that it needs. A way back into a loop of TensorFlow 1 is left out. */
  #orderOf(body: Body, wanted: readonly Edge[], controls: readonly number[], fed: ReadonlyMap<string, Flow>): readonly number[] {
    const state = new Uint8Array(body.nodeCount);
    const isFed = (edge: Edge): boolean => fed.size > 0 && fed.has(`${edge.node}:${edge.output ?? 0}`);
    const order: number[] = [];
    const stack = [...wanted.filter((edge) => !isFed(edge)).map(({ node }) => node), ...controls];
    while (stack.length > 0) {
      const node = stack.at(-1) ?? 0;
      if (node < body.argCount || state[node] === 2) {
        stack.pop();
        continue;
      }
      if (state[node] === 1) {
        state[node] = 2;
        order.push(node);
        stack.pop();
        continue;
      }
      state[node] = 1;
      for (const edge of body.inputs(node)) {
        if (isFed(edge) || state[edge.node] !== 0) continue;
        if (backEdges.has(body.op(edge.node))) this.gap(body, edge.node, 'loop');
        else stack.push(edge.node);
      }
      for (const control of body.controlInputs(node)) if (state[control] === 0) stack.push(control);
    }
    return order;
  }

  #visit(body: Body, node: number, inputs: readonly Flow[], controls: readonly number[], frame: Frame): readonly Flow[] {
    const op = body.op(node);
    const calls = this.program.callsFrom(body, node).filter(({ kind }) => kind === 'attr' || kind === 'op');
    if (calls.length > 0) {
      const isPlain = plainCalls.has(op) || calls.some(({ kind }) => kind === 'op');
      if (isPlain) return this.call(calls[0].callee, inputs, frame, { body, node });
      if (branching.has(op)) return walkBranches(this, { body, node, inputs, controls, frame, calls });
      if (looping.has(op)) return walkLoop(this, { body, node, inputs, controls, frame, calls });
    }
    const view = viewOf(
      body,
      node,
      op,
      inputs.map(({ value }) => value),
      unknownDim,
    );
    const values = this.#valuesOf(view, inputs);
    if (loaded.has(op)) return values.map((value) => ({ value, buffers: [], after: [] }));
    const list = listAfter(view, inputs);
    const flowOf = (value: Value, buffers: readonly number[], after: readonly number[], output: number): Flow => {
      const text = textAfter(view, inputs, value, output);
      return {
        value,
        buffers,
        after,
        ...(list === undefined || value.dtype !== typeOf.variant ? {} : { list }),
        ...(text === undefined ? {} : { text }),
      };
    };
    const { region } = frame;
    const after = [...new Set([...inputs.flatMap((flow) => flow.after), ...controls])];
    if (aliases.has(op)) {
      const shared = after.length > maxAfter ? [region.addItem(after)] : after;
      return values.map((value, output) => flowOf(value, aliasedBuffers(op, inputs, output), shared, output));
    }
    const item = region.addItem(after);
    for (const flow of inputs) region.consume(flow, item);
    // A list holds on to what is written to it, and so does a piece of a tensor. What a tensor is cut into for a list is copied (list_kernels.cc), or, where it
    // is not, takes no more than the copies would.
    const all = [...new Set(inputs.flatMap((flow) => flow.buffers))];
    this.work.take(all.length * unitsPerBuffer * Math.max(1, values.length));
    const isShared = mayShare(view, values) || op === 'TensorListGetItem';
    // What lies in a list is handed out as it is; only for what was never written zeros are made.
    const isCopied = op === 'TensorListFromTensor';
    const isTaken = surelyShares(view) || (op === 'TensorListGetItem' && inputs[0]?.list?.isFull === true);
    let memory: Size | undefined = constantSize(0);
    const flows = values.map((value, output): Flow => {
      const plain = flowOf(value, [], [item], output);
      const kept = isShared || (plain.list !== undefined && !isCopied) ? all : [];
      const bytes = isCopied ? listBytes(plain) : flowBytes(plain);
      if (!isTaken) memory = addSizes(memory, bytes);
      if (bytes === undefined || isTaken) return { ...plain, buffers: kept };
      const isOwn = kept.length === 0 && plain.list === undefined && isReusable(op);
      const buffer = isOwn ? region.addOutput(item, bytes, reusedBy(view, inputs, value)) : region.addBuffer(item, bytes);
      return { ...plain, buffers: [...kept, buffer] };
    });
    this.#charge(view, inputs, values, { frame, item, memory });
    return flows;
  }

  #charge(
    view: NodeView,
    inputs: readonly Flow[],
    values: readonly Value[],
    { frame, item, memory }: { readonly frame: Frame; readonly item: number; readonly memory: Size | undefined },
  ): void {
    const { body, node, op } = view;
    const cost = opCost({ ...view, outputs: values });
    if (cost === undefined) this.gap(body, node, 'op');
    const scratch = cost?.scratch;
    if (scratch !== undefined && scratch.terms.length > 0) frame.region.addBuffer(item, scratch);
    const read = inputs.map(flowBytes).reduce<Size | undefined>(addSizes, constantSize(0));
    const bytes = addSizes(read, memory);
    let flops = cost?.flops;
    if (textOps.has(op)) {
      const text = inputs.map((flow) => flow.text?.total).filter((size) => size !== undefined);
      flops = text.reduce<Size | undefined>((sum, size) => addSizes(sum, scaled(size, flopsPerTextByte)), flops);
    }
    if (cost !== undefined && (memory === undefined || flops === undefined || bytes === undefined)) this.gap(body, node, 'shape');
    this.charge(body, node, frame, { flops, bytes, memory: addSizes(memory, scratch ?? constantSize(0)) ?? memory });
  }

  /** Puts the cost of one run of a node into the books. What is not bounded counts nothing there, and must have a gap. */
  charge(
    body: Body,
    node: number,
    { totals, runs }: Frame,
    {
      flops,
      bytes,
      memory,
    }: { readonly flops: Size | undefined; readonly bytes: Size | undefined; readonly memory: Size | undefined },
  ): void {
    const times = (size: Size | undefined): Size | undefined => multiplySizes(size, runs);
    if (flops !== undefined) totals.flops.add(flops);
    if (bytes !== undefined) totals.bytes.add(bytes);
    this.ledger.add({
      node: body.name(node),
      function: body.function,
      op: body.op(node),
      runs,
      flops: times(flops),
      bytes: times(bytes),
      memory,
    });
  }

  gap(body: Body, node: number, why: CostGap['why']): void {
    this.ledger.gap({
      node: body.name(node),
      ...(body.function === undefined ? {} : { function: body.function }),
      op: body.op(node),
      why,
    });
  }

  #valuesOf(view: NodeView, inputs: readonly Flow[]): readonly Value[] {
    const { body, node, op } = view;
    if (op === 'Const') return [valueOfConst(view, false)];
    const definition = this.#context.ops.get(op);
    const placed = definition === undefined ? [] : placeArgs(body, node, definition.outputs, definition.attrs);
    const last = placed.at(-1);
    const count = definition === undefined ? 1 : last === undefined ? 0 : Math.min(maxOutputs, last.start + last.count);
    if (count > 1 && !this.work.take(count * unitsPerOutput)) return [];
    return Array.from({ length: count }, (_, output) => {
      const value = transfer(view, output, { ops: this.#context.ops, mayFold: (all) => this.#mayFold(all) });
      const list = inputs[0]?.list;
      if (value.dtype === typeOf.variant && op.includes('TensorList')) return { ...value, shape: [] };
      const shape =
        shapeFromList(view, output, list) ?? shapeFromText(view, output, inputs[0]?.text?.total) ?? costShape(view, output);
      if (shape === undefined || value.constants !== undefined) return value;
      return { ...value, shape };
    });
  }

  #mayFold(inputs: readonly Value[]): boolean {
    for (const { constants } of inputs)
      for (const { numbers, strings } of constants ?? [])
        this.#elements += (numbers?.length ?? 0) + 8 * (strings?.length ?? 0) + 1;
    return this.#elements <= maxElements;
  }
}

function aliasedBuffers(op: string, inputs: readonly Flow[], output: number): readonly number[] {
  if (op === 'IdentityN' || op === 'OptimizationBarrier') return inputs[output]?.buffers ?? [];
  if (op === 'Merge' || op === 'RefMerge' || op === 'RefSelect') return [...new Set(inputs.flatMap((flow) => flow.buffers))];
  return inputs[0]?.buffers ?? [];
}

function scaled(size: Size, factor: number): Size | undefined {
  return multiplySizes(size, constantSize(factor));
}
