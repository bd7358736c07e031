// Which subgraph an operator runs, and which subgraphs a request gets to. It never follows a call into another one by recursion: how deep
// they nest is the file's to say.
import type { ChainStep } from '../scan-types.ts';
import { operatorText, subgraphText } from './say-text.ts';
import type { Subgraph, TfliteModel, TfliteOperator } from './tflite-model.ts';

export interface SubgraphCall {
  /** `body`, `then branch`, … */
  readonly role: string;
  /** Index, which may be out of range. */
  readonly subgraph: number;
}

/** Fields of the operation's options that hold the index of a subgraph. */
const callFields: Readonly<Record<string, readonly (readonly [field: string, role: string])[]>> = {
  IF: [
    ['thenSubgraphIndex', 'then branch'],
    ['elseSubgraphIndex', 'else branch'],
  ],
  WHILE: [
    ['condSubgraphIndex', 'condition'],
    ['bodySubgraphIndex', 'body'],
  ],
  CALL_ONCE: [['initSubgraphIndex', 'initializer']],
  CALL: [['subgraph', 'callee']],
  STABLEHLO_WHILE: [
    ['condSubgraphIndex', 'condition'],
    ['bodySubgraphIndex', 'body'],
  ],
  STABLEHLO_REDUCE: [['bodySubgraphIndex', 'reducer']],
  STABLEHLO_REDUCE_WINDOW: [['bodySubgraphIndex', 'reducer']],
  STABLEHLO_SORT: [['comparatorSubgraphIndex', 'comparator']],
  STABLEHLO_SCATTER: [['updateComputationSubgraphIndex', 'update']],
  STABLEHLO_COMPOSITE: [['decompositionSubgraphIndex', 'decomposition']],
};

const callLists: Readonly<Record<string, string>> = {
  STABLEHLO_CASE: 'branchSubgraphIndices',
  STABLEHLO_CUSTOM_CALL: 'calledComputations',
};

/** Of one operator; more than any compiler makes. */
const maxBranches = 256;

/** Options that are missing or of another operation read as 0, as TensorFlow reads them: an IF then runs the main subgraph. */
export function callsOf(operator: TfliteOperator): readonly SubgraphCall[] {
  const builtin = operator.code?.builtin ?? '';
  const options = builtin.startsWith('STABLEHLO_') ? operator.options2 : operator.options;
  const list = callLists[builtin];
  if (list !== undefined) {
    return (options?.numbers(list) ?? []).slice(0, maxBranches).map((subgraph, index) => ({ role: `branch ${index}`, subgraph }));
  }
  return (callFields[builtin] ?? []).map(([field, role]) => ({ role, subgraph: options?.number(field) ?? 0 }));
}

/** For each subgraph that something reaches, the shortest way to it, at most 64 steps. */
export function waysToSubgraphs(model: TfliteModel): ReadonlyMap<number, readonly ChainStep[]> {
  const ways = new Map<number, readonly ChainStep[]>();
  const queue: Subgraph[] = [];
  const reach = (index: number, way: readonly ChainStep[]): void => {
    const subgraph = model.subgraphs[index];
    if (subgraph === undefined || ways.has(index)) return;
    ways.set(index, way.length > 64 ? [...way.slice(0, 32), { via: '…' }, ...way.slice(-31)] : way);
    queue.push(subgraph);
  };
  for (const signature of model.signatures) {
    reach(signature.subgraph, [{ via: `signature ${signature.key}` }]);
  }
  reach(0, [{ via: 'main subgraph' }]);
  // The list grows while it is gone through.
  for (const subgraph of queue) {
    const way = ways.get(subgraph.index) ?? [];
    for (const operator of subgraph.operators) {
      for (const call of callsOf(operator)) {
        const callee = model.subgraphs[call.subgraph];
        if (callee === undefined || ways.has(callee.index)) continue;
        const via = `${operatorText(subgraph, operator)}, ${call.role} ${subgraphText(callee)}`;
        reach(callee.index, [...way, { via, op: operator.name }]);
      }
    }
  }
  return ways;
}
