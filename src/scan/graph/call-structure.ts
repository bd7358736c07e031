// What follows from who calls whom alone: functions that call themselves, how deep calls go, and how large a function is when all that it calls
// stands in its place, which is what TensorFlow does with a graph. Explicit stacks: a chain of 100,000 functions is a legal file.
import type { CallGraph } from './calls.ts';
import type { GraphBody } from './graph-body.ts';

export interface CallStructure {
  /** Functions that reach themselves, together with those that they do it through. */
  readonly recursive: readonly (readonly string[])[];
  inlinedNodes(body: GraphBody): number;
  callDepth(body: GraphBody): number;
}

/** Callees of each body with the number of calls; swaps and gradients of the same call are not counted twice. */
function calleesOf(bodies: readonly GraphBody[], calls: CallGraph): ReadonlyMap<GraphBody, ReadonlyMap<GraphBody, number>> {
  const groups = new Map<GraphBody, Map<GraphBody, number>>(bodies.map((body) => [body, new Map()]));
  for (const { body, callee, kind } of calls.all) {
    const counts = groups.get(body);
    if (kind !== 'implements') counts?.set(callee, (counts.get(callee) ?? 0) + 1);
  }
  return groups;
}

interface Frame {
  readonly body: GraphBody;
  readonly callees: Iterator<GraphBody>;
}

/** Strongly connected components, callees before callers (Tarjan). */
function components(
  bodies: readonly GraphBody[],
  callees: ReadonlyMap<GraphBody, ReadonlyMap<GraphBody, number>>,
): GraphBody[][] {
  const order = new Map<GraphBody, number>();
  const low = new Map<GraphBody, number>();
  const onStack = new Set<GraphBody>();
  const stack: GraphBody[] = [];
  const found: GraphBody[][] = [];
  const frames: Frame[] = [];
  const enter = (body: GraphBody): void => {
    order.set(body, order.size);
    low.set(body, order.size - 1);
    stack.push(body);
    onStack.add(body);
    frames.push({ body, callees: (callees.get(body) ?? new Map<GraphBody, number>()).keys() });
  };
  const lower = (body: GraphBody, to: number): void => void low.set(body, Math.min(low.get(body) ?? to, to));
  for (const start of bodies) {
    if (order.has(start)) continue;
    enter(start);
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const { body } = frame;
      const next = frame.callees.next();
      if (next.done !== true) {
        const callee = next.value;
        if (!order.has(callee)) enter(callee);
        else if (onStack.has(callee)) lower(body, order.get(callee) ?? 0);
        continue;
      }
      frames.pop();
      const parent = frames.at(-1);
      if (parent !== undefined) lower(parent.body, low.get(body) ?? 0);
      if (low.get(body) !== order.get(body)) continue;
      const component: GraphBody[] = [];
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        onStack.delete(member);
        component.push(member);
        if (member === body) break;
      }
      found.push(component);
    }
  }
  return found;
}

export function judgeCallStructure(bodies: readonly GraphBody[], calls: CallGraph): CallStructure {
  const callees = calleesOf(bodies, calls);
  const recursive: string[][] = [];
  const sizes = new Map<GraphBody, number>();
  const depths = new Map<GraphBody, number>();
  for (const component of components(bodies, callees)) {
    const [first] = component;
    if (component.length > 1 || callees.get(first)?.has(first)) {
      recursive.push(component.map((body) => body.function ?? ''));
      for (const body of component) {
        sizes.set(body, Number.POSITIVE_INFINITY);
        depths.set(body, Number.POSITIVE_INFINITY);
      }
      continue;
    }
    let size = first.nodeCount;
    let depth = 0;
    for (const [callee, count] of callees.get(first) ?? []) {
      size += count * (sizes.get(callee) ?? 0);
      depth = Math.max(depth, 1 + (depths.get(callee) ?? 0));
    }
    sizes.set(first, size);
    depths.set(first, depth);
  }
  return {
    recursive,
    inlinedNodes: (body) => sizes.get(body) ?? body.nodeCount,
    callDepth: (body) => depths.get(body) ?? 0,
  };
}
