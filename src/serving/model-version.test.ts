// What a version leaves behind when it is not loaded: a version that fails is tried again as a new object, for as long as the server runs.
import { describe, expect, it } from 'vitest';
import { halfPlusTwo } from '../../tests/support/tensors.ts';
import { AirlockError } from '../core/index.ts';
import { ModelVersion } from './model-version.ts';
import { VersionSteps } from './version-steps.ts';
import type { SeatWorker } from './worker-seat.ts';

function versionOf(start: () => Promise<void>) {
  let ends = 0;
  const steps = new VersionSteps({
    config: {
      shapes: 'strict',
      limits: {
        timeoutMs: 1_000,
        maxQueue: 8,
        maxOutputBytes: 1_000,
        memoryMiB: 100,
        unknownCost: 'allow',
        ops: {},
        nodes: {},
      },
    },
    signatures: [halfPlusTwo],
    cost: undefined,
    modelMemoryBytes: () => undefined,
    onEnd: () => ends++,
  });
  const worker = { start, close: () => Promise.resolve(), state: 'new', pendingCount: 0 } as unknown as SeatWorker;
  const metaGraph = { signatures: [halfPlusTwo] } as unknown as ConstructorParameters<typeof ModelVersion>[1];
  return { version: new ModelVersion(1n, metaGraph, worker, [halfPlusTwo], { steps }), ends: () => ends };
}

describe('the steps of a version', () => {
  it('end with a load that fails, or they would be reported beside those of the next try', async () => {
    const { version, ends } = versionOf(() => Promise.reject(new AirlockError('MODEL_LOAD_FAILED')));
    expect([await version.load(), version.error?.code, ends()]).toEqual([false, 'MODEL_LOAD_FAILED', 1]);
    await version.unload();
    expect(ends()).toBe(1);
  });

  it('end once where it is unloaded while it loads', async () => {
    let fail = (): void => undefined;
    const { version, ends } = versionOf(
      () => new Promise((_resolve, reject) => (fail = () => reject(new AirlockError('CANCELLED')))),
    );
    const loading = version.load();
    await version.unload();
    fail();
    expect([await loading, ends()]).toEqual([false, 1]);
  });

  it('end with an unload', async () => {
    const { version, ends } = versionOf(() => Promise.resolve());
    expect([await version.load(), ends()]).toEqual([true, 0]);
    await version.unload();
    expect(ends()).toBe(1);
  });
});
