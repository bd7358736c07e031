import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attrBool,
  attrFunc,
  attrInt,
  attrShape,
  attrString,
  attrTensor,
  attrType,
  attrTypes,
  constFloats,
  constInts,
  constTensor,
  type FunctionInput,
  graphDef,
  type NodeInput,
  placeholder,
  savedModel,
  tensorProto,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { isAirlockError } from '../../core/index.ts';
import { readGraphDefProgram, readSavedModelPrograms } from '../graph/index.ts';
import type { ScanLimits } from '../scan-context.ts';
import { judgeLoops, judgeSizes, openValues } from './index.ts';

interface Options {
  readonly functions?: readonly FunctionInput[];
  readonly output?: string;
  readonly limits?: Partial<ScanLimits>;
}

const inputNames = (nodes: readonly NodeInput[]) =>
  nodes.filter(({ op }) => op === 'Placeholder').map(({ name }) => [String(name), `${String(name)}:0`] as const);

/** What is found in a model whose signature gives the last node. */
function found(nodes: readonly NodeInput[], { functions = [], output, limits }: Options = {}) {
  const context = recordingContext(limits);
  const last = output ?? String(nodes.at(-1)?.name);
  const signatures = { serving_default: { inputs: Object.fromEntries(inputNames(nodes)), outputs: { y: `${last}:0` } } };
  const [program] = readSavedModelPrograms(savedModel({ metaGraphs: [{ nodes, functions, signatures }] }), 'm', context);
  const values = openValues(program, context);
  judgeSizes(program, values, context);
  judgeLoops(program, values, context);
  return context.findings.map(({ severity, ruleId, trigger, message }) => ({ severity, ruleId, trigger, message }));
}

const T = attrType('DT_FLOAT');
const one = constFloats('one', 1);
const x = placeholder('x', 'DT_FLOAT', [-1, 4]);
const n = placeholder('n', 'DT_INT32', []);

describe('sizes that are constant', () => {
  it.each<[string, NodeInput[], RegExp]>([
    [
      'Fill',
      [constInts('dims', [100_000, 100_000]), one, { name: 'bomb', op: 'Fill', inputs: ['dims', 'one'], attrs: { T } }],
      /37\.3 GiB/,
    ],
    [
      'Tile',
      [x, constInts('times', [1_000_000, 1000]), { name: 'bomb', op: 'Tile', inputs: ['x', 'times'], attrs: { T } }],
      /GiB/,
    ],
    [
      'Pad',
      [
        x,
        constInts('by', [0, 1_000_000, 0, 1_000_000], { shape: [2, 2] }),
        { name: 'bomb', op: 'Pad', inputs: ['x', 'by'], attrs: { T } },
      ],
      /3\.64 TiB/,
    ],
    [
      'OneHot',
      [
        constInts('at', [1]),
        constInts('depth', 2 ** 30),
        one,
        { name: 'bomb', op: 'OneHot', inputs: ['at', 'depth', 'one', 'one'], attrs: { T } },
      ],
      /4 GiB/,
    ],
  ])('%s', (op, nodes, size) => {
    const [finding, ...others] = found(nodes);
    expect(others).toEqual([]);
    expect(finding.ruleId).toBe('memory/large-tensor');
    expect(finding.trigger).toBe('inference');
    expect(finding.message).toContain(`${op} "bomb"`);
    expect(finding.message).toMatch(size);
  });

  it('multiplies sizes that are put together elsewhere', () => {
    const nodes = [
      constInts('a', 65_536),
      { name: 'b', op: 'Mul', inputs: ['a', 'a'], attrs: { T: attrType('DT_INT64') } },
      { name: 'dims', op: 'Pack', inputs: ['a', 'a'], attrs: { N: attrInt(2), T: attrType('DT_INT32') } },
      one,
      { name: 'bomb', op: 'Fill', inputs: ['dims', 'one'], attrs: { T } },
    ];
    expect(found(nodes)).toMatchObject([{ ruleId: 'memory/large-tensor', severity: 'high' }]);
  });

  it('sees a product of two vectors that are not large themselves', () => {
    const range = (name: string): NodeInput[] => [
      constInts(`${name}n`, 200_000),
      { name, op: 'Range', inputs: ['zero', `${name}n`, 'step'], attrs: { Tidx: attrType('DT_INT32') } },
    ];
    const nodes = [
      constInts('zero', 0),
      constInts('step', 1),
      constInts('axis', 1),
      ...range('a'),
      ...range('b'),
      { name: 'column', op: 'ExpandDims', inputs: ['a', 'axis'], attrs: { T: attrType('DT_INT32') } },
      { name: 'bomb', op: 'Mul', inputs: ['column', 'b'], attrs: { T: attrType('DT_INT32') } },
    ];
    expect(found(nodes)).toMatchObject([{ ruleId: 'memory/large-tensor', severity: 'critical' }]);
  });

  it('is low where nothing reaches it, and silent within the budget', () => {
    const bomb = { name: 'bomb', op: 'Fill', inputs: ['dims', 'one'], attrs: { T } };
    expect(found([x, constInts('dims', [100_000, 100_000]), one, bomb], { output: 'x' })).toMatchObject([
      { severity: 'low', trigger: 'none' },
    ]);
    expect(found([constInts('dims', [100_000, 100]), one, bomb])).toEqual([]);
    expect(found([constInts('dims', [100_000, 100]), one, bomb], { limits: { memoryBudgetBytes: 1_000_000 } })).toHaveLength(1);
  });
});

