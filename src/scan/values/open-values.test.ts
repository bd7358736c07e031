import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  attrFunc,
  attrInt,
  attrShape,
  attrString,
  attrType,
  attrTypes,
  constInts,
  constString,
  type FunctionInput,
  field,
  type NodeInput,
  placeholder,
  type SignatureInput,
  savedModel,
  tensorProto,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { readSavedModelPrograms } from '../graph/index.ts';
import { openValues } from './index.ts';

interface Setup {
  readonly functions?: readonly FunctionInput[];
  readonly signatures?: Readonly<Record<string, SignatureInput>>;
  readonly assets?: readonly { readonly filename: string; readonly tensorName: string }[];
}

/** What is known of `node:0` of the main graph, or of a function. */
function knownOf(nodes: readonly NodeInput[], name: string, { functions = [], ...rest }: Setup = {}, inFunction?: string) {
  const context = recordingContext();
  const [program] = readSavedModelPrograms(savedModel({ metaGraphs: [{ nodes, functions, ...rest }] }), 'm', context);
  const body = inFunction === undefined ? program.main : program.functions.get(inFunction);
  if (body === undefined) throw new Error('no such function');
  const node = body.find(name);
  if (node === undefined) throw new Error('no such node');
  return openValues(program, context).of(body, { node, output: 0 });
}

const strings = (value: ReturnType<typeof knownOf>) =>
  value.constants?.map((constant) => constant.strings?.map(String).join('|')).sort();
const numbers = (value: ReturnType<typeof knownOf>) => value.constants?.map((constant) => constant.numbers);
const N = (count: number) => ({ N: attrInt(count) });

describe('constants', () => {
  it('puts a path together from letters', () => {
    const nodes = [
      constString('letters', ['/', 'e', 't', 'c', 'p']),
      constInts('places', [0, 1, 2, 3, 0, 4]),
      constInts('zero', 0),
      { name: 'g', op: 'GatherV2', inputs: ['letters', 'places', 'zero'] },
      { name: 'path', op: 'ReduceJoin', inputs: ['g', 'zero'] },
    ];
    expect(strings(knownOf(nodes, 'path'))).toEqual(['/etc/p']);
  });

  it.each([
    ['DecodeBase64', 'L2V0Yy9wYXNzd2Q', '/etc/passwd', {}],
    ['StringLower', '/ETC/passwd', '/etc/passwd', {}],
    ['StringStrip', '  /etc/passwd\n', '/etc/passwd', {}],
    ['StaticRegexReplace', '/XXc/passwd', '/etc/passwd', { pattern: attrString('XX'), rewrite: attrString('et') }],
  ])('%s', (op, input, expected, attrs) => {
    expect(strings(knownOf([constString('in', input), { name: 'out', op, inputs: ['in'], attrs }], 'out'))).toEqual([expected]);
  });

  it('turns code points into text, and numbers into strings', () => {
    const nodes = [
      constInts('points', [47, 101, 116, 99]),
      constInts('splits', [0, 4]),
      { name: 'text', op: 'UnicodeEncode', inputs: ['points', 'splits'], attrs: { output_encoding: attrString('UTF-8') } },
      constInts('number', 42),
      { name: 'digits', op: 'AsString', inputs: ['number'] },
      { name: 'both', op: 'StringJoin', inputs: ['text', 'digits'], attrs: N(2) },
    ];
    expect(strings(knownOf(nodes, 'both'))).toEqual(['/etc42']);
  });

  it.each<[string, NodeInput[], string]>([
    [
      'bytes turned around',
      [
        constString('in', 'dwssap/cte/'),
        constString('none', ''),
        { name: 'split', op: 'StringSplit', inputs: ['in', 'none'] },
        constInts('axis', [0]),
        { name: 'turned', op: 'ReverseV2', inputs: ['split:1', 'axis'], attrs: { T: attrType('DT_STRING') } },
        { name: 'out', op: 'ReduceJoin', inputs: ['turned', 'axis'] },
      ],
      '/etc/passwd',
    ],
    [
      'compressed',
      [
        constString('in', deflateSync('/etc/passwd')),
        { name: 'out', op: 'DecodeCompressed', inputs: ['in'], attrs: { compression_type: attrString('ZLIB') } },
      ],
      '/etc/passwd',
    ],
    [
      'a tensor in a string',
      [
        constString('in', tensorProto('DT_STRING', [], field(8, '/etc/passwd'))),
        { name: 'out', op: 'ParseTensor', inputs: ['in'], attrs: { out_type: attrType('DT_STRING') } },
      ],
      '/etc/passwd',
    ],
    [
      'code points with a key',
      [
        constInts(
          'in',
          [...'/etc/passwd'].map((letter) => letter.charCodeAt(0) ^ 42),
        ),
        constInts('key', 42),
        { name: 'points', op: 'BitwiseXor', inputs: ['in', 'key'], attrs: { T: attrType('DT_INT32') } },
        constInts('splits', [0, 11]),
        { name: 'out', op: 'UnicodeEncode', inputs: ['points', 'splits'] },
      ],
      '/etc/passwd',
    ],
    [
      'either of two that a request picks',
      [
        placeholder('at', 'DT_INT32', []),
        constString('in', ['/a', '/b']),
        constInts('axis', 0),
        { name: 'out', op: 'GatherV2', inputs: ['in', 'at', 'axis'], attrs: { Tparams: attrType('DT_STRING') } },
      ],
      '/a,/b',
    ],
    [
      'rows of a list',
      [
        constString('in', ['/a', '/b']),
        constInts('shape', []),
        constInts('at', 1),
        { name: 'list', op: 'TensorListFromTensor', inputs: ['in', 'shape'], attrs: { element_dtype: attrType('DT_STRING') } },
        {
          name: 'out',
          op: 'TensorListGetItem',
          inputs: ['list', 'at', 'shape'],
          attrs: { element_dtype: attrType('DT_STRING') },
        },
      ],
      '/a,/b',
    ],
  ])('finds a path in %s', (_, nodes, expected) => {
    const value = knownOf(nodes, 'out');
    expect(strings(value)?.join()).toBe(expected);
    expect([...value.origins]).toEqual(['constant']);
  });

  it('computes with sizes that are known in part', () => {
    const nodes = [
      placeholder('x', 'DT_FLOAT', [-1, 28, 28]),
      { name: 's', op: 'Shape', inputs: ['x'], attrs: { T: attrType('DT_FLOAT') } },
      ...[0, 1].map((at) => constInts(`at${at}`, [at])),
      constInts('one', [1]),
      {
        name: 'batch',
        op: 'StridedSlice',
        inputs: ['s', 'at0', 'at1', 'one'],
        attrs: { shrink_axis_mask: attrInt(1), T: attrType('DT_INT32') },
      },
      constInts('n', 784),
      { name: 'p', op: 'Pack', inputs: ['batch', 'n'], attrs: { ...N(2), T: attrType('DT_INT32') } },
      { name: 'flat', op: 'Reshape', inputs: ['x', 'p'], attrs: { T: attrType('DT_FLOAT') } },
    ];
    expect(knownOf(nodes, 'flat').shape).toEqual([{ isRequest: false, min: 1, max: undefined }, 784]);
    expect(knownOf(nodes, 'p').origins.has('request')).toBe(false);
  });
});

