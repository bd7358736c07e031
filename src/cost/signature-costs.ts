// The cost of one signature, compiled: from the tensors of a request to its cost in well under a microsecond for sizes that came before, and in some microseconds for
// others. It trusts that its cost model was checked (check-cost-model.ts), and believes nothing that does not fit the signature.
import type { Signature, Tensor } from '../tensor/index.ts';
import type { CostBound, CostGap, CostVariable, NodeCost, SignatureCost } from './cost-model.ts';
import { CostProgram } from './cost-program.ts';
import type { CostRates } from './cost-rates.ts';
import { RequestCost } from './request-cost.ts';

/** Of some nodes in one request. */
export interface NodeTotals {
  readonly flops: number;
  readonly bytes: number;
  /** All of them together, as if they were held at one time. */
  readonly memoryBytes: number;
  /** By the type of the operation: floating-point operations and bytes. */
  readonly byOp: ReadonlyMap<string, { flops: number; bytes: number }>;
}

interface NodePrograms {
  readonly flops: CostProgram | undefined;
  readonly bytes: CostProgram | undefined;
  readonly memoryBytes: CostProgram | undefined;
}

/** Costs that are remembered by the sizes of their requests. */
const maxRemembered = 16;
const maxTop = 5;

export class SignatureCosts {
  readonly name: string;
  readonly variables: readonly CostVariable[];
  readonly nodes: readonly NodeCost[];
  readonly gaps: readonly CostGap[];
  /** False when a part of it has no bound, whatever the request. */
  readonly isBounded: boolean;
  readonly #signatureIndex: number;
  readonly #rates: CostRates;
  readonly #inputs: Uint16Array;
  readonly #flops: readonly CostProgram[];
  readonly #bytes: readonly CostProgram[];
  readonly #peak: readonly CostProgram[];
  readonly #names: readonly string[];
  #programs: readonly NodePrograms[] | undefined;
  readonly #remembered: RequestCost[] = [];
  #next = 0;
  /** Read into, and given away only with a cost that is new. */
  #values: Float64Array;

  /** @throws RangeError when a variable is of no input of the signature, or of an axis that it does not have. */
  constructor(cost: SignatureCost, signature: Signature, signatureIndex: number, rates: CostRates) {
    this.name = cost.name;
    this.variables = cost.variables;
    this.nodes = cost.nodes;
    this.gaps = cost.gaps;
    this.isBounded = cost.gaps.length === 0 && cost.flops !== null && cost.bytes !== null && cost.peakBytes !== null;
    this.#signatureIndex = signatureIndex;
    this.#rates = rates;
    this.#inputs = Uint16Array.from(cost.variables, (variable) => inputIndexOf(variable, signature));
    this.#names = cost.variables.map(({ name }) => name);
    this.#flops = this.#sum(cost.flops, ({ flops }) => flops);
    this.#bytes = this.#sum(cost.bytes, ({ bytes }) => bytes);
    this.#peak = this.#sum(cost.peakBytes, ({ memoryBytes }) => memoryBytes);
    this.#values = new Float64Array(cost.variables.length);
  }

