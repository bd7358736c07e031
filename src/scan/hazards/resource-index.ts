// Which resources a graph makes, fills and takes from, by the name that TensorFlow knows them under. Resources of one name are one resource:
// `container` and `shared_name`, or the name of the node where that is empty.
import { type Body, bodiesOf, type NodeRef, type Program } from '../graph/index.ts';
import type { Resources } from './hazard-types.ts';
import { stringAttr } from './node-facts.ts';
import { type Trace, type TraceBudget, traceHandle } from './trace-handles.ts';

const maxTraceSteps = 4_000_000;
const maxNodesOfOp = 20_000;
const unknownName = '?';

/** The name that a resource has in the process, with its container. */
export function resourceName({ body, node }: NodeRef): string {
  const container = stringAttr(body, node, 'container') ?? '';
  const shared = stringAttr(body, node, 'shared_name') ?? '';
  const name = shared !== '' ? shared : `${body.function ?? ''}/${body.name(node)}`;
  return `${container}\n${name}`;
}

/** Indexes the nodes with these operations in one pass, and traces handles as they are asked for. */
export function indexResources(program: Program, ops: ReadonlySet<string>): Resources {
  const byOp = new Map<string, NodeRef[]>();
  for (const body of bodiesOf(program)) {
    for (let node = body.argCount; node < body.nodeCount; node++) {
      const op = body.op(node);
      if (!ops.has(op)) continue;
      const refs = byOp.get(op);
      if (refs === undefined) byOp.set(op, [{ body, node }]);
      else if (refs.length < maxNodesOfOp) refs.push({ body, node });
    }
  }
  const budget: TraceBudget = { steps: maxTraceSteps };
  const traces = new Map<Body, Map<number, Trace>>();
  const nothing: Trace = { creators: [], isComplete: false };

  function traceAt(body: Body, node: number, input: number): Trace {
    const edge = body.inputs(node)[input];
    if (edge === undefined) return nothing;
    const known = traces.get(body) ?? new Map<number, Trace>();
    traces.set(body, known);
    const key = edge.node * 64 + Math.min(edge.output ?? 0, 63);
    const trace = known.get(key) ?? traceHandle(program, body, edge, budget);
    known.set(key, trace);
    return trace;
  }

  return {
    nodesOf: (op) => byOp.get(op) ?? [],
    namesAt(body, node, input) {
      const { creators, isComplete } = traceAt(body, node, input);
      const names = new Set(creators.map(resourceName));
      if (!isComplete || creators.length === 0) names.add(unknownName);
      return names;
    },
    creatorsAt: (body, node, input) => traceAt(body, node, input).creators,
  };
}
