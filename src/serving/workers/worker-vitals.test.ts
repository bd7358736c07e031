// The judgement of a worker's readings: what must end it, and what must not on a busy machine or with a slow client.
import { describe, expect, it } from 'vitest';
import type { AirlockError } from '../../core/index.ts';
import type { ProcessUsage } from '../../sandbox/index.ts';
import { type VitalLimits, type VitalReading, WorkerVitals } from './worker-vitals.ts';

const limits = { memoryBytes: 512 * 1024 * 1024, maxTasks: 64 };

type Change = Partial<Omit<VitalReading, 'usage'>> & Partial<ProcessUsage>;

/** Gives one worker a reading every `stepMs`, made by `change` from its number, until it is condemned. */
function watch(
  count: number,
  change: (index: number) => Change,
  stepMs = 50,
  more: Partial<VitalLimits> = {},
): AirlockError | undefined {
  const vitals = new WorkerVitals({ ...limits, ...more });
  for (let index = 0; index < count; index++) {
    const { memoryBytes = 1e8, cpuMs = 500, threads = 12, computing = false, isHeadless = false, ...rest } = change(index);
    const verdict = vitals.judge({
      atMs: index * stepMs,
      phase: 'idle',
      receivedBytes: 100,
      unsentBytes: 0,
      ...rest,
      usage: { memoryBytes, cpuMs, threads, computing, isHeadless },
    });
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

describe('WorkerVitals', () => {
  it.each(['starting', 'idle', 'running'] as const)('ends a worker that takes too much memory, while %s', (phase) => {
    const verdict = watch(5, (index) => ({ phase, computing: true, memoryBytes: index * 200 * 1024 * 1024 }));
    expect(verdict?.code).toBe('WORKER_OUT_OF_MEMORY');
    expect(verdict?.detail).toBe('killed: it had 600 MiB of 512 MiB');
  });

  it('ends a worker with too many threads', () => {
    expect(watch(1, () => ({ threads: 65 }))?.code).toBe('WORKER_FORBIDDEN');
    expect(watch(1, () => ({ threads: 64 }))).toBeUndefined();
  });

  it.each(['idle', 'running'] as const)('ends a worker whose first thread has ended while others go on, while %s', (phase) => {
    expect(watch(30, () => ({ phase, isHeadless: true, memoryBytes: 0, computing: true }))?.code).toBe('WORKER_FORBIDDEN');
    // A large process that ends by itself takes a moment.
    expect(watch(19, () => ({ phase, isHeadless: true, memoryBytes: 0, computing: true }))).toBeUndefined();
    expect(watch(60, (index) => ({ phase: 'running', computing: true, isHeadless: index % 15 > 0 }))).toBeUndefined();
  });

  it('ends a worker that waits without computing while a request is in it', () => {
    const verdict = watch(23, () => ({ phase: 'running' }));
    expect(verdict?.code).toBe('WORKER_OUT_OF_MEMORY');
    expect(watch(19, () => ({ phase: 'running' }))).toBeUndefined();
  });

  it.each<[string, (index: number) => Change]>([
    ['a worker that computes or waits for the processor', (index) => ({ phase: 'running', computing: index % 15 === 0 })],
    ['a worker whose processor time goes on', (index) => ({ phase: 'running', cpuMs: 500 + index * 3 })],
    ['a worker whose answer arrives in pieces', (index) => ({ phase: 'running', receivedBytes: Math.floor(index / 10) })],
    ['a worker whose request is not all sent', () => ({ phase: 'running', unsentBytes: 1 })],
    ['a worker that loads from a slow disk', () => ({ phase: 'starting' })],
    ['a worker that has nothing to do', () => ({ phase: 'idle' })],
  ])('spares %s', (_name, change) => {
    expect(watch(200, change)).toBeUndefined();
  });

  it('counts readings, not only time: a server that is late has not read the answer yet', () => {
    expect(watch(10, () => ({ phase: 'running' }), 3000)).toBeUndefined();
  });

  it('ends a worker that computes without a request', () => {
    const verdict = watch(10, (index) => ({ cpuMs: index * 900, computing: true }), 1000);
    expect(verdict?.code).toBe('WORKER_CRASHED');
    expect(verdict?.detail).toContain('without a request');
  });

  it('spares requests that come and go between two readings, and the little that an idle worker uses', () => {
    expect(watch(100, (index) => ({ cpuMs: index * 900, receivedBytes: index }), 1000)).toBeUndefined();
    expect(watch(10_000, (index) => ({ cpuMs: index * 9 }), 1000)).toBeUndefined();
    expect(watch(100, (index) => ({ cpuMs: index * 900, phase: index % 2 === 0 ? 'running' : 'idle' }), 1000)).toBeUndefined();
  });
});

describe('processor time of one request', () => {
  const limit = { requestCpuMs: 200 };
  const ask = (count: number, change: (index: number) => Change, more: Partial<VitalLimits> = limit) =>
    watch(count, (index) => ({ phase: 'running', computing: true, ...change(index) }), 50, more);

  it('ends a worker whose request used more, in however many threads', () => {
    const verdict = ask(10, (index) => ({ cpuMs: 500 + index * 100 }));
    expect(verdict).toMatchObject({
      code: 'CPU_TIME_EXCEEDED',
      detail: expect.stringContaining('200 ms of processor time, 300 ms'),
    });
    expect(ask(5, (index) => ({ cpuMs: 500 + index * 50 }))).toBeUndefined();
    expect(ask(10, (index) => ({ cpuMs: 500 + index * 100 }), {})).toBeUndefined();
  });

  it('charges no request with what another one used, or with the load', () => {
    expect(ask(50, (index) => ({ cpuMs: 500 + index * 150, answeredCount: index >> 1 }))).toBeUndefined();
    expect(ask(50, (index) => ({ cpuMs: 500 + index * 150, phase: 'starting' }))).toBeUndefined();
    expect(
      ask(2, (index) => ({ cpuMs: 500 + index * 900, phase: index === 0 ? 'starting' : 'running', answeredCount: index })),
    ).toBeUndefined();
  });

  it('charges a request from the look before where nothing else ran, and gives back the step of the clock', () => {
    const first = (cpuMs: number, answeredCount: number) =>
      ask(2, (index) => (index === 0 ? { phase: 'idle', cpuMs: 500, answeredCount: 7 } : { cpuMs: 500 + cpuMs, answeredCount }));
    expect(first(230, 7)?.code).toBe('CPU_TIME_EXCEEDED');
    expect(first(220, 7)).toBeUndefined();
    // Another one came and went between the looks.
    expect(first(230, 8)).toBeUndefined();
  });
});
