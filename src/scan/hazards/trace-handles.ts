// Follows a resource, variant or reference back to the operation that made it: through identities and loops, out of functions into their
// callers, and into the functions whose result it is. On an explicit stack and with a limit, because graphs are hostile and may be deep.
import type { Body, Call, Edge, NodeRef, Program } from '../graph/index.ts';

export interface Trace {
  readonly creators: readonly NodeRef[];
  /** False when the limit was reached or an edge led nowhere. */
  readonly isComplete: boolean;
}

const maxSteps = 512;

/** Steps that all traces of a graph may take together. */
export interface TraceBudget {
  steps: number;
}

const passing: ReadonlySet<string> = new Set([
  'Identity',
  'IdentityN',
  'StopGradient',
  'Enter',
  'RefEnter',
  'Exit',
  'RefExit',
  'Switch',
  'RefSwitch',
  'Merge',
  'RefMerge',
  'NextIteration',
  'RefNextIteration',
  'RefIdentity',
  'Select',
  'SelectV2',
  'RefSelect',
]);

const conditionFirst: ReadonlySet<string> = new Set(['If', 'StatelessIf', '_If', 'Case', 'StatelessCase', 'RemoteCall', 'XlaIf']);

/** The input of the caller that becomes this argument of the callee; undefined for elements of a dataset and the like. */
export function callerEdge(program: Program, call: Call, argument: number): Edge | undefined {
  const { body, node } = call.caller;
  const op = body.op(node);
  const inputs = body.inputs(node);
  if (conditionFirst.has(op)) return inputs[argument + 1];
  if (program.functions.has(op) || /Call$|While$|^While|^BatchFunction$|^SymbolicGradient$|^XlaLaunch/.test(op))
    return inputs[argument];
  // Functions of datasets: elements first, then what was captured, which are the last inputs.
  const fromEnd = call.callee.argCount - argument;
  return fromEnd <= inputs.length ? inputs[inputs.length - fromEnd] : undefined;
}

/** The results of the functions that this output comes from, where the node is a call. */
export function calleeReturns(program: Program, body: Body, node: number, output: number): readonly { body: Body; edge: Edge }[] {
  const found: { body: Body; edge: Edge }[] = [];
  for (const { callee, attr } of program.callsFrom(body, node)) {
    if (attr === 'cond') continue;
    const edge = callee.returns[output]?.edge;
    if (edge !== undefined) found.push({ body: callee, edge });
  }
  return found;
}

/** The operations that made what this edge carries. */
export function traceHandle(program: Program, body: Body, edge: Edge, budget: TraceBudget): Trace {
  const creators: NodeRef[] = [];
  const seen = new Map<Body, Set<number>>();
  const todo: { body: Body; edge: Edge }[] = [{ body, edge }];
  let isComplete = true;
  let steps = 0;
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (++steps > maxSteps || --budget.steps < 0) return { creators, isComplete: false };
    const { body: at, edge: from } = next;
    const outputs = seen.get(at) ?? new Set<number>();
    seen.set(at, outputs);
    const key = from.node * 4096 + Math.min(from.output ?? 0, 4095);
    if (outputs.has(key)) continue;
    outputs.add(key);
    const op = at.op(from.node);
    if (from.node < at.argCount) {
      const calls = program.callsTo(at);
      if (calls.length === 0) creators.push({ body: at, node: from.node });
      for (const call of calls) {
        const outer = callerEdge(program, call, from.node);
        if (outer === undefined) isComplete = false;
        else todo.push({ body: call.caller.body, edge: outer });
      }
      continue;
    }
    const returns = calleeReturns(program, at, from.node, from.output ?? 0);
    if (returns.length > 0) {
      todo.push(...returns);
      continue;
    }
    if (!passing.has(op)) {
      creators.push({ body: at, node: from.node });
      continue;
    }
    const inputs = at.inputs(from.node);
    if (op === 'IdentityN') {
      const one = inputs[from.output ?? 0];
      if (one === undefined) isComplete = false;
      else todo.push({ body: at, edge: one });
    } else for (const input of inputs) todo.push({ body: at, edge: input });
  }
  return { creators, isComplete };
}
