// Whoever may send requests cannot take a new TensorFlow away by sending some that are late: neither with a short deadline, nor with ones that are too slow anywhere.
import { afterEach, expect, it } from 'vitest';
import { ModelWorker } from '../../src/serving/index.ts';
import { WorkerSeat } from '../../src/serving/worker-seat.ts';
import { fakeWorkerOptions } from '../support/supervise-pool.ts';
import { floats, floatsOf } from '../support/tensors.ts';

const timeoutMs = 400;
const misdeeds = { none: 0, hang: 8 };
const rules = { tolerance: { absolute: 0, relative: 0 }, mirrorPercent: 0, maxFailedPercent: 0, refuseDrift: true, timeoutMs };

const open: WorkerSeat[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function onTrial() {
  const options = fakeWorkerOptions({ timeoutMs });
  const [old, fresh] = [new ModelWorker(options), new ModelWorker(options)];
  const seat = new WorkerSeat({ worker: old, tensorflow: 'old' }, options.signatures);
  open.push(seat);
  await old.start();
  await seat.change({ worker: fresh, tensorflow: 'new' }, { ...rules, gateMs: 0 }, new AbortController().signal);
  return { seat, old, fresh };
}

it.each([
  ['a deadline that its client chose', 60, 0],
  ['all the time that a request may take', timeoutMs, 1],
])('a hang of %s ends the new worker and does not count', { timeout: 30_000 }, async (_what, deadlineMs, oldEnds) => {
  const { seat, old, fresh } = await onTrial();
  const blamed: number[] = [];
  const onBlamed = (_index: number, _inputs: unknown, _error: unknown, ranMs = 0) => blamed.push(ranMs);
  for (let times = 1; times <= 3; times++) {
    const late = seat.run(0, [floats([1], misdeeds.hang)], { client: 'attacker', deadlineMs, onBlamed });
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect.poll(() => fresh.report.restarts, { timeout: 5_000 }).toBe(times);
    await expect.poll(() => old.report.restarts, { timeout: 5_000 }).toBe(times * oldEnds);
    await expect.poll(() => [fresh.state, old.state], { timeout: 10_000 }).toEqual(['ready', 'ready']);
    // Somebody else is answered.
    const answer = await seat.run(0, [floats([1], misdeeds.none)], { client: 'honest', deadlineMs: 5_000 });
    expect(floatsOf(answer[0])).toHaveLength(1);
  }
  expect(seat.verdict).toBeUndefined();
  expect(seat.trial?.counts).toMatchObject({ requests: 6, failed: 0 });
  // The old one said that it lies in the request.
  expect(blamed.length).toBe(3 * oldEnds);
});
