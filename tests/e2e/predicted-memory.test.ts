// Predicted beside measured peak memory: a dense, a convolutional and a recurrent model, made here, in a real worker. What is measured is the allocators' own
// record of a traced run, and the inputs, which whoever asks holds until the answer is there.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkCostModel, evaluateCost } from '../../src/cost/index.ts';
import { readModelContent } from '../../src/model/index.ts';
import { costOfProgram } from '../../src/scan/cost/index.ts';
import { readSavedModelPrograms } from '../../src/scan/graph/index.ts';
import {
  attrBool,
  attrFunc,
  attrInt,
  attrInts,
  attrString,
  attrType,
  attrTypes,
  constFloats,
  constInts,
  type FunctionInput,
  type NodeInput,
  placeholder,
  savedModel,
} from '../support/graph-builder.ts';
import { temporaryFolder } from '../support/model-folder.ts';
import { recordingContext } from '../support/recording-context.ts';
import { needsRuntime, requireSlot, slot } from '../support/runtime.ts';
import { superviseWorker } from '../support/supervise-worker.ts';
import { numeric, signature, spec } from '../support/tensors.ts';

const float = { T: attrType('DT_FLOAT') };
const int = attrType('DT_INT32');

/** Weights that are all different, so that nothing is folded away. */
function weights(name: string, ...shape: readonly number[]): NodeInput {
  const count = shape.reduce((all, size) => all * size, 1);
  return constFloats(
    name,
    Array.from({ length: count }, (_, index) => Math.sin(index) / 8),
    shape,
  );
}

interface TestModel {
  readonly nodes: readonly NodeInput[];
  readonly functions?: readonly FunctionInput[];
  readonly shape: readonly number[];
  readonly output: string;
  /** Sizes of requests. */
  readonly sizes: readonly (readonly number[])[];
}

const dense: TestModel = {
  shape: [-1, 256],
  output: 'p',
  sizes: [
    [8, 256],
    [128, 256],
  ],
  nodes: [
    ...[weights('w1', 256, 512), weights('b1', 512), weights('w2', 512, 64), weights('b2', 64)],
    { name: 'm1', op: 'MatMul', inputs: ['x', 'w1'], attrs: float },
    { name: 'a1', op: 'BiasAdd', inputs: ['m1', 'b1'], attrs: float },
    { name: 'r1', op: 'Relu', inputs: ['a1'], attrs: float },
    { name: 'm2', op: 'MatMul', inputs: ['r1', 'w2'], attrs: float },
    { name: 'a2', op: 'BiasAdd', inputs: ['m2', 'b2'], attrs: float },
    { name: 'p', op: 'Softmax', inputs: ['a2'], attrs: float },
  ],
};

const window = { ...float, strides: attrInts([1, 1, 1, 1]), padding: attrString('SAME') };
const convolutional: TestModel = {
  shape: [-1, 48, 48, 3],
  output: 'mean',
  sizes: [
    [1, 48, 48, 3],
    [16, 48, 48, 3],
  ],
  nodes: [
    ...[weights('k1', 3, 3, 3, 16), weights('b1', 16), weights('k2', 3, 3, 16, 32), weights('b2', 32), constInts('axes', [1, 2])],
    { name: 'c1', op: 'Conv2D', inputs: ['x', 'k1'], attrs: window },
    { name: 'a1', op: 'BiasAdd', inputs: ['c1', 'b1'], attrs: float },
    { name: 'r1', op: 'Relu', inputs: ['a1'], attrs: float },
    {
      name: 'pool',
      op: 'MaxPool',
      inputs: ['r1'],
      attrs: { ...float, ksize: attrInts([1, 2, 2, 1]), strides: attrInts([1, 2, 2, 1]), padding: attrString('SAME') },
    },
    { name: 'c2', op: 'Conv2D', inputs: ['pool', 'k2'], attrs: window },
    { name: 'a2', op: 'BiasAdd', inputs: ['c2', 'b2'], attrs: float },
    { name: 'r2', op: 'Relu', inputs: ['a2'], attrs: float },
    { name: 'mean', op: 'Mean', inputs: ['r2', 'axes'], attrs: { ...float, Tidx: int } },
  ],
};

const arg = (name: string, type: string) => ({ name, type });
const state = [arg('i', 'DT_INT32'), arg('n', 'DT_INT32'), arg('h', 'DT_FLOAT'), arg('rows', 'DT_VARIANT')];

