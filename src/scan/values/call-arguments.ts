// What the arguments of a function are when an operation calls it, and what the outputs of that operation are then: one rule for each way of
// calling that TensorFlow has. What is not known here counts as made of all the caller's inputs, so that nothing loses its origin.
import type { Body, Call } from '../graph/index.ts';

/** Where an argument of the callee, or an output of the caller, comes from. Input numbers are flat and of the caller. */
export type FlowSource =
  | { readonly kind: 'input'; readonly input: number }
  /** One row of an input. */
  | { readonly kind: 'row'; readonly input: number }
  /** A component of the elements of the dataset in an input. */
  | { readonly kind: 'element'; readonly input: number; readonly component: number }
  | { readonly kind: 'return'; readonly callee: Body; readonly index: number }
  /** Made of any input, in ways that are not known. */
  | { readonly kind: 'mixed' };

const plainCalls: ReadonlySet<string> = new Set([
  ...['PartitionedCall', 'StatefulPartitionedCall', 'TPUPartitionedCall', 'BatchFunction', 'SymbolicGradient'],
  ...['XlaLaunch', 'XlaLaunchV2', '_XlaCompile'],
]);
const conditionals: ReadonlySet<string> = new Set(['If', 'StatelessIf', '_If', 'XlaIf', 'Case', 'StatelessCase', 'RemoteCall']);
/** Loops whose operands are arguments and results of cond and body alike. */
export const whileOps: ReadonlySet<string> = new Set(['While', 'StatelessWhile', '_While', 'XlaWhile', 'RiscWhile']);
const statefulDatasets: ReadonlySet<string> = new Set(['ReduceDataset', 'ScanDataset', 'ExperimentalScanDataset']);

function listLength(body: Body, node: number, name: string): number {
  const attr = body.attr(node, name);
  if (attr?.case !== 'list') return 0;
  return attr.value.type.length;
}

function hasArgumentsList(body: Body, node: number): boolean {
  return body.attr(node, 'Targuments')?.case === 'list' || body.attr(node, 'Targuments') !== undefined;
}

function bodyOfLoop(calls: readonly Call[]): readonly Body[] {
  return calls.filter(({ attr, kind }) => attr === 'body' || kind === 'implements').map(({ callee }) => callee);
}

const mixed: readonly FlowSource[] = [{ kind: 'mixed' }];

/** @param siblings All calls of the same caller. */
export function argumentSources(call: Call, index: number, siblings: readonly Call[]): readonly FlowSource[] {
  const { body, node } = call.caller;
  const op = body.op(node);
  if (call.kind === 'op' || call.kind === 'gradient' || plainCalls.has(op)) return [{ kind: 'input', input: index }];
  if (conditionals.has(op)) return [{ kind: 'input', input: index + 1 }];
  if (whileOps.has(op)) {
    return [
      { kind: 'input', input: index },
      ...bodyOfLoop(siblings).map((callee) => ({ kind: 'return', callee, index }) as const),
    ];
  }
  if (op === 'For') {
    if (index === 0) return mixed;
    return [
      { kind: 'input', input: index + 2 },
      { kind: 'return', callee: call.callee, index: index - 1 },
    ];
  }
  if (op === 'MapDefun') {
    return [index < listLength(body, node, 'Targuments') ? { kind: 'row', input: index } : { kind: 'input', input: index }];
  }
  if (op.includes('Dataset') && (call.attr === 'f' || call.attr === 'predicate') && hasArgumentsList(body, node)) {
    const states = statefulDatasets.has(op) ? listLength(body, node, 'Tstate') : 0;
    const others = listLength(body, node, 'Targuments');
    const elements = call.callee.argCount - states - others;
    if (index < states) {
      return [
        { kind: 'input', input: 1 + index },
        { kind: 'return', callee: call.callee, index },
      ];
    }
    if (index < states + elements) return [{ kind: 'element', input: 0, component: index - states }];
    return [{ kind: 'input', input: 1 + states + (index - states - elements) }];
  }
  return mixed;
}

