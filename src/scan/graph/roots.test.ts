import { describe, expect, it } from 'vitest';
import {
  attrFunc,
  type FunctionInput,
  field,
  graphDef,
  type MetaGraphInput,
  message,
  metaGraph,
  type NodeInput,
  savedModel,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { type Program, readGraphDefProgram, readMetaGraphProgram, readSavedModelPrograms } from './index.ts';

const node = (name: string, ...inputs: string[]): NodeInput => ({ name, op: 'NoOp', inputs });
const nodes = ['restore', 'save', 'init', 'main', 'legacy', 'train', 'out', 'other'].map((name) => node(name));
const fn = (name: string): FunctionInput => ({ name, nodes: [node('n')], controlRet: ['n'] });
const saver = { saveTensor: 'save:0', restoreOp: 'restore', filenameTensor: 'f:0' };
const signatures = { serving_default: { outputs: { y: 'out:0' } } };

const read = (...metaGraphs: MetaGraphInput[]): Program =>
  readSavedModelPrograms(savedModel({ metaGraphs }), 'saved_model.pb', recordingContext())[0];
const rootsOf = (program: Program) => program.roots.map(({ trigger, label }) => `${trigger}: ${label}`);

describe('roots of a SavedModel', () => {
  it('of TensorFlow 1 fire in both loaders', () => {
    const collections = { saved_model_main_op: ['main'], train_op: ['train'], table_initializer: ['other'] };
    expect(rootsOf(read({ nodes, saver, signatures, collections }))).toEqual([
      'load: restore op restore',
      'saver: save tensor save:0',
      'load: init op main (saved_model_main_op)',
      'api: collection table_initializer',
      'inference: signature serving_default',
      'api: collection train_op',
    ]);
  });

  it('of TensorFlow 2 fire in the C++ loader, and in Python by the object graph', () => {
    const program = read({
      nodes,
      saver,
      functions: ['create', 'initialize', 'destroy', 'save', 'restore', 'sig', 'call'].map(fn),
      signatures: { ...signatures, __saved_model_init_op: { outputs: { __saved_model_init_op: 'init' } } },
      objects: [
        { children: { table: 1, signatures: 8, call: 7 } },
        { kind: 'resource', children: { _create_resource: 2, _initialize: 3, _destroy_resource: 4 }, saveables: { T: [5, 6] } },
        ...['create', 'initialize', 'destroy', 'save', 'restore', 'call'].map((name) => ({
          kind: 'function' as const,
          concreteFunctions: [name],
        })),
        { children: { serving_default: 9 } },
        { kind: 'bare_concrete_function', concreteFunctions: ['sig'] },
      ],
    });
    expect(rootsOf(program)).toEqual([
      'load-cpp: restore op restore',
      'saver: save tensor save:0',
      'load-cpp: init op init',
      'inference: signature serving_default',
      'load-python: creator of table',
      'load-python: initializer of table',
      'load-python: destroyer of table',
      'saver: save of table',
      'saver: restore of table',
      'load-python: restore of table',
      'inference: signature serving_default',
      'api: function call',
    ]);
  });

  it('with several MetaGraphs are loaded by Python as those of TensorFlow 1', () => {
    const one = { nodes, saver, objects: [{}] };
    expect(rootsOf(read(one))).toContain('load-cpp: restore op restore');
    expect(rootsOf(read(one, one))).toContain('load: restore op restore');
  });

  it('run one init op only: the signature before the collections', () => {
    const collections = { saved_model_main_op: ['main'], legacy_init_op: ['legacy'] };
    const init = { __saved_model_init_op: { outputs: { __saved_model_init_op: 'init' } } };
    expect(rootsOf(read({ nodes, collections, signatures }))).toEqual([
      'load: init op main (saved_model_main_op)',
      'api: init op legacy (legacy_init_op)',
      'inference: signature serving_default',
    ]);
    const both = rootsOf(read({ nodes, collections: { saved_model_main_op: ['init'] }, signatures: { ...signatures, ...init } }));
    expect(both).toEqual(['load: init op init', 'inference: signature serving_default']);
  });

  it('without an init op run initialisers of tables and local variables in Python', () => {
    const variable = message(field(1, 'v:0'), field(2, 'other'));
    const collections = { table_initializer: ['train'], local_variables: { bytes: [variable, 'no message'] } };
    expect(rootsOf(read({ nodes, collections, signatures }))).toEqual([
      'load-python: collection table_initializer',
      'load-python: collection local_variables',
      'inference: signature serving_default',
    ]);
  });

  it('hold train ops, and no asset tensors', () => {
    const collections = { asset_filepaths: ['other:0'] };
    const withTrain = { ...signatures, __saved_model_train_op: { outputs: { t: 'train' } } };
    expect(rootsOf(read({ nodes, collections, signatures: withTrain }))).toEqual([
      'inference: signature serving_default',
      'api: train op',
    ]);
  });

  it('leave out functions that a signature calls', () => {
    const call = (name: string, f: string): NodeInput => ({ name, op: 'StatefulPartitionedCall', attrs: { f: attrFunc(f) } });
    const objects = ['used', 'free'].map((name) => ({ kind: 'function' as const, concreteFunctions: [name] }));
    const program = read({ nodes: [call('out', 'used')], functions: [fn('used'), fn('free')], signatures, objects });
    expect(rootsOf(program)).toEqual(['inference: signature serving_default', 'api: function free']);
  });

  it('without any signature or object are all that a person can fetch', () => {
    expect(rootsOf(read({ nodes: [node('a'), node('b', '^a')] }))).toEqual(['api: fetch b']);
  });
});

describe('roots of other graphs', () => {
  it('are the nodes that nothing consumes', () => {
    const program = readGraphDefProgram(graphDef([node('a'), node('b', '^a'), node('c', 'a')]), 'f.pb', recordingContext());
    expect(rootsOf(program)).toEqual(['inference: fetch b', 'inference: fetch c']);
  });

  it('include circles, which no sink leads to', () => {
    const program = readGraphDefProgram(graphDef([node('a', 'b'), node('b', 'a'), node('c')]), 'f.pb', recordingContext());
    expect(rootsOf(program)).toEqual(['inference: fetch c', 'inference: fetch']);
    expect(program.reach.triggersOf(program.main, 0)).toEqual(['inference']);
  });

  it('of a MetaGraph file are run by a person', () => {
    const runner = message(field(1, 'q'), field(2, 'train'), field(3, 'legacy'));
    const collections = {
      queue_runners: { bytes: [runner] },
      saved_model_main_op: ['main'],
      variables: { bytes: [field(2, 'init')] },
    };
    const program = readMetaGraphProgram(metaGraph({ nodes, saver, collections }), 'm.meta', recordingContext());
    expect(rootsOf(program)).toEqual([
      'saver: restore op restore',
      'saver: save tensor save:0',
      'api: init op main (saved_model_main_op)',
      'api: collection queue_runners',
      'api: initializers of collection variables',
      'inference: fetch out',
      'inference: fetch other',
    ]);
  });
});
