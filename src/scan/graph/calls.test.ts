import { describe, expect, it } from 'vitest';
import {
  attrFunc,
  attrFuncs,
  attrInt,
  attrString,
  attrStrings,
  type FunctionInput,
  field,
  graphDef,
  type LibraryInput,
  message,
  type NodeInput,
  nodeDef,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { type Program, readGraphDefProgram } from './index.ts';

function read(nodes: readonly NodeInput[], library: LibraryInput): Program {
  return readGraphDefProgram(graphDef(nodes, library), 'g.pb', recordingContext());
}

const callsOf = (program: Program) =>
  program.calls.map(({ caller, kind, attr, callee }) => `${caller.body.name(caller.node)} ${kind} ${attr} ${callee.function}`);

const empty = (name: string): FunctionInput => ({ name, nodes: [{ name: 'n', op: 'NoOp' }], controlRet: ['n'] });
const calling = (name: string, ...callees: string[]): FunctionInput => ({
  name,
  nodes: callees.map((callee, index) => ({ name: `c${index}`, op: 'PartitionedCall', attrs: { f: attrFunc(callee) } })),
});

describe('calls', () => {
  it('are found in attributes, lists, nested attributes, strings and operations', () => {
    const program = read(
      [
        { name: 'call', op: 'PartitionedCall', attrs: { f: attrFunc('a') } },
        { name: 'case', op: 'Case', attrs: { branches: attrFuncs(['a', 'b', 'missing']) } },
        { name: 'deep', op: 'MapDataset', attrs: { f: attrFunc('missing', { g: attrFunc('b', { h: attrFuncs(['c']) }) }) } },
        { name: 'op', op: 'c' },
        { name: 'string', op: 'XlaHostCompute', attrs: { shape_inference_graph: attrString('a'), key: attrString('no') } },
        { name: 'strings', op: 'Any', attrs: { names: attrStrings(['x', 'b']) } },
        { name: 'none', op: 'Any', attrs: { _forward_func_name: attrString('a'), shared_name: attrString('b') } },
      ],
      { functions: [empty('a'), empty('b'), empty('c')] },
    );
    expect(callsOf(program)).toEqual([
      'call attr f a',
      'case attr branches[0] a',
      'case attr branches[1] b',
      'deep attr f.g.h[0] c',
      'deep attr f.g b',
      'op op  c',
      'string attr shape_inference_graph a',
      'strings attr names[1] b',
    ]);
    const b = program.functions.get('b');
    if (b === undefined) throw new Error('no b');
    expect(program.callsTo(b)).toHaveLength(3);
    expect(program.callsFrom(program.main, 1)).toHaveLength(2);
  });

  it('are found when the attribute comes in pieces, or with something after the name', () => {
    const pieces = message(
      field(1, 'f'),
      field(2, attrFunc('a')),
      field(2, field(10, field(2, message(field(1, 'x'), field(2, attrInt(1)))))),
    );
    const node = message(nodeDef({ name: 'n', op: 'PartitionedCall' }), field(5, pieces));
    const bytes = message(field(1, node), graphDef([], { functions: [empty('a')] }));
    const program = readGraphDefProgram(bytes, 'g.pb', recordingContext());
    expect(callsOf(program)).toEqual(['n attr f a']);
    expect(program.main.attr(0, 'f')).toMatchObject({ case: 'func', value: { name: 'a', attr: [{ key: 'x' }] } });
    expect(program.differentials).toHaveLength(1);
  });

  it('lead to the gradient that is registered for the function', () => {
    const nodes: NodeInput[] = [
      { name: 'gradient', op: 'SymbolicGradient', attrs: { f: attrFunc('f') } },
      { name: 'call', op: 'PartitionedCall', attrs: { f: attrFunc('f') } },
      { name: 'tape', op: 'PartitionedCall', attrs: { f: attrFunc('f'), _gradient_op_type: attrString('f') } },
    ];
    const program = read(nodes, { functions: [empty('f'), empty('g')], gradients: { f: 'g' } });
    expect(program.gradients).toEqual(new Map([['f', 'g']]));
    expect(callsOf(program).filter((call) => call.includes('gradient f'))).toEqual([
      'gradient gradient f g',
      'tape gradient f g',
    ]);
  });

  it('may be replaced by another implementation of the same interface', () => {
    const lstm = { api_implements: attrString('lstm_1') };
    const program = read([{ name: 'call', op: 'PartitionedCall', attrs: { f: attrFunc('gpu') } }], {
      functions: [
        { ...empty('gpu'), attrs: lstm },
        { ...empty('cpu'), attrs: lstm },
        { ...empty('other'), attrs: { api_implements: attrString('gru') } },
      ],
    });
    expect(callsOf(program)).toEqual(['call attr f gpu', 'call implements f cpu']);
    expect(program.reach.triggersOf(program.functions.get('cpu') ?? program.main, 0)).toEqual(['inference']);
    expect(program.reach.triggersOf(program.functions.get('other') ?? program.main, 0)).toEqual([]);
    expect(program.reach.chainTo(program.functions.get('cpu') ?? program.main, 0, 'inference').map(({ via }) => via)).toEqual([
      'fetch call',
      'implements cpu',
    ]);
  });

  it('are refused when swaps would be a million', () => {
    const functions = Array.from({ length: 700 }, (_, index) => ({
      ...calling(`f${index}`, 'f0'),
      attrs: { api_implements: attrString('a') },
    }));
    expect(() => read([], { functions })).toThrow('other implementations');
  });

  it('in each other more than 100 deep are refused', () => {
    let func = attrFunc('f');
    for (let depth = 0; depth < 101; depth++) func = attrFunc('g', { f: func });
    expect(() => read([{ name: 'n', op: 'Any', attrs: { f: func } }], {})).toThrow('too deep');
  });
});

describe('the structure of calls', () => {
  it('has functions that reach themselves', () => {
    const program = read([{ name: 'c', op: 'PartitionedCall', attrs: { f: attrFunc('top') } }], {
      functions: [
        calling('self', 'self'),
        calling('ping', 'pong'),
        calling('pong', 'ping', 'leaf'),
        calling('top', 'ping'),
        empty('leaf'),
      ],
    });
    expect(program.recursiveFunctions.map((group) => [...group].sort())).toEqual([['ping', 'pong'], ['self']]);
    const inlined = (name: string) => program.inlinedNodes(program.functions.get(name) ?? program.main);
    expect([inlined('self'), inlined('top'), inlined('leaf'), program.inlinedNodes(program.main)]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      1,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it('is counted without being unfolded', () => {
    const functions = [
      empty('f0'),
      ...Array.from({ length: 60 }, (_, index) => calling(`f${index + 1}`, `f${index}`, `f${index}`)),
    ];
    const program = read([{ name: 'c', op: 'PartitionedCall', attrs: { f: attrFunc('f60') } }], { functions });
    expect(program.inlinedNodes(program.main)).toBeGreaterThan(2 ** 60);
    expect(program.callDepth(program.main)).toBe(61);
    expect(program.recursiveFunctions).toEqual([]);
  });

  it('may be a chain of 20,000 functions', () => {
    const functions = [...Array.from({ length: 20_000 }, (_, index) => calling(`f${index}`, `f${index + 1}`)), empty('f20000')];
    const program = read([], { functions });
    expect(program.callDepth(program.functions.get('f0') ?? program.main)).toBe(20_000);
  });
});
