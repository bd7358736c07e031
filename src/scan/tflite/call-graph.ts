// How subgraphs run each other, as a whole: which ones run themselves, and how many steps the whole unfolds to. It walks with lists of its
// own, since a file may nest subgraphs as deep as it likes.
import { callsOf } from './subgraph-calls.ts';
import type { TfliteModel } from './tflite-model.ts';

export interface CallGraph {
  /** Subgraphs that run themselves, directly or by others: each cycle with its members. */
  readonly cycles: readonly (readonly number[])[];
  /** Every subgraph after all that it calls; what is in a cycle comes in some order. */
  readonly calleesFirst: readonly number[];
}

function calleesOf(model: TfliteModel, index: number): readonly number[] {
  const calls = model.subgraphs[index]?.operators.flatMap((operator) => callsOf(operator).map((call) => call.subgraph)) ?? [];
  return [...new Set(calls)].filter((callee) => callee >= 0 && callee < model.subgraphs.length);
}

/** Tarjan's strongly connected components, without recursion. */
export function readCallGraph(model: TfliteModel): CallGraph {
  const callees = model.subgraphs.map((_, index) => calleesOf(model, index));
  const order = new Map<number, number>();
  const low = new Map<number, number>();
  const stack: number[] = [];
  const onStack = new Set<number>();
  const cycles: number[][] = [];
  const calleesFirst: number[] = [];
  for (const start of model.subgraphs.keys()) {
    if (order.has(start)) continue;
    const work: { readonly index: number; next: number }[] = [{ index: start, next: 0 }];
    while (work.length > 0) {
      const frame = work[work.length - 1];
      if (frame === undefined) break;
      const { index } = frame;
      if (frame.next === 0) {
        order.set(index, order.size);
        low.set(index, order.get(index) ?? 0);
        stack.push(index);
        onStack.add(index);
      }
      const callee = callees[index]?.[frame.next++];
      if (callee !== undefined) {
        if (!order.has(callee)) work.push({ index: callee, next: 0 });
        else if (onStack.has(callee)) low.set(index, Math.min(low.get(index) ?? 0, order.get(callee) ?? 0));
        continue;
      }
      // All callees are done.
      work.pop();
      const parent = work[work.length - 1];
      if (parent !== undefined) low.set(parent.index, Math.min(low.get(parent.index) ?? 0, low.get(index) ?? 0));
      calleesFirst.push(index);
      if (low.get(index) !== order.get(index)) continue;
      const members = stack.splice(stack.lastIndexOf(index));
      for (const member of members) onStack.delete(member);
      if (members.length > 1 || callees[index]?.includes(index) === true) cycles.push(members);
    }
  }
  return { cycles, calleesFirst };
}
