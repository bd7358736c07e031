// Goes from an edge against the direction of data, through calls in both directions, nearest nodes first and only so far.
import type { Body, Edge, NodeRef, Program } from '../graph/index.ts';
import { calleeReturns, callerEdge } from './trace-handles.ts';

export interface Place {
  readonly body: Body;
  readonly edge: Edge;
}

/** What the output at a place is made of: its node's inputs, or what stands for them inside of or outside of a function. */
export function placesBefore(program: Program, { body, edge }: Place): readonly Place[] {
  if (edge.node < body.argCount) {
    const before: Place[] = [];
    for (const call of program.callsTo(body)) {
      const outer = callerEdge(program, call, edge.node);
      if (outer !== undefined) before.push({ body: call.caller.body, edge: outer });
    }
    return before;
  }
  const returns = calleeReturns(program, body, edge.node, edge.output ?? 0);
  return returns.length > 0 ? returns : body.inputs(edge.node).map((input) => ({ body, edge: input }));
}

/** Visits at most `limit` nodes, the start first; `passes` says whether to go on behind one. */
export function* walkBack(
  program: Program,
  start: Place,
  limit: number,
  passes: (ref: NodeRef) => boolean = () => true,
): Generator<Place> {
  const seen = new Map<Body, Set<number>>();
  const queue: Place[] = [start];
  for (let next = 0; next < queue.length && next < limit; next++) {
    const place = queue[next];
    if (place === undefined) return;
    yield place;
    const { body, edge } = place;
    if (!passes({ body, node: edge.node })) continue;
    for (const before of placesBefore(program, place)) {
      const nodes = seen.get(before.body) ?? new Set<number>();
      seen.set(before.body, nodes);
      const key = before.edge.node * 16 + Math.min(before.edge.output ?? 0, 15);
      if (nodes.has(key)) continue;
      nodes.add(key);
      queue.push(before);
    }
  }
}
