// Makes the cost model of a program: for each signature the sizes that a request chooses, and bounds as formulas of them. Bounded in time and in what it
// gives out: a program that is too large has gaps and no numbers, never wrong ones.
import {
  type CostBound,
  type CostModel,
  type CostVariable,
  maxNodeCosts,
  type NodeCost,
  type SignatureCost,
} from '../../cost/index.ts';
import type { Edge, Program, SignatureEntry, TensorRef } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import {
  addSizes,
  constantSize,
  type Dim,
  evaluateSize,
  expressionOf,
  type Size,
  type SizeValues,
  valueOfRequest,
  variableSize,
} from '../values/index.ts';
import { type CostEntry, CostLedger, newTotals } from './cost-ledger.ts';
import { type Flow, Region } from './flow-types.ts';
import { peakMemory } from './peak-memory.ts';
import { ProgramWalk } from './walk-program.ts';
import { flowBytes } from './walk-types.ts';
import { weightBytes } from './weight-bytes.ts';

/** Sizes at which nodes are ranked; the formulas hold for all. */
const sample = { batch: 8, other: 64, bytes: 4096, longest: 256 };
/** Of one formula as JSON; and of all that is said about single nodes. */
const maxExpressionLength = 8192;
const maxNodesLength = 640 * 1024;
const maxNameLength = 256;
const maxSignatures = 64;
const maxVariables = 64;

function splitName(name: string): Edge & { readonly name: string } {
  const colon = name.lastIndexOf(':');
  const output = colon < 0 ? 0 : Number(name.slice(colon + 1));
  return {
    node: -1,
    name: Number.isInteger(output) && colon >= 0 ? name.slice(0, colon) : name,
    output: Number.isInteger(output) ? output : 0,
  };
}

function edgeOf(program: Program, { name }: TensorRef): Edge | undefined {
  const place = splitName(name);
  const node = program.main.find(place.name);
  return node === undefined ? undefined : { node, output: place.output };
}

class Variables {
  readonly all: CostVariable[] = [];

  /** The formula of a size that a request chooses. */
  add(input: string, axis: CostVariable['axis']): Size {
    const name = `${input}.${axis}`;
    this.all.push({ name, input, axis });
    // Names are whatever a model says; a number keeps the texts of formulas unambiguous.
    return variableSize(name, `$${this.all.length}`);
  }

  get sample(): SizeValues {
    const axes = new Map(this.all.map(({ name, axis }) => [name, axis]));
    return (name) => {
      const axis = axes.get(name);
      return axis === 'bytes' ? sample.bytes : axis === 'longest' ? sample.longest : axis === 0 ? sample.batch : sample.other;
    };
  }
}

function inputFlow({ alias, dtype, shape }: TensorRef, variables: Variables): Flow {
  const dims = shape?.map((size, axis): Dim => {
    if (size >= 0) return size;
    return { isRequest: true, min: 1, max: undefined, upper: variables.add(alias, axis), isExact: true };
  });
  const value = { ...valueOfRequest(dtype, undefined), shape: dims };
  const flow: Flow = { value, buffers: [], after: [] };
  if (dtype !== 7) return flow;
  return { ...flow, text: { total: variables.add(alias, 'bytes'), longest: variables.add(alias, 'longest') } };
}

function bound(size: Size | undefined): CostBound {
  if (size === undefined) return null;
  const expression = expressionOf(size);
  return JSON.stringify(expression).length > maxExpressionLength ? null : expression;
}

