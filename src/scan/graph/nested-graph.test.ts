import { describe, expect, it } from 'vitest';
import {
  attrFunc,
  attrString,
  constString,
  constTensor,
  field,
  graphDef,
  message,
  type NodeInput,
  placeholder,
  savedModel,
  tensorProto,
  varintField,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { openOpRegistry } from '../ops/index.ts';
import { readComputedGraph, readGraphDefProgram, readSavedModelPrograms } from './index.ts';
import { isGraph } from './nested-graph.ts';

const payload = graphDef([
  constString('path', '/tmp/x'),
  { name: 'write', op: 'WriteFile', inputs: ['path', 'path'] },
  { name: 'dataset', op: 'TensorDataset', inputs: ['path', '^write'] },
  { name: 'ret', op: '_Retval', inputs: ['dataset'] },
  { name: 'loose', op: 'ReadFile', inputs: ['path'] },
]);
const run = (input: string): NodeInput => ({ name: 'run', op: 'DatasetFromGraph', inputs: [input] });
const read = (nodes: readonly NodeInput[], context = recordingContext()) => readGraphDefProgram(graphDef(nodes), 'g.pb', context);

describe('a graph in a string', () => {
  it('is a program with the triggers and the way of its holder', () => {
    const program = read([constString('graph', payload), run('graph')]);
    expect(program.nested).toHaveLength(1);
    const [{ holder, isRun, program: inner }] = program.nested;
    expect([holder.body === program.main, holder.node, isRun, inner.holder === holder]).toEqual([true, 0, true, true]);
    const write = inner.main.find('write') ?? -1;
    expect(inner.reach.triggersOf(inner.main, write)).toEqual(['inference']);
    expect(inner.reach.triggersOf(inner.main, inner.main.find('loose') ?? -1)).toEqual([]);
    expect(inner.reach.chainTo(inner.main, write, 'inference').map(({ via, node }) => `${via}: ${node}`)).toEqual([
      'fetch run: run',
      'input: graph',
      'graph in a string: ret',
      'input: dataset',
      'control: write',
    ]);
  });

  it('is found in tensor_content, among other strings, and in attributes', () => {
    const strings = [Buffer.from('plain'), payload, Buffer.alloc(200, 0x61)];
    const lengths = Buffer.from([5, 0x80 | (payload.length & 127), payload.length >> 7, (200 & 127) | 128, 1]);
    const content = constTensor('content', 7, tensorProto(7, [3], field(4, Buffer.concat([lengths, ...strings]))));
    const program = read([
      content,
      constString('list', ['a', payload]),
      { name: 'engine', op: 'TRTEngineOp', attrs: { serialized_segment: attrString(payload) } },
      { name: 'note', op: 'NoOp', attrs: { note: attrString(payload) } },
    ]);
    expect(program.nested.map(({ holder, isRun }) => [program.main.name(holder.node), isRun])).toEqual([
      ['content', false],
      ['list', false],
      ['engine', true],
      ['note', false],
    ]);
    const [{ program: inner }] = program.nested;
    expect(inner.reach.triggersOf(inner.main, 1)).toEqual([]);
    expect(inner.reach.chainTo(inner.main, 1, 'none').map(({ via }) => via)).toEqual(['graph in a string', 'input', 'control']);
  });

  it('is run when it gets there through calls', () => {
    const functions = [
      { name: 'runs', args: ['other', { name: 'graph', type: 7 }], nodes: [run('graph')], ret: { y: 'run:handle:0' } },
      { name: 'gives', nodes: [constString('held', payload)], ret: { y: 'held:output:0' } },
    ];
    const nodes: NodeInput[] = [
      constString('graph', payload),
      constString('other', payload),
      { name: 'same', op: 'Identity', inputs: ['graph'] },
      { name: 'call', op: 'PartitionedCall', inputs: ['other', 'same'], attrs: { f: attrFunc('runs') } },
      { name: 'made', op: 'PartitionedCall', attrs: { f: attrFunc('gives') } },
      run('made'),
    ];
    const bytes = savedModel({ metaGraphs: [{ nodes, functions, signatures: { s: { outputs: { a: 'call:0', b: 'run:0' } } } }] });
    const [program] = readSavedModelPrograms(bytes, 's.pb', recordingContext());
    expect(program.nested.map(({ holder, isRun }) => [holder.body.name(holder.node), isRun])).toEqual([
      ['graph', true],
      ['other', false],
      ['held', true],
    ]);
  });

  it('may hold others, three deep', () => {
    let bytes = payload;
    for (let depth = 0; depth < 3; depth++) bytes = graphDef([constString('graph', bytes), run('graph')]);
    const context = recordingContext();
    const program = readGraphDefProgram(bytes, 'g.pb', context);
    const deepest = program.nested[0].program.nested[0].program.nested[0].program;
    expect(deepest.main.op(1)).toBe('WriteFile');
    expect(deepest.reach.triggersOf(deepest.main, 1)).toEqual(['inference']);
    expect(context.parts).toEqual([]);
    readGraphDefProgram(graphDef([constString('graph', bytes), run('graph')]), 'g.pb', context);
    expect(context.parts).toHaveLength(1);
  });

  it('that is damaged inside makes the file unreadable, not clean', () => {
    const bad = message(payload, field(2, field(1, Buffer.from([0xff]))));
    const context = recordingContext();
    expect(read([constString('graph', bad), run('graph')], context).nested).toEqual([]);
    expect(context.parts[0].reason).toContain('the graph in the string graph');
  });

  it('can be given when the model computes it', () => {
    const program = read([placeholder('encoded'), run('encoded')]);
    const context = recordingContext();
    const nested = readComputedGraph(payload, { body: program.main, node: 1 }, program, context);
    expect(nested?.program.reach.triggersOf(nested.program.main, 1)).toEqual(['inference']);
    expect(readComputedGraph(Buffer.from([1, 2, 3]), { body: program.main, node: 1 }, program, context)).toBeUndefined();
    expect(context.parts).toHaveLength(1);
  });
});

describe('isGraph', () => {
  const registry = openOpRegistry();
  const is = (bytes: Uint8Array) => isGraph(Buffer.from(bytes), 0, bytes.length, registry);

  it.each([
    ['versions first', message(field(4, varintField(1, 1)), payload)],
    ['an unknown field first', message(field(99, 'x'), payload)],
    ['one node of an unknown operation', graphDef([{ name: 'n', op: 'Mine>Own' }])],
  ])('sees %s', (_, bytes) => expect(is(bytes)).toBe(true));

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a library alone', graphDef([], { functions: [{ name: 'f' }] })],
    ['text', Buffer.from('\n\u0005hello\n\u0005world')],
    ['a tf.Example', field(1, field(1, message(field(1, 'feature'), field(2, field(1, field(1, 'value'))))))],
    ['a sentence piece', message(field(1, message(field(1, '<unk>'), Buffer.from([0x15, 0, 0, 0, 0]))))],
    ['nodes without names', field(1, field(2, 'ReadFile'))],
    ['a file descriptor', field(1, message(field(1, 'a/b.proto'), field(2, 'my package')))],
    ['a cut graph', payload.subarray(0, -3)],
  ])('is not deceived by %s', (_, bytes) => expect(is(bytes)).toBe(false));
});
