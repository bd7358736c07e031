// Shares: nothing is queued that does not fit, what a request took it gives back however it ends, and every refusal says why.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AirlockError, type ErrorCode, isAirlockError } from '../../core/index.ts';
import type { PredictedCost } from '../../cost/index.ts';
import type { RunContext, Runner } from '../runner.ts';
import { ShareLimits, Shares, type SharesOptions } from './share-limits.ts';

const mebibyte = 1024 * 1024;

function cost(mib: number, flops = 0, isBounded = true): PredictedCost {
  return { flops, bytes: 0, peakBytes: mib * mebibyte, isBounded, top: () => [] } as PredictedCost;
}

interface Held {
  readonly context: RunContext;
  readonly succeed: () => void;
  readonly fail: (error: AirlockError) => void;
}

/** A step whose requests end when the test says so. */
class Holder implements Runner {
  readonly held: Held[] = [];
  throwsNext = false;

  run(_signature: number, _inputs: readonly never[], context: RunContext): Promise<never[]> {
    if (this.throwsNext) throw new AirlockError('SERVER_OVERLOADED');
    return new Promise((resolve, reject) => this.held.push({ context, succeed: () => resolve([]), fail: reject }));
  }
}

function setUp(options: SharesOptions) {
  const shares = new Shares(options);
  const next = new Holder();
  const limits = new ShareLimits({ shares, next });
  const ask = async (client: string, predicted?: PredictedCost): Promise<ErrorCode | 'ok'> => {
    try {
      await limits.run(0, [], { client, cost: predicted });
      return 'ok';
    } catch (thrown) {
      return AirlockError.from(thrown).code;
    }
  };
  const refusal = async (client: string, predicted?: PredictedCost): Promise<AirlockError> => {
    const thrown = await limits.run(0, [], { client, cost: predicted }).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!isAirlockError(thrown)) throw new Error('It was let through');
    return thrown;
  };
  return { shares, next, limits, ask, refusal };
}

