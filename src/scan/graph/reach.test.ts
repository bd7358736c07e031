import { describe, expect, it } from 'vitest';
import {
  attrFunc,
  constString,
  type FunctionInput,
  graphDef,
  type NodeInput,
  placeholder,
  savedModel,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { type Body, type Program, readGraphDefProgram, readSavedModelPrograms } from './index.ts';

const call = (name: string, op: string, f: string, ...inputs: string[]): NodeInput => ({
  name,
  op,
  inputs,
  attrs: { f: attrFunc(f) },
});

function model(
  nodes: readonly NodeInput[],
  functions: readonly FunctionInput[],
  saver?: { saveTensor: string; restoreOp: string },
): Program {
  const signatures = { serving_default: { inputs: { x: 'x:0' }, outputs: { y: 'out:0' } } };
  const input = { nodes: [placeholder('x'), ...nodes], functions, signatures };
  const bytes = savedModel({ metaGraphs: [saver === undefined ? input : { ...input, saver }] });
  return readSavedModelPrograms(bytes, 'saved_model.pb', recordingContext())[0];
}

function at(program: Program, name: string, functionName?: string): [Body, number] {
  const body = functionName === undefined ? program.main : program.functions.get(functionName);
  const node = body?.find(name);
  if (body === undefined || node === undefined) throw new Error(`no ${functionName}/${name}`);
  return [body, node];
}
const triggers = (program: Program, name: string, functionName?: string) =>
  program.reach.triggersOf(...at(program, name, functionName));

const write: NodeInput = { name: 'write', op: 'WriteFile', inputs: ['path:output:0', 'path:output:0'] };
const path = constString('path', '/tmp/x');

describe('what is reached', () => {
  it('follows data and control inputs, and nothing that hangs loose', () => {
    const program = model(
      [
        { name: 'out', op: 'Identity', inputs: ['x', '^guard'] },
        { name: 'guard', op: 'NoOp', inputs: ['^file'] },
        constString('name', '/etc/passwd'),
        { name: 'file', op: 'ReadFile', inputs: ['name'] },
        { name: 'loose', op: 'WriteFile', inputs: ['name', 'file'] },
      ],
      [],
    );
    expect(triggers(program, 'file')).toEqual(['inference']);
    expect(triggers(program, 'loose')).toEqual([]);
    const [body, node] = at(program, 'name');
    expect(program.reach.chainTo(body, node, 'inference')).toEqual([
      { via: 'signature serving_default', node: 'out', op: 'Identity' },
      { via: 'control', node: 'guard', op: 'NoOp' },
      { via: 'control', node: 'file', op: 'ReadFile' },
      { via: 'input', node: 'name', op: 'Const' },
    ]);
    expect(program.reach.chainTo(...at(program, 'loose'), 'inference')).toEqual([]);
    expect(program.reach.chainTo(body, node, 'api')).toEqual([]);
  });

  it('goes through returns and control returns of functions', () => {
    const inner: FunctionInput = { name: 'inner', args: ['a'], nodes: [path, write], ret: { y: 'a' }, controlRet: ['write'] };
    const outer: FunctionInput = {
      name: 'outer',
      args: ['a'],
      nodes: [call('c', 'StatefulPartitionedCall', 'inner', 'a')],
      ret: { y: 'c:output:0' },
    };
    const program = model([call('out', 'PartitionedCall', 'outer', 'x')], [outer, inner]);
    const [body, node] = at(program, 'write', 'inner');
    expect(program.reach.chainTo(body, node, 'inference')).toEqual([
      { via: 'signature serving_default', node: 'out', op: 'PartitionedCall' },
      { via: 'calls outer (f)', function: 'outer', node: 'c', op: 'StatefulPartitionedCall' },
      { via: 'calls inner (f)', function: 'inner', node: 'write', op: 'WriteFile' },
    ]);
  });

  it('leaves out what hangs loose in a function, unless its caller keeps stateful nodes', () => {
    const loose: FunctionInput = {
      name: 'f',
      args: ['a'],
      nodes: [path, write, { name: 'pure', op: 'Abs', inputs: ['a'] }],
      ret: { y: 'a' },
    };
    for (const op of ['PartitionedCall', 'StatefulPartitionedCall']) {
      expect(triggers(model([call('out', op, 'f', 'x')], [loose]), 'write', 'f')).toEqual([]);
    }
    for (const op of ['MapDataset', 'ReduceDataset', 'StatelessIf', 'While', 'SymbolicGradient', 'f', 'CustomCall']) {
      const program = model([call('out', op, 'f', 'x')], [loose]);
      expect(triggers(program, 'write', 'f')).toEqual(['inference']);
      expect(triggers(program, 'pure', 'f')).toEqual([]);
    }
  });

  it('says which triggers, worst first, and what only the saver reaches', () => {
    const program = model(
      [
        { name: 'out', op: 'Identity', inputs: ['both'] },
        placeholder('both'),
        { name: 'restore', op: 'NoOp', inputs: ['^both', '^loaded'] },
        { name: 'loaded', op: 'NoOp' },
        { name: 'save', op: 'Identity', inputs: ['both', '^saved'] },
        { name: 'saved', op: 'NoOp' },
      ],
      [],
      { saveTensor: 'save:0', restoreOp: 'restore' },
    );
    expect(triggers(program, 'both')).toEqual(['load', 'inference', 'saver']);
    expect(triggers(program, 'loaded')).toEqual(['load']);
    expect(program.reach.chainTo(...at(program, 'loaded'), 'load')).toHaveLength(2);
    expect(triggers(program, 'saved')).toEqual(['saver']);
    expect(['saved', 'both', 'loaded'].map((name) => program.reach.isSaverOnly(...at(program, name)))).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('shows a long way by its beginning and its end', () => {
    const nodes: NodeInput[] = [{ name: 'n0', op: 'NoOp' }];
    for (let index = 1; index < 5000; index++) nodes.push({ name: `n${index}`, op: 'Identity', inputs: [`n${index - 1}`] });
    const program = readGraphDefProgram(graphDef(nodes), 'f.pb', recordingContext());
    const chain = program.reach.chainTo(program.main, 4000, 'inference');
    expect(chain).toHaveLength(64);
    expect([chain[0].via, chain[31].via, chain[63].node]).toEqual(['fetch n4999', '…', 'n4000']);
    const far = program.reach.chainTo(program.main, 0, 'inference');
    expect([far.length, far[0].via, far[63].node]).toEqual([64, '…', 'n0']);
  });

  it('answers for its own bodies only', () => {
    const [one, other] = [model([], []), model([], [])];
    expect(one.reach.triggersOf(other.main, 0)).toEqual([]);
    expect(one.callsFrom(other.main, 0)).toEqual([]);
    expect(one.reach.triggersOf(one.main, 99)).toEqual([]);
  });
});
