// A request that ends its worker takes no other request with it: where there are two workers, or a spare with the model loaded, what was sent ahead into the worker that
// ended is answered by the other one. Without either, those requests fail with an error that may be retried, as tests/security/worker.test.ts shows.
import { afterEach, describe, expect, it } from 'vitest';
import { ModelWorker } from '../../src/serving/index.ts';
import type { WorkerPool } from '../../src/serving/workers/worker-pool.ts';
import { fakePool, fakeWorkerOptions } from '../support/supervise-pool.ts';
import { floats } from '../support/tensors.ts';

const open: (ModelWorker | WorkerPool)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

const misdeeds = { none: 0, wrongMagic: 1, hang: 8, exit: 9, forbiddenCall: 28 };
type Asked = Pick<ModelWorker, 'run'>;
const ask = (worker: Asked, misdeed: number, deadlineMs = 10_000) => worker.run(0, [floats([1], misdeed)], { deadlineMs });

/** Sends `culprit` into the middle of many that are harmless; all at once. */
async function outcomes(worker: Asked, culprit: number, deadlineMs: number, others: number) {
  const before = Array.from({ length: others }, () => ask(worker, misdeeds.none));
  const bad = ask(worker, culprit, deadlineMs);
  const after = Array.from({ length: others }, () => ask(worker, misdeeds.none));
  const [caught, ...rest] = await Promise.allSettled([bad, ...before, ...after]);
  return { caught, failed: rest.filter(({ status }) => status === 'rejected') };
}

const cases: [string, number, number, string][] = [
  ['runs past its deadline', misdeeds.hang, 200, 'DEADLINE_EXCEEDED'],
  ['ends its process', misdeeds.exit, 10_000, 'WORKER_CRASHED'],
  ['has it break the protocol', misdeeds.wrongMagic, 10_000, 'WORKER_PROTOCOL_VIOLATION'],
  ['has it make a forbidden system call', misdeeds.forbiddenCall, 10_000, 'WORKER_FORBIDDEN'],
];

describe('a request that ends its worker', () => {
  it.each(cases)('%s: the other worker answers all others', async (_name, culprit, deadlineMs, code) => {
    const { pool, workers } = fakePool(2);
    open.push(pool);
    await pool.start();
    await expect.poll(() => workers.map(({ state }) => state), { timeout: 10_000 }).toEqual(['ready', 'ready']);
    const { caught, failed } = await outcomes(pool, culprit, deadlineMs, 20);
    expect(caught).toMatchObject({ status: 'rejected', reason: { code } });
    expect(failed).toEqual([]);
    expect(pool.counts.moved).toBeGreaterThan(0);
    await expect
      .poll(() => pool.counts.ends, { timeout: 10_000 })
      .toEqual({ [code === 'DEADLINE_EXCEEDED' ? 'WORKER_CRASHED' : code]: 1 });
    await expect.poll(() => workers.map(({ state }) => state), { timeout: 10_000 }).toEqual(['ready', 'ready']);
  });

  it.each(cases)('%s: the loaded spare answers all others, and is replaced', async (_name, culprit, deadlineMs, code) => {
    const states: string[] = [];
    const worker = new ModelWorker({
      ...fakeWorkerOptions(),
      spare: 'loaded',
      onStateChange: (state) => states.push(state),
    });
    open.push(worker);
    await worker.start();
    const spareIsReady = () => expect.poll(() => worker.report.spare, { timeout: 10_000 }).toBe('ready');
    await spareIsReady();
    const first = worker.processId;
    states.length = 0;
    const { caught, failed } = await outcomes(worker, culprit, deadlineMs, 20);
    expect(caught).toMatchObject({ status: 'rejected', reason: { code } });
    expect(failed).toEqual([]);
    expect(worker.processId).not.toBe(first);
    // Never a moment in which nobody could have answered.
    expect(states.slice(0, 2)).toEqual(['restarting', 'ready']);
    expect(worker.report).toMatchObject({ state: 'ready', restarts: 1 });
    await spareIsReady();
    expect(worker.report.lastCause).toBe(code === 'DEADLINE_EXCEEDED' ? 'WORKER_CRASHED' : code);
  });
});
