import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScanSchedule, type ScanScheduleOptions } from './scan-schedule.ts';

const start = Date.parse('2026-11-30T00:00:00Z');
const hourMs = 3_600_000;

beforeEach(() => void vi.useFakeTimers({ now: start }));
afterEach(() => void vi.useRealTimers());

function scheduled(more: Partial<ScanScheduleOptions> = {}) {
  const runs: string[] = [];
  const schedule = new ScanSchedule({
    schedule: '@daily',
    jitterMs: 0,
    rules: () => 'one',
    run: async () => void runs.push(new Date().toISOString()),
    ...more,
  });
  return { runs, schedule };
}

describe('ScanSchedule', () => {
  it('runs at its times, day after day', async () => {
    const { runs, schedule } = scheduled();
    await vi.advanceTimersByTimeAsync(50 * hourMs);
    expect(runs).toEqual(['2026-11-30T03:00:00.000Z', '2026-12-01T03:00:00.000Z']);
    await schedule.stop();
    await vi.advanceTimersByTimeAsync(50 * hourMs);
    expect(runs).toHaveLength(2);
  });

  it('begins later by a part of the jitter', async () => {
    const { runs } = scheduled({ jitterMs: 2 * hourMs, clock: { now: Date.now, random: () => 0.5 } });
    await vi.advanceTimersByTimeAsync(3.9 * hourMs);
    expect(runs).toEqual([]);
    await vi.advanceTimersByTimeAsync(0.2 * hourMs);
    expect(runs).toEqual(['2026-11-30T04:00:00.000Z']);
  });

  it('runs when the rules change, also when the schedule says never', async () => {
    let rules = 'one';
    const { runs } = scheduled({ schedule: 'never', rules: () => rules, rulesPollMs: 1_000 });
    await vi.advanceTimersByTimeAsync(100 * hourMs);
    expect(runs).toEqual([]);
    rules = 'two';
    await vi.advanceTimersByTimeAsync(5_000);
    expect(runs).toHaveLength(1);
  });

  it('does not run twice at one time, and is not stopped by data that cannot be read for a moment', async () => {
    let running = 0;
    let most = 0;
    let calls = 0;
    scheduled({
      schedule: '* * * * *',
      rules: () => {
        calls += 1;
        if (calls % 2 === 0) throw new Error('being replaced');
        return String(calls);
      },
      run: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 5 * 60_000));
        running -= 1;
      },
    });
    await vi.advanceTimersByTimeAsync(hourMs);
    expect(most).toBe(1);
    expect(calls).toBeGreaterThan(10);
  });

  it('runs once more when the rules changed during a run', async () => {
    let rules = 'one';
    let runs = 0;
    scheduled({
      schedule: 'never',
      rules: () => rules,
      rulesPollMs: 1_000,
      run: async () => {
        runs += 1;
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      },
    });
    rules = 'two';
    await vi.advanceTimersByTimeAsync(10_000);
    rules = 'three';
    await vi.advanceTimersByTimeAsync(hourMs);
    expect(runs).toBe(2);
  });

  it('waits for longer than a timer can', async () => {
    const { runs } = scheduled({ schedule: '0 0 29 2 *' });
    await vi.advanceTimersByTimeAsync(Date.parse('2028-02-29T00:00:01Z') - start);
    expect(runs).toEqual(['2028-02-29T00:00:00.000Z']);
  });

  it('waits for a run that is under way when it is stopped', async () => {
    let isDone = false;
    const { schedule } = scheduled({
      run: async () => {
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        isDone = true;
      },
    });
    await vi.advanceTimersByTimeAsync(3 * hourMs);
    const stopped = schedule.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    await stopped;
    expect(isDone).toBe(true);
  });
});
