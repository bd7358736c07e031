import { describe, expect, it } from 'vitest';
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
  placeholder,
  savedModel,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { readSavedModelPrograms } from '../graph/index.ts';
import { judgeLoops, openValues } from './index.ts';

const int = attrType('DT_INT32');

function found(nodes: readonly NodeInput[], functions: readonly FunctionInput[] = []) {
  const context = recordingContext();
  const inputs = nodes.filter(({ op }) => op === 'Placeholder').map(({ name }) => [String(name), `${String(name)}:0`] as const);
  const signatures = {
    serving_default: { inputs: Object.fromEntries(inputs), outputs: { y: `${String(nodes.at(-1)?.name)}:0` } },
  };
  const [program] = readSavedModelPrograms(savedModel({ metaGraphs: [{ nodes, functions, signatures }] }), 'm', context);
  judgeLoops(program, openValues(program, context), context);
  return context.findings.map(({ severity, ruleId }) => `${severity} ${ruleId}`);
}

const args = [
  { name: 'i', type: 'DT_INT32' },
  { name: 'n', type: 'DT_INT32' },
];
const op = (name: string, kind: string, ...inputs: string[]): NodeInput => ({ name, op: kind, inputs, attrs: { T: int } });

interface LoopInput {
  /** Names of nodes or arguments; `i` and `n` are the variables. */
  readonly cond: readonly NodeInput[];
  readonly body: readonly NodeInput[];
  readonly next?: string;
  readonly nextLimit?: string;
}

/** While with the variables i and n. */
function loop({ cond, body, next = 'next:z:0', nextLimit = 'n' }: LoopInput, name = ''): FunctionInput[] {
  return [
    {
      name: `cond${name}`,
      args,
      outputs: [{ name: 'c', type: 'DT_BOOL' }],
      nodes: cond,
      ret: { c: `${String(cond.at(-1)?.name)}:z:0` },
    },
    {
      name: `body${name}`,
      args,
      outputs: args.map((arg) => ({ ...arg, name: `${arg.name}o` })),
      nodes: body,
      ret: { io: next, no: nextLimit },
    },
  ];
}

const start = constInts('start', 0);
const whileOf = (limit: NodeInput, from: NodeInput = start): NodeInput[] => [
  from,
  limit,
  {
    name: 'w',
    op: 'StatelessWhile',
    inputs: [String(from.name), String(limit.name)],
    attrs: { cond: attrFunc('cond'), body: attrFunc('body'), T: attrTypes(['DT_INT32', 'DT_INT32']) },
  },
];
const step = (by: number, kind = 'AddV2') => [constInts('one', by), op('next', kind, 'i', 'one:output:0')];
const less = [op('c', 'Less', 'i', 'n')];
const request = placeholder('limit', 'DT_INT32', []);

