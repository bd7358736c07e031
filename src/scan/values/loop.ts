// The loops of a program in one form, whether functions (While, For) or frames of TensorFlow 1 (Enter, Merge, Switch, NextIteration): variables with
// what they begin with and what the body makes of them, and a condition.
import type { Body, Edge, Program } from '../graph/index.ts';
import { whileOps } from './call-arguments.ts';
import { type Place, traceBack } from './trace.ts';

export interface LoopVariable {
  /** Before the first round. */
  readonly initial: { readonly body: Body; readonly edge: Edge } | undefined;
  /** After each round. */
  readonly next: Place | undefined;
}

export interface Loop {
  /** The While, or LoopCond. */
  readonly body: Body;
  readonly node: number;
  readonly condition: Place;
  readonly variables: ReadonlyMap<number, LoopVariable>;
  /** Which variable a tensor is, as the condition or the body sees it. */
  variableOf(place: Place): number | undefined;
  /** Functions that run in each round. */
  readonly inner: readonly Body[];
}

function functionalLoop(program: Program, body: Body, node: number): Loop | undefined {
  const calls = program.callsFrom(body, node);
  const condition = calls.find(({ attr }) => attr === 'cond')?.callee;
  const work = calls.find(({ attr }) => attr === 'body')?.callee;
  const result = condition?.returns[0];
  if (condition === undefined || work === undefined || result === undefined) return undefined;
  const variables = new Map<number, LoopVariable>();
  for (const [index, edge] of body.inputs(node).entries()) {
    const next = work.returns[index];
    variables.set(index, {
      initial: { body, edge },
      next: next === undefined ? undefined : { body: work, edge: next.edge, caller: undefined },
    });
  }
  return {
    body,
    node,
    condition: { body: condition, edge: result.edge, caller: undefined },
    variables,
    variableOf: (place) =>
      place.caller === undefined && (place.body === condition || place.body === work) && place.edge.node < place.body.argCount
        ? place.edge.node
        : undefined,
    inner: [work, condition],
  };
}

const merges: ReadonlySet<string> = new Set(['Merge', 'RefMerge']);

/** The frame that a LoopCond ends: its variables are the Merge nodes that its Switch nodes choose between. */
function frameLoop(body: Body, node: number): Loop | undefined {
  const condition = body.inputs(node)[0];
  if (condition === undefined) return undefined;
  const variables = new Map<number, LoopVariable>();
  for (const consumer of body.consumers(node)) {
    if (!body.op(consumer).endsWith('Switch')) continue;
    const merge = body.inputs(consumer)[0]?.node;
    if (merge === undefined || !merges.has(body.op(merge))) continue;
    const inputs = body.inputs(merge);
    const isNext = (edge: Edge) => body.op(edge.node).endsWith('NextIteration');
    const next = inputs.find(isNext);
    const initial = inputs.find((edge) => !isNext(edge));
    const made = next === undefined ? undefined : body.inputs(next.node)[0];
    variables.set(merge, {
      initial: initial === undefined ? undefined : { body, edge: initial },
      next: made === undefined ? undefined : { body, edge: made, caller: undefined },
    });
  }
  return {
    body,
    node,
    condition: { body, edge: condition, caller: undefined },
    variables,
    variableOf: (place) =>
      place.body === body && place.caller === undefined && variables.has(place.edge.node) ? place.edge.node : undefined,
    inner: [],
  };
}

export function isLoop(op: string): boolean {
  return whileOps.has(op) || op === 'LoopCond';
}

/** Undefined when the node is no whole loop: a function of it is missing, for example. */
export function loopAt(program: Program, body: Body, node: number): Loop | undefined {
  return body.op(node) === 'LoopCond' ? frameLoop(body, node) : functionalLoop(program, body, node);
}

/** As traceBack, and ends at a variable of the loop. */
export function traceInLoop(program: Program, loop: Loop, place: Place): Place {
  return traceBack(program, place, (at) => loop.variableOf(at) !== undefined);
}
