// The bombs: each is a few nodes, and takes memory or time that grows with one number, some of them with its square or exponentially.
import {
  attrBool,
  attrFunc,
  attrInt,
  attrString,
  attrType,
  attrTypes,
  constInts,
  type FunctionInput,
  type NodeInput,
} from '../../../support/graph-builder.ts';
import type { Bomb, BombGraph } from './bomb-graph.ts';

const float = attrType('DT_FLOAT');
const int32 = attrType('DT_INT32');
const int64 = attrType('DT_INT64');

function fill(graph: BombGraph, shape: string): string {
  return graph.op('Fill', [shape, graph.floats(1)], { T: float, index_type: int64 });
}

function range(graph: BombGraph, size: string): string {
  return graph.op('Range', [graph.ints(0), size, graph.ints(1)], { Tidx: int64 });
}

const arg = (name: string, type: string) => ({ name, type });

/** A function `name(i, n, …) -> i < n`. */
function below(name: string, extra: readonly { readonly name: string; readonly type: string }[] = []): FunctionInput {
  return {
    name,
    args: [arg('i', 'DT_INT64'), arg('n', 'DT_INT64'), ...extra],
    outputs: [arg('goes', 'DT_BOOL')],
    nodes: [{ name: 'less', op: 'Less', inputs: ['i', 'n'], attrs: { T: int64 } }],
    ret: { goes: 'less:z:0' },
  };
}

const addOne: readonly NodeInput[] = [
  constInts('one', 1, { dtype: 'DT_INT64' }),
  { name: 'next', op: 'AddV2', inputs: ['i', 'one:output:0'], attrs: { T: int64 } },
];

/** A functional loop over (i, n, …), with `i` from 0 to `n`. */
function loop(
  graph: BombGraph,
  [cond, body]: readonly [string, string],
  inputs: readonly string[],
  types: readonly string[],
): string {
  return graph.op('While', [graph.ints(0), ...inputs], {
    T: attrTypes(['DT_INT64', ...types]),
    cond: attrFunc(cond),
    body: attrFunc(body),
    parallel_iterations: attrInt(1),
  });
}

const counting = (graph: BombGraph, name: string): string =>
  graph.function({
    name,
    args: [arg('i', 'DT_INT64'), arg('n', 'DT_INT64')],
    outputs: [arg('i2', 'DT_INT64'), arg('n2', 'DT_INT64')],
    nodes: addOne,
    ret: { i2: 'next:z:0', n2: 'n' },
  });

/** 2^n bytes: a string that is joined with itself in a loop. */
const stringDoubling: Bomb = {
  name: 'string_doubling',
  by: 'number',
  build: (graph, size) => {
    const text = arg('text', 'DT_STRING');
    const cond = graph.function(below('cond', [text]));
    const body = graph.function({
      name: 'body',
      args: [arg('i', 'DT_INT64'), arg('n', 'DT_INT64'), text],
      outputs: [arg('i2', 'DT_INT64'), arg('n2', 'DT_INT64'), arg('text2', 'DT_STRING')],
      nodes: [
        ...addOne,
        { name: 'join', op: 'StringJoin', inputs: ['text', 'text'], attrs: { N: attrInt(2), separator: attrString('') } },
      ],
      ret: { i2: 'next:z:0', n2: 'n', text2: 'join:output:0' },
    });
    const start = graph.op('AsString', [graph.ints(1)], { T: int64 });
    const end = loop(graph, [cond, body], [size, start], ['DT_INT64', 'DT_STRING']);
    return { tensor: graph.op('StringLength', [`${end}:2`], { unit: attrString('BYTE') }), dtype: 'DT_INT32' };
  },
};

