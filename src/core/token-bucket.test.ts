import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

const limit = fc.record({ unitsPerSecond: fc.integer({ min: 1, max: 1e6 }), burst: fc.integer({ min: 1, max: 1e6 }) });
const steps = fc.array(fc.tuple(fc.double({ min: -50, max: 5000, noNaN: true }), fc.double({ min: 0, max: 2e6, noNaN: true })), {
  maxLength: 40,
});

describe('TokenBucket', () => {
  it('never lets more through than the burst and what has come in since', () => {
    fc.assert(
      fc.property(limit, steps, (limit, steps) => {
        const bucket = new TokenBucket(limit, 0);
        let nowMs = 0;
        let latestMs = 0;
        let passed = 0;
        for (const [pauseMs, units] of steps) {
          nowMs += pauseMs;
          latestMs = Math.max(latestMs, nowMs);
          if (bucket.waitMs(units, nowMs) <= 0) {
            bucket.spend(units);
            passed += units;
          }
          expect(passed).toBeLessThanOrEqual((limit.burst + (limit.unitsPerSecond * latestMs) / 1000) * (1 + 1e-9));
        }
      }),
    );
  });

  it('lets through after the wait that it names, and not before', () => {
    fc.assert(
      fc.property(
        limit,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (limit, a, b) => {
          const bucket = new TokenBucket(limit, 0);
          bucket.spend(a * limit.burst);
          const waitMs = bucket.waitMs(b * limit.burst, 0);
          expect(waitMs).toBeGreaterThanOrEqual(0);
          if (waitMs > 0.01) expect(bucket.waitMs(b * limit.burst, waitMs * 0.99)).toBeGreaterThan(0);
          // A millisecond for the last bits of the arithmetic.
          expect(bucket.waitMs(b * limit.burst, waitMs + 1)).toBe(0);
        },
      ),
    );
  });

  it('never has room for more than its burst', () => {
    const bucket = new TokenBucket({ unitsPerSecond: 10, burst: 5 }, 0);
    expect(bucket.waitMs(5, 1e9)).toBe(0);
    expect(bucket.waitMs(5.01, 1e9)).toBe(Number.POSITIVE_INFINITY);
  });

  it('neither gains nor loses by a clock that goes backwards', () => {
    const bucket = new TokenBucket({ unitsPerSecond: 10, burst: 50 }, 1_000);
    bucket.spend(50);
    expect(bucket.available(0)).toBe(0);
    expect(bucket.available(1_000)).toBe(0);
    expect(bucket.available(2_000)).toBe(10);
  });

  it('owes no more than it is told, and pays that back at its rate', () => {
    const bucket = new TokenBucket({ unitsPerSecond: 10, burst: 50 }, 0);
    bucket.penalize(20, 100, 0);
    expect(bucket.available(0)).toBe(30);
    bucket.penalize(1e6, 100, 0);
    expect(bucket.available(0)).toBe(-100);
    bucket.penalize(1, 10, 0);
    expect(bucket.available(0)).toBe(-100);
    expect(bucket.waitMs(10, 0)).toBe(11_000);
    expect(bucket.waitMs(10, 11_000)).toBe(0);
  });

  it('is as if nothing had been spent once that was refunded, and never fuller than full', () => {
    const bucket = new TokenBucket({ unitsPerSecond: 10, burst: 50 }, 0);
    bucket.spend(30);
    bucket.refund(30);
    expect(bucket.available(0)).toBe(50);
    bucket.spend(20);
    expect(bucket.available(1_000)).toBe(40);
    bucket.refund(20);
    expect(bucket.available(1_000)).toBe(50);
  });
});
