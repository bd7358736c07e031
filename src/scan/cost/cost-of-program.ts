// Makes the cost model of a program: for each signature the sizes that a request chooses, and bounds as formulas of them. Bounded in time and in what it
// gives out: a program that is too large has gaps and no numbers, never wrong ones.
import type { CostBound, CostGap, CostModel, CostVariable, SignatureCost } from '../../cost/index.ts';
import type { Edge, Program, SignatureEntry, TensorRef } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { constantSize, type Dim, type Size, type SizeValues, valueOfRequest, variableSize } from '../values/index.ts';
import { CostLedger, newTotals } from './cost-ledger.ts';
import { type Flow, Region } from './flow-types.ts';
import { bound, maxNameLength, nodeCosts } from './node-costs.ts';
import { peakMemory } from './peak-memory.ts';
import { ProgramWalk } from './walk-program.ts';
import { flowBytes } from './walk-types.ts';
import { weightBytes } from './weight-bytes.ts';
import { defaultWork, sharedBudgets, type WorkBudget, type WorkLimits } from './work-budget.ts';

/** Sizes at which nodes are ranked; the formulas hold for all. */
const sample = { batch: 8, other: 64, bytes: 4096, longest: 256 };
/** Of a whole model as JSON. */
const maxModelLength = 1024 * 1024;
const maxSignatures = 64;
/** Of the names of a signature and of its inputs; what is longer has no cost. */
const maxAliasLength = 4_096;
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

/** @param maxLength of all of it as JSON. */
function signatureCost(
  program: Program,
  context: ScanContext,
  signature: SignatureEntry,
  work: WorkBudget,
  maxLength: number,
): SignatureCost {
  const ledger = new CostLedger();
  const walk = new ProgramWalk(program, context, ledger, work);
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
  const known: Bounds = {
    flops: bound(totals.flops.total),
    bytes: bound(totals.bytes.total),
    peakBytes: peakBound(region, work),
  };
  const isWhole = !walk.isExhausted;
  const cost: SignatureCost = {
    name: signature.name,
    variables: variables.all,
    ...(isWhole ? known : unknownBounds),
    nodes: [],
    gaps: isWhole ? ledger.gaps.map(shortGap) : [tooLarge],
  };
  const rest = maxLength - JSON.stringify(cost).length;
  if (rest < 0) return { ...cost, ...unknownBounds, variables: [], gaps: [tooLarge] };
  return isWhole ? { ...cost, nodes: nodeCosts(ledger.entries, variables.sample, rest) } : cost;
}

type Bounds = Pick<SignatureCost, 'flops' | 'bytes' | 'peakBytes'>;
const unknownBounds: Bounds = { flops: null, bytes: null, peakBytes: null };
/** What could not be looked at to its end; no bound can be said of it. */
const tooLarge: CostGap = { node: '', op: '', why: 'op' };

function shortGap(gap: CostGap): CostGap {
  const { node, op, why } = gap;
  const body = gap.function === undefined ? {} : { function: gap.function.slice(0, maxNameLength) };
  return { node: node.slice(0, maxNameLength), ...body, op: op.slice(0, maxNameLength), why };
}

function peakBound(region: Region, work: WorkBudget): CostBound {
  const peak = peakMemory(region, work).map(bound);
  const known = peak.filter((candidate) => candidate !== null);
  if (known.length === 0 || known.length < peak.length) return null;
  return known.length === 1 ? known[0] : { op: 'max', of: known };
}

/**
 * At most 1 MiB of JSON, and some seconds of work, whatever the program is.
 * @param restoredBytes Of the tensors in the model's checkpoint; 0 where there is none.
 */
export function costOfProgram(
  program: Program,
  context: ScanContext,
  limits: WorkLimits = defaultWork,
  restoredBytes = 0,
): CostModel {
  const wanted = program.signatures
    .filter(
      ({ name, inputs }) => !name.startsWith('__saved_model_') && [name, ...inputs.map(({ alias }) => alias)].every(isShort),
    )
    .slice(0, maxSignatures);
  const signatures: SignatureCost[] = [];
  let left = maxModelLength - 1_024;
  for (const work of sharedBudgets(wanted.length, limits)) {
    const share = left / (wanted.length - signatures.length);
    const cost = signatureCost(program, context, wanted[signatures.length], work, share);
    left -= JSON.stringify(cost).length + 1;
    signatures.push(cost);
  }
  return { format: 1, weightBytes: weightBytes(program, restoredBytes), signatures };
}

const isShort = (name: string): boolean => name.length <= maxAliasLength - 16;