  /** The whole, or where that has no bound its parts that have one. */
  #sum(whole: CostBound, part: (node: NodeCost) => CostBound): readonly CostProgram[] {
    if (whole !== null) return [new CostProgram(whole, this.#names)];
    return this.nodes.map(part).flatMap((bound) => (bound === null ? [] : [new CostProgram(bound, this.#names)]));
  }

  /** Of a request whose tensors fit the signature; `inputs` are in the order of its inputs. */
  cost(inputs: readonly Tensor[]): RequestCost {
    const values = this.#values;
    for (let at = 0; at < values.length; at++) values[at] = sizeOf(inputs[this.#inputs[at]], this.variables[at].axis);
    for (const cost of this.#remembered) if (isSame(cost.values, values)) return cost;
    this.#values = new Float64Array(values.length);
    return this.#remember(new RequestCost(this, values, true));
  }

  /** For sizes that come from elsewhere, in the order of the variables. */
  costOf(values: readonly number[]): RequestCost {
    return new RequestCost(
      this,
      Float64Array.from(values, (value, at) => atLeastOne(value, this.variables[at].axis)),
      true,
    );
  }

  #remember(cost: RequestCost): RequestCost {
    this.#remembered[this.#next] = cost;
    this.#next = (this.#next + 1) % maxRemembered;
    return cost;
  }

  flops(values: Float64Array): number {
    return total(this.#flops, values);
  }

  bytes(values: Float64Array): number {
    return total(this.#bytes, values);
  }

  /** Where the whole has no bound, the largest part that has one: no two need to live at the same time. */
  peakBytes(values: Float64Array): number {
    let peak = 0;
    for (const program of this.#peak) peak = Math.max(peak, program.evaluate(values));
    return peak;
  }

  milliseconds(flops: number, bytes: number): number | undefined {
    return this.#rates.milliseconds(this.#signatureIndex, flops, bytes);
  }

  /** Learns from a request that ran; see CostRates.observe. */
  observe(cost: RequestCost, milliseconds: number): void {
    this.#rates.observe(this.#signatureIndex, cost.flops, cost.bytes, milliseconds);
  }

  /** The operations that take most time, as far as is known; by arithmetic and traffic alike while nothing was measured. */
  top(values: Float64Array): { readonly op: string; readonly node: string; readonly share: number }[] {
    const units = this.#nodePrograms().map(({ flops, bytes }, at) => {
      const cost = this.#rates.nodeUnits(this.nodes[at].op, evaluated(flops, values), evaluated(bytes, values));
      return { op: this.nodes[at].op, node: this.nodes[at].node, units: Math.min(cost, Number.MAX_VALUE / maxUnits) };
    });
    const all = units.reduce((sum, one) => sum + one.units, 0);
    const sorted = units.filter((one) => one.units > 0).sort((a, b) => b.units - a.units);
    return sorted.slice(0, maxTop).map(({ op, node, units: one }) => ({ op, node, share: one / all }));
  }

  totalsOf(indexes: readonly number[], values: Float64Array): NodeTotals {
    const byOp = new Map<string, { flops: number; bytes: number }>();
    const sum = { flops: 0, bytes: 0, memoryBytes: 0 };
    const programs = this.#nodePrograms();
    for (const index of indexes) {
      const flops = evaluated(programs[index].flops, values);
      const bytes = evaluated(programs[index].bytes, values);
      sum.flops += flops;
      sum.bytes += bytes;
      sum.memoryBytes += evaluated(programs[index].memoryBytes, values);
      const { op } = this.nodes[index];
      const before = byOp.get(op) ?? { flops: 0, bytes: 0 };
      byOp.set(op, { flops: before.flops + flops, bytes: before.bytes + bytes });
    }
    return { ...sum, byOp };
  }

  /** Only where somebody asks for nodes: most models have many, and most requests are not asked about. */
  #nodePrograms(): readonly NodePrograms[] {
    const compiled = (bound: CostBound) => (bound === null ? undefined : new CostProgram(bound, this.#names));
    this.#programs ??= this.nodes.map(({ flops, bytes, memoryBytes }) => ({
      flops: compiled(flops),
      bytes: compiled(bytes),
      memoryBytes: compiled(memoryBytes),
    }));
    return this.#programs;
  }
}

/** More nodes than a model can have, so that a sum of as many shares is still a number. */
const maxUnits = 2 ** 20;

function inputIndexOf({ input, axis }: CostVariable, { inputs }: Signature): number {
  const index = inputs.findIndex(({ alias }) => alias === input);
  const spec = inputs[index];
  const fits =
    typeof axis === 'number'
      ? spec?.shape !== null && spec?.shape[axis] === -1
      : spec?.dtype === 'DT_STRING' && (axis === 'bytes' || axis === 'longest');
  if (spec === undefined || !fits) throw new RangeError('A variable of the cost model is no size of the signature');
  return index;
}

function sizeOf(tensor: Tensor | undefined, axis: CostVariable['axis']): number {
  if (tensor === undefined) return Number.NaN;
  if (typeof axis === 'number') return atLeastOne(tensor.shape[axis] ?? Number.NaN, axis);
  if (tensor.dtype !== 'DT_STRING') return Number.NaN;
  const { offsets } = tensor;
  if (axis === 'bytes') return offsets[offsets.length - 1] - offsets[0];
  let longest = 0;
  for (let at = 1; at < offsets.length; at++) longest = Math.max(longest, offsets[at] - offsets[at - 1]);
  return longest;
}

/** Bounds are made for dimensions of 1 and more; of an empty tensor they would say less than is true. */
function atLeastOne(value: number, axis: CostVariable['axis']): number {
  return typeof axis === 'number' ? Math.max(1, value) : value;
}

function isSame(some: Float64Array, others: Float64Array): boolean {
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false;
  return true;
}

function total(programs: readonly CostProgram[], values: Float64Array): number {
  let sum = 0;
  for (const program of programs) sum += program.evaluate(values);
  return sum;
}

function evaluated(program: CostProgram | undefined, values: Float64Array): number {
  return program === undefined ? 0 : program.evaluate(values);
}
