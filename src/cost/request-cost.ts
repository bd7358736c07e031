// What one request costs, with what is needed to say why. One object serves all requests of the same sizes, so that nothing in it may change but the time, which is
// asked for anew.
import { costUnits } from './cost-rates.ts';
import type { PredictedCost } from './predicted-cost.ts';
import type { NodeTotals, SignatureCosts } from './signature-costs.ts';

export class RequestCost implements PredictedCost {
  readonly flops: number;
  readonly bytes: number;
  readonly peakBytes: number;
  readonly isBounded: boolean;
  readonly signature: SignatureCosts;
  /** Of the signature's variables, in their order. */
  readonly values: Float64Array;
  readonly #groups = new Map<NodeGroup, NodeTotals>();

  constructor(signature: SignatureCosts, values: Float64Array, isBounded: boolean) {
    this.signature = signature;
    this.values = values;
    this.flops = signature.flops(values);
    this.bytes = signature.bytes(values);
    this.peakBytes = signature.peakBytes(values);
    this.isBounded = isBounded && signature.isBounded;
  }

  /** Undefined while nothing was measured. */
  get milliseconds(): number | undefined {
    return this.signature.milliseconds(this.flops, this.bytes);
  }

  top(): readonly { readonly op: string; readonly node: string; readonly share: number }[] {
    return this.signature.top(this.values);
  }

  /** What `opFactors` are for: the units (`costUnits`) of each type of operation. */
  unitsByOp(): ReadonlyMap<string, number> {
    const all = this.signature.totalsOf([...this.signature.nodes.keys()], this.values);
    return new Map([...all.byOp].map(([op, { flops, bytes }]) => [op, costUnits(flops, bytes)]));
  }

  /** Of some of its nodes together; worked out once for all requests of these sizes. */
  totalsOf(group: NodeGroup): NodeTotals {
    let totals = this.#groups.get(group);
    if (totals === undefined) {
      totals = this.signature.totalsOf(group.indexes, this.values);
      this.#groups.set(group, totals);
    }
    return totals;
  }
}

/** Nodes of a signature that have a limit in common. */
export interface NodeGroup {
  /** In the list of the signature's nodes. */
  readonly indexes: readonly number[];
}
