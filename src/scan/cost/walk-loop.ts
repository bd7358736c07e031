// While: rounds × body. What the body makes of its variables is followed until their shapes no longer change; lists count with all that they hold in the
// end.
import {
  addDims,
  addSizes,
  constantOf,
  constantSize,
  type Dim,
  formulaOf,
  isSameShape,
  joinDims,
  multiplySizes,
  type Size,
  smallerSize,
  unknownDim,
  unknownOf,
  type Value,
  withoutNegative,
  zeroSize,
} from '../values/index.ts';
import { newTotals } from './cost-ledger.ts';
import { upTo } from './cost-shapes.ts';
import { type Flow, type ListContent, Region } from './flow-types.ts';
import { joinLists } from './list-flows.ts';
import { isInvariant, loopTrips } from './loop-trips.ts';
import { coveredPeak } from './peak-memory.ts';
import { withReuse } from './reused-memory.ts';
import { type CallSite, type Frame, flowBytes, foreign, listBytes, unknownFlow, type Walker } from './walk-types.ts';

/** Rounds of following before what still changes is given up. */
const maxRounds = 6;
const wideningRound = 3;
/** While ops say it themselves; this is the default of the operation. */
const parallelIterations = 10;

/** What is true of a variable in every round, as far as its type, its shape and what it holds go. */
function startOf(flow: Flow): Flow {
  const { dtype, shape, origins, held } = flow.value;
  const value: Value = held === undefined ? unknownOf(origins, dtype, shape) : { ...unknownOf(origins, dtype, shape), held };
  return { ...foreign(flow), value };
}

function isSameList(a: ListContent | undefined, b: ListContent | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.element === 'none' || b.element === 'none') return a.element === b.element && a.isFull === b.isFull;
  return isSameShape(a.element, b.element) && a.isFull === b.isFull;
}

/** What covers a variable before a round and after it. */
function joinState(before: Flow, after: Flow, round: number): Flow {
  const [a, b] = [before.value.shape, after.value.shape];
  const isRank = a !== undefined && b !== undefined && a.length === b.length;
  const shape = isRank ? a.map((dim, i) => joined(dim, b[i], round)) : undefined;
  const list = joinLists(before.list, after.list);
  const { text } = before;
  return {
    value: { ...before.value, shape },
    buffers: [],
    after: [],
    ...(list === undefined ? {} : { list: { ...list, count: before.list?.count ?? list.count } }),
    ...(text === undefined || after.text === undefined ? {} : { text: joinText(text, after.text) }),
  };
}

function joinText(a: NonNullable<Flow['text']>, b: NonNullable<Flow['text']>): NonNullable<Flow['text']> {
  return { total: sameOrNone(a.total, b.total), longest: sameOrNone(a.longest, b.longest) };
}

const sameOrNone = (a: Size | undefined, b: Size | undefined): Size | undefined => (a?.key === b?.key ? a : undefined);

function joined(a: Dim, b: Dim, round: number): Dim {
  const dim = joinDims(a, b);
  return round >= wideningRound && !isSameShape([a], [dim]) ? unknownDim : dim;
}

const isSameState = (a: Flow, b: Flow): boolean =>
  isSameShape(a.value.shape, b.value.shape) &&
  isSameList(a.list, b.list) &&
  a.text?.total?.key === b.text?.total?.key &&
  a.text?.longest?.key === b.text?.longest?.key;

export function walkLoop(walk: Walker, site: CallSite): readonly Flow[] {
  const { body, node, inputs, frame, calls } = site;
  const condition = calls.find(({ attr }) => attr === 'cond')?.callee;
  const work = calls.find(({ attr }) => attr === 'body')?.callee;
  if (condition === undefined || work === undefined) {
    walk.gap(body, node, 'op');
    return [];
  }
  const trips = loopTrips({ condition, work, initial: inputs });
  const rounds = trips === undefined ? undefined : withoutNegative(formulaOf(trips)?.size);
  const invariant = inputs.map((_, index) => isInvariant(work, index));
  let state = inputs.map((flow, index) => (invariant[index] ? foreign(flow) : withCount(startOf(flow), trips)));
  const back = walk.ledger.mark();
  for (let round = 0; ; round++) {
    const inner: Frame = { region: new Region(), totals: newTotals(), runs: multiplySizes(frame.runs, rounds) };
    const entered = state.map((flow, index) => (invariant[index] ? flow : enter(flow, inner.region)));
    walk.call(condition, entered, inner, { body, node });
    const returned = walk.call(work, entered, inner, { body, node });
    const next = state.map((flow, index) => (invariant[index] ? flow : joinState(flow, returned[index] ?? unknownFlow, round)));
    if (next.every((flow, index) => isSameState(flow, state[index])) || round >= maxRounds || walk.isExhausted) {
      for (const [index, flow] of returned.entries()) if (!invariant[index]) inner.region.keep(flow);
      if (rounds === undefined) walk.gap(body, node, 'loop');
      return leave(walk, site, inner, { state, invariant, rounds });
    }
    state = next;
    back();
  }
}