/** A list that gets 1 MiB more in each round of a loop. */
const listGrowth: Bomb = {
  name: 'list_growth',
  by: 'number',
  build: (graph, size) => {
    const list = arg('list', 'DT_VARIANT');
    const cond = graph.function(below('cond', [list]));
    const body = graph.function({
      name: 'body',
      args: [arg('i', 'DT_INT64'), arg('n', 'DT_INT64'), list],
      outputs: [arg('i2', 'DT_INT64'), arg('n2', 'DT_INT64'), arg('list2', 'DT_VARIANT')],
      nodes: [
        ...addOne,
        { name: 'wide', op: 'Pack', inputs: ['many:output:0'], attrs: { T: int64, N: attrInt(1), axis: attrInt(0) } },
        constInts('many', 262_144, { dtype: 'DT_INT64' }),
        { name: 'value', op: 'Cast', inputs: ['i'], attrs: { SrcT: int64, DstT: float, Truncate: attrBool(false) } },
        { name: 'fill', op: 'Fill', inputs: ['wide:output:0', 'value:y:0'], attrs: { T: float, index_type: int64 } },
        { name: 'push', op: 'TensorListPushBack', inputs: ['list', 'fill:output:0'], attrs: { element_dtype: float } },
      ],
      ret: { i2: 'next:z:0', n2: 'n', list2: 'push:output_handle:0' },
    });
    const shape = graph.ints([262_144]);
    const start = graph.op('EmptyTensorList', [shape, graph.ints(-1, 'DT_INT32')], { element_dtype: float, shape_type: int64 });
    const end = loop(graph, [cond, body], [size, start], ['DT_INT64', 'DT_VARIANT']);
    return { tensor: graph.op('TensorListLength', [`${end}:2`]), dtype: 'DT_INT32' };
  },
};

/** n² rounds: a loop in a loop. */
const nestedLoops: Bomb = {
  name: 'nested_loops',
  by: 'number',
  build: (graph, size) => {
    const cond = graph.function(below('cond'));
    const inner = counting(graph, 'inner');
    const outer = graph.function({
      name: 'outer',
      args: [arg('i', 'DT_INT64'), arg('n', 'DT_INT64')],
      outputs: [arg('i2', 'DT_INT64'), arg('n2', 'DT_INT64')],
      nodes: [
        ...addOne,
        constInts('zero', 0, { dtype: 'DT_INT64' }),
        {
          name: 'loop',
          op: 'While',
          inputs: ['zero:output:0', 'n'],
          attrs: { T: attrTypes(['DT_INT64', 'DT_INT64']), cond: attrFunc(cond), body: attrFunc(inner) },
        },
      ],
      ret: { i2: 'next:z:0', n2: 'loop:output:1' },
    });
    return { tensor: loop(graph, [cond, outer], [size], ['DT_INT64']), dtype: 'DT_INT64' };
  },
};

/** Ends only where n is 0. */
const endlessLoop: Bomb = {
  name: 'endless_loop',
  by: 'number',
  build: (graph, size) => {
    const cond = graph.function({
      name: 'cond',
      args: [arg('i', 'DT_INT64'), arg('n', 'DT_INT64')],
      outputs: [arg('goes', 'DT_BOOL')],
      nodes: [
        constInts('zero', 0, { dtype: 'DT_INT64' }),
        { name: 'greater', op: 'Greater', inputs: ['n', 'zero:output:0'], attrs: { T: int64 } },
      ],
      ret: { goes: 'greater:z:0' },
    });
    return { tensor: loop(graph, [cond, counting(graph, 'body')], [size], ['DT_INT64']), dtype: 'DT_INT64' };
  },
};

/** Attention without a limit of the sequence: n² weights from n rows. */
const attention: Bomb = {
  name: 'attention',
  by: { rows: 4 },
  build: (graph, size) => {
    const attrs = { N: attrInt(2), T: float, equation: attrString('qd,kd->qk') };
    const scores = graph.op('Einsum', [size, size], attrs);
    const weights = graph.op('Softmax', [scores], { T: float });
    return { tensor: graph.largest(weights, 'DT_FLOAT', 2), dtype: 'DT_FLOAT' };
  },
};

/** n² products of a vector that comes out of a branch; the other branch has one element. */
const branch: Bomb = {
  name: 'branch',
  by: 'number',
  build: (graph, size) => {
    const either = (name: string, nodes: readonly NodeInput[], result: string): string =>
      graph.function({ name, args: [arg('n', 'DT_INT64')], outputs: [arg('v', 'DT_INT64')], nodes, ret: { v: result } });
    const many = either(
      'many',
      [
        constInts('zero', 0, { dtype: 'DT_INT64' }),
        constInts('one', 1, { dtype: 'DT_INT64' }),
        { name: 'range', op: 'Range', inputs: ['zero:output:0', 'n', 'one:output:0'], attrs: { Tidx: int64 } },
      ],
      'range:output:0',
    );
    const few = either('few', [constInts('few', [0], { dtype: 'DT_INT64' })], 'few:output:0');
    const isMany = graph.op('Greater', [size, graph.ints(0)], { T: int64 });
    const vector = graph.op('If', [isMany, size], {
      Tcond: attrType('DT_BOOL'),
      Tin: attrTypes(['DT_INT64']),
      Tout: attrTypes(['DT_INT64']),
      then_branch: attrFunc(many),
      else_branch: attrFunc(few),
    });
    const column = graph.op('ExpandDims', [vector, graph.ints(1, 'DT_INT32')], { T: int64, Tdim: int32 });
    return { tensor: graph.largest(graph.op('Mul', [column, vector], { T: int64 }), 'DT_INT64', 2), dtype: 'DT_INT64' };
  },
};

