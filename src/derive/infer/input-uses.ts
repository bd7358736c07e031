// Follows one input through a graph to every op that does something with its values: through calls, loops and branches, and through ops that
// only move values around. What an op means for the input is decided elsewhere.
import type { NodeDef } from '../../model/index.ts';
import { constInteger } from './const-value.ts';
import type { Consumer, GraphView, Reference, Scope } from './graph-view.ts';

/** An op that takes the input's values, as they are or with a whole number added. */
export interface InputUse {
  readonly scope: Scope;
  readonly node: NodeDef;
  readonly inputIndex: number;
  /** What was added to each value on the way. */
  readonly offset: number;
  /** True when only some of the values may have come this far, as in `x[:, 0]`: what is said of them is not said of all. */
  readonly isPart: boolean;
}

/**
 * Ops that hand on the values of some of their inputs, unchanged, in whatever order and shape; the lists over which a loop goes are among
 * them. `each`: output i is input i. `part`: only some of the first input's values.
 */
const movers: Readonly<Record<string, 'first' | 'all' | 'all but last' | 'each' | 'part'>> = {
  Identity: 'first',
  IdentityN: 'each',
  Cast: 'first',
  Reshape: 'first',
  ExpandDims: 'first',
  Squeeze: 'first',
  StopGradient: 'first',
  PreventGradient: 'first',
  Snapshot: 'first',
  EnsureShape: 'first',
  Transpose: 'first',
  StridedSlice: 'part',
  Slice: 'part',
  Tile: 'first',
  BroadcastTo: 'first',
  Unique: 'first',
  UniqueV2: 'first',
  Pack: 'all',
  Unpack: 'part',
  Split: 'part',
  SplitV: 'part',
  ConcatV2: 'all but last',
  TensorListFromTensor: 'first',
  TensorListGetItem: 'first',
  TensorListStack: 'first',
};

const maxSteps = 200_000;

/** How a consumer hands the values on, or undefined. */
function moverOf({ node, index }: Consumer): 'whole' | 'each' | 'part' | undefined {
  if (!Object.hasOwn(movers, node.op)) return undefined;
  const mover = movers[node.op];
  if (mover === 'each') return 'each';
  if (mover === 'all' || (mover === 'all but last' && index < node.input.length - 1)) return 'whole';
  // Split has the dimension before the tensor.
  if (index !== (node.op === 'Split' ? 1 : 0) || mover === 'all but last') return undefined;
  return mover === 'part' ? 'part' : 'whole';
}

/** Whether `name` is output `index` of its node; `x` alone is the first. */
function isOutput(name: string, index: number): boolean {
  const last = name.slice(name.lastIndexOf(':') + 1);
  return name.includes(':') ? last === String(index) : index === 0;
}

/** What `x + constant` or `x - constant` adds, or undefined. */
function addedBy(view: GraphView, scope: Scope, { node, index }: Consumer): number | undefined {
  const adds = node.op === 'Add' || node.op === 'AddV2';
  if (!adds && (node.op !== 'Sub' || index !== 0)) return undefined;
  const other = node.input[1 - index];
  const origin = other === undefined ? undefined : view.originOf({ scope, name: other });
  const value = origin === undefined ? undefined : constInteger(origin.node);
  return value === undefined || Math.abs(value) > 2 ** 31 ? undefined : adds ? value : -value;
}

/** One tensor on the way. */
interface Step {
  readonly reference: Reference;
  readonly offset: number;
  readonly isPart: boolean;
}

/** Where a value goes next, or undefined when `consumer` does something with it. */
function nextSteps(view: GraphView, { reference: { scope }, offset, isPart }: Step, consumer: Consumer): Step[] | undefined {
  const inner = view.enter(scope, consumer);
  if (inner.length > 0) return inner.map((reference) => ({ reference, offset, isPart }));
  const mover = moverOf(consumer);
  const added = mover === undefined ? addedBy(view, scope, consumer) : 0;
  if (added === undefined) return undefined;
  return view
    .outputsOf(scope, consumer.node)
    .filter(({ name }) => mover !== 'each' || isOutput(name, consumer.index))
    .map((reference) => ({ reference, offset: offset + added, isPart: isPart || mover === 'part' }));
}

/** @returns what at most 200,000 steps find; in a graph that needs more, that is not all. */
export function usesOf(view: GraphView, start: Reference): readonly InputUse[] {
  const uses: InputUse[] = [];
  const pending: Step[] = [{ reference: start, offset: 0, isPart: false }];
  const seen = new Set<string>();
  let steps = 0;
  for (let step = pending.pop(); step !== undefined && steps < maxSteps; step = pending.pop()) {
    const { reference, offset, isPart } = step;
    const key = `${reference.scope.id} ${offset} ${isPart} ${reference.name}`;
    if (seen.has(key)) continue;
    seen.add(key);
    for (const consumer of view.consumersOf(reference)) {
      steps++;
      const next = nextSteps(view, step, consumer);
      if (next === undefined) {
        uses.push({ scope: reference.scope, node: consumer.node, inputIndex: consumer.index, offset, isPart });
      } else pending.push(...next);
    }
  }
  return uses;
}