/** A list that grows has no more in the end than it began with and one more for each round. */
function withCount(flow: Flow, trips: Dim | undefined): Flow {
  if (flow.list === undefined) return flow;
  const count = trips === undefined ? unknownDim : upTo(addDims(flow.list.count, trips));
  const { dtype, element } = flow.list;
  return { ...flow, list: { dtype, element, count: flow.list.count === 0 ? count : flow.list.count } };
}

/** A variable at the begin of a round: what the round before has made. */
function enter(flow: Flow, region: Region): Flow {
  const item = region.addEntry();
  const bytes = flow.list === undefined ? flowBytes(flow) : constantSize(0);
  return { ...flow, after: [item], buffers: bytes === undefined ? [] : [region.addBuffer(item, bytes)] };
}

interface LoopEnd {
  readonly state: readonly Flow[];
  readonly invariant: readonly boolean[];
  readonly rounds: Size | undefined;
}

function leave(walk: Walker, site: CallSite, inner: Frame, { state, invariant, rounds }: LoopEnd): readonly Flow[] {
  const { body, node, inputs, controls, frame } = site;
  const { region, totals } = frame;
  const item = region.addItem([...inputs.flatMap((flow) => flow.after), ...controls]);
  for (const flow of inputs) region.consume(flow, item);
  // Without a bound one round counts, and the gap says so.
  const times = rounds ?? constantSize(1);
  totals.flops.add(inner.totals.flops.total, times);
  totals.bytes.add(inner.totals.bytes.total, times);
  const memory = addSizes(coveredPeak(inner.region, walk.work), aheadBytes(site, inner.region, state, invariant, times));
  if (memory === undefined) walk.gap(body, node, 'shape');
  else if (memory.terms.length > 0) region.addBuffer(item, memory);
  return inputs.map((input, index): Flow => {
    if (invariant[index]) return input;
    const flow: Flow = { ...state[index], after: [item], buffers: [] };
    const bytes = flow.list === undefined ? flowBytes(flow) : listBytes(flow);
    if (bytes === undefined) {
      walk.gap(body, node, 'shape');
      return flow;
    }
    const kept = flow.list === undefined ? [] : input.buffers;
    return { ...flow, buffers: [...kept, region.addBuffer(item, bytes)] };
  });
}

/**
 * TensorFlow starts rounds before the ones before them have ended (`parallel_iterations`): what depends on counters alone, as reading the next element
 * and multiplying it with weights, may be done for so many rounds ahead.
 */
function aheadBytes(
  { body, node }: CallSite,
  region: Region,
  state: readonly Flow[],
  invariant: readonly boolean[],
  rounds: Size,
): Size | undefined {
  const attr = body.attr(node, 'parallel_iterations');
  const most = attr?.case === 'i' ? Math.max(1, Number(attr.value)) : parallelIterations;
  const slow = new Uint8Array(region.items.length);
  let item = 0;
  for (const [index, flow] of state.entries()) {
    if (invariant[index]) continue;
    // A scalar counts; anything larger is what the rounds are there for.
    const bytes = flowBytes(flow);
    const small = bytes === undefined ? undefined : constantOf(bytes);
    slow[item++] = flow.list === undefined && (small === undefined || small > 64) ? 1 : 0;
  }
  for (const [at, { after }] of region.items.entries()) if (after.some((before) => slow[before] === 1)) slow[at] = 1;
  let fast: Size | undefined = zeroSize;
  for (const { producer, bytes, consumers } of withReuse(region.buffers))
    if (slow[producer] === 0 && producer >= item && consumers.length > 0) fast = addSizes(fast, bytes);
  // The round that is at work is one of them.
  const others = constantSize(most - 1);
  return multiplySizes(fast, smallerSize(addSizes(rounds, constantSize(-1)), others) ?? others);
}
