import { expect, it } from 'vitest';
import {
  attrInts,
  attrString,
  attrType,
  constFloats,
  type NodeInput,
  placeholder,
  savedModel,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { checkCostModel, evaluateCost } from '../../cost/index.ts';
import { readSavedModelPrograms } from '../graph/index.ts';
import { costOfProgram } from './index.ts';

const sizes = (all: Readonly<Record<string, number>>) => new Map(Object.entries(all));
const float = { T: attrType('DT_FLOAT') };

function costOf(nodes: readonly NodeInput[], output: string, shape: readonly number[]) {
  const context = recordingContext();
  const signatures = {
    s: {
      inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT', shape } },
      outputs: { y: { name: output, dtype: 'DT_FLOAT' } },
    },
  };
  const [program] = readSavedModelPrograms(savedModel({ metaGraphs: [{ nodes, signatures }] }), 'm', context);
  const model = costOfProgram(program, context);
  expect(checkCostModel(JSON.parse(JSON.stringify(model)))).toEqual(model);
  return model.signatures[0];
}

const weights = constFloats(
  'w',
  Array.from({ length: 12 }, () => 1),
  [3, 4],
);
const dense: readonly NodeInput[] = [
  placeholder('x', 'DT_FLOAT', [-1, 3]),
  weights,
  { name: 'm', op: 'MatMul', inputs: ['x', 'w'], attrs: float },
  { name: 'r', op: 'Relu', inputs: ['m'], attrs: float },
];

it('counts a layer by its batch', () => {
  const cost = costOf(dense, 'r:0', [-1, 3]);
  expect(cost.gaps).toEqual([]);
  expect(cost.flops === null ? 0 : evaluateCost(cost.flops, sizes({ 'x.0': 10 }))).toBe(10 * (2 * 3 * 4 + 4));
  // What came in, the product, which becomes what comes of it, and what oneDNN takes for itself.
  expect(cost.peakBytes === null ? 0 : evaluateCost(cost.peakBytes, sizes({ 'x.0': 10 }))).toBe(10 * (12 + 16) + 4352);
});

it('says which operation it does not know', () => {
  const cost = costOf([placeholder('x', 'DT_FLOAT', [-1, 3]), { name: 'c', op: 'MyOwnOp', inputs: ['x'] }], 'c:0', [-1, 3]);
  expect(cost.gaps).toContainEqual({ node: 'c', op: 'MyOwnOp', why: 'op' });
});

it('follows sizes of images through layers that round', () => {
  const pool: NodeInput = {
    name: 'p',
    op: 'MaxPool',
    inputs: ['x'],
    attrs: { ...float, ksize: attrInts([1, 2, 2, 1]), strides: attrInts([1, 2, 2, 1]), padding: attrString('VALID') },
  };
  const cost = costOf([placeholder('x', 'DT_FLOAT', [1, -1, -1, 3]), pool], 'p:0', [1, -1, -1, 3]);
  expect(cost.flops === null ? 0 : evaluateCost(cost.flops, sizes({ 'x.1': 7, 'x.2': 9 }))).toBe(3 * 4 * 3 * 4);
});
