// The gate: no slot is lost however a request ends, few are kept for who uses few, and each change of the limit is told.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Queueing } from '../../../tests/support/queueing.ts';
import { AirlockError, isAirlockError } from '../../core/index.ts';
import type { RunContext, Runner } from '../runner.ts';
import { type Adjustment, AdjustmentNotices } from './adjustment-notices.ts';
import { ConcurrencyClients } from './concurrency-clients.ts';
import { ConcurrencyGate } from './concurrency-gate.ts';

interface Held {
  readonly succeed: () => void;
  readonly fail: (error: unknown) => void;
}

function setUp(min: number, max: number, clock?: () => number) {
  const held: Held[] = [];
  let thrown: unknown;
  const next: Runner = {
    run: () => {
      if (thrown !== undefined) throw thrown;
      return new Promise((resolve, reject) => held.push({ succeed: () => resolve([]), fail: reject }));
    },
  };
  const adjustments: Adjustment[] = [];
  const options = { bounds: { min, max }, next, onAdjusted: (one: Adjustment) => adjustments.push(one) };
  const gate = new ConcurrencyGate(clock === undefined ? options : { ...options, clock });
  const ask = (client: string, context: Partial<RunContext> = {}): Promise<unknown> =>
    gate.run(0, [], { client, ...context }).then(
      () => 'ok',
      (error: unknown) => error,
    );
  return { gate, held, ask, adjustments, throwNext: (error: unknown) => (thrown = error) };
}

describe('ConcurrencyGate', () => {
  it('refuses at once what is above the limit, and says when to come again', async () => {
    const { gate, ask } = setUp(1, 1);
    void ask('a');
    const refusal = await ask('b');
    if (!isAirlockError(refusal)) throw new Error('It was let through');
    expect([refusal.code, refusal.violations[0].rule, refusal.retry]).toEqual(['SERVER_OVERLOADED', 'concurrency', true]);
    expect(refusal.retryAfterMs).toBeGreaterThan(0);
    expect(gate.report).toMatchObject({ limit: 1, underWay: 1, refused: 1 });
  });

  it.each([
    ['an answer', (held: Held) => held.succeed()],
    ['a crash', (held: Held) => held.fail(new AirlockError('WORKER_CRASHED'))],
    ['an input that TensorFlow does not take', (held: Held) => held.fail(new AirlockError('TENSORFLOW_INVALID_ARGUMENT'))],
    ['what nobody expects', (held: Held) => held.fail('a string')],
  ])('gives a slot back after %s', async (_what, end) => {
    const { gate, held, ask } = setUp(1, 1);
    const first = ask('a');
    end(held[0]);
    await first;
    expect(gate.report.underWay).toBe(0);
    void ask('a');
    expect(held).toHaveLength(2);
  });

  it('gives a slot back where the next step throws before there is a promise', async () => {
    const { gate, ask, throwNext } = setUp(1, 1);
    throwNext(new AirlockError('COST_EXCEEDED'));
    expect(await ask('a')).toMatchObject({ code: 'COST_EXCEEDED' });
    expect(gate.report.underWay).toBe(0);
  });

  it('keeps the last slots from a client that has many, for one that has none', async () => {
    const { held, ask } = setUp(16, 16);
    for (let i = 0; i < 16; i++) void ask('greedy');
    expect(held).toHaveLength(12);
    expect(await ask('greedy')).toMatchObject({ code: 'SERVER_OVERLOADED' });
    void ask('modest');
    expect(held).toHaveLength(13);
  });

  it('is not made narrower by a client that asks for answers in no time', async () => {
    let nowMs = 0;
    const run = async (context: Partial<RunContext>): Promise<number> => {
      const { gate, held, ask } = setUp(1, 64, () => nowMs);
      for (let i = 0; i < 60; i++) {
        const one = ask('a', context);
        nowMs += 10;
        held.at(-1)?.fail(new AirlockError('DEADLINE_EXCEEDED'));
        await one;
      }
      return gate.report.limit;
    };
    expect(await run({ deadlineMs: 1 })).toBe(12);
    expect(await run({})).toBeLessThan(12);
  });

  it('lets a client that asks for little in, whatever 20 others ask for', () => {
    const attackers = Array.from({ length: 20 }, (_, index) => ({ key: `attacker${index}`, perSecond: 200 }));
    const clients = [...attackers, { key: 'honest', perSecond: 50 }];
    // 8 workers of 4 ms serve 2,000 of 4,050 in a second.
    const serviceMs = (_rows: number, random: () => number): number => 4 * (0.8 + 0.4 * random());
    const queueing = new Queueing({ seed: 1, bounds: { min: 8, max: 64 }, workers: 8, serviceMs, clients });
    queueing.run(10_000);
    for (const { key } of clients) queueing.tally(key);
    queueing.run(70_000);
    const honest = queueing.tally('honest');
    expect(honest.asked).toBeGreaterThan(2_500);
    const attacked = attackers.map(({ key }) => queueing.tally(key));
    const refused = attacked.reduce((sum, one) => sum + one.refused, 0) / attacked.reduce((sum, one) => sum + one.asked, 0);
    expect(refused).toBeGreaterThan(0.4);
    expect(honest.refused / honest.asked).toBeLessThan(0.02);
  });
});

describe('ConcurrencyClients', () => {
  it('remembers no more than it may, and nobody who stopped asking', () => {
    const clients = new ConcurrencyClients(0, 100);
    for (let i = 0; i < 1_000; i++) clients.client(`c${i}`, i).average(i);
    expect(clients.size).toBe(100);
    clients.client('c0', 1_000).underWay = 1;
    clients.client('late', 20_000);
    expect(clients.size).toBe(2);
  });

  it('does not forget at once what a client had', () => {
    const clients = new ConcurrencyClients(0);
    const greedy = clients.client('greedy', 0);
    greedy.average(0);
    greedy.underWay = 8;
    greedy.average(2_000);
    greedy.underWay = 0;
    // Less than an equal share of 16, as there is nobody else; more than one of 8.
    expect(clients.isLight(greedy, 16, 2, 2_100)).toBe(true);
    expect(clients.isLight(greedy, 8, 2, 2_200)).toBe(false);
    expect(clients.isLight(greedy, 8, 2, 9_000)).toBe(true);
    greedy.underWay = 3;
    expect(clients.isLight(greedy, 8, 2, 9_000)).toBe(false);
  });
});

describe('AdjustmentNotices', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('tells of the first at once, and sums up what comes within a second', () => {
    const told: Adjustment[] = [];
    const notices = new AdjustmentNotices((one) => told.push(one));
    notices.add(16, 12, 'one');
    expect(told).toEqual([{ what: 'concurrency', from: 16, to: 12, steps: 1, reason: 'one' }]);
    notices.add(12, 8, 'two');
    notices.add(8, 12, 'three');
    notices.add(12, 18, 'four');
    expect(told).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    expect(told[1]).toEqual({ what: 'concurrency', from: 12, to: 18, steps: 3, reason: 'four' });
    vi.advanceTimersByTime(10_000);
    expect(told).toHaveLength(2);
    notices.add(18, 12, 'five');
    expect(told).toHaveLength(3);
  });
});
