// Graphs that run in a circle. TensorFlow allows that only through NextIteration, in the loops of version 1; every other circle is refused by some
// loaders and never finishes in others.
import type { Body } from '../graph/index.ts';
import type { Case } from './hazard-types.ts';
import { named, reportHazard, triggersAt } from './report-hazard.ts';

const closing: ReadonlySet<string> = new Set(['NextIteration', 'RefNextIteration']);

function sources(body: Body, node: number): readonly number[] {
  const found = body.inputs(node).map((edge) => edge.node);
  return [...found, ...body.controlInputs(node)].filter((source) => !closing.has(body.op(source)));
}

/** True when every input stands before its node, as exporters write graphs; then there is no circle. */
function isOrdered(body: Body): boolean {
  for (let node = body.argCount; node < body.nodeCount; node++) {
    for (const { node: source } of body.inputs(node)) if (source >= node && !closing.has(body.op(source))) return false;
    for (const source of body.controlInputs(node)) if (source >= node && !closing.has(body.op(source))) return false;
  }
  return true;
}

/** A node that is part of a circle; undefined when there is none. */
function findCircle(body: Body): number | undefined {
  // 1 on the way, 2 done.
  const state = new Uint8Array(body.nodeCount);
  const stack: { readonly node: number; readonly todo: readonly number[]; next: number }[] = [];
  const enter = (node: number): void => {
    state[node] = 1;
    stack.push({ node, todo: sources(body, node), next: 0 });
  };
  for (let start = body.argCount; start < body.nodeCount; start++) {
    if (state[start] !== 0) continue;
    enter(start);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const source = top.todo[top.next++];
      if (source === undefined) {
        state[top.node] = 2;
        stack.pop();
      } else if (state[source] === 1) return source;
      else if (state[source] === 0) enter(source);
    }
  }
  return undefined;
}

/** Judges the order of one body. */
export function judgeCycles(c: Case, body: Body): void {
  if (isOrdered(body)) return;
  const node = findCircle(body);
  if (node === undefined) return;
  reportHazard(c, body, node, {
    ruleId: 'malformed/cycle',
    severity: 'medium',
    message: `${named(body, node)} needs its own result: a cycle that is no loop of TensorFlow and fails`,
    always: triggersAt(c, body, node)[0] ?? 'load',
  });
}