/** Lets everything that can go on go on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('ShareLimits', () => {
  it('refuses one client that has as many under way as it may, and no other', async () => {
    const { next, ask, refusal } = setUp({ perClient: { maxConcurrent: 2 } });
    const first = ask('a');
    void ask('a');
    const error = await refusal('a');
    expect(error.code).toBe('CLIENT_OVERLOADED');
    expect(error.retry).toBe(true);
    expect(error.violations).toEqual([
      {
        path: '',
        rule: 'perClient.maxConcurrent',
        expected: 'for each client of this model at most 2 requests at one time',
        got: 'one more',
      },
    ]);
    void ask('b');
    expect(next.held.map(({ context }) => context.client)).toEqual(['a', 'a', 'b']);
    next.held[0].succeed();
    expect(await first).toBe('ok');
    void ask('a');
    expect(next.held).toHaveLength(4);
  });

  it('refuses every client while all together have as many under way as they may', async () => {
    const { ask, refusal } = setUp({ perModel: { maxConcurrent: 2 } });
    void ask('a');
    void ask('b');
    const error = await refusal('c');
    expect([error.code, error.violations[0].rule]).toEqual(['SERVER_OVERLOADED', 'perModel.maxConcurrent']);
  });

  it('adds up predicted memory, and says what was predicted against what is allowed', async () => {
    const { next, ask, refusal, shares } = setUp({ perClient: { maxMemoryMiB: 100 }, perModel: { maxMemoryMiB: 150 } });
    void ask('a', cost(60));
    const mine = await refusal('a', cost(41));
    expect(mine.code).toBe('CLIENT_OVERLOADED');
    expect(mine.message).toContain('at most 100 MiB at one time, got a request that is predicted to need 41.0 MiB');
    void ask('a', cost(40));
    void ask('b', cost(50));
    expect((await refusal('c', cost(1))).code).toBe('SERVER_OVERLOADED');
    expect(shares.report).toMatchObject({ underWay: 3, bytes: 150 * mebibyte, clients: 2 });
    for (const { succeed } of next.held) succeed();
    await settled();
    expect(shares.report).toMatchObject({
      underWay: 0,
      bytes: 0,
      clients: 0,
      refused: { perClient: 1, perModel: 1, tooLarge: 0, rate: 0 },
    });
  });

  it.each([
    ['the memory of a client', { perClient: { maxMemoryMiB: 100 } }, cost(101), 'perClient.maxMemoryMiB'],
    ['the memory of the model', { perModel: { maxMemoryMiB: 100 } }, cost(101), 'perModel.maxMemoryMiB'],
    ['the burst of a client', { perClient: { costPerSecond: 10, costBurst: 50 } }, cost(0, 51), 'perClient.costBurst'],
    ['ten seconds of the model', { perModel: { costPerSecond: 10 } }, cost(0, 101), 'perModel.costBurst'],
    ['any memory, for it is not a number', { perClient: { maxMemoryMiB: 100 } }, cost(Number.NaN), 'perClient.maxMemoryMiB'],
    ['any cost, for it is not a number', { perModel: { costPerSecond: 10 } }, cost(0, Number.NaN), 'perModel.costBurst'],
  ])('says that a request never fits which is larger than %s', async (_what, options, predicted, rule) => {
    const { refusal, shares } = setUp(options);
    const error = await refusal('a', predicted);
    expect([error.code, error.violations[0].rule, error.retry]).toEqual(['COST_EXCEEDED', rule, false]);
    expect(shares.report.refused.tooLarge).toBe(1);
    expect(shares.report.underWay).toBe(0);
  });

  it('lets through over time what may be asked for in a second, and names the wait', async () => {
    let nowMs = 0;
    const { ask, refusal, next } = setUp({ perClient: { costPerSecond: 100, costBurst: 150 }, clock: () => nowMs });
    void ask('a', cost(0, 150));
    const error = await refusal('a', cost(0, 50));
    expect([error.code, error.retryAfterMs]).toEqual(['RATE_LIMITED', 500]);
    void ask('b', cost(0, 150));
    nowMs = 500;
    void ask('a', cost(0, 50));
    expect(next.held).toHaveLength(3);
  });

  it('counts what is known of a cost that is not bounded, and nothing where nothing is known', async () => {
    const { ask, refusal, shares } = setUp({ perClient: { maxMemoryMiB: 100, maxConcurrent: 3 } });
    void ask('a', cost(90, 0, false));
    expect((await refusal('a', cost(20, 0, false))).message).toContain('predicted to need at least 20.0 MiB');
    void ask('a');
    void ask('a');
    expect(shares.report.bytes).toBe(90 * mebibyte);
    expect((await refusal('a')).violations[0].rule).toBe('perClient.maxConcurrent');
  });

  it('takes no payment for what was refused behind it, and keeps it for what ran', async () => {
    const { ask, next } = setUp({ perClient: { costPerSecond: 1, costBurst: 100 }, clock: () => 0 });
    next.throwsNext = true;
    expect(await ask('a', cost(0, 100))).toBe('SERVER_OVERLOADED');
    next.throwsNext = false;
    const ran = ask('a', cost(0, 100));
    next.held[0].fail(new AirlockError('DEADLINE_EXCEEDED'));
    expect(await ran).toBe('DEADLINE_EXCEEDED');
    expect(await ask('a', cost(0, 1))).toBe('RATE_LIMITED');
  });

  it('forgets a client that owes nothing, and never remembers more than it may', async () => {
    let nowMs = 0;
    const { ask, next, shares } = setUp({ perClient: { costPerSecond: 1_000 }, clock: () => nowMs, maxIdleClients: 5 });
    for (let i = 0; i < 50; i++) void ask(`c${i}`, cost(0, i === 7 ? 5_000 : 10));
    for (const { succeed } of next.held) succeed();
    await settled();
    expect(shares.idleClients).toBe(5);
    // The one who owes most is among them.
    expect(await ask('c7', cost(0, 9_000))).toBe('RATE_LIMITED');
    nowMs = 60_000;
    void ask('c7', cost(0, 0));
    next.held.at(-1)?.succeed();
    await settled();
    expect(shares.idleClients).toBe(4);
  });

  it('keeps to every bound, and gives all back, whatever comes and however it ends', async () => {
    const share = fc.record(
      {
        maxConcurrent: fc.integer({ min: 1, max: 6 }),
        maxMemoryMiB: fc.integer({ min: 1, max: 50 }),
        costPerSecond: fc.integer({ min: 1, max: 100 }),
      },
      { requiredKeys: [] },
    );
    const predicted = fc.oneof(
      fc.constant(undefined),
      fc
        .tuple(fc.double({ min: 0, max: 30, noNaN: true }), fc.double({ min: 0, max: 500, noNaN: true }), fc.boolean())
        .map(([mib, flops, isBounded]) => cost(mib, flops, isBounded)),
    );
    const step = fc.oneof(
      fc.record({ kind: fc.constant('ask' as const), client: fc.nat(4), predicted }),
      fc.record({ kind: fc.constant('throw' as const), client: fc.nat(4), predicted }),
      fc.record({ kind: fc.constantFrom('succeed' as const, 'fail' as const, 'refuse' as const), index: fc.nat(20) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: -10, max: 3_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(share, share, fc.array(step, { maxLength: 60 }), async (perClient, perModel, steps) => {
        let nowMs = 0;
        const { ask, next, shares } = setUp({ perClient, perModel, clock: () => nowMs });
        const take = (index: number): Held | undefined => next.held.splice(index % Math.max(1, next.held.length), 1)[0];
        for (const one of steps) {
          if (one.kind === 'ask' || one.kind === 'throw') {
            next.throwsNext = one.kind === 'throw';
            void ask(`c${one.client}`, one.predicted);
          } else if (one.kind === 'wait') nowMs += one.ms;
          else if (one.kind === 'succeed') take(one.index)?.succeed();
          else if (one.kind === 'fail') take(one.index)?.fail(new AirlockError('WORKER_CRASHED'));
          else take(one.index)?.fail(new AirlockError('SERVER_OVERLOADED'));
          await Promise.resolve();
          for (let client = 0; client < 5; client++) {
            const mine = next.held.filter(({ context }) => context.client === `c${client}`);
            expect(mine.length).toBeLessThanOrEqual(perClient.maxConcurrent ?? Number.POSITIVE_INFINITY);
            const mib = mine.reduce((sum, { context }) => sum + (context.cost?.peakBytes ?? 0), 0) / mebibyte;
            expect(mib).toBeLessThanOrEqual(perClient.maxMemoryMiB ?? Number.POSITIVE_INFINITY);
          }
          expect(next.held.length).toBeLessThanOrEqual(perModel.maxConcurrent ?? Number.POSITIVE_INFINITY);
        }
        for (const { succeed } of next.held) succeed();
        await settled();
        expect(shares.report).toMatchObject({ underWay: 0, bytes: 0, clients: 0 });
      }),
      { numRuns: 150 },
    );
  });
});
