// Tensors that are large on one way of several only: what a branch, a switch or a caller chooses. That such a model takes the memory is shown by tests/security/resources/bombs.
import { describe, expect, it } from 'vitest';
import {
  attrFunc,
  attrInt,
  attrType,
  attrTypes,
  constFloats,
  constInts,
  type FunctionInput,
  type NodeInput,
  placeholder,
  savedModel,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { readSavedModelPrograms } from '../graph/index.ts';
import { addDims, joinDims, multiplyDims } from './dims.ts';
import { judgeSizes, openValues } from './index.ts';

const int = attrType('DT_INT32');

interface Way {
  readonly nodes: readonly NodeInput[];
  readonly functions: readonly FunctionInput[];
  readonly tensor: string;
}

const asked = placeholder('asked', 'DT_BOOL', []);
const identity = (name: string): NodeInput => ({ name, op: 'Identity', inputs: ['large'], attrs: { T: int } });
const branch = (name: string, nodes: readonly NodeInput[], result: string): FunctionInput => ({
  name,
  args: [{ name: 'large', type: 'DT_INT32' }],
  outputs: [{ name: 'o', type: 'DT_INT32' }],
  nodes,
  ret: { o: result },
});

/** The node `large`, or `small` where the request asks for it. */
const ways: readonly (readonly [string, (large: NodeInput, small: NodeInput) => Way])[] = [
  [
    'Switch and Merge',
    (large, small) => ({
      nodes: [
        large,
        small,
        asked,
        { name: 's', op: 'Switch', inputs: ['large', 'asked'], attrs: { T: int } },
        { name: 't', op: 'Switch', inputs: ['small', 'asked'], attrs: { T: int } },
        { name: 'm', op: 'Merge', inputs: ['s:1', 't:0'], attrs: { T: int, N: attrInt(2) } },
      ],
      functions: [],
      tensor: 'm',
    }),
  ],
  [
    'If',
    (large, small) => ({
      nodes: [
        large,
        asked,
        {
          name: 'm',
          op: 'StatelessIf',
          inputs: ['asked', 'large'],
          attrs: {
            Tcond: attrType('DT_BOOL'),
            Tin: attrTypes(['DT_INT32']),
            Tout: attrTypes(['DT_INT32']),
            then_branch: attrFunc('then'),
            else_branch: attrFunc('else'),
          },
        },
      ],
      functions: [branch('then', [identity('i')], 'i:output:0'), branch('else', [small], 'small:output:0')],
      tensor: 'm',
    }),
  ],
];

function found({ nodes, functions }: Way, after: readonly NodeInput[]) {
  const context = recordingContext();
  const signatures = {
    s: {
      inputs: { asked: { name: 'asked:0', dtype: 'DT_BOOL', shape: [] } },
      outputs: { y: `${String(after.at(-1)?.name)}:0` },
    },
  };
  const encoded = savedModel({ metaGraphs: [{ nodes: [...nodes, ...after], functions, signatures }] });
  const [program] = readSavedModelPrograms(encoded, 'm', context);
  judgeSizes(program, openValues(program, context), context);
  return context.findings.map(({ severity, ruleId, message }) => `${severity} ${ruleId}: ${message}`);
}

/** Longer than the contents that the scan keeps. */
const vector = (name: string, length: number): NodeInput => constInts(name, 1, { shape: [length] });
const outer = (tensor: string): NodeInput[] => [
  constInts('axis', 1),
  { name: 'column', op: 'ExpandDims', inputs: [tensor, 'axis'], attrs: { T: int } },
  { name: 'y', op: 'Mul', inputs: ['column', tensor], attrs: { T: int } },
];
const fill = (tensor: string): NodeInput[] => [
  constFloats('zero', 0),
  { name: 'y', op: 'Fill', inputs: [tensor, 'zero'], attrs: { T: attrType('DT_FLOAT') } },
];

describe.each(ways)('what %s choose', (_way, make) => {
  it('is as large as the larger way makes it', () => {
    const way = make(vector('large', 200_000), vector('small', 1));
    expect(found(way, outer(way.tensor))).toEqual([
      expect.stringMatching(/^critical memory\/large-tensor: Mul "y" .*149 GiB .*ways/),
    ]);
    const both = make(vector('large', 10_000), vector('small', 1));
    expect(found(both, outer(both.tensor))).toEqual([]);
  });

  it('may be the shape of a tensor', () => {
    const way = make(constInts('large', [100_000, 100_000]), constInts('small', [1]));
    expect(found(way, fill(way.tensor))).toEqual([
      expect.stringMatching(/^high memory\/large-tensor: Fill "y" .*37\.3 GiB .*ways/),
    ]);
    const both = make(constInts('large', [1_000, 1_000]), constInts('small', [1]));
    expect(found(both, fill(both.tensor))).toEqual([]);
  });
});

it('says less of two choices, which may never be made together', () => {
  const [, choose] = ways[1];
  const first = choose(vector('large', 200_000), vector('small', 1));
  const again: NodeInput = { ...(first.nodes.at(-1) as NodeInput), name: 'n', inputs: ['asked', 'other'] };
  const nodes = [...first.nodes, vector('other', 300_000), { ...again, attrs: { ...again.attrs, else_branch: attrFunc('two') } }];
  const functions = [...first.functions, branch('two', [vector('small', 2)], 'small:output:0')];
  const apart: readonly NodeInput[] = [
    constInts('axis', 1),
    { name: 'column', op: 'ExpandDims', inputs: ['m', 'axis'], attrs: { T: int } },
    { name: 'y', op: 'Mul', inputs: ['column', 'n'], attrs: { T: int } },
  ];
  expect(found({ nodes, functions, tensor: 'n' }, apart)).toContainEqual(
    expect.stringMatching(/^medium memory\/large-tensor: Mul "y"/),
  );
});

it('keeps what is chosen through sums and products of sizes', () => {
  const chosen = joinDims(1, 10);
  expect(chosen).toMatchObject({ min: 1, max: 10, choice: 10 });
  expect(addDims(chosen, 5)).toMatchObject({ min: 6, choice: 15 });
  expect(multiplyDims(chosen, 5)).toMatchObject({ min: 5, choice: 50 });
  expect(joinDims(chosen, 20)).toMatchObject({ choice: 20 });
  expect(joinDims({ isRequest: true, min: 1, max: undefined }, 1)).not.toHaveProperty('choice');
});
