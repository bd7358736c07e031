// What `airlock cost` says of one signature, as plain data: the form of `--json`, and what the text is made of.

import { printable } from '../core/index.ts';
import { type CostBound, costFormula, type RequestCost, type SignatureCost } from '../cost/index.ts';

export interface CostNumber {
  readonly formula: string;
  /** At the sizes; null where it is more than a number can hold. */
  readonly value: number | null;
}

export interface MeasuredCost {
  /** The middle of some runs. */
  readonly milliseconds: number;
  /** By the rates that runs of other sizes gave; undefined where there were too few. */
  readonly predictedMilliseconds: number | undefined;
  /** As TensorFlow's allocators say; undefined where the worker did not. */
  readonly peakBytes: number | undefined;
}

export interface SignatureCostReport {
  readonly name: string;
  readonly sizes: readonly {
    readonly name: string;
    readonly input: string;
    readonly axis: number | string;
    readonly value: number;
  }[];
  readonly isBounded: boolean;
  readonly flops: CostNumber;
  readonly bytes: CostNumber;
  readonly peakBytes: CostNumber;
  readonly top: readonly {
    readonly op: string;
    /** Empty for what is left of the operation beside its dearest nodes. */
    readonly node: string;
    readonly share: number;
    readonly flops: number | null;
    readonly bytes: number | null;
    readonly memoryBytes: number | null;
  }[];
  readonly gaps: readonly { readonly op: string; readonly node: string; readonly why: string }[];
  readonly measured?: MeasuredCost;
}

const maxNameChars = 128;
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** @param count of the dearest nodes. Names in it are printable. */
export function costReport(
  signature: SignatureCost,
  cost: RequestCost,
  count: number,
  measured: MeasuredCost | undefined,
): SignatureCostReport {
  const shown = new Map(signature.variables.map(({ name, input, axis }) => [name, `${printable(input)}[${axis}]`]));
  const number = (bound: CostBound, value: number): CostNumber => ({
    formula: costFormula(bound, (name) => shown.get(name) ?? '?'),
    value: finite(value),
  });
  return {
    name: printable(signature.name, maxNameChars),
    sizes: signature.variables.map(({ name, input, axis }, index) => ({
      name: shown.get(name) ?? '?',
      input: printable(input),
      axis,
      value: cost.values[index],
    })),
    isBounded: cost.isBounded,
    flops: number(signature.flops, cost.flops),
    bytes: number(signature.bytes, cost.bytes),
    peakBytes: number(signature.peakBytes, cost.peakBytes),
    top: topNodes(signature, cost, count),
    gaps: signature.gaps.map(({ op, node, why }) => ({ op: printable(op), node: printable(node, maxNameChars), why })),
    ...(measured === undefined ? {} : { measured }),
  };
}

function topNodes({ nodes }: SignatureCost, cost: RequestCost, count: number): SignatureCostReport['top'] {
  const totals = nodes.map((_, index) => cost.totalsOf({ indexes: [index] }));
  // Numbers beyond all bounds must not make each share none.
  const units = totals.map(({ flops, bytes }) => Math.min(flops + bytes, Number.MAX_VALUE / 2 ** 20));
  const all = units.reduce((sum, one) => sum + one, 0);
  const order = [...nodes.keys()].filter((index) => units[index] > 0).sort((a, b) => units[b] - units[a]);
  return order.slice(0, count).map((index) => ({
    op: printable(nodes[index].op),
    node: printable(nodes[index].node, maxNameChars),
    share: units[index] / all,
    flops: finite(totals[index].flops),
    bytes: finite(totals[index].bytes),
    memoryBytes: finite(totals[index].memoryBytes),
  }));
}
