// The memory of all workers, with made-up processes: who gives something up for a start, and who is ended when all together have too much.
import { describe, expect, it } from 'vitest';
import type { AirlockError } from '../../core/index.ts';
import { type Dispensable, MemoryBudget, type MemoryEstimate, type MemoryTenant } from './memory-budget.ts';
import type { MemoryNeed, MemoryShare } from './memory-share.ts';

class FakeProcess {
  memoryBytes = 0;
  killed: AirlockError | undefined;
  share: MemoryShare | undefined;

  kill(reason: AirlockError): void {
    this.killed = reason;
  }

  exit(): void {
    this.memoryBytes = 0;
    this.share?.release();
  }
}

class FakeTenant implements MemoryTenant {
  lastUsedMs = Number.POSITIVE_INFINITY;
  readonly has = new Map<Dispensable, FakeProcess[]>();
  readonly asked: Dispensable[] = [];

  giveUp(what: Dispensable): Promise<unknown> | undefined {
    const process = this.has.get(what)?.pop();
    if (process === undefined) return undefined;
    this.asked.push(what);
    process.share?.leave();
    return new Promise((resolve) =>
      setTimeout(() => {
        process.exit();
        resolve(undefined);
      }, 5),
    );
  }
}

const estimate = (baseBytes: number, modelBytes = 0, learn = (_peakBytes: number): void => undefined): MemoryEstimate => ({
  baseBytes,
  modelBytes,
  learn,
});

const budgetOf = (limitBytes: number) => new MemoryBudget({ limitBytes, hotMs: 100, patienceMs: 500 });

/** A process of `tenant` that has loaded and has `bytes`. */
async function running(budget: MemoryBudget, tenant: MemoryTenant, bytes: number, need: MemoryNeed = 'needed') {
  const process = new FakeProcess();
  process.share = await budget.reserve(tenant, estimate(bytes), need, true);
  process.share.hold(process);
  process.memoryBytes = bytes;
  process.share.settle();
  return process;
}

const longAgo = () => performance.now() - 1_000;
const refused = { code: 'MEMORY_BUDGET_EXCEEDED', retry: true };

