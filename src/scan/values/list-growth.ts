// How much memory the lists of a loop (TensorList of TensorFlow 2, TensorArray and stacks of TensorFlow 1) have taken when it ends: what each round
// writes, times the rounds, loops within it included. A tensor that is written as it is (a constant, a weight) is shared by all elements, and counts
// only where the list is made one tensor in the end.
import type { Body, Program } from '../graph/index.ts';
import { whileOps } from './call-arguments.ts';
import { bytesPerElement } from './data-types.ts';
import { fewestElements } from './dims.ts';
import { type Loop, loopAt, traceInLoop } from './loop.ts';
import { stepOf, valueAt } from './loop-steps.ts';
import { inputOf, type Place } from './trace.ts';
import type { Values } from './value-types.ts';

/** Places of the inputs that are the list before and what is written to it. `sets`: into a place that the list already has. */
const writers: ReadonlyMap<string, { readonly list: number; readonly item: number; readonly sets?: true }> = new Map([
  ['TensorListPushBack', { list: 0, item: 1 }],
  ['TensorListPushBackBatch', { list: 0, item: 1 }],
  ['TensorListSetItem', { list: 0, item: 2, sets: true }],
  ['TensorListScatterIntoExistingList', { list: 0, item: 1, sets: true }],
  ['TensorArrayWriteV2', { list: 3, item: 2 }],
  ['TensorArrayWriteV3', { list: 3, item: 2 }],
]);
const pushes: ReadonlySet<string> = new Set(['StackPush', 'StackPushV2']);
const branches: ReadonlySet<string> = new Set(['If', 'StatelessIf', 'Case', 'StatelessCase']);
/** Give the memory that they are given. */
const sharing: ReadonlySet<string> = new Set([
  ...['Identity', 'StopGradient', 'PreventGradient', 'EnsureShape', 'Squeeze', 'ExpandDims', 'Reshape', 'CheckNumerics'],
  ...['Enter', 'Exit', 'Switch', 'RefEnter', 'RefSwitch', 'RefIdentity', 'OptimizationBarrier'],
]);
/** Give memory that lies there anyway. */
const lasting: ReadonlySet<string> = new Set(['Const', 'HostConst', 'ReadVariableOp', 'Variable', 'VariableV2', 'Placeholder']);
const stacks = /^(?:TensorListStack|TensorListConcat(?:V2)?|TensorArray(?:Gather|Concat|Pack)(?:V[23])?)$/;
/** A tensor itself, in a list. */
const tensorBytes = 32;
const maxDepth = 64;
const maxSteps = 2_000;
const maxHops = 16;

export interface ListGrowth {
  readonly bytesPerRound: number;
  /** Fewer than those of the loop where the list has no more places. */
  readonly rounds: number;
}

interface Written {
  readonly bytes: number;
  /** It gets longer, and is not only written to. */
  readonly grows: boolean;
}

const nothing: Written = { bytes: 0, grows: false };

export class ListWriters {
  readonly #program: Program;
  readonly #values: Values;
  readonly #roundsOf: (body: Body, node: number) => number;
  #steps = 0;

  /** @param roundsOf Of the loop at this node; 1 where they are not known. */
  constructor(program: Program, values: Values, roundsOf: (body: Body, node: number) => number) {
    this.#program = program;
    this.#values = values;
    this.#roundsOf = roundsOf;
  }

  /** What the loop adds to the list in this variable; undefined when it is none, or takes nothing. */
  ofVariable(loop: Loop, variable: number): ListGrowth | undefined {
    const { initial, next } = loop.variables.get(variable) ?? {};
    if (next === undefined) return undefined;
    this.#steps = 0;
    const { bytes, grows } = this.#writtenTo(loop, next, isStacked(loop, variable), new Map(), 0);
    if (bytes === 0) return undefined;
    const rounds = this.#roundsOf(loop.body, loop.node);
    const places = initial === undefined || grows ? undefined : this.#values.of(initial.body, initial.edge).held?.shape?.[0];
    return { bytesPerRound: bytes, rounds: typeof places === 'number' ? Math.min(rounds, places) : rounds };
  }