/** Undefined when the operation is not one that gives what functions return. */
export function outputSources(
  body: Body,
  node: number,
  output: number,
  calls: readonly Call[],
): readonly FlowSource[] | undefined {
  if (calls.length === 0) return undefined;
  const op = body.op(node);
  const returned = (some: readonly Body[], index: number) => some.map((callee) => ({ kind: 'return', callee, index }) as const);
  const everyCallee = calls.map(({ callee }) => callee);
  if (calls.some(({ kind }) => kind === 'op') || plainCalls.has(op) || conditionals.has(op)) return returned(everyCallee, output);
  if (whileOps.has(op)) return [{ kind: 'input', input: output }, ...returned(bodyOfLoop(calls), output)];
  if (op === 'For') return [{ kind: 'input', input: 3 + output }, ...returned(everyCallee, output)];
  if (op === 'ReduceDataset') return [{ kind: 'input', input: 1 + output }, ...returned(everyCallee, output)];
  return undefined;
}

const sameElements: ReadonlySet<string> = new Set([
  ...[
    'Filter',
    'ParallelFilter',
    'Take',
    'Skip',
    'Repeat',
    'Shuffle',
    'ShuffleAndRepeat',
    'Prefetch',
    'Options',
    'Model',
    'Cache',
    'Shard',
  ],
  ...[
    'TakeWhile',
    'MaxIntraOpParallelism',
    'PrivateThreadPool',
    'ThreadPool',
    'Optimize',
    'IgnoreErrors',
    'Unique',
    'Sleep',
    'Finalize',
  ],
  ...[
    'AssertNext',
    'AssertPrev',
    'AssertCardinality',
    'AutoShard',
    'BytesProducedStats',
    'LatencyStats',
    'SetStatsAggregator',
    'Sampling',
  ],
  ...['NonSerializable', 'Rewrite', 'FilterByLastComponent', 'GlobalShuffle', 'Snapshot'],
]);
const mapping: ReadonlySet<string> = new Set(['Map', 'ParallelMap', 'MapAndBatch']);
const flattening: ReadonlySet<string> = new Set(['FlatMap', 'Interleave', 'ParallelInterleave', 'LegacyParallelInterleave']);

/** `ExperimentalMapDataset`, `ParallelMapDatasetV2`: the name without what says the version. */
export function datasetKind(op: string): string | undefined {
  const found = /^(?:Experimental)?(\w+?)Dataset(?:V\d)?$/.exec(op);
  return found?.[1];
}

/** Where the elements of a dataset come from: of other datasets, of functions, of tensors. Undefined when this is not known. */
export function elementSources(
  body: Body,
  node: number,
  component: number,
  calls: readonly Call[],
): readonly (FlowSource | { readonly kind: 'return-element'; readonly callee: Body; readonly component: number })[] | undefined {
  const kind = datasetKind(body.op(node));
  if (kind === undefined) return undefined;
  if (kind === 'Tensor') return [{ kind: 'input', input: component }];
  if (kind === 'TensorSlice') return [{ kind: 'row', input: component }];
  if (sameElements.has(kind)) return [{ kind: 'element', input: 0, component }];
  if (kind === 'Concatenate') return [0, 1].map((input) => ({ kind: 'element', input, component }) as const);
  if (mapping.has(kind)) return calls.map(({ callee }) => ({ kind: 'return', callee, index: component }) as const);
  if (kind === 'Scan') {
    const states = listLength(body, node, 'Tstate');
    return calls.map(({ callee }) => ({ kind: 'return', callee, index: states + component }) as const);
  }
  if (flattening.has(kind)) return calls.map(({ callee }) => ({ kind: 'return-element', callee, component }) as const);
  if (kind === 'Zip') {
    let before = 0;
    for (const [input, edge] of body.inputs(node).entries()) {
      const width = listLength(body, edge.node, 'output_types');
      if (width === 0) return undefined;
      if (component < before + width) return [{ kind: 'element', input, component: component - before }];
      before += width;
    }
  }
  return undefined;
}