describe('a start', () => {
  it('is let in while there is room, counting what others that load will need, and refused when there is none', async () => {
    const budget = budgetOf(100);
    const tenant = new FakeTenant();
    const first = await budget.reserve(tenant, estimate(60), 'needed', true);
    await expect(budget.reserve(tenant, estimate(41), 'needed', true)).rejects.toMatchObject(refused);
    const second = await budget.reserve(tenant, estimate(40), 'needed', true);
    expect(budget.report).toMatchObject({ limitBytes: 100, usedBytes: 0, heldBytes: 100, workers: 2, refusals: 1 });
    first.release();
    first.release();
    expect(budget.report).toMatchObject({ heldBytes: 40, workers: 1 });
    second.release();
  });

  it('leaves nothing to two that begin at the same time', async () => {
    const budget = budgetOf(100);
    const tenant = new FakeTenant();
    const starts = await Promise.allSettled([60, 60].map((bytes) => budget.reserve(tenant, estimate(bytes), 'needed', true)));
    expect(starts.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('counts as much as it was measured to have when it has loaded, and learns the most that loading took', async () => {
    const learned: number[] = [];
    const budget = budgetOf(100);
    const process = new FakeProcess();
    const share = await budget.reserve(
      new FakeTenant(),
      estimate(50, 0, (bytes) => learned.push(bytes)),
      'needed',
      true,
    );
    share.hold(process);
    process.memoryBytes = 80;
    expect(budget.report.heldBytes).toBe(80);
    process.memoryBytes = 30;
    expect(budget.report.heldBytes).toBe(50);
    share.settle();
    share.settle();
    expect([budget.report.heldBytes, learned]).toEqual([30, [80]]);
  });

  it('without a model sets aside what the model takes when it gets it', async () => {
    const budget = budgetOf(100);
    const [tenant, other] = [new FakeTenant(), new FakeTenant()];
    const spare = await budget.reserve(tenant, estimate(20, 60), 'spare', false);
    expect(budget.report.heldBytes).toBe(20);
    const process = await running(budget, other, 50);
    await expect(spare.expectModel()).rejects.toMatchObject(refused);
    process.exit();
    const again = await budget.reserve(tenant, estimate(20, 60), 'spare', false);
    spare.release();
    await again.expectModel();
    expect(budget.report.heldBytes).toBe(80);
  });

  it('takes extra workers first, then spares, then puts the version to sleep that was asked longest ago', async () => {
    const budget = budgetOf(100);
    const [a, b, c] = [new FakeTenant(), new FakeTenant(), new FakeTenant()];
    for (const tenant of [a, b, c]) budget.add(tenant);
    a.lastUsedMs = longAgo();
    b.lastUsedMs = longAgo() - 500;
    a.has.set('sleep', [await running(budget, a, 20)]);
    a.has.set('extra', [await running(budget, a, 20)]);
    b.has.set('sleep', [await running(budget, b, 20)]);
    b.has.set('spare', [await running(budget, b, 20)]);
    await running(budget, c, 20);
    const needs = (bytes: number) => budget.reserve(c, estimate(bytes), 'needed', true);
    await needs(20);
    expect([a.asked, b.asked]).toEqual([['extra'], []]);
    await needs(20);
    expect([a.asked, b.asked]).toEqual([['extra'], ['spare']]);
    await needs(20);
    expect([a.asked, b.asked]).toEqual([['extra'], ['spare', 'sleep']]);
    expect(budget.report.evictions).toEqual({ extra: 1, spare: 1, sleep: 1, growth: 0 });
    // What is left is 20 that may sleep, 20 of its own and 60 set aside.
    await expect(needs(21)).rejects.toMatchObject(refused);
  });

  it('never takes a version that was asked just now, nor anything for a spare, and only what sleeps for one more worker', async () => {
    const budget = budgetOf(100);
    const [hot, cold, asking] = [new FakeTenant(), new FakeTenant(), new FakeTenant()];
    for (const tenant of [hot, cold]) budget.add(tenant);
    hot.lastUsedMs = performance.now();
    cold.lastUsedMs = longAgo();
    hot.has.set('sleep', [await running(budget, hot, 40)]);
    hot.has.set('extra', [await running(budget, hot, 10)]);
    cold.has.set('sleep', [await running(budget, cold, 40)]);
    await expect(budget.reserve(asking, estimate(30), 'spare', true)).rejects.toMatchObject(refused);
    expect([hot.asked, cold.asked]).toEqual([[], []]);
    await budget.reserve(asking, estimate(30), 'wanted', true);
    expect([hot.asked, cold.asked]).toEqual([[], ['sleep']]);
    await expect(budget.reserve(asking, estimate(60), 'needed', true)).rejects.toMatchObject(refused);
    expect(hot.asked).toEqual(['extra']);
  });

  it('waits for a worker that leaves instead of taking another', async () => {
    const budget = budgetOf(100);
    const [leaving, cold] = [new FakeTenant(), new FakeTenant()];
    budget.add(cold);
    cold.lastUsedMs = longAgo();
    cold.has.set('sleep', [await running(budget, cold, 40)]);
    const process = await running(budget, leaving, 60);
    process.share?.leave();
    setTimeout(() => process.exit(), 20);
    await budget.reserve(leaving, estimate(60), 'needed', true);
    expect(cold.asked).toEqual([]);
  });

  it('is refused when what was given up does not become free', async () => {
    const budget = new MemoryBudget({ limitBytes: 100, patienceMs: 20 });
    const tenant = new FakeTenant();
    const process = await running(budget, tenant, 60);
    process.share?.leave();
    await expect(budget.reserve(tenant, estimate(60), 'needed', true)).rejects.toMatchObject(refused);
  });
});

describe('memory that an idle worker kept', () => {
  it('is taken for a start where nothing else can be, and where both fit afterwards', async () => {
    const budget = budgetOf(100);
    const [kept, other, starting] = [new FakeTenant(), new FakeTenant(), new FakeTenant()];
    for (const tenant of [kept, other]) budget.add(tenant);
    const swollen = await running(budget, kept, 20);
    swollen.memoryBytes = 70;
    kept.has.set('growth', [swollen]);
    // What comes back takes some 22.
    await expect(budget.reserve(starting, estimate(80), 'needed', true)).rejects.toMatchObject(refused);
    await expect(budget.reserve(starting, estimate(40), 'wanted', true)).rejects.toMatchObject(refused);
    expect(kept.asked).toEqual([]);
    const spare = await running(budget, other, 10, 'spare');
    other.has.set('spare', [spare]);
    await budget.reserve(starting, estimate(40), 'needed', true);
    expect([other.asked, kept.asked]).toEqual([['spare'], ['growth']]);
    expect(budget.report.evictions.growth).toBe(1);
  });

  it('is nothing where a worker has a little more than after its load', async () => {
    const budget = budgetOf(100);
    const process = await running(budget, new FakeTenant(), 40);
    process.memoryBytes = 53;
    expect(process.share?.keptBytes).toBe(0);
    process.memoryBytes = 64;
    expect(process.share?.keptBytes).toBe(20);
    process.share?.leave();
    expect(process.share?.keptBytes).toBe(0);
  });
});

describe('the measured memory of all', () => {
  it('ends what rises from look to look before it is above the limit, and not what took one step', async () => {
    const budget = budgetOf(100);
    const [steady, steps, rises] = [20, 20, 10].map((bytes) => running(budget, new FakeTenant(), bytes));
    (await steady).memoryBytes = 20;
    const [step, rising] = [await steps, await rises];
    budget.check();
    step.memoryBytes = 45;
    budget.check();
    budget.check();
    expect(budget.report.kills).toBe(0);
    for (const bytes of [15, 23]) {
      rising.memoryBytes = bytes;
      budget.check();
    }
    expect(budget.report.kills).toBe(0);
    rising.memoryBytes = 31;
    budget.check();
    expect(rising.killed ?? step.killed).toMatchObject({ code: 'WORKER_OUT_OF_MEMORY' });
  });

  it('makes others give things up, one at a time, before the limit is reached', async () => {
    const budget = budgetOf(100);
    const tenant = new FakeTenant();
    budget.add(tenant);
    const grows = await running(budget, new FakeTenant(), 30);
    tenant.has.set('extra', [await running(budget, tenant, 15), await running(budget, tenant, 15)]);
    budget.check();
    expect(tenant.asked).toEqual([]);
    grows.memoryBytes = 66;
    budget.check();
    budget.check();
    expect(tenant.asked).toEqual(['extra']);
    await expect.poll(() => budget.report.usedBytes).toBe(81);
    budget.check();
    expect(tenant.asked).toEqual(['extra']);
    expect(grows.killed).toBeUndefined();
  });

  it('ends the one that grew most, not the largest, when nobody can give up enough', async () => {
    const budget = budgetOf(100);
    const [large, grows] = [await running(budget, new FakeTenant(), 60), await running(budget, new FakeTenant(), 10)];
    grows.memoryBytes = 41;
    budget.check();
    expect(large.killed).toBeUndefined();
    expect(grows.killed).toMatchObject({ code: 'WORKER_OUT_OF_MEMORY', detail: expect.stringContaining('grown most') });
    // It is still there, and nobody else has to go for it.
    budget.check();
    expect(large.killed).toBeUndefined();
    expect(budget.report.kills).toBe(1);
  });

  it('ends one that takes far more than was set aside while it loads', async () => {
    const budget = budgetOf(100);
    const large = await running(budget, new FakeTenant(), 60);
    const loading = new FakeProcess();
    const share = await budget.reserve(new FakeTenant(), estimate(20), 'needed', true);
    share.hold(loading);
    loading.memoryBytes = 50;
    budget.check();
    expect([large.killed, loading.killed?.code]).toEqual([undefined, 'WORKER_OUT_OF_MEMORY']);
  });
});