/** As Keras writes it: the rows of the input in a list, and a loop over the time steps. */
const recurrent: TestModel = {
  shape: [-1, -1, 32],
  output: 'y',
  sizes: [
    [2, 20, 32],
    [16, 60, 32],
  ],
  functions: [
    {
      name: 'goes',
      args: state,
      outputs: [arg('goes', 'DT_BOOL')],
      nodes: [{ name: 'less', op: 'Less', inputs: ['i', 'n'], attrs: { T: int } }],
      ret: { goes: 'less:z:0' },
    },
    {
      name: 'step',
      args: state,
      outputs: [arg('i2', 'DT_INT32'), arg('n2', 'DT_INT32'), arg('h2', 'DT_FLOAT'), arg('rows2', 'DT_VARIANT')],
      nodes: [
        ...[constInts('one', 1), constInts('row', [-1, 32]), weights('w', 32, 64), weights('u', 64, 64)],
        { name: 'next', op: 'AddV2', inputs: ['i', 'one:output:0'], attrs: { T: int } },
        {
          name: 'x',
          op: 'TensorListGetItem',
          inputs: ['rows', 'i', 'row:output:0'],
          attrs: { element_dtype: attrType('DT_FLOAT') },
        },
        { name: 'xw', op: 'MatMul', inputs: ['x:item:0', 'w:output:0'], attrs: float },
        { name: 'hu', op: 'MatMul', inputs: ['h', 'u:output:0'], attrs: float },
        { name: 'sum', op: 'AddV2', inputs: ['xw:product:0', 'hu:product:0'], attrs: float },
        { name: 'tanh', op: 'Tanh', inputs: ['sum:z:0'], attrs: float },
      ],
      ret: { i2: 'next:z:0', n2: 'n', h2: 'tanh:y:0', rows2: 'rows' },
    },
  ],
  nodes: [
    ...[constInts('order', [1, 0, 2]), constInts('zero', 0), constInts('row', [-1, 32]), constInts('units', 64)],
    ...[constInts('at', [0]), constInts('at1', [1]), constInts('at2', [2]), constFloats('start', 0)],
    { name: 'steps', op: 'Transpose', inputs: ['x', 'order'], attrs: { ...float, Tperm: int } },
    { name: 'shape', op: 'Shape', inputs: ['steps'], attrs: { ...float, out_type: int } },
    {
      name: 'n',
      op: 'StridedSlice',
      inputs: ['shape', 'at', 'at1', 'at1'],
      attrs: { T: int, Index: int, shrink_axis_mask: attrInt(1) },
    },
    {
      name: 'batch',
      op: 'StridedSlice',
      inputs: ['shape', 'at1', 'at2', 'at1'],
      attrs: { T: int, Index: int, shrink_axis_mask: attrInt(1) },
    },
    { name: 'wide', op: 'Pack', inputs: ['batch', 'units'], attrs: { T: int, N: attrInt(2), axis: attrInt(0) } },
    { name: 'h', op: 'Fill', inputs: ['wide', 'start'], attrs: { ...float, index_type: int } },
    {
      name: 'rows',
      op: 'TensorListFromTensor',
      inputs: ['steps', 'row'],
      attrs: { element_dtype: attrType('DT_FLOAT'), shape_type: int },
    },
    {
      name: 'loop',
      op: 'While',
      inputs: ['zero', 'n', 'h', 'rows'],
      attrs: {
        T: attrTypes(['DT_INT32', 'DT_INT32', 'DT_FLOAT', 'DT_VARIANT']),
        cond: attrFunc('goes'),
        body: attrFunc('step'),
        parallel_iterations: attrInt(10),
        // As TensorFlow 2 marks its loops, so that it runs their bodies in the graph.
        _lower_using_switch_merge: attrBool(true),
      },
    },
    { name: 'y', op: 'Identity', inputs: ['loop:2'], attrs: float },
  ],
};

const folder = temporaryFolder();
afterAll(() => folder.remove());

describe.skipIf(slot === undefined)(`predicted peak memory${needsRuntime}`, () => {
  it.each([
    ['dense', dense],
    ['convolutional', convolutional],
    ['recurrent', recurrent],
  ] as const)('of a %s model is never below what a worker takes, and at most twice it', async (name, model) => {
    const { nodes, functions = [], shape, output, sizes } = model;
    const encoded = savedModel({
      metaGraphs: [
        {
          nodes: [placeholder('x', 'DT_FLOAT', shape), ...nodes],
          functions,
          signatures: {
            serving_default: {
              inputs: { x: { name: 'x:0', dtype: 'DT_FLOAT', shape } },
              outputs: { y: { name: `${output}:0`, dtype: 'DT_FLOAT' } },
            },
          },
        },
      ],
    });
    const context = recordingContext();
    const [program] = readSavedModelPrograms(encoded, 'm', context);
    const cost = checkCostModel(JSON.parse(JSON.stringify(costOfProgram(program, context))))?.signatures[0];
    expect(cost?.gaps).toEqual([]);
    const directory = path.join(folder.path, name);
    mkdirSync(directory);
    writeFileSync(path.join(directory, 'saved_model.pb'), encoded);
    const { worker } = superviseWorker({
      slot: requireSlot(),
      content: () => readModelContent(directory),
      signatures: [signature([spec('x:0', 'DT_FLOAT', shape)], [spec(`${output}:0`, 'DT_FLOAT')])],
    });
    try {
      await worker.start();
      for (const size of sizes) {
        const input = numeric('DT_FLOAT', size, new Float32Array(size.reduce((all, one) => all * one, 1)).fill(0.5));
        let measured = 0;
        // In its first run oneDNN may make its own copies of weights, which it keeps: memory of the model, not of a request.
        await worker.run(0, [input]);
        for (let run = 0; run < 3; run++) {
          const onProfile = ({ peakBytes }: { readonly peakBytes: number }): void => {
            measured = Math.max(measured, peakBytes + input.bytes.length);
          };
          await worker.run(0, [input], { onProfile });
        }
        const variables = new Map((cost?.variables ?? []).map((one) => [one.name, size[Number(one.axis)]]));
        const predicted = evaluateCost(cost?.peakBytes ?? 0, variables);
        const text = `${size.join('×')}: predicted ${predicted}, measured ${measured}`;
        expect(measured, text).toBeGreaterThan(input.bytes.length);
        expect(predicted, text).toBeGreaterThanOrEqual(measured);
        expect(predicted, text).toBeLessThanOrEqual(measured * 2);
      }
    } finally {
      await worker.close();
    }
  });
});
