// What traced runs teach: a rate for each type of operation, and nothing where the cost is not that of one request.
import { describe, expect, it } from 'vitest';
import { floats, halfPlusTwo } from '../../../tests/support/tensors.ts';
import { ModelCosts } from '../../cost/index.ts';
import type { RunProfile } from '../../profile/index.ts';
import { OpLearning } from './op-learning.ts';

const perRow = { op: '*', of: ['x.0', 100] } as const;
const node = (name: string, op: string) => ({ node: name, op, runs: 1, flops: perRow, bytes: 0, memoryBytes: 0 });
const costs = new ModelCosts(
  {
    format: 1,
    weightBytes: 0,
    signatures: [
      {
        name: 'serving_default',
        variables: [{ name: 'x.0', input: 'x', axis: 0 }],
        flops: { op: '*', of: ['x.0', 300] },
        bytes: 0,
        peakBytes: 0,
        nodes: [node('a', 'MatMul'), node('b', 'MatMul'), node('c', 'Relu')],
        gaps: [],
      },
    ],
  },
  [halfPlusTwo],
);
const cost = costs.signatures[0]?.cost([floats([2, 1], 1, 2)]);

const run = (...ops: readonly (readonly [op: string, selfUs: number])[]): RunProfile => ({
  nodes: ops.map(([op, selfUs], at) => ({
    node: `n${at}`,
    op,
    startUs: 0,
    durationUs: selfUs,
    selfUs,
    peakBytes: 0,
    outputBytes: 0,
    thread: 0,
  })),
  durationUs: 0,
  peakBytes: 0,
  traceBytes: 0,
});

describe('OpLearning', () => {
  it('gives milliseconds for each predicted unit, over all runs', () => {
    const learning = new OpLearning();
    learning.add(run(['MatMul', 3_000], ['MatMul', 1_000], ['Softmax', 5]), cost);
    expect([...learning.factors]).toEqual([['MatMul', 4 / 400]]);
    learning.add(run(['MatMul', 8_000], ['Relu', 1_000]), cost);
    expect(learning.factors.get('MatMul')).toBeCloseTo(12 / 800, 4);
    expect(learning.factors.get('Relu')).toBe(1 / 200);
  });

  it('learns nothing of a batch, whose cost is not that of one request', () => {
    const learning = new OpLearning();
    learning.add(run(['MatMul', 1]), undefined);
    learning.add(run(['MatMul', 1]), { flops: 1, bytes: 1, peakBytes: 1, isBounded: true, top: () => [] });
    expect(learning.factors.size).toBe(0);
  });
});
