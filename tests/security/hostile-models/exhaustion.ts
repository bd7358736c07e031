// Models that take what the machine has: time, memory, threads, room in the log; and some that end their own process. Each is bounded, so that
// a test that finds no protection does no harm.
import { attribute, functionDef, node } from '../../support/graph.ts';
import { type AttackGraph, code, type End, elementOf, type HostileSignature } from './attack-graph.ts';

const booleans = attribute.types([code.boolean]);
const line = 'x'.repeat(1000);

/** What the attacks below call. */
export const exhaustionFunctions: readonly Buffer[] = [
  functionDef('same', { x: code.boolean }, { y: code.boolean }, [], { y: 'x' }),
  functionDef(
    'same_printed',
    { x: code.boolean },
    { y: code.boolean },
    [
      node('text', 'Const', [], { dtype: attribute.type(code.text), value: attribute.strings([], [line]) }),
      node('print', 'PrintV2', ['text:output:0']),
      node('same', 'Identity', ['x', '^print'], { T: attribute.type(code.boolean) }),
    ],
    { y: 'same:output:0' },
  ),
];

function loop(graph: AttackGraph, body: string): End {
  const parts = { T: booleans, cond: attribute.function('same'), body: attribute.function(body) };
  const start = graph.after(graph.op('NoOp')).tensor;
  return { tensor: `${graph.op('While', [start], parts)}:0`, dtype: 'DT_BOOL' };
}

/** A vector of this many floats. */
const floats = (graph: AttackGraph, count: number): string =>
  graph.op('Fill', [graph.int64s([count]), graph.float(1)], {
    T: attribute.type(code.float),
    index_type: attribute.type(code.int64),
  });

/** The first element of a dataset, by an iterator that stays with the model. */
function first(graph: AttackGraph, dataset: string): End {
  const integers = elementOf(code.int64);
  const iterator = graph.op('IteratorV2', [], { ...integers, shared_name: attribute.text(''), container: attribute.text('') });
  const started = graph.op('MakeIterator', [dataset, iterator]);
  return { tensor: `${graph.op('IteratorGetNext', [iterator, `^${started}`], integers)}:0`, dtype: 'DT_INT64' };
}

const floatQueue = { component_types: attribute.types([code.float]) };

/** By what they take. */
export const exhaustion = {
  loopForever: { name: 'loop_forever', build: (graph) => loop(graph, 'same') },
  printForever: { name: 'print_forever', build: (graph) => loop(graph, 'same_printed') },
  /** One operation that looks at no deadline: the singular values of a large matrix. */
  computeForever: {
    name: 'compute_forever',
    build: (graph) => {
      const float = attribute.type(code.float);
      const matrix = graph.op('RandomUniform', [graph.int64s([4000, 4000])], { T: attribute.type(code.int64), dtype: float });
      return { tensor: `${graph.op('Svd', [matrix], { T: float })}:0`, dtype: 'DT_FLOAT' };
    },
  },
  /** Waits for what never comes. */
  sleepForever: {
    name: 'sleep_forever',
    build: (graph) => {
      const queue = graph.op('FIFOQueueV2', [], floatQueue);
      return { tensor: `${graph.op('QueueDequeueV2', [queue], floatQueue)}:0`, dtype: 'DT_FLOAT' };
    },
  },
  /** Answers, and goes on computing in a thread of its own. */
  computeBehind: {
    name: 'compute_behind',
    build: (graph) => {
      const integers = elementOf(code.int64);
      // A second element that is another one never comes.
      const repeated = graph.op('RepeatDataset', [graph.range(1), graph.int64(-1)], integers);
      const unique = graph.op('UniqueDataset', [repeated], integers);
      const ahead = graph.op('PrefetchDataset', [unique, graph.int64(2)], integers);
      return first(graph, ahead);
    },
  },
  memoryBomb: { name: 'memory_bomb', build: (graph) => ({ tensor: `${floats(graph, 600_000_000)}:0`, dtype: 'DT_FLOAT' }) },
  /** Keeps 128 MiB of each request. */
  hoard: {
    name: 'hoard',
    build: (graph) => {
      const queue = graph.op('FIFOQueueV2', [], { ...floatQueue, shared_name: attribute.text('hoard') });
      return graph.after(
        graph.op('QueueEnqueueV2', [queue, floats(graph, 1 << 25)], { Tcomponents: attribute.types([code.float]) }),
      );
    },
  },
  threadBomb: {
    name: 'thread_bomb',
    build: (graph) =>
      first(graph, graph.op('PrivateThreadPoolDataset', [graph.range(2), graph.int64(1500)], elementOf(code.int64))),
  },
  giantOutput: { name: 'giant_output', build: (graph) => ({ tensor: `${floats(graph, 1 << 25)}:0`, dtype: 'DT_FLOAT' }) },
  giantText: {
    name: 'giant_text',
    build: (graph) => {
      const types = { T: attribute.type(code.text), index_type: attribute.type(code.int64) };
      return {
        tensor: `${graph.op('Fill', [graph.int64s([100]), graph.text('x'.repeat(1 << 20))], types)}:0`,
        dtype: 'DT_STRING',
      };
    },
  },
  abort: { name: 'abort', build: (graph) => graph.after(graph.op('Abort')) },
  exit: { name: 'exit', build: (graph) => graph.after(graph.op('Abort', [], { exit_without_error: attribute.boolean(true) })) },
} as const satisfies Record<string, HostileSignature>;