function signatureCost(program: Program, context: ScanContext, signature: SignatureEntry): SignatureCost {
  const ledger = new CostLedger();
  const walk = new ProgramWalk(program, context, ledger);
  const variables = new Variables();
  const region = new Region();
  const totals = newTotals();
  const fed = new Map<string, Flow>();
  for (const input of signature.inputs) {
    const edge = edgeOf(program, input);
    if (edge === undefined || variables.all.length >= maxVariables) continue;
    const item = region.addEntry();
    const flow = inputFlow(input, variables);
    const bytes = flowBytes(flow);
    if (bytes === undefined) ledger.gap({ node: input.alias, op: 'Placeholder', why: 'shape' });
    const buffers = bytes === undefined ? [] : [region.addBuffer(item, bytes)];
    const given: Flow = { ...flow, after: [item], buffers };
    // Whoever asked holds what it gave until the answer is there.
    region.keep(given);
    fed.set(`${edge.node}:${edge.output ?? 0}`, given);
  }
  const wanted = signature.outputs.map((output) => edgeOf(program, output)).filter((edge) => edge !== undefined);
  const outputs = walk.walk(program.main, [], { region, totals, runs: constantSize(1) }, wanted, [], fed);
  for (const flow of outputs) region.keep(flow);
  const { all } = variables;
  if (walk.isExhausted) {
    const gap = { node: '', op: '', why: 'op' } as const;
    return { name: signature.name, variables: all, flops: null, bytes: null, peakBytes: null, nodes: [], gaps: [gap] };
  }
  const peak = peakMemory(region).map(bound);
  const known = peak.filter((candidate) => candidate !== null);
  return {
    name: signature.name,
    variables: all,
    flops: bound(totals.flops.total),
    bytes: bound(totals.bytes.total),
    peakBytes: known.length === 0 || known.length < peak.length ? null : known.length === 1 ? known[0] : { op: 'max', of: known },
    nodes: nodeCosts(ledger.entries, variables.sample),
    gaps: ledger.gaps.map((gap) => ({
      ...gap,
      node: gap.node.slice(0, maxNameLength),
      ...(gap.function === undefined ? {} : { function: gap.function.slice(0, maxNameLength) }),
    })),
  };
}

/** The dearest, and the rest of each operation together. */
function nodeCosts(entries: readonly CostEntry[], values: SizeValues): readonly NodeCost[] {
  const weigh = (size: Size | undefined): number => (size === undefined ? 0 : evaluateSize(size, values));
  const ranked = entries
    .map((entry) => ({ entry, flops: weigh(entry.flops), bytes: weigh(entry.bytes) }))
    .sort((a, b) => b.flops - a.flops || b.bytes - a.bytes);
  const nodes: NodeCost[] = [];
  const rest = new Map<
    string,
    { flops: Size | undefined; bytes: Size | undefined; memory: number; count: number; most: CostEntry }
  >();
  let length = 0;
  // Each operation may need an entry for its rest.
  const kinds = new Set(entries.map(({ op }) => op)).size;
  for (const { entry } of ranked) {
    const cost: NodeCost = {
      node: entry.node.slice(0, maxNameLength),
      ...(entry.function === undefined ? {} : { function: entry.function.slice(0, maxNameLength) }),
      op: entry.op.slice(0, maxNameLength),
      runs: bound(entry.runs),
      flops: bound(entry.flops),
      bytes: bound(entry.bytes),
      memoryBytes: bound(entry.memory),
    };
    const size = JSON.stringify(cost).length;
    if (nodes.length + Math.min(kinds, maxNodeCosts / 2) < maxNodeCosts && length + size < maxNodesLength) {
      length += size;
      nodes.push(cost);
      continue;
    }
    const memory = weigh(entry.memory);
    const known = rest.get(entry.op);
    if (known === undefined) rest.set(entry.op, { flops: entry.flops, bytes: entry.bytes, memory, count: 1, most: entry });
    else {
      known.flops = addSizes(known.flops, entry.flops);
      known.bytes = addSizes(known.bytes, entry.bytes);
      known.count += 1;
      if (memory > known.memory) [known.memory, known.most] = [memory, entry];
    }
  }
  for (const [op, { flops, bytes, most, count }] of rest) {
    if (nodes.length >= maxNodeCosts) break;
    nodes.push({
      node: '',
      op: op.slice(0, maxNameLength),
      runs: count,
      flops: bound(flops),
      bytes: bound(bytes),
      memoryBytes: bound(most.memory),
    });
  }
  return nodes;
}

export function costOfProgram(program: Program, context: ScanContext): CostModel {
  const signatures = program.signatures
    .filter(({ name }) => !name.startsWith('__saved_model_'))
    .slice(0, maxSignatures)
    .map((signature) => signatureCost(program, context, signature));
  return { format: 1, weightBytes: weightBytes(program), signatures };
}
