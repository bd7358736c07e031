import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type CostModel, ModelCosts } from '../../cost/index.ts';
import type { Signature, Tensor } from '../../tensor/index.ts';
import type { Runner } from '../runner.ts';
import { CostMeter } from './cost-meter.ts';

const signature: Signature = {
  name: 's',
  methodName: '',
  inputs: [{ alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT', shape: [-1] }],
  outputs: [],
};
const model: CostModel = {
  format: 1,
  weightBytes: 0,
  signatures: [
    {
      name: 's',
      variables: [{ name: 'x.0', input: 'x', axis: 0 }],
      flops: { op: '*', of: ['x.0', 1e6] },
      bytes: 'x.0',
      peakBytes: 'x.0',
      nodes: [],
      gaps: [],
    },
  ],
};
const rows = (count: number): readonly Tensor[] => [{ dtype: 'DT_FLOAT', shape: [count], bytes: new Uint8Array(count * 4) }];

function metered(run: Runner['run']) {
  const costs = new ModelCosts(model, [signature]);
  let pendingCount = 0;
  const meter = new CostMeter({
    depth: 4,
    processes: 1,
    tensorflow: '2.21.0',
    get pendingCount() {
      return pendingCount;
    },
    run: (index, inputs, context) => {
      pendingCount++;
      return run(index, inputs, context).finally(() => pendingCount--);
    },
  });
  const ask = (count: number) => meter.run(0, rows(count), { client: '', cost: costs.signatures[0]?.cost(rows(count)) });
  return { costs, meter, ask };
}

describe('CostMeter', () => {
  it('learns from runs that had the worker to themselves', async () => {
    const { costs, ask } = metered(async (_index, [x]) => {
      await pause(x.shape[0] * 5);
      return [];
    });
    for (const count of [1, 2, 4, 8]) await ask(count);
    expect(costs.rates.report.observed).toBe(4);
    // The clock of a busy machine only ever adds.
    expect(costs.rates.milliseconds(0, 8e6, 8)).toBeGreaterThan(30);
  });

  it('counts how far its predictions were off, once there are any', async () => {
    const { costs, meter, ask } = metered(() => pause(20, []));
    await ask(1);
    const before = meter.ratios.cumulative().at(-1);
    costs.rates.calibrate([{ flops: 1e6, bytes: 1, milliseconds: 1 }]);
    await ask(1);
    // Predicted 1 ms, took 20.
    const counts = meter.ratios.cumulative();
    expect([before, counts.at(-1)]).toEqual([0, 1]);
    expect(counts[meter.ratios.bounds.indexOf(4)]).toBe(0);
  });

  it('looks at no run beside which another one was', async () => {
    const { costs, ask } = metered(() => pause(5, []));
    await Promise.all([ask(1), ask(2), ask(3)]);
    expect(costs.rates.report.observed).toBe(0);
    await ask(1);
    expect(costs.rates.report.observed).toBe(1);
  });

  it('looks at each eighth run later on', async () => {
    const { costs, ask } = metered(() => pause(0, []));
    for (let run = 0; run < 32 + 80; run++) await ask(1);
    expect(costs.rates.report.observed).toBe(32 + 10);
  });

  it('learns nothing from what fails or has no cost, and hands both on', async () => {
    const { costs, meter, ask } = metered(() => Promise.reject(new Error('no')));
    await expect(ask(1)).rejects.toThrow('no');
    await expect(meter.run(0, rows(1), { client: '' })).rejects.toThrow('no');
    expect(costs.rates.report.observed).toBe(0);
  });
});
