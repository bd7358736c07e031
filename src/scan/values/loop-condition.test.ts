import { expect, it } from 'vitest';
import {
  attrFunc,
  attrInt,
  attrType,
  attrTypes,
  constInts,
  type NodeInput,
  placeholder,
  savedModel,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { readSavedModelPrograms } from '../graph/index.ts';
import { judgeLoops, openValues } from './index.ts';

const int = attrType('DT_INT32');
const args = [
  { name: 'i', type: 'DT_INT32' },
  { name: 'n', type: 'DT_INT32' },
];
const op = (name: string, kind: string, ...inputs: string[]): NodeInput => ({ name, op: kind, inputs, attrs: { T: int } });

/** Counts up to the least of what a request says and something else. */
function cappedBy(cap: readonly NodeInput[]): string[] {
  const context = recordingContext();
  const nodes = [
    placeholder('asked', 'DT_INT32', []),
    placeholder('x', 'DT_INT32', [-1]),
    ...cap,
    op('limit', 'Minimum', 'cap', 'asked'),
    constInts('start', 0),
    {
      name: 'w',
      op: 'StatelessWhile',
      inputs: ['start', 'limit'],
      attrs: { cond: attrFunc('cond'), body: attrFunc('body'), T: attrTypes(['DT_INT32', 'DT_INT32']) },
    },
  ];
  const functions = [
    { name: 'cond', args, outputs: [{ name: 'c', type: 'DT_BOOL' }], nodes: [op('c', 'Less', 'i', 'n')], ret: { c: 'c:z:0' } },
    {
      name: 'body',
      args,
      outputs: args.map((arg) => ({ ...arg, name: `${arg.name}o` })),
      nodes: [constInts('one', 1), op('next', 'AddV2', 'i', 'one:output:0')],
      ret: { io: 'next:z:0', no: 'n' },
    },
  ];
  const signatures = { serving_default: { inputs: { asked: 'asked:0', x: 'x:0' }, outputs: { y: 'w:0' } } };
  const [program] = readSavedModelPrograms(savedModel({ metaGraphs: [{ nodes, functions, signatures }] }), 'm', context);
  judgeLoops(program, openValues(program, context), context);
  return context.findings.map(({ severity, ruleId }) => `${severity} ${ruleId}`);
}

it('a loop that a request asks for ends where the data ends, as in dynamic_rnn', () => {
  const size: NodeInput = { name: 'cap', op: 'Size', inputs: ['x'], attrs: { T: int, out_type: int } };
  const largest: NodeInput[] = [
    constInts('axis', 0),
    { name: 'cap', op: 'Max', inputs: ['x', 'axis'], attrs: { T: int, Tidx: int, keep_dims: attrInt(0) } },
  ];
  expect(cappedBy([size])).toEqual([]);
  expect(cappedBy(largest)).toEqual(['medium hang/request-bounded-loop']);
});
