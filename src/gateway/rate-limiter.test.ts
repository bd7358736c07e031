import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AirlockError, type ErrorCode, isAirlockError } from '../core/index.ts';
import { RateLimiter } from './rate-limiter.ts';

const perClient = { unitsPerSecond: 100, burst: 500 };
const perModel = { unitsPerSecond: 200, burst: 800 };
const slowViolators = { freeViolations: 1, penaltyUnits: 100, maxDebtUnits: 1_000, forgetAfterMs: 60_000 };

class Clock {
  nowMs = 0;
  readonly read = () => this.nowMs;
}

function refusal(action: () => void): AirlockError {
  try {
    action();
  } catch (thrown) {
    if (isAirlockError(thrown)) return thrown;
    throw thrown;
  }
  throw new Error('it was let through');
}

describe('RateLimiter', () => {
  it('lets each client spend its burst, and says what the limit is, what the request costs, and when to come again', () => {
    const clock = new Clock();
    const limiter = new RateLimiter({ limits: { perClient }, clock: clock.read });
    limiter.open('a').spend(450);
    const error = refusal(() => limiter.open('a').spend(120.5));
    expect(error).toMatchObject({ code: 'RATE_LIMITED', retry: true, retryAfterMs: 705 });
    expect(error.message).toBe(
      'Too much was asked for in too short a time: at most 100 units per second for each client of this model, burst 500; ' +
        'this is a request that costs 121 units or more so far; too many were spent just before',
    );
    expect(error.violations).toEqual([expect.objectContaining({ path: '', rule: 'perClient' })]);
    limiter.open('b').spend(500);
    clock.nowMs = 705;
    limiter.open('a').spend(120.5);
  });

  it('says of a request that can never fit that it is refused for good, whatever it has paid before', () => {
    const limiter = new RateLimiter({ limits: { perClient } });
    const account = limiter.open('a');
    account.spend(400);
    const error = refusal(() => account.spend(420));
    expect(error).toMatchObject({ retry: false, retryAfterMs: Number.POSITIVE_INFINITY });
    expect(error.message).toContain('burst 500; this is a request that costs 820 units and can never be accepted');
    expect(account.spent).toBe(400);
  });

  it('bounds all clients together, and takes nothing from a client that the model has no room for', () => {
    const clock = new Clock();
    const limiter = new RateLimiter({ limits: { perClient, perModel }, clock: clock.read });
    limiter.open('a').spend(500);
    const error = refusal(() => limiter.open('b').spend(400));
    expect(error).toMatchObject({ retryAfterMs: 500, violations: [expect.objectContaining({ rule: 'perModel' })] });
    clock.nowMs = 500;
    const account = limiter.open('b');
    account.spend(400);
    expect(account.spent).toBe(400);
    // It has a hundred left of its burst of five hundred: the refused request was free.
    expect(refusal(() => limiter.open('b').spend(101)).violations[0].rule).toBe('perModel');
  });

  it('never lets through more than the bursts and the rates, for the client and for the model', () => {
    const request = fc.record({
      pauseMs: fc.integer({ min: 0, max: 3000 }),
      client: fc.constantFrom('a', 'b', 'c'),
      parts: fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
        const clock = new Clock();
        const limiter = new RateLimiter({ limits: { perClient, perModel }, clock: clock.read });
        const spent = new Map<string, number>();
        for (const { pauseMs, client, parts } of requests) {
          clock.nowMs += pauseMs;
          const account = limiter.open(client);
          try {
            for (const units of parts) account.spend(units);
          } catch (thrown) {
            expect(thrown).toMatchObject({ code: 'RATE_LIMITED' });
          }
          spent.set(client, (spent.get(client) ?? 0) + account.spent);
          const seconds = clock.nowMs / 1000;
          for (const units of spent.values())
            expect(units).toBeLessThanOrEqual(perClient.burst + perClient.unitsPerSecond * seconds + 1e-6);
          const all = [...spent.values()].reduce((sum, units) => sum + units, 0);
          expect(all).toBeLessThanOrEqual(perModel.burst + perModel.unitsPerSecond * seconds + 1e-6);
        }
      }),
    );
  });

  it('decides about a client alike, whoever else comes in between and in whatever order', () => {
    const units = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 20 });
    const outcomes = (limiter: RateLimiter, client: string, costs: readonly number[]) =>
      costs.map((cost) => {
        try {
          limiter.open(client).spend(cost);
          return true;
        } catch {
          return false;
        }
      });
    fc.assert(
      fc.property(units, units, (mine, theirs) => {
        const limits = { perClient };
        const clock = () => 0;
        const alone = outcomes(new RateLimiter({ limits, clock }), 'a', mine);
        const before = new RateLimiter({ limits, clock });
        outcomes(before, 'b', theirs);
        expect(outcomes(before, 'a', mine)).toEqual(alone);
        const mixed = new RateLimiter({ limits, clock });
        const seen = mine.flatMap((cost, index) => {
          outcomes(mixed, 'b', theirs.slice(index, index + 1));
          return outcomes(mixed, 'a', [cost]);
        });
        expect(seen).toEqual(alone);
      }),
    );
  });

  it.each<[ErrorCode, boolean]>([
    ['CONTRACT_VIOLATION', true],
    ['JSON_SYNTAX', true],
    ['REQUEST_TOO_LARGE', true],
    ['TENSORFLOW_INVALID_ARGUMENT', true],
    ['REQUEST_INCOMPLETE', false],
    ['RATE_LIMITED', false],
    ['SERVER_OVERLOADED', false],
    ['MODEL_OUTPUT_REFUSED', false],
    ['WORKER_CRASHED', false],
    ['INTERNAL', false],
  ])('counts %s against the client: %s', (code, counts) => {
    const limiter = new RateLimiter({ limits: { perClient, slowViolators }, clock: () => 0 });
    const account = limiter.open('a');
    for (let i = 0; i < 3; i++) account.refused(new AirlockError(code));
    // One is free, then 100 and 200.
    const spend = () => limiter.open('a').spend(201);
    if (counts) expect(refusal(spend).retryAfterMs).toBe(10);
    else spend();
  });

  it('slows who goes on violating, and nobody else', () => {
    const clock = new Clock();
    const limiter = new RateLimiter({ limits: { perClient, perModel, slowViolators }, clock: clock.read });
    for (let i = 0; i < 20; i++) limiter.open('bad').refused(new AirlockError('CONTRACT_VIOLATION'));
    expect(refusal(() => limiter.open('bad').spend(1)).retryAfterMs).toBe(10_010);
    limiter.open('good').spend(500);
    clock.nowMs = 10_010;
    limiter.open('bad').spend(1);
  });

  it('keeps a bounded number of clients', () => {
    const limiter = new RateLimiter({ limits: { perClient }, maxClients: 10 });
    for (let i = 0; i < 100; i++) limiter.open(`c${i}`).spend(1);
    expect(limiter.clientCount).toBe(10);
  });
});
