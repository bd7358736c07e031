// What the steps of the walk through a program share: where nodes run, and what a call, a branch or a loop is given.
import type { CostGap } from '../../cost/index.ts';
import type { Body, Call } from '../graph/index.ts';
import { addSizes, type Size, typeOf, unknownValue } from '../values/index.ts';
import { bytesOf } from './cost-formulas.ts';
import type { CostLedger, Totals } from './cost-ledger.ts';
import type { Flow, Region } from './flow-types.ts';
import { heldShape } from './list-flows.ts';
import type { WorkBudget } from './work-budget.ts';

/** Where nodes run. */
export interface Frame {
  readonly region: Region;
  readonly totals: Totals;
  /** How often the frame runs in one request; undefined when nothing bounds it. */
  readonly runs: Size | undefined;
}

/** A node that runs functions. */
export interface CallSite {
  readonly body: Body;
  readonly node: number;
  readonly inputs: readonly Flow[];
  /** Items that it waits for. */
  readonly controls: readonly number[];
  readonly frame: Frame;
  readonly calls: readonly Call[];
}

/** The walk as branches and loops use it. */
export interface Walker {
  readonly ledger: CostLedger;
  readonly work: WorkBudget;
  readonly isExhausted: boolean;
  /** What a function returns. */
  call(callee: Body, args: readonly Flow[], frame: Frame, site: Pick<CallSite, 'body' | 'node'>): readonly Flow[];
  /** Says that something of the node is not bounded. */
  gap(body: Body, node: number, why: CostGap['why']): void;
}

export const unknownFlow: Flow = { value: unknownValue, buffers: [], after: [] };

/** What another region sees of a flow: the memory behind it is counted outside. */
export function foreign({ value, list, text }: Flow): Flow {
  return {
    value,
    buffers: [],
    after: [],
    ...(list === undefined ? {} : { list }),
    ...(text === undefined ? {} : { text }),
  };
}

/** Of a tensor with the bytes of its strings; undefined when nothing bounds it. */
export function flowBytes({ value, text }: Flow): Size | undefined {
  const own = bytesOf(value);
  return value.dtype === typeOf.string ? addSizes(own, text?.total) : own;
}

/** Of a list with what it holds. */
export function listBytes({ value, list }: Flow): Size | undefined {
  if (list === undefined) return bytesOf(value);
  const held = heldShape(list);
  return held === undefined ? undefined : bytesOf({ ...value, dtype: list.dtype, shape: held });
}