const reader = (name: string): FunctionInput => ({
  name,
  args: [{ name: 'path', type: 'DT_STRING' }],
  outputs: [{ name: 'out', type: 'DT_STRING' }],
  nodes: [
    { name: 'copy', op: 'Identity', inputs: ['path'], attrs: { T: attrType('DT_STRING') } },
    { name: 'read', op: 'ReadFile', inputs: ['copy:output:0'] },
  ],
  ret: { out: 'read:contents:0' },
});

const call = (name: string, callee: string, input: string): NodeInput => ({
  name,
  op: 'PartitionedCall',
  inputs: [input],
  attrs: { f: attrFunc(callee), Tin: attrTypes(['DT_STRING']), Tout: attrTypes(['DT_STRING']) },
});

describe('functions', () => {
  it('tells all callers of a function apart', () => {
    const nodes = [constString('a', '/a'), constString('b', '/b'), call('x', 'read', 'a'), call('y', 'read', 'b')];
    const value = knownOf(nodes, 'copy', { functions: [reader('read')] }, 'read');
    expect(strings(value)).toEqual(['/a', '/b']);
    expect([...value.origins]).toEqual(['constant']);
  });

  it('says that a request chooses, and what the path begins with', () => {
    const nodes = [
      placeholder('x', 'DT_STRING', []),
      constString('head', '/data/'),
      { name: 'p', op: 'StringJoin', inputs: ['head', 'x'], attrs: N(2) },
      call('y', 'read', 'p'),
    ];
    const signatures = { serving_default: { inputs: { x: 'x:0' }, outputs: { y: 'y:0' } } };
    const value = knownOf(nodes, 'copy', { functions: [reader('read')], signatures }, 'read');
    expect(value.prefix?.toString()).toBe('/data/');
    expect(value.origins.has('request')).toBe(true);
    expect(knownOf(nodes, 'y', { functions: [reader('read')], signatures }).origins).toEqual(new Set(['file']));
  });

  it('follows elements of a dataset into the function that is mapped over it', () => {
    const nodes = [
      constString('paths', ['/a', '/b']),
      { name: 'd', op: 'TensorSliceDataset', inputs: ['paths'], attrs: { Toutput_types: attrTypes(['DT_STRING']) } },
      { name: 'm', op: 'MapDataset', inputs: ['d'], attrs: { f: attrFunc('read'), Targuments: attrTypes([]) } },
    ];
    expect(strings(knownOf(nodes, 'copy', { functions: [reader('read')] }, 'read'))).toEqual(['/a', '/b']);
  });

  it('knows assets', () => {
    const nodes = [constString('a', 'vocab.txt'), call('x', 'read', 'a')];
    const value = knownOf(
      nodes,
      'copy',
      { functions: [reader('read')], assets: [{ filename: 'vocab.txt', tensorName: 'a:0' }] },
      'read',
    );
    expect([...value.origins]).toEqual(['asset']);
  });
});