describe('sizes that a request chooses', () => {
  const fill = (dims: string): NodeInput => ({ name: 'y', op: 'Fill', inputs: [dims, 'one'], attrs: { T } });
  const pack = (...inputs: string[]): NodeInput => ({
    name: 'dims',
    op: 'Pack',
    inputs,
    attrs: { N: attrInt(inputs.length), T: attrType('DT_INT32') },
  });

  it('says so', () => {
    expect(found([n, one, pack('n'), fill('dims')])).toMatchObject([
      { ruleId: 'memory/request-sized', severity: 'medium', message: expect.stringContaining('Fill "y"') },
    ]);
  });

  it('is silent when it is clamped, or the size of an input', () => {
    const clamp = [
      constInts('most', 1000),
      { name: 'm', op: 'Minimum', inputs: ['n', 'most'], attrs: { T: attrType('DT_INT32') } },
    ];
    expect(found([n, one, ...clamp, pack('m'), fill('dims')])).toEqual([]);
    const shape = { name: 's', op: 'Shape', inputs: ['x'], attrs: { T, out_type: attrType('DT_INT32') } };
    expect(found([x, one, shape, fill('s')])).toEqual([]);
  });
});

describe('constants', () => {
  const bomb = (shape: readonly (number | bigint)[]) => constTensor('c', 'DT_FLOAT', tensorProto('DT_FLOAT', shape));

  it('are small in the file and large in memory', () => {
    expect(found([bomb([2 ** 20, 1024])])).toMatchObject([{ ruleId: 'memory/constant-splat', severity: 'high' }]);
    expect(found([bomb([1024, 1024])])).toEqual([]);
  });

  it('are refused by the loader', () => {
    expect(found([x, bomb([-5])])).toMatchObject([{ ruleId: 'malformed/shape', severity: 'medium', trigger: 'load' }]);
  });

  it.each([
    ['overflow', [2n ** 32n, 2n ** 32n]],
    // A zero at the end comes too late, one at the beginning does not.
    ['overflow before a zero', [2n ** 40n, 2n ** 40n, 0n]],
    ['dimensions', Array.from({ length: 300 }, () => 1)],
  ])('crash the loader: %s, even in a function that nothing calls', (_, shape) => {
    const dead: FunctionInput = { name: 'f', args: [], nodes: [bomb(shape)], ret: { y: 'c:output:0' } };
    expect(found([x], { functions: [dead] })).toMatchObject([
      { ruleId: 'crash/shape-overflow', severity: 'critical', trigger: 'load' },
    ]);
  });

  it('declares a variable that no machine holds', () => {
    const node = { name: 'v', op: 'VarHandleOp', attrs: { dtype: T, shape: attrShape([2 ** 40, 16]) } };
    expect(found([node])).toMatchObject([{ ruleId: 'memory/large-tensor' }]);
    expect(found([{ ...node, attrs: { dtype: T, shape: attrShape([2 ** 20, 1024]) } }])).toEqual([]);
  });
});

