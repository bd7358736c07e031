// Follows a tensor back through what passes it on unchanged, into and out of the functions that are called on the way: what a loop's condition
// really compares, and what its body really does to a variable.
import type { Body, Edge, Program } from '../graph/index.ts';
import { whileOps } from './call-arguments.ts';

/** A tensor within calls: `caller` is where the body was entered, undefined where the walk began. */
export interface Place {
  readonly body: Body;
  readonly edge: Edge;
  readonly caller: { readonly place: Place; readonly shift: number } | undefined;
}

const passing: ReadonlySet<string> = new Set([
  ...[
    'Identity',
    'StopGradient',
    'PreventGradient',
    'EnsureShape',
    'Squeeze',
    'ExpandDims',
    'Reshape',
    'LoopCond',
    'Enter',
    'Exit',
    'Switch',
  ],
  ...['RefSwitch', 'RefEnter', 'RefIdentity', 'CheckNumerics', 'DeepCopy', 'Snapshot', 'Cast', 'OptimizationBarrier'],
]);
const calls: ReadonlySet<string> = new Set(['PartitionedCall', 'StatefulPartitionedCall']);
const maxSteps = 256;
const maxHops = 16;

/** What goes into a loop and comes out as it was, since the body only hands it on. */
function keptByLoop(program: Program, place: Place): Place | undefined {
  const { body, edge } = place;
  const index = edge.output ?? 0;
  const work = program.callsFrom(body, edge.node).find(({ attr }) => attr === 'body')?.callee;
  let last = work?.returns[index]?.edge;
  for (let hop = 0; hop < maxHops && work !== undefined && last !== undefined; hop++) {
    if (last.node < work.argCount) return last.node === index ? inputOf(place, index) : undefined;
    if (work.op(last.node) !== 'Identity') return undefined;
    last = work.inputs(last.node)[0];
  }
  return undefined;
}

/** @param isEnd Where to stop: a loop variable of the main graph. */
export function traceBack(program: Program, start: Place, isEnd: (place: Place) => boolean = () => false): Place {
  let place = start;
  for (let step = 0; step < maxSteps; step++) {
    if (isEnd(place)) return place;
    const { body, edge, caller } = place;
    if (edge.node < body.argCount) {
      if (caller === undefined) return place;
      const outer = caller.place;
      const input = outer.body.inputs(outer.edge.node)[edge.node + caller.shift];
      if (input === undefined) return place;
      place = { body: outer.body, edge: input, caller: outer.caller };
      continue;
    }
    const op = body.op(edge.node);
    const inputs = body.inputs(edge.node);
    if (op === 'IdentityN') {
      const input = inputs[edge.output ?? 0];
      if (input === undefined) return place;
      place = { body, edge: input, caller };
      continue;
    }
    if (passing.has(op) && inputs[0] !== undefined) {
      place = { body, edge: inputs[0], caller };
      continue;
    }
    const kept = whileOps.has(op) ? keptByLoop(program, place) : undefined;
    if (kept !== undefined) {
      place = kept;
      continue;
    }
    const [call, ...others] = program.callsFrom(body, edge.node);
    const result = call?.callee.returns[edge.output ?? 0];
    if (call === undefined || others.length > 0 || result === undefined || !(call.kind === 'op' || calls.has(op))) return place;
    place = { body: call.callee, edge: result.edge, caller: { place, shift: 0 } };
  }
  return place;
}

/** The same call, another tensor of the same body. */
export function inputOf(place: Place, index: number): Place | undefined {
  const edge = place.body.inputs(place.edge.node)[index];
  return edge === undefined ? undefined : { body: place.body, edge, caller: place.caller };
}