describe('loops with a counter', () => {
  it.each<[string, NodeInput, LoopInput, string[]]>([
    ['counts to ten', constInts('limit', 10), { cond: less, body: step(1) }, []],
    ['counts to two thousand million', constInts('limit', 2_000_000_000), { cond: less, body: step(1) }, ['high hang/long-loop']],
    ['counts as far as a request says', request, { cond: less, body: step(1) }, ['medium hang/request-bounded-loop']],
    ['adds nothing', constInts('limit', 10), { cond: less, body: step(0) }, ['high hang/endless-loop']],
    ['counts down from its limit', constInts('limit', 10), { cond: less, body: step(1, 'Sub') }, ['high hang/endless-loop']],
    ['keeps its counter', constInts('limit', 10), { cond: less, body: step(1), next: 'i' }, ['high hang/endless-loop']],
    ['begins again and again', constInts('limit', 10), { cond: less, body: step(1, 'FloorMod') }, ['high hang/endless-loop']],
    [
      'moves its limit along',
      constInts('limit', 10),
      { cond: less, body: [...step(1), op('more', 'AddV2', 'n', 'one:output:0')], nextLimit: 'more:z:0' },
      ['high hang/endless-loop'],
    ],
    [
      'steps over its limit',
      constInts('limit', 10),
      { cond: [op('c', 'NotEqual', 'i', 'n')], body: step(3) },
      ['high hang/endless-loop'],
    ],
    ['meets its limit', constInts('limit', 9), { cond: [op('c', 'NotEqual', 'i', 'n')], body: step(3) }, []],
    ['never begins', constInts('limit', -1), { cond: less, body: step(0) }, []],
    [
      'has a maximum as well',
      request,
      {
        cond: [
          constInts('most', 100),
          op('m', 'Less', 'i', 'most:output:0'),
          ...less,
          op('both', 'LogicalAnd', 'm:z:0', 'c:z:0'),
        ],
        body: step(1),
      },
      [],
    ],
    [
      'goes on when either holds',
      constInts('limit', 10),
      { cond: [...less, op('m', 'GreaterEqual', 'i', 'n'), op('any', 'LogicalOr', 'm:z:0', 'c:z:0')], body: step(1) },
      ['high hang/endless-loop'],
    ],
    [
      'waits for data',
      constInts('limit', 10),
      { cond: less, body: [op('next', 'Mul', 'i', 'i')] },
      // 0 * 0 is 0, and that is less than 10 in each round.
      ['high hang/endless-loop'],
    ],
  ])('%s', (_, limit, input, expected) => {
    expect(found(whileOf(limit), loop(input))).toEqual(expected);
  });

  it('takes the size of an input for what it is', () => {
    const nodes = [
      placeholder('x', 'DT_FLOAT', [-1, 4]),
      { name: 'limit', op: 'Size', inputs: ['x'], attrs: { T: attrType('DT_FLOAT'), out_type: int } },
    ];
    const [, , call] = whileOf(request);
    expect(found([start, ...nodes, call], loop({ cond: less, body: step(1) }))).toEqual([]);
  });

  it('multiplies loops in loops', () => {
    const inner: NodeInput = {
      name: 'inner',
      op: 'StatelessWhile',
      inputs: ['zero:output:0', 'n'],
      attrs: { cond: attrFunc('cond2'), body: attrFunc('body2'), T: attrTypes(['DT_INT32', 'DT_INT32']) },
    };
    const outer = loop({ cond: less, body: [constInts('zero', 0), inner, ...step(1)], nextLimit: 'inner:output:1' });
    const functions = [...outer, ...loop({ cond: less, body: step(1) }, '2')];
    expect(found(whileOf(constInts('limit', 100_000)), functions)).toEqual(['high hang/long-loop']);
    expect(found(whileOf(constInts('limit', 100)), functions)).toEqual([]);
  });

  it('doubles a string in each round', () => {
    const text = { name: 'i', type: 'DT_STRING' };
    const both = [text, args[1]];
    const functions: FunctionInput[] = [
      {
        name: 'cond',
        args: both,
        outputs: [{ name: 'c', type: 'DT_BOOL' }],
        nodes: [constInts('zero', 0), op('c', 'Greater', 'n', 'zero:output:0')],
        ret: { c: 'c:z:0' },
      },
      {
        name: 'body',
        args: both,
        outputs: both,
        nodes: [
          { name: 'twice', op: 'StringJoin', inputs: ['i', 'i'], attrs: { N: attrInt(2) } },
          constInts('one', 1),
          op('next', 'Sub', 'n', 'one:output:0'),
        ],
        ret: { i: 'twice:output:0', n: 'next:z:0' },
      },
    ];
    const nodes = (rounds: number) => whileOf(constInts('limit', rounds), placeholder('text', 'DT_STRING', []));
    expect(found(nodes(100), functions)).toEqual(['high memory/loop-growth']);
    expect(found(nodes(4), functions)).toEqual([]);
  });
});

/** i = 0; while i < limit: i += by, as TensorFlow 1 writes it. */
function frame(limit: NodeInput, by: number): NodeInput[] {
  const enter = (name: string, from: string): NodeInput => ({
    name,
    op: 'Enter',
    inputs: [from],
    attrs: { T: int, frame_name: attrString('f'), is_constant: attrBool(name !== 'begin') },
  });
  return [
    start,
    limit,
    constInts('by', by),
    enter('begin', 'start'),
    enter('until', 'limit'),
    enter('amount', 'by'),
    { name: 'i', op: 'Merge', inputs: ['begin', 'back'], attrs: { T: int, N: attrInt(2) } },
    op('less', 'Less', 'i', 'until'),
    { name: 'go', op: 'LoopCond', inputs: ['less'] },
    op('switch', 'Switch', 'i', 'go'),
    op('kept', 'Identity', 'switch:1'),
    op('next', 'AddV2', 'kept', 'amount'),
    op('back', 'NextIteration', 'next'),
    op('y', 'Exit', 'switch'),
  ];
}