const double = (name: string, from: string): NodeInput => ({
  name,
  op: 'ConcatV2',
  inputs: [from, from, 'axis'],
  attrs: { N: attrInt(2), T },
});

describe('growth', () => {
  it('doubles a tensor forty times', () => {
    const chain = Array.from({ length: 40 }, (_, i) => double(`c${i}`, i === 0 ? 'x' : `c${i - 1}`));
    expect(found([x, constInts('axis', 0), ...chain])).toMatchObject([{ ruleId: 'memory/large-tensor' }]);
    expect(found([x, constInts('axis', 0), ...chain.slice(0, 12)])).toEqual([]);
  });

  it('doubles a string, of which no shape tells', () => {
    const join = (name: string, from: string): NodeInput => ({
      name,
      op: 'StringJoin',
      inputs: [from, from],
      attrs: { N: attrInt(2) },
    });
    const chain = Array.from({ length: 40 }, (_, i) => join(`j${i}`, i === 0 ? 's' : `j${i - 1}`));
    expect(found([placeholder('s', 'DT_STRING', []), ...chain])).toMatchObject([{ ruleId: 'memory/growth', severity: 'high' }]);
  });

  it('doubles in a function that is called in a chain', () => {
    const twice: FunctionInput = {
      name: 'twice',
      args: ['a'],
      outputs: ['y'],
      nodes: [constInts('axis', 0), { ...double('c', 'a'), inputs: ['a', 'a', 'axis:output:0'] }],
      ret: { y: 'c:output:0' },
    };
    const chain = Array.from({ length: 40 }, (_, i) => ({
      name: `p${i}`,
      op: 'PartitionedCall',
      inputs: [i === 0 ? 'x' : `p${i - 1}`],
      attrs: { f: attrFunc('twice'), Tin: attrTypes(['DT_FLOAT']), Tout: attrTypes(['DT_FLOAT']) },
    }));
    expect(found([x, ...chain], { functions: [twice] })).toMatchObject([{ ruleId: 'memory/growth' }]);
  });

  it('calls functions that call functions until the graph is too large', () => {
    const caller = (name: string, callee: string): FunctionInput => ({
      name,
      args: ['a'],
      outputs: ['y'],
      nodes: ['p', 'q'].map((node, i) => ({
        name: node,
        op: 'PartitionedCall',
        inputs: [i === 0 ? 'a' : 'p:output:0'],
        attrs: { f: attrFunc(callee), Tin: attrTypes(['DT_FLOAT']), Tout: attrTypes(['DT_FLOAT']) },
      })),
      ret: { y: 'q:output:0' },
    });
    const leaf: FunctionInput = {
      name: 'f0',
      args: ['a'],
      outputs: ['y'],
      nodes: [{ name: 'r', op: 'Relu', inputs: ['a'], attrs: { T } }],
      ret: { y: 'r:activations:0' },
    };
    const functions = [leaf, ...Array.from({ length: 40 }, (_, i) => caller(`f${i + 1}`, `f${i}`))];
    const call = {
      name: 'y',
      op: 'PartitionedCall',
      inputs: ['x'],
      attrs: { f: attrFunc('f40'), Tin: attrTypes(['DT_FLOAT']), Tout: attrTypes(['DT_FLOAT']) },
    };
    expect(found([x, call], { functions })).toMatchObject([{ ruleId: 'memory/composition', severity: 'high' }]);
  });
});

describe('resources', () => {
  it('reserves a huge list', () => {
    const nodes = [
      constInts('shape', []),
      constInts('count', 2 ** 30),
      {
        name: 'l',
        op: 'TensorListReserve',
        inputs: ['shape', 'count'],
        attrs: { element_dtype: T, shape_type: attrType('DT_INT32') },
      },
    ];
    expect(found(nodes).map(({ ruleId }) => ruleId)).toContain('memory/large-list');
  });

  it('starts threads', () => {
    const pool = (threads: number) => ({
      name: 'p',
      op: 'ThreadPoolHandle',
      attrs: { num_threads: attrInt(threads), display_name: attrString('p') },
    });
    expect(found([pool(60_000)])).toMatchObject([{ ruleId: 'hang/threads', severity: 'high' }]);
    expect(found([pool(16)])).toEqual([]);
  });

  it('decompresses what a request sends', () => {
    const nodes = [placeholder('s', 'DT_STRING', [-1]), { name: 'd', op: 'DecodeCompressed', inputs: ['s'] }];
    expect(found(nodes)).toMatchObject([{ ruleId: 'memory/decompression', severity: 'medium' }]);
  });
});