/** Each row of the batch becomes 100,000 floats. */
const wideRows: Bomb = {
  name: 'wide_rows',
  by: { rows: 1 },
  build: (graph, size) => {
    const wide = graph.op('Tile', [size, graph.ints([1, 100_000], 'DT_INT32')], { T: float, Tmultiples: int32 });
    return { tensor: graph.largest(wide, 'DT_FLOAT', 2), dtype: 'DT_FLOAT' };
  },
};

/** Those that can be sized by a request as well as by a constant. */
export const bombs: readonly Bomb[] = [
  {
    name: 'fill',
    by: 'number',
    build: (graph, size) => ({ tensor: graph.largest(fill(graph, graph.shape(size)), 'DT_FLOAT', 1), dtype: 'DT_FLOAT' }),
  },
  {
    name: 'tile',
    by: 'number',
    build: (graph, size) => {
      const row = graph.floats(Array.from({ length: 16 }, (_, index) => index));
      const tiled = graph.op('Tile', [row, graph.shape(size)], { T: float, Tmultiples: int64 });
      return { tensor: graph.largest(tiled, 'DT_FLOAT', 1), dtype: 'DT_FLOAT' };
    },
  },
  {
    name: 'broadcast_to',
    by: 'number',
    build: (graph, size) => {
      const wide = graph.op('BroadcastTo', [graph.floats(1), graph.shape(size, graph.ints(16))], { T: float, Tidx: int64 });
      return { tensor: graph.largest(wide, 'DT_FLOAT', 2), dtype: 'DT_FLOAT' };
    },
  },
  {
    name: 'range',
    by: 'number',
    build: (graph, size) => ({ tensor: graph.largest(range(graph, size), 'DT_INT64', 1), dtype: 'DT_INT64' }),
  },
  {
    name: 'one_hot',
    by: 'number',
    build: (graph, size) => {
      const depth = graph.op('Cast', [size], { SrcT: int64, DstT: int32, Truncate: attrBool(false) });
      const inputs = [range(graph, size), depth, graph.floats(1), graph.floats(0)];
      const hot = graph.op('OneHot', inputs, { T: float, TI: int64, axis: attrInt(-1) });
      return { tensor: graph.largest(hot, 'DT_FLOAT', 2), dtype: 'DT_FLOAT' };
    },
  },
  attention,
  wideRows,
  branch,
  stringDoubling,
  listGrowth,
  nestedLoops,
  endlessLoop,
];

/** 2^depth calls: each function calls the one below it twice. Only as a model, because how deep it goes lies in the graph. */
export function doublingCalls(depth: number): Bomb {
  return {
    name: 'doubling_calls',
    by: 'number',
    build: (graph, size) => {
      let callee = graph.function({
        name: 'level_0',
        args: [arg('x', 'DT_INT64')],
        outputs: [arg('y', 'DT_INT64')],
        nodes: [
          constInts('one', 1, { dtype: 'DT_INT64' }),
          { name: 'add', op: 'AddV2', inputs: ['x', 'one:output:0'], attrs: { T: int64 } },
        ],
        ret: { y: 'add:z:0' },
      });
      const types = attrTypes(['DT_INT64']);
      for (let level = 1; level <= depth; level++) {
        const attrs = { Tin: types, Tout: types, f: attrFunc(callee) };
        callee = graph.function({
          name: `level_${level}`,
          args: [arg('x', 'DT_INT64')],
          outputs: [arg('y', 'DT_INT64')],
          nodes: [
            { name: 'first', op: 'PartitionedCall', inputs: ['x'], attrs },
            { name: 'second', op: 'PartitionedCall', inputs: ['first:output:0'], attrs },
          ],
          ret: { y: 'second:output:0' },
        });
      }
      return {
        tensor: graph.op('PartitionedCall', [size], { Tin: types, Tout: types, f: attrFunc(callee) }),
        dtype: 'DT_INT64',
      };
    },
  };
}