describe('loops of TensorFlow 1', () => {
  it.each<[string, NodeInput, number, string[]]>([
    ['counts to ten', constInts('limit', 10), 1, []],
    ['adds nothing', constInts('limit', 10), 0, ['high hang/endless-loop']],
    ['counts away', constInts('limit', 10), -1, ['high hang/endless-loop']],
    ['counts far', constInts('limit', 2_000_000_000), 1, ['high hang/long-loop']],
    ['counts as far as a request says', request, 1, ['medium hang/request-bounded-loop']],
  ])('%s', (_, limit, by, expected) => {
    expect(found(frame(limit, by))).toEqual(expected);
  });
});

describe('datasets', () => {
  const int64 = (name: string, value: number | bigint) => constInts(name, [value], { dtype: 'DT_INT64', shape: [] });
  const types = { output_types: attrTypes(['DT_INT64']) };
  const reduce: FunctionInput = {
    name: 'sum',
    args: [
      { name: 's', type: 'DT_INT64' },
      { name: 'e', type: 'DT_INT64' },
    ],
    outputs: [{ name: 'o', type: 'DT_INT64' }],
    nodes: [{ name: 'a', op: 'AddV2', inputs: ['s', 'e'], attrs: { T: attrType('DT_INT64') } }],
    ret: { o: 'a:z:0' },
  };
  const range = (stop: number): NodeInput[] => [
    int64('zero', 0),
    int64('one', 1),
    int64('stop', stop),
    { name: 'range', op: 'RangeDataset', inputs: ['zero', 'stop', 'one'], attrs: types },
  ];
  const reduced = (dataset: string): NodeInput => ({
    name: 'r',
    op: 'ReduceDataset',
    inputs: [dataset, 'zero'],
    attrs: { f: attrFunc('sum'), Tstate: attrTypes(['DT_INT64']), Targuments: attrTypes([]), ...types },
  });
  const apply = (name: string, kind: string, from: string, count: number): NodeInput[] => [
    int64(`${name}n`, count),
    { name, op: kind, inputs: [from, `${name}n`], attrs: types },
  ];

  it.each<[string, NodeInput[], string[]]>([
    ['short', [...range(10), reduced('range')], []],
    ['long', [...range(1e12), reduced('range')], ['high hang/long-loop']],
    [
      'repeated for ever',
      [...range(10), ...apply('rep', 'RepeatDataset', 'range', -1), reduced('rep')],
      ['high hang/endless-dataset'],
    ],
    [
      'repeated for ever and cut',
      [...range(10), ...apply('rep', 'RepeatDataset', 'range', -1), ...apply('take', 'TakeDataset', 'rep', 100), reduced('take')],
      [],
    ],
    [
      'repeated for ever, and skipped for years',
      [
        ...range(10),
        ...apply('rep', 'RepeatDataset', 'range', -1),
        ...apply('skip', 'SkipDataset', 'rep', 1e15),
        ...apply('take', 'TakeDataset', 'skip', 1),
        reduced('take'),
      ],
      ['high hang/long-loop'],
    ],
    [
      'in one batch',
      [
        ...range(10),
        ...apply('rep', 'RepeatDataset', 'range', -1),
        ...apply('batch', 'BatchDatasetV2', 'rep', 1e9),
        ...apply('take', 'TakeDataset', 'batch', 1),
        reduced('take'),
      ],
      ['high memory/large-list'],
    ],
    ['repeated for ever and read by nobody', [...range(10), ...apply('rep', 'RepeatDataset', 'range', -1)], []],
    [
      'of random numbers',
      [int64('zero', 0), { name: 'rand', op: 'RandomDataset', inputs: ['zero', 'zero'], attrs: types }, reduced('rand')],
      ['high hang/endless-dataset'],
    ],
  ])('%s', (_, nodes, expected) => {
    expect(found(nodes, [reduce])).toEqual(expected);
  });
});
