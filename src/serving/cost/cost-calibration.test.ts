import { describe, expect, it } from 'vitest';
import { AirlockError } from '../../core/index.ts';
import { type CostModel, ModelCosts, type SignatureCost } from '../../cost/index.ts';
import type { DType, Signature, Tensor } from '../../tensor/index.ts';
import { type CostCalibrationOptions, calibrateCost } from './cost-calibration.ts';
import { MemoryEvidence } from './cost-memory.ts';

const signatureOf = (dtype: DType = 'DT_FLOAT'): Signature => ({
  name: 's',
  methodName: '',
  inputs: [{ alias: 'x', tensorName: 'x:0', dtype, shape: [-1, 4] }],
  outputs: [],
});
const costOf = (changes: Partial<SignatureCost> = {}): CostModel => ({
  format: 1,
  weightBytes: 0,
  signatures: [
    {
      name: 's',
      variables: [{ name: 'x.0', input: 'x', axis: 0 }],
      flops: { op: '*', of: ['x.0', 1e6] },
      bytes: { op: '*', of: ['x.0', 16] },
      peakBytes: { op: '*', of: ['x.0', 1_000] },
      nodes: [{ node: 'm', op: 'MatMul', runs: 1, flops: 'x.0', bytes: 0, memoryBytes: 0 }],
      gaps: [],
      ...changes,
    },
  ],
});

type Run = CostCalibrationOptions['worker']['run'];

async function calibrated(more: {
  readonly changes?: Partial<SignatureCost>;
  readonly dtype?: DType;
  readonly run?: Run;
  readonly pendingCount?: () => number;
  readonly options?: Partial<CostCalibrationOptions>;
}) {
  const asked: Tensor[] = [];
  const signature = signatureOf(more.dtype);
  const costs = new ModelCosts(costOf(more.changes), [signature]);
  const run: Run = (index, inputs, options) => {
    asked.push(...inputs);
    return more.run?.(index, inputs, options) ?? Promise.resolve([]);
  };
  const worker = {
    run,
    state: 'ready' as const,
    get pendingCount() {
      return more.pendingCount?.() ?? 0;
    },
  };
  const measured = await calibrateCost({
    costs,
    signatures: [signature],
    worker,
    signal: new AbortController().signal,
    ...more.options,
  });
  return { measured, asked, costs };
}

describe('calibrateCost', () => {
  it('runs a few sizes, and learns how long they take', async () => {
    const busy: Run = async (_index, [x]) => {
      const endMs = performance.now() + x.shape[0] * 0.2;
      while (performance.now() < endMs);
      return [];
    };
    const { measured, asked, costs } = await calibrated({ run: busy });
    expect(measured).toBe(3);
    expect([...new Set(asked.map(({ shape }) => shape.join()))]).toEqual(['1,4', '8,4', '32,4']);
    expect(asked.every(({ bytes }) => bytes.every((byte) => byte === 0))).toBe(true);
    expect(costs.rates.milliseconds(0, 16e6, 256)).toBeGreaterThan(2);
  });

  it('sends nothing that the contract would refuse', async () => {
    const ones = (_signature: Signature, [x]: readonly Tensor[]) => new Float32Array(x.bytes.buffer)[0] === 1;
    const { asked } = await calibrated({ options: { accepts: ones } });
    expect(new Set(asked.flatMap(({ bytes }) => [...new Float32Array(bytes.slice().buffer)]))).toEqual(new Set([1]));
    expect((await calibrated({ options: { accepts: () => false } })).asked).toEqual([]);
  });

  it.each<[string, Parameters<typeof calibrated>[0]]>([
    [
      'that keeps something between requests',
      { changes: { nodes: [{ node: 'c', op: 'AssignAddVariableOp', runs: 1, flops: 0, bytes: 0, memoryBytes: 0 }] } },
    ],
    ['that reads strings', { dtype: 'DT_STRING', changes: { variables: [], flops: 1, bytes: 1, peakBytes: 1, nodes: [] } }],
    ['whose smallest request is large', { changes: { flops: 1e12 } }],
    ['whose cost is not known', { changes: { name: 'another' } }],
  ])('leaves a signature alone %s', async (_, options) => {
    expect(await calibrated(options)).toMatchObject({ measured: 0, asked: [] });
  });

  it('gives way to requests, and gives up when they do not end', async () => {
    let looks = 0;
    const later = await calibrated({ pendingCount: () => (looks++ < 3 ? 1 : 0) });
    expect(later.measured).toBe(3);
    const never = await calibrated({ pendingCount: () => 1, options: { maxWaitMs: 60 } });
    expect(never).toMatchObject({ measured: 0, asked: [] });
  });

  it('waits for a worker that loads its model, and not for one that is gone', async () => {
    const costs = new ModelCosts(costOf(), [signatureOf()]);
    const states = ['new', 'starting', 'ready'] as const;
    let looks = 0;
    const worker = {
      run: async () => [],
      pendingCount: 0,
      get state() {
        return states[Math.min(Math.floor(looks++ / 4), 2)];
      },
    };
    const options = { costs, signatures: [signatureOf()], signal: new AbortController().signal, maxWaitMs: 20 };
    expect(await calibrateCost({ ...options, worker })).toBe(3);
    expect(await calibrateCost({ ...options, worker: { ...worker, state: 'closed', pendingCount: 0 } })).toBe(0);
  });

  it('stops when it has had its time, or is told to', async () => {
    const abort = new AbortController();
    const run: Run = async () => {
      abort.abort();
      return [];
    };
    expect((await calibrated({ run, options: { signal: abort.signal } })).asked).toHaveLength(1);
    const slow: Run = () => new Promise((resolve) => setTimeout(() => resolve([]), 30));
    expect((await calibrated({ run: slow, options: { budgetMs: 20 } })).asked).toHaveLength(1);
  });

  it('bears a model that takes no zeros, and a worker that dies of them', async () => {
    const { measured, costs } = await calibrated({ run: () => Promise.reject(new AirlockError('WORKER_CRASHED')) });
    expect([measured, costs.rates.milliseconds(0, 1, 1)]).toEqual([0, undefined]);
  });

  it('sees how much of its bound a run takes', async () => {
    const evidence = new MemoryEvidence();
    const run: Run = async (_index, [x], options) => {
      options?.onProfile?.({ nodes: [], durationUs: 1, peakBytes: x.shape[0] * 800 } as unknown as Parameters<
        NonNullable<typeof options.onProfile>
      >[0]);
      return [];
    };
    await calibrated({ run, options: { evidence: () => evidence } });
    expect([evidence.cannotFit(1_000, 401), evidence.cannotFit(1_000, 399)]).toEqual([false, true]);
  });
});