const loop = (body: FunctionInput): FunctionInput[] => [
  body,
  {
    name: 'cond',
    args: [
      { name: 'i', type: 'DT_INT32' },
      { name: 'p', type: 'DT_STRING' },
    ],
    outputs: [{ name: 'c', type: 'DT_BOOL' }],
    nodes: [
      constInts('limit', 10),
      { name: 'less', op: 'Less', inputs: ['i', 'limit:output:0'], attrs: { T: attrType('DT_INT32') } },
    ],
    ret: { c: 'less:z:0' },
  },
];

const whileNode: NodeInput = {
  name: 'w',
  op: 'While',
  inputs: ['zero', 'path'],
  attrs: { cond: attrFunc('cond'), body: attrFunc('body'), T: attrTypes(['DT_INT32', 'DT_STRING']) },
};

describe('loops', () => {
  const body = (p: string): FunctionInput => ({
    name: 'body',
    args: [
      { name: 'i', type: 'DT_INT32' },
      { name: 'p', type: 'DT_STRING' },
    ],
    outputs: [
      { name: 'ni', type: 'DT_INT32' },
      { name: 'np', type: 'DT_STRING' },
    ],
    nodes: [
      constInts('one', 1),
      { name: 'next', op: 'AddV2', inputs: ['i', 'one:output:0'], attrs: { T: attrType('DT_INT32') } },
      { name: 'longer', op: 'StringJoin', inputs: ['p', 'p'], attrs: N(2) },
      { name: 'copy', op: 'Identity', inputs: ['p'], attrs: { T: attrType('DT_STRING') } },
    ],
    ret: { ni: 'next:z:0', np: p },
  });
  const nodes = [constInts('zero', 0), constString('path', '/etc/passwd'), whileNode];

  it('keeps what a loop does not change', () => {
    expect(strings(knownOf(nodes, 'copy', { functions: loop(body('copy:output:0')) }, 'body'))).toEqual(['/etc/passwd']);
  });

  it('gives up what a loop changes, and comes to an end', () => {
    const value = knownOf(nodes, 'copy', { functions: loop(body('longer:output:0')) }, 'body');
    expect(value.constants).toBeUndefined();
    expect(value.origins.has('constant')).toBe(true);
  });

  it('does not hang on a cycle without a beginning', () => {
    const cycle = ['a', 'b'].map((name, i) => ({
      name,
      op: 'Identity',
      inputs: [['b', 'a'][i]],
      attrs: { T: attrType('DT_STRING') },
    }));
    expect([...knownOf(cycle, 'a').origins]).toEqual(['computed']);
  });
});

describe('variables', () => {
  it('knows the shape, and that the content is a variable', () => {
    const nodes = [
      { name: 'v', op: 'VarHandleOp', attrs: { dtype: attrType('DT_FLOAT'), shape: attrShape([3, 4]) } },
      { name: 'r', op: 'ReadVariableOp', inputs: ['v'], attrs: { dtype: attrType('DT_FLOAT') } },
    ];
    const value = knownOf(nodes, 'r');
    expect(value.shape).toEqual([3, 4]);
    expect(numbers(value)).toBeUndefined();
    expect([...value.origins]).toEqual(['variable']);
  });
});
