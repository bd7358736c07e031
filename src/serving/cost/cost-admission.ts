// The step of a request that knows what it will cost before anything is queued, refuses what costs more than it may, and tells the later steps. It sees tensors after
// the contract: what that has cut is not counted. It never looks at a value, and never waits.
import { AirlockError } from '../../core/index.ts';
import type { ModelCosts, RequestCost } from '../../cost/index.ts';
import { type Signature, shapeFits, type Tensor } from '../../tensor/index.ts';
import { bytesOfMiB } from '../mebibytes.ts';
import type { RunContext, Runner } from '../runner.ts';
import { type CostLimits, type LimitedNodes, limitedNodes } from './cost-limits.ts';
import { MemoryEvidence } from './cost-memory.ts';
import { type CostRule, costUnknown, tooDear, tooDearNodes } from './cost-refusal.ts';

export interface CostAdmissionOptions {
  /** Undefined where the model was not scanned: then nothing is known of any request. */
  readonly costs: ModelCosts | undefined;
  /** In the order in which the worker knows them. */
  readonly signatures: readonly Signature[];
  /** With `compat` a request may have other shapes than its signature; its cost is then not known. */
  readonly shapes: 'strict' | 'compat';
  readonly limits: CostLimits;
  /** Of the worker; what it leaves beside the model is what a request may take where `limits.maxRequestMemoryMiB` does not say. Default no limit. */
  readonly memoryMiB?: number | undefined;
  /** What the worker holds while it does nothing; asked only for requests that may be large. Default the model's weights. */
  readonly modelMemoryBytes?: (() => number | undefined) | undefined;
  readonly next: Runner;
}

/** What was refused since the start, by limit. */
export interface CostAdmissionReport {
  readonly refused: Readonly<Record<CostRule | 'unknownCost', number>>;
}

/** Requests below this share of the worker's memory are let through without asking what it holds. */
const smallShare = 0.25;

export class CostAdmission implements Runner {
  readonly #options: CostAdmissionOptions;
  readonly #next: Runner;
  readonly #maxFlops: number;
  readonly #maxBytes: number;
  readonly #memoryBytes: number;
  readonly #limited: readonly (readonly LimitedNodes[])[];
  readonly #evidence: readonly MemoryEvidence[];
  /** The least that was seen: what an earlier request left behind can be used again. */
  #idleBytes = Number.POSITIVE_INFINITY;
  readonly #refused = { maxCost: 0, maxRequestMemoryMiB: 0, memoryMiB: 0, ops: 0, nodes: 0, unknownCost: 0 };

  constructor(options: CostAdmissionOptions) {
    const { costs, signatures, limits, memoryMiB, next } = options;
    this.#options = options;
    this.#next = next;
    this.#maxFlops = limits.maxCost ?? Number.POSITIVE_INFINITY;
    this.#maxBytes = bytesOfMiB(limits.maxRequestMemoryMiB ?? Number.POSITIVE_INFINITY);
    this.#memoryBytes = bytesOfMiB(memoryMiB ?? Number.POSITIVE_INFINITY);
    this.#limited = signatures.map((_, index) => {
      const known = costs?.signatures[index];
      return known === undefined ? [] : limitedNodes(limits, known);
    });
    this.#evidence = signatures.map(() => new MemoryEvidence());
  }

  get report(): CostAdmissionReport {
    return { refused: { ...this.#refused } };
  }

  /** What runs of signature `index` were seen to take. */
  evidence(index: number): MemoryEvidence | undefined {
    return this.#evidence[index];
  }

  /** @throws COST_EXCEEDED, COST_UNKNOWN; what the next step throws. */
  run(signatureIndex: number, inputs: readonly Tensor[], context: RunContext): Promise<readonly Tensor[]> {
    const known = this.#options.costs?.signatures[signatureIndex];
    if (known === undefined || !this.#fits(signatureIndex, inputs)) {
      if (this.#options.limits.unknownCost === 'refuse') throw this.#refusal('unknownCost', costUnknown(undefined));
      return this.#next.run(signatureIndex, inputs, context);
    }
    const cost = known.cost(inputs);
    this.#admit(cost, signatureIndex);
    const { client, deadlineMs, onPhase, onBlamed, onProfile } = context;
    // Written out: a spread takes longer than all that is decided here.
    const told: RunContext = { client, deadlineMs, onPhase, onBlamed, onProfile, cost };
    if (!(cost.peakBytes > this.#memoryBytes * smallShare)) return this.#next.run(signatureIndex, inputs, told);
    return this.#runLarge(cost, signatureIndex, inputs, told);
  }

  /** What is smaller than the limits is let through with four comparisons. */
  #admit(cost: RequestCost, signatureIndex: number): void {
    if (cost.flops > this.#maxFlops) throw this.#refusal('maxCost', tooDear(cost, 'maxCost', this.#maxFlops));
    if (cost.peakBytes > this.#maxBytes)
      throw this.#refusal('maxRequestMemoryMiB', tooDear(cost, 'maxRequestMemoryMiB', this.#maxBytes));
    if (!cost.isBounded && this.#options.limits.unknownCost === 'refuse') throw this.#refusal('unknownCost', costUnknown(cost));
    for (const nodes of this.#limited[signatureIndex]) {
      const totals = cost.totalsOf(nodes);
      const milliseconds = this.#milliseconds(totals.byOp);
      if (totals.memoryBytes > nodes.maxBytes || (milliseconds ?? 0) > nodes.maxMs)
        throw this.#refusal(nodes.rule, tooDearNodes(cost, nodes, milliseconds));
    }
  }

  /** Undefined while nothing was measured: then a limit of time refuses nothing. */
  #milliseconds(byOp: ReadonlyMap<string, { readonly flops: number; readonly bytes: number }>): number | undefined {
    let sum: number | undefined;
    for (const [op, { flops, bytes }] of byOp) {
      const one = this.#options.costs?.rates.opMilliseconds(op, flops, bytes);
      if (one !== undefined) sum = (sum ?? 0) + one;
    }
    return sum;
  }

  async #runLarge(
    cost: RequestCost,
    signatureIndex: number,
    inputs: readonly Tensor[],
    context: RunContext,
  ): Promise<readonly Tensor[]> {
    const leftBytes = Math.max(0, this.#memoryBytes - this.#modelBytes());
    const evidence = this.#evidence[signatureIndex];
    if (this.#options.limits.maxRequestMemoryMiB === undefined && evidence.cannotFit(cost.peakBytes, leftBytes))
      throw this.#refusal('memoryMiB', tooDear(cost, 'memoryMiB', leftBytes));
    try {
      return await this.#next.run(signatureIndex, inputs, context);
    } catch (thrown) {
      if (cost.peakBytes > leftBytes && AirlockError.from(thrown).code === 'WORKER_OUT_OF_MEMORY')
        evidence.observeFatal(cost.peakBytes);
      throw thrown;
    }
  }

  #modelBytes(): number {
    this.#idleBytes = Math.min(this.#idleBytes, this.#options.modelMemoryBytes?.() ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(this.#idleBytes) ? this.#idleBytes : (this.#options.costs?.weightBytes ?? 0);
  }

  #fits(signatureIndex: number, inputs: readonly Tensor[]): boolean {
    if (this.#options.shapes === 'strict') return true;
    const specs = this.#options.signatures[signatureIndex].inputs;
    return specs.every(({ shape }, index) => shapeFits(shape, inputs[index].shape));
  }

  #refusal(rule: CostRule | 'unknownCost', error: AirlockError): AirlockError {
    this.#refused[rule] += 1;
    return error;
  }
}
