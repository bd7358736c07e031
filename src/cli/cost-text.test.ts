import { describe, expect, it } from 'vitest';
import { type CostModel, ModelCosts } from '../cost/index.ts';
import type { Signature } from '../tensor/index.ts';
import { costReport } from './cost-report.ts';
import { costText } from './cost-text.ts';

const signature: Signature = {
  name: 'serving_default',
  methodName: '',
  inputs: [{ alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT', shape: [-1, 100] }],
  outputs: [],
};
const model: CostModel = {
  format: 1,
  weightBytes: 14_200_000,
  signatures: [
    {
      name: 'serving_default',
      variables: [{ name: 'x.0', input: 'x', axis: 0 }],
      flops: { op: '*', of: [2e6, 'x.0'] },
      bytes: { op: '*', of: [1_000, 'x.0'] },
      peakBytes: { op: '*', of: [1e308, 'x.0', 1e10] },
      nodes: [
        { node: 'dense\u001b[2J', op: 'MatMul', runs: 1, flops: { op: '*', of: [2e6, 'x.0'] }, bytes: 0, memoryBytes: 64 },
        { node: '', op: 'Relu', runs: 9, flops: 0, bytes: { op: '*', of: [1_000, 'x.0'] }, memoryBytes: 8 },
      ],
      gaps: [{ node: 'u', op: 'Unique', why: 'shape' }],
    },
  ],
};
const cost = new ModelCosts(model, [signature]).signatures[0]?.costOf([4]);
if (cost === undefined) throw new Error('no cost');

describe('the table of airlock cost', () => {
  it('shows formulas, numbers, the dearest operations and what is not bounded', () => {
    const measured = { milliseconds: 1.25, predictedMilliseconds: 1.5, peakBytes: 2_000 };
    const text = costText(model.weightBytes, [costReport(model.signatures[0], cost, 5, measured)]);
    expect(text.split('\n').map((line) => line.trimEnd())).toEqual([
      'weights 14 MB',
      '',
      'serving_default, at x[0] = 4; not all of it is bounded',
      '  floating-point operations  8e6                 2e6·x[0]',
      '  bytes read and written     4.0 kB              1000·x[0]',
      expect.stringMatching(/^ {2}peak memory +beyond all numbers/),
      '  measured time 1.25 ms, predicted 1.5 ms',
      '  measured peak memory 2.0 kB',
      '  share    operation  operations  bytes   memory  node',
      '  100.0 %  MatMul     8e6         0 B     64 B    dense\\u{1b}[2J',
      '  0.0 %    Relu       0           4.0 kB  8 B     (the others)',
      '  not bounded: Unique u: its sizes depend on data',
      '',
    ]);
  });

  it('is data with the same content', () => {
    const report = costReport(model.signatures[0], cost, 1, undefined);
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({
      sizes: [{ name: 'x[0]', input: 'x', axis: 0, value: 4 }],
      flops: { formula: '2e6·x[0]', value: 8e6 },
      peakBytes: { value: null },
      isBounded: false,
      top: [{ op: 'MatMul', node: 'dense\\u{1b}[2J', memoryBytes: 64 }],
      gaps: [{ op: 'Unique', node: 'u', why: 'shape' }],
    });
  });
});
