// The limit in made-up time (tests/support/queueing.ts): it finds where more requests at one time stop paying, stays there, and finds it again.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Queueing, type QueueingOptions } from '../../../tests/support/queueing.ts';
import { ladder } from './concurrency-curve.ts';
import { ConcurrencyLimiter, type LimitChange } from './concurrency-limiter.ts';

const minuteMs = 60_000;
const bounds = { min: 1, max: 64 };
type Service = QueueingOptions['serviceMs'];
const about = (ms: number): Service => {
  return (_rows, random) => ms * (0.9 + 0.2 * random());
};
const exponential = (ms: number): Service => {
  return (_rows, random) => -Math.log(1 - random()) * ms;
};
const flood = (count: number, perSecond: number) =>
  Array.from({ length: count }, (_, index) => ({ key: `c${index}`, perSecond: perSecond / count }));

describe('ConcurrencyLimiter under three times the load that can be served', () => {
  it.each([
    ['4 workers that take 10 ms', { workers: 4, serviceMs: about(10), clients: flood(10, 1_200) }, 400, 10],
    ['4 workers that take 10 ms or much more', { workers: 4, serviceMs: exponential(10), clients: flood(10, 1_200) }, 400, 10],
    ['16 workers that take 20 ms', { workers: 16, serviceMs: exponential(20), clients: flood(50, 2_400) }, 800, 20],
    ['4 workers with a single client', { workers: 4, serviceMs: about(10), clients: flood(1, 1_200) }, 400, 10],
  ])('finds what %s can do, without a line behind them', (_what, options, mostPerSecond, serviceMs) => {
    for (const seed of [1, 2, 3]) {
      const queueing = new Queueing({ seed, bounds, ...options });
      queueing.run(minuteMs);
      const { perSecond, latencyMs } = queueing.run(2 * minuteMs);
      expect(perSecond).toBeGreaterThan(0.85 * mostPerSecond);
      // 64 at one time would take 16 times as long with 4 workers, and 4 times as long with 16.
      expect(latencyMs).toBeLessThan(2.5 * serviceMs);
      expect(queueing.changesSince(minuteMs)).toBeLessThanOrEqual(30);
    }
  });

  it('takes the longer time of a batch for what it is, while batches become larger', () => {
    // 32 together take two and a half times as long as one.
    const serviceMs: Service = (rows) => 10 + 0.5 * rows;
    const queueing = new Queueing({ seed: 1, bounds, workers: 1, batchRows: 32, serviceMs, clients: flood(40, 4_000) });
    queueing.run(minuteMs);
    expect(queueing.run(2 * minuteMs).perSecond).toBeGreaterThan(0.9 * (32_000 / 26));
    expect(queueing.limit).toBe(64);
  });

  it('goes down for a slow phase no further than pays, and is what it was afterwards', () => {
    const serviceMs: Service = (_rows, random, nowMs) =>
      (nowMs > minuteMs && nowMs < 2 * minuteMs ? 100 : 10) * (0.8 + 0.4 * random());
    const queueing = new Queueing({ seed: 3, bounds, workers: 4, serviceMs, clients: flood(10, 1_200) });
    queueing.run(minuteMs / 2);
    const before = queueing.run(minuteMs);
    const slow = queueing.run(2 * minuteMs);
    expect(slow.perSecond).toBeGreaterThan(0.85 * 40);
    queueing.run(2.5 * minuteMs);
    const after = queueing.run(3 * minuteMs);
    expect(after.perSecond).toBeGreaterThan(0.95 * before.perSecond);
    expect(after.latencyMs).toBeLessThan(3 * before.latencyMs);
  });

  it('follows workers that are lost, within half a minute, and takes back a step that did not pay', () => {
    const workers = (nowMs: number): number => (nowMs < minuteMs ? 16 : 2);
    for (const seed of [1, 2, 3]) {
      const queueing = new Queueing({ seed, bounds, workers, serviceMs: about(20), clients: flood(50, 2_400) });
      queueing.run(minuteMs);
      expect(queueing.limit).toBeGreaterThanOrEqual(18);
      queueing.run(minuteMs + 35_000);
      expect(queueing.limit).toBeLessThanOrEqual(18);
      expect(queueing.run(3 * minuteMs).meanLimit).toBeLessThan(10);
    }
  });

  it('goes down when requests of several clients miss their deadlines', () => {
    const options = { workers: 1, serviceMs: about(200), timeoutMs: 1_000, clients: flood(10, 20) };
    const queueing = new Queueing({ seed: 1, bounds, ...options });
    queueing.run(minuteMs);
    expect(queueing.limit).toBeLessThanOrEqual(5);
    expect(queueing.changes[0].reason).toMatch(/^\d+ of \d+ requests failed or missed their deadline$/);
    expect(queueing.run(2 * minuteMs).perSecond).toBeGreaterThan(4);
  });

  it('never leaves its bounds and never loses count, whatever comes', () => {
    const options = fc.record({
      seed: fc.integer(),
      bounds: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 100 })).map(([min, more]) => ({
        min,
        max: min + more,
      })),
      workers: fc.integer({ min: 1, max: 20 }),
      serviceMs: fc.tuple(fc.double({ min: 0, max: 500, noNaN: true }), fc.double({ min: 0, max: 20, noNaN: true })).map(
        ([base, perRow]): Service =>
          (rows, random) =>
            (base + perRow * rows) * random(),
      ),
      batchRows: fc.integer({ min: 1, max: 32 }),
      timeoutMs: fc.integer({ min: 1, max: 2_000 }),
      clients: fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 500 })).map(([n, rate]) => flood(n, rate)),
    });
    // `run` throws where the limit or the count is wrong.
    fc.assert(
      fc.property(options, (options) => void new Queueing(options).run(10_000)),
      { numRuns: 60 },
    );
  });
});

