// Which time counts against a deadline: all of it, but for long turns of the event loop, in which this server reads no socket.
import { describe, expect, it } from 'vitest';
import { DeadlineTimer } from './deadline-timer.ts';

function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Real time from now until a deadline of `ms` is due; `meanwhile` runs after it was set. */
async function dueAfter(ms: number, meanwhile: (timer: DeadlineTimer) => void): Promise<number> {
  const startMs = performance.now();
  return new Promise((resolve) => {
    const timer = new DeadlineTimer(() => resolve(performance.now() - startMs));
    timer.arm(timer.nowMs + ms);
    meanwhile(timer);
  });
}

describe('DeadlineTimer', () => {
  it('is due when the time has passed, and not before', async () => {
    const tookMs = await dueAfter(250, () => undefined);
    expect(tookMs).toBeGreaterThanOrEqual(249);
    expect(tookMs).toBeLessThan(1_000);
  });

  it('counts at most a tenth of a second of a turn that blocked the server, whenever it came', async () => {
    expect(await dueAfter(150, () => block(300))).toBeGreaterThanOrEqual(349);
    expect(await dueAfter(150, () => setTimeout(() => block(300), 120))).toBeGreaterThanOrEqual(349);
    expect(await dueAfter(150, () => setImmediate(() => block(300)))).toBeGreaterThanOrEqual(349);
  });

  it('counts many short turns: sockets are read between them', async () => {
    let isOver = false;
    const busy = (): void => {
      block(15);
      if (!isOver) setImmediate(busy);
    };
    expect(await dueAfter(250, () => setImmediate(busy))).toBeLessThan(600);
    isOver = true;
  });

  it('takes what blocked before a deadline was set as no part of it', async () => {
    const startMs = performance.now();
    const dueAtMs: number[] = [];
    const timer = new DeadlineTimer((nowMs) => {
      dueAtMs.push(performance.now() - startMs);
      timer.arm(nowMs + 10_000);
    });
    timer.arm(timer.nowMs + 5_000);
    block(300);
    timer.arm(timer.nowMs + 200);
    await pause(400);
    timer.clear();
    expect(dueAtMs).toHaveLength(1);
    expect(dueAtMs[0]).toBeLessThan(690);
  });

  it('keeps the earliest deadline, and is silent once it is cleared', async () => {
    let calls = 0;
    const timer = new DeadlineTimer(() => calls++);
    timer.arm(timer.nowMs + 400);
    timer.arm(timer.nowMs + 30);
    timer.arm(timer.nowMs + 300);
    await pause(150);
    expect(calls).toBe(1);
    timer.arm(timer.nowMs + 30);
    timer.clear();
    await pause(150);
    expect(calls).toBe(1);
  });
});