  /** What the rounds of the loop put on stacks. */
  ofStacks(loop: Loop): ListGrowth | undefined {
    const work = loop.inner[0];
    if (work === undefined) return undefined;
    let bytes = 0;
    for (let node = work.argCount; node < work.nodeCount; node++) {
      const edge = pushes.has(work.op(node)) ? work.inputs(node)[1] : undefined;
      if (edge !== undefined) bytes += this.#itemBytes(loop, { body: work, edge, caller: undefined }, false);
    }
    return bytes === 0 ? undefined : { bytesPerRound: bytes, rounds: this.#roundsOf(loop.body, loop.node) };
  }

  /** @param known By the output of a node in the body of the loop: branches one after the other are looked at once each. */
  #writtenTo(loop: Loop, from: Place, isCopied: boolean, known: Map<string, Written>, depth: number): Written {
    if (depth > maxDepth || ++this.#steps > maxSteps) return nothing;
    const place = traceInLoop(this.#program, loop, from);
    const { body, edge } = place;
    if (loop.variableOf(place) !== undefined || edge.node < body.argCount) return nothing;
    const key = place.caller === undefined ? `${body.function ?? ''} ${edge.node} ${edge.output ?? 0}` : undefined;
    const before = key === undefined ? undefined : known.get(key);
    if (before !== undefined) return before;
    // A list that is made of itself without a loop is no list.
    if (key !== undefined) known.set(key, nothing);
    const found = this.#writtenBy(loop, place, isCopied, known, depth + 1);
    if (key !== undefined) known.set(key, found);
    return found;
  }

  #writtenBy(loop: Loop, place: Place, isCopied: boolean, known: Map<string, Written>, depth: number): Written {
    const { body, edge } = place;
    const op = body.op(edge.node);
    const follow = (next: Place | undefined): Written =>
      next === undefined ? nothing : this.#writtenTo(loop, next, isCopied, known, depth);
    const writer = writers.get(op);
    if (writer !== undefined) {
      const rest = follow(inputOf(place, writer.list));
      const item = inputOf(place, writer.item);
      const own = item === undefined ? 0 : this.#itemBytes(loop, item, isCopied);
      return { bytes: rest.bytes + own, grows: rest.grows || writer.sets !== true };
    }
    const index = edge.output ?? 0;
    if (whileOps.has(op)) {
      const inner = loopAt(this.#program, body, edge.node);
      const next = inner?.variables.get(index)?.next;
      const rest = follow(inputOf(place, index));
      if (inner === undefined || next === undefined) return rest;
      const round = this.#writtenTo(inner, next, isCopied, new Map(), depth);
      return { bytes: rest.bytes + round.bytes * this.#roundsOf(body, edge.node), grows: rest.grows || round.grows };
    }
    if (branches.has(op)) {
      const all = this.#program.callsFrom(body, edge.node).map(({ callee }) => {
        const result = callee.returns[index]?.edge;
        return follow(result === undefined ? undefined : { body: callee, edge: result, caller: { place, shift: 1 } });
      });
      return all.reduce(larger, nothing);
    }
    if (op === 'Merge') return [0, 1].map((input) => follow(inputOf(place, input))).reduce(larger, nothing);
    return nothing;
  }

  #itemBytes(loop: Loop, place: Place, isCopied: boolean): number {
    const { shape, dtype } = valueAt(this.#values, place);
    const bytes = (fewestElements(shape) ?? 0) * bytesPerElement(dtype);
    return tensorBytes + (isCopied || this.#isMade(loop, place) ? bytes : 0);
  }

  /** True when each round makes it anew. */
  #isMade(loop: Loop, from: Place): boolean {
    let place = from;
    for (let hop = 0; hop < maxHops; hop++) {
      const variable = loop.variableOf(place);
      if (variable !== undefined) return stepOf(this.#program, this.#values, loop, variable).kind !== 'same';
      const { body, edge, caller } = place;
      if (edge.node < body.argCount) {
        const outer = caller?.place.body.inputs(caller.place.edge.node)[edge.node + caller.shift];
        if (caller === undefined || outer === undefined) return false;
        place = { body: caller.place.body, edge: outer, caller: caller.place.caller };
        continue;
      }
      const op = body.op(edge.node);
      const shared = sharing.has(op) ? inputOf(place, 0) : undefined;
      if (shared === undefined) return !lasting.has(op);
      place = shared;
    }
    return true;
  }
}

const larger = (a: Written, b: Written): Written => ({ bytes: Math.max(a.bytes, b.bytes), grows: a.grows || b.grows });

/** True when the list becomes one tensor after the loop. */
function isStacked({ body, node, inner }: Loop, variable: number): boolean {
  if (inner.length === 0) return false;
  const wanted: { readonly from: number; readonly output: number }[] = [{ from: node, output: variable }];
  for (let hop = 0; hop < maxHops && wanted.length > 0; hop++) {
    const { from, output } = wanted.pop() ?? { from: node, output: variable };
    for (const consumer of body.consumers(from)) {
      if (!body.inputs(consumer).some((edge) => edge.node === from && (edge.output ?? 0) === output)) continue;
      const op = body.op(consumer);
      if (stacks.test(op)) return true;
      if (op === 'Identity') wanted.push({ from: consumer, output: 0 });
    }
  }
  return false;
}
