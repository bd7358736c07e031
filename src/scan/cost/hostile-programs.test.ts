// Graphs that are made to keep the analysis busy or to break it: bounded time, bounded length, and nothing that the server would not take.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  attrFunc,
  attrInt,
  attrInts,
  attrType,
  attrTypes,
  constInts,
  type FunctionInput,
  type NodeInput,
  placeholder,
  savedModel,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { checkCostModel } from '../../cost/index.ts';
import { readSavedModelPrograms } from '../graph/index.ts';
import { costOfProgram } from './index.ts';

const float = { T: attrType('DT_FLOAT') };

interface Hostile {
  readonly nodes: readonly NodeInput[];
  readonly functions?: readonly FunctionInput[];
  readonly output: string;
  readonly signatures?: number;
}

/** A tenth of what is allowed, so that the test is quick. */
const limits = { maxUnits: 100_000_000, maxMs: 500 };

function costOf({ nodes, functions = [], output, signatures = 1 }: Hostile) {
  const context = recordingContext();
  const one = {
    inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT', shape: [-1, -1] } },
    outputs: { y: { name: output, dtype: 'DT_FLOAT' } },
  };
  const all = Object.fromEntries(Array.from({ length: signatures }, (_, index) => [`s${index}`, one]));
  const encoded = savedModel({
    metaGraphs: [{ nodes: [placeholder('x', 'DT_FLOAT', [-1, -1]), ...nodes], functions, signatures: all }],
  });
  const [program] = readSavedModelPrograms(encoded, 'm', context);
  const json = JSON.stringify(costOfProgram(program, context, limits));
  expect(json.length).toBeLessThanOrEqual(1024 * 1024);
  const model = checkCostModel(JSON.parse(json));
  expect(model).toBeDefined();
  return model;
}

/** `levels` functions, each of which calls the one below it twice. */
function doubling(levels: number): Hostile {
  const arg = (name: string) => ({ name, type: 'DT_FLOAT' });
  const types = attrTypes(['DT_FLOAT']);
  const functions = Array.from({ length: levels }, (_, level): FunctionInput => {
    const attrs = { Tin: types, Tout: types, f: attrFunc(`level_${level - 1}`) };
    const nodes: readonly NodeInput[] =
      level === 0
        ? [{ name: 'second', op: 'Relu', inputs: ['x'], attrs: float }]
        : [
            { name: 'first', op: 'PartitionedCall', inputs: ['x'], attrs },
            { name: 'second', op: 'PartitionedCall', inputs: ['first:output:0'], attrs },
          ];
    const ret = { y: level === 0 ? 'second:activations:0' : 'second:output:0' };
    return { name: `level_${level}`, args: [arg('x')], outputs: [arg('y')], nodes, ret };
  });
  const attrs = { Tin: types, Tout: types, f: attrFunc(`level_${levels - 1}`) };
  return { nodes: [{ name: 'y', op: 'PartitionedCall', inputs: ['x'], attrs }], functions, output: 'y:0' };
}

it.each([
  ['2^24 calls', doubling(25)],
  [
    'a function that calls itself',
    {
      ...doubling(1),
      functions: [
        {
          ...doubling(2).functions?.[1],
          name: 'level_0',
          nodes: [
            {
              name: 'second',
              op: 'PartitionedCall',
              inputs: ['x'],
              attrs: { Tin: attrTypes(['DT_FLOAT']), Tout: attrTypes(['DT_FLOAT']), f: attrFunc('level_0') },
            },
          ],
        } as FunctionInput,
      ],
    },
  ],
  [
    'a cycle',
    {
      nodes: [
        { name: 'a', op: 'AddV2', inputs: ['x', 'b'], attrs: float },
        { name: 'b', op: 'Relu', inputs: ['a'], attrs: float },
      ],
      output: 'b:0',
    },
  ],
  [
    'a list that grows by each of many nodes',
    {
      nodes: [
        constInts('shape', [-1]),
        { name: 'l0', op: 'EmptyTensorList', inputs: ['shape', 'shape'], attrs: { element_dtype: attrType('DT_FLOAT') } },
        ...Array.from(
          { length: 3_000 },
          (_, i): NodeInput => ({
            name: `l${i + 1}`,
            op: 'TensorListPushBack',
            inputs: [`l${i}`, 'x'],
            attrs: { element_dtype: attrType('DT_FLOAT') },
          }),
        ),
      ],
      output: 'l3000:0',
    },
  ],
  [
    'sizes that double with each node, under many names',
    {
      nodes: Array.from(
        { length: 300 },
        (_, i): NodeInput => ({
          name: `n${i + 1}`,
          op: 'MatMul',
          inputs: [i === 0 ? 'x' : `n${i}`, i % 3 === 0 ? 'x' : `n${Math.floor(i / 2) + 1}`],
          attrs: float,
        }),
      ),
      output: 'n300:0',
      signatures: 40,
    },
  ],
] as readonly (readonly [string, Hostile])[])(
  'ends soon, and says no more than it knows: %s',
  (_what, hostile) => {
    const startMs = performance.now();
    const model = costOf(hostile);
    // Half a second of work is allowed; the rest is room for a busy machine.
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(model?.signatures.length).toBe(hostile.signatures ?? 1);
  },
  30_000,
);

it('says in a mebibyte what 64 signatures of many long names cost', () => {
  const nodes = Array.from(
    { length: 60 },
    (_, i): NodeInput => ({
      name: `${'n'.repeat(250)}${i}`,
      op: 'Relu',
      inputs: [i === 0 ? 'x' : `${'n'.repeat(250)}${i - 1}`],
      attrs: float,
    }),
  );
  const model = costOf({ nodes, output: `${'n'.repeat(250)}59:0`, signatures: 64 });
  expect(model?.signatures).toHaveLength(64);
  for (const { flops, nodes: told } of model?.signatures ?? []) {
    expect(flops).not.toBeNull();
    expect(told.length).toBeGreaterThan(1);
  }
});

const ops = [
  'Relu',
  'AddV2',
  'MatMul',
  'ConcatV2',
  'Reshape',
  'Tile',
  'Slice',
  'Conv2D',
  'Fill',
  'Range',
  'Switch',
  'Merge',
  'While',
  'Split',
  'TensorListPushBack',
  'Pad',
  'OneHot',
  'Cumsum',
  'NoSuchOp',
  'Einsum',
  'Unpack',
  'StridedSlice',
];

it('gives what the server takes, whatever the graph', () => {
  const sizes = fc.constantFrom(0, -1, 1, 7, 2 ** 31 - 1, -(2 ** 31));
  const node = fc.record({
    op: fc.constantFrom(...ops),
    inputs: fc.array(fc.nat(12), { maxLength: 4 }),
    numbers: fc.array(sizes, { maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(node, { minLength: 1, maxLength: 12 }), (list) => {
      const nodes = list.flatMap(({ op, inputs, numbers }, i): NodeInput[] => [
        constInts(`c${i}`, numbers),
        {
          name: `n${i}`,
          op,
          inputs: [...inputs.map((at) => (at >= list.length ? 'x' : `n${at}`)), `c${i}`],
          attrs: {
            ...float,
            N: attrInt(numbers[0] ?? 2),
            num: attrInt(numbers[0] ?? 3),
            strides: attrInts(numbers),
            num_split: attrInt(numbers[0] ?? 2),
          },
        },
      ]);
      costOf({ nodes, output: `n${list.length - 1}:0` });
    }),
    { numRuns: 40 },
  );
});