describe('a graph that is too large', () => {
  it('is never clean', () => {
    const context = recordingContext();
    const chain = Array.from({ length: 200 }, (_, i) => double(`c${i}`, i === 0 ? 'x' : `c${i - 1}`));
    const program = readGraphDefProgram(graphDef([x, constInts('axis', 0), ...chain]), 'm', context);
    const values = openValues(program, context, { maxTensors: 20 });
    judgeSizes(program, values, context);
    judgeLoops(program, values, context);
    expect(values.isExhausted).toBe(true);
    expect(context.parts).toMatchObject([{ file: 'm', reason: expect.stringContaining('too large') }]);
  });
});

describe('any graph', () => {
  const ops = [
    'Const',
    'Fill',
    'Tile',
    'ConcatV2',
    'Merge',
    'Switch',
    'Enter',
    'NextIteration',
    'LoopCond',
    'While',
    'Reshape',
    'StridedSlice',
  ];
  const more = [
    'Range',
    'Pack',
    'Mul',
    'AddV2',
    'StringJoin',
    'GatherV2',
    'ReduceDataset',
    'RepeatDataset',
    'Placeholder',
    'Einsum',
    'Conv2D',
  ];
  const node = fc.record({
    op: fc.constantFrom(...ops, ...more),
    inputs: fc.array(fc.tuple(fc.nat(19), fc.nat(2)), { maxLength: 4 }),
    shape: fc.array(fc.oneof(fc.integer({ min: -3, max: 6 }), fc.constant(2 ** 40)), { maxLength: 3 }),
    bytes: fc.uint8Array({ maxLength: 24 }),
  });

  it('is judged without a fault', () => {
    fc.assert(
      fc.property(fc.array(node, { minLength: 1, maxLength: 20 }), (drawn) => {
        const nodes = drawn.map(({ op, inputs, shape, bytes }, i) => ({
          name: `n${i}`,
          op,
          inputs: inputs.map(([at, output]) => `n${at}:${output}`),
          attrs: {
            T: attrType(shape.length % 2 === 0 ? 'DT_INT32' : 'DT_FLOAT'),
            N: attrInt(inputs.length),
            value: shape.length === 3 ? attrTensor(bytes) : attrTensor(tensorProto('DT_INT32', shape, bytes)),
            shape: attrShape(shape),
            cond: attrFunc('f'),
            body: attrFunc('f'),
            f: attrFunc('f'),
            keep_dims: attrBool(true),
            equation: attrString(Buffer.from(bytes)),
            begin_mask: attrInt(shape[0] ?? 0),
            ellipsis_mask: attrInt(shape[1] ?? 0),
          },
        }));
        const f: FunctionInput = {
          name: 'f',
          args: ['a', 'b'],
          outputs: ['y'],
          nodes: [{ name: 'w', op: 'While', inputs: ['a', 'b'], attrs: { cond: attrFunc('f'), body: attrFunc('f') } }],
          ret: { y: 'w:output:0' },
        };
        const context = recordingContext();
        let program: ReturnType<typeof readGraphDefProgram>;
        try {
          program = readGraphDefProgram(graphDef(nodes, { functions: [f] }), 'm', context);
        } catch (error) {
          // The reader may refuse it; nobody may fail otherwise.
          if (isAirlockError(error)) return;
          throw error;
        }
        const values = openValues(program, context);
        judgeSizes(program, values, context);
        judgeLoops(program, values, context);
        for (let i = 0; i < program.main.nodeCount; i++) values.of(program.main, { node: i, output: 0 });
      }),
      { numRuns: 300 },
    );
  });
});