describe('ConcurrencyLimiter with little to do', () => {
  it('changes nothing while the limit is not met', () => {
    const queueing = new Queueing({ seed: 1, bounds, workers: 4, serviceMs: exponential(10), clients: flood(5, 40) });
    queueing.run(2 * minuteMs);
    expect(queueing.changes).toEqual([]);
  });

  it('makes room for bursts that are over soon', () => {
    let nowMs = 0;
    const changes: LimitChange[] = [];
    const limiter = new ConcurrencyLimiter(bounds, (change) => changes.push(change), nowMs);
    const first = limiter.limit;
    for (let burst = 0; burst < 20; burst++) {
      nowMs = burst * 1_000;
      const taken = Math.min(40, limiter.limit);
      for (let i = 0; i < taken; i++) limiter.begin(nowMs);
      for (let i = taken; i < 40; i++) limiter.refuse();
      for (let i = 0; i < taken; i++) limiter.succeed(burst * 1_000, ++nowMs);
    }
    expect(limiter.limit).toBeGreaterThan(first);
    expect(changes[0].reason).toMatch(/^\d+ were refused in bursts with \d\.\d under way on average$/);
  });
});

describe('ConcurrencyLimiter and failures', () => {
  const failing = (clients: readonly object[], othersAsk: boolean): number => {
    let nowMs = 0;
    const limiter = new ConcurrencyLimiter(bounds, () => undefined, nowMs);
    for (let i = 0; i < 200; i++) {
      const startMs = nowMs;
      limiter.begin(nowMs);
      nowMs += 10;
      if (i % 4 === 0) limiter.fail(clients[(i / 4) % clients.length], othersAsk, nowMs);
      else limiter.succeed(startMs, nowMs);
    }
    return limiter.limit;
  };

  it('goes down for those of several clients, and of one that is alone', () => {
    expect(failing([{}, {}], true)).toBeLessThan(16);
    expect(failing([{}], false)).toBeLessThan(16);
  });

  it('is not moved by one client whose requests fail while others are answered', () => {
    expect(failing([{}], true)).toBe(new ConcurrencyLimiter(bounds, () => undefined, 0).limit);
  });
});

describe('ladder()', () => {
  it('has both bounds, goes up, and has no step that is too small to be seen', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 0, max: 1_000_000 }), (min, more) => {
        const max = min + more;
        const steps = ladder(min, max);
        expect([steps[0], steps.at(-1)]).toEqual([min, max]);
        for (let i = 1; i < steps.length - 1; i++) expect(steps[i] / steps[i - 1]).toBeGreaterThan(1.2);
        expect(new Set(steps).size).toBe(steps.length);
        expect(steps.length).toBeLessThan(40);
      }),
    );
    expect(ladder(1, 64)).toEqual([1, 2, 3, 5, 8, 12, 18, 27, 41, 64]);
  });
});
