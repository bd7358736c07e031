// Lists that loops fill: what is too much, and what is not, as the scan judges it. That such a loop takes the memory is shown by tests/security/resources/bombs.
import { describe, expect, it } from 'vitest';
import {
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
const float = attrType('DT_FLOAT');
const wide = 1_000_000;
const types = ['DT_INT32', 'DT_VARIANT', 'DT_FLOAT'] as const;
const args = [
  { name: 'i', type: 'DT_INT32' },
  { name: 'list', type: 'DT_VARIANT' },
  { name: 'state', type: 'DT_FLOAT' },
];

interface Round {
  readonly nodes: readonly NodeInput[];
  /** Default as they came. */
  readonly list?: string;
  readonly state?: string;
}

/** A loop over a counter, a list and a tensor: its condition and its body. */
function loop(name: string, rounds: number, { nodes, list = 'list', state = 'state' }: Round): FunctionInput[] {
  return [
    {
      name: `${name}_cond`,
      args,
      outputs: [{ name: 'c', type: 'DT_BOOL' }],
      nodes: [constInts('limit', rounds), { name: 'c', op: 'Less', inputs: ['i', 'limit:output:0'], attrs: { T: int } }],
      ret: { c: 'c:z:0' },
    },
    {
      name: `${name}_body`,
      args,
      outputs: args.map((arg) => ({ ...arg, name: `${arg.name}_out` })),
      nodes: [constInts('one', 1), { name: 'next', op: 'AddV2', inputs: ['i', 'one:output:0'], attrs: { T: int } }, ...nodes],
      ret: { i_out: 'next:z:0', list_out: list, state_out: state },
    },
  ];
}

const whileOf = (name: string, inputs: readonly string[], node = 'w'): NodeInput => ({
  name: node,
  op: 'StatelessWhile',
  inputs,
  attrs: { cond: attrFunc(`${name}_cond`), body: attrFunc(`${name}_body`), T: attrTypes(types) },
});
const listAttrs = { element_dtype: float, shape_type: int };
const reserve = (places: number): NodeInput[] => [
  constInts('shape', [wide]),
  constInts('places', places),
  { name: 'list', op: 'TensorListReserve', inputs: ['shape', 'places'], attrs: listAttrs },
];
const empty: readonly NodeInput[] = [
  constInts('shape', [wide]),
  constInts('most', -1),
  { name: 'list', op: 'EmptyTensorList', inputs: ['shape', 'most'], attrs: listAttrs },
];

/** 4 MB that the round makes. */
const made: readonly NodeInput[] = [
  constInts('dims', [wide]),
  { name: 'value', op: 'Cast', inputs: ['i'], attrs: { SrcT: int, DstT: float } },
  { name: 'fill', op: 'Fill', inputs: ['dims:output:0', 'value:y:0'], attrs: { T: float, index_type: int } },
];
const push = (item: string, list = 'list', name = 'push'): NodeInput => ({
  name,
  op: 'TensorListPushBack',
  inputs: [list, item],
  attrs: { element_dtype: float },
});
const pushed = 'push:output_handle:0';

function found(
  functions: readonly FunctionInput[],
  { start = empty, after = [] }: { start?: readonly NodeInput[]; after?: readonly NodeInput[] } = {},
) {
  const context = recordingContext();
  const nodes: readonly NodeInput[] = [
    placeholder('x', 'DT_FLOAT', [wide]),
    constInts('begin', 0),
    ...start,
    whileOf('outer', ['begin', 'list', 'x']),
    ...after,
    { name: 'y', op: 'NoOp', inputs: ['^w', ...after.map(({ name }) => `^${String(name)}`)] },
  ];
  const signatures = { s: { inputs: { x: 'x:0' }, outputs: { y: 'y:0' } } };
  const [program] = readSavedModelPrograms(savedModel({ metaGraphs: [{ nodes, functions, signatures }] }), 'm', context);
  const startMs = performance.now();
  judgeLoops(program, openValues(program, context), context);
  expect(performance.now() - startMs).toBeLessThan(10_000);
  return context.findings.map(({ severity, ruleId, message }) => `${severity} ${ruleId}: ${message}`);
}

const tooMuch = (bytes: RegExp) => [expect.stringMatching(new RegExp(`^high memory/list-growth: .*${bytes.source}`))];

describe('a loop that fills a list', () => {
  it('is refused where what it writes comes to more than a model may have', () => {
    const round = { nodes: [...made, push('fill:output:0')], list: pushed };
    expect(found(loop('outer', 1_000, round))).toEqual(tooMuch(/3.81 MiB .* 1,000 times: 3.73 GiB/));
    expect(found(loop('outer', 200, round))).toEqual([]);
  });

  it('counts every write of a round', () => {
    const twice = [...made, push('fill:output:0', 'list', 'first'), push('fill:output:0', 'first:output_handle:0')];
    expect(found(loop('outer', 200, { nodes: twice, list: pushed }))).toEqual(tooMuch(/7.63 MiB .* 200 times/));
  });

  it('counts what it writes into a list of many places, and no more than the places', () => {
    const set: NodeInput = {
      name: 'set',
      op: 'TensorListSetItem',
      inputs: ['list', 'i', 'fill:output:0'],
      attrs: { element_dtype: float },
    };
    const functions = loop('outer', 1_000, { nodes: [...made, set], list: 'set:output_handle:0' });
    expect(found(functions, { start: reserve(1_000) })).toEqual(tooMuch(/1,000 times/));
    expect(found(functions, { start: reserve(10) })).toEqual([]);
  });

  it('takes a tensor that each round keeps as it is for shared, until all become one', () => {
    const functions = loop('outer', 1_000, { nodes: [push('state')], list: pushed });
    expect(found(functions)).toEqual([]);
    const stack: NodeInput = { name: 'all', op: 'TensorListStack', inputs: ['w:1', 'shape'], attrs: { element_dtype: float } };
    expect(found(functions, { after: [stack] })).toEqual(tooMuch(/3.73 GiB/));
  });

  it('counts the state of a recurrent layer, which changes', () => {
    const tanh: NodeInput = { name: 'tanh', op: 'Tanh', inputs: ['state'], attrs: { T: float } };
    const functions = loop('outer', 1_000, { nodes: [tanh, push('state')], list: pushed, state: 'tanh:y:0' });
    // What is not known to be the same in each round is made in it.
    expect(found(functions)).toEqual(tooMuch(/3.73 GiB/));
  });

  it('multiplies loops in loops', () => {
    const inner = loop('inner', 40, { nodes: [...made, push('fill:output:0')], list: pushed });
    const outer = loop('outer', 40, {
      nodes: [constInts('zero', 0), whileOf('inner', ['zero:output:0', 'list', 'state'], 'in')],
      list: 'in:output:1',
    });
    expect(found([...inner, ...outer])).toEqual(tooMuch(/153 MiB .* 40 times: 5.96 GiB/));
  });

  it('counts the dearer branch, and is done soon with many of them', () => {
    const branch = (name: string, nodes: readonly NodeInput[], result: string): FunctionInput => ({
      name,
      args: args.slice(0, 2),
      outputs: [{ name: 'l', type: 'DT_VARIANT' }],
      nodes,
      ret: { l: result },
    });
    const count = 60;
    const choices = Array.from(
      { length: count },
      (_, index): NodeInput => ({
        name: `if${index}`,
        op: 'StatelessIf',
        inputs: ['which:z:0', 'i', index === 0 ? 'list' : `if${index - 1}:output:0`],
        attrs: {
          then_branch: attrFunc('then'),
          else_branch: attrFunc('else'),
          Tcond: attrType('DT_BOOL'),
          Tin: attrTypes(['DT_INT32', 'DT_VARIANT']),
          Tout: attrTypes(['DT_VARIANT']),
        },
      }),
    );
    const which: NodeInput = { name: 'which', op: 'Equal', inputs: ['i', 'one:output:0'], attrs: { T: int } };
    const functions = [
      branch('then', [...made, push('fill:output:0')], pushed),
      branch('else', [], 'list'),
      ...loop('outer', 100, { nodes: [which, ...choices.slice(0, 20)], list: 'if19:output:0' }),
    ];
    expect(found(functions)).toEqual(tooMuch(/76.3 MiB .* 100 times/));
    const many = loop('outer', 100, { nodes: [which, ...choices], list: `if${count - 1}:output:0` });
    expect(found([...functions.slice(0, 2), ...many])).toEqual(tooMuch(/100 times/));
  });

  it('counts what it puts on a stack', () => {
    const stack: readonly NodeInput[] = [
      { name: 'stack', op: 'StackV2', inputs: ['one:output:0'], attrs: { elem_type: float, stack_name: attrString('') } },
      ...made,
      { name: 'put', op: 'StackPushV2', inputs: ['stack:handle:0', 'fill:output:0'], attrs: { T: float } },
    ];
    expect(found(loop('outer', 1_000, { nodes: stack }))).toEqual(tooMuch(/3.73 GiB/));
  });

  it('is refused where it joins a list with itself', () => {
    const join: NodeInput = {
      name: 'join',
      op: 'TensorListConcatLists',
      inputs: ['list', 'list'],
      attrs: { element_dtype: float, N: attrInt(2) },
    };
    const findings = found(loop('outer', 40, { nodes: [join], list: 'join:output:0' }));
    expect(findings).toEqual([expect.stringContaining('high memory/loop-growth')]);
  });
});
