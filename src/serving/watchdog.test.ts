// The timer over the workers of a server: it ends the one that misbehaves and no other, and stops when nobody is left.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AirlockError } from '../core/index.ts';
import { Watchdog, type WatchedWorker } from './watchdog.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function fake(phase: WatchedWorker['phase'], memoryBytes = 1) {
  const killed: AirlockError[] = [];
  const worker = {
    limits: { memoryBytes: 100, maxTasks: 8 },
    phase,
    receivedBytes: 0,
    unsentBytes: 0,
    usage: vi.fn(() => ({ memoryBytes, cpuMs: 0, threads: 1, computing: true, isHeadless: false })),
    kill: (reason: AirlockError) => killed.push(reason),
  };
  return { worker, killed };
}

describe('Watchdog', () => {
  it('ends the worker that takes too much, again until it is gone, and spares its neighbour', () => {
    const watchdog = new Watchdog();
    const [bad, good] = [fake('running', 101), fake('running')];
    watchdog.watch(bad.worker);
    watchdog.watch(good.worker);
    vi.advanceTimersByTime(150);
    expect(bad.killed.map(({ code }) => code)).toEqual(new Array(3).fill('WORKER_OUT_OF_MEMORY'));
    expect(good.killed).toEqual([]);
  });

  it('looks at an idle worker seldom, and at once when a request comes', () => {
    const watchdog = new Watchdog();
    const { worker } = fake('idle');
    watchdog.watch(worker);
    vi.advanceTimersByTime(3000);
    expect(worker.usage.mock.calls.length).toBeLessThanOrEqual(4);
    worker.phase = 'running';
    worker.usage.mockClear();
    vi.advanceTimersByTime(1000);
    expect(worker.usage.mock.calls.length).toBeGreaterThanOrEqual(19);
  });

  it('has no timer when there is nobody to look after', () => {
    const watchdog = new Watchdog();
    const stop = watchdog.watch(fake('idle').worker);
    expect(vi.getTimerCount()).toBe(1);
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
