// Several workers of one version, made up: who is asked, when there are more or fewer of them, and what a version does that sleeps.
import { afterEach, describe, expect, it } from 'vitest';
import { AirlockError, type ErrorCode } from '../../core/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { WorkerRunOptions } from '../runner.ts';
import type { ModelWorkerState } from './model-worker-options.ts';
import type { PendingRun } from './pending-run.ts';
import type { MemberHooks, PoolWorker } from './pool-member.ts';
import type { StrandedRuns } from './run-pipeline.ts';
import { WorkerPool } from './worker-pool.ts';
import type { WorkerPoolOptions, WorkersChange } from './worker-pool-options.ts';
import type { WorkerReport } from './worker-report.ts';

const output: Tensor = { dtype: 'DT_FLOAT', shape: [1], bytes: new Uint8Array(4) };

class FakeWorker implements PoolWorker {
  state: ModelWorkerState = 'new';
  readonly depth = 4;
  readonly hooks: MemberHooks;
  readonly asked: WorkerRunOptions[] = [];
  readonly adopted: PendingRun[] = [];
  readonly waiting: ((error?: AirlockError) => void)[] = [];
  onStart: () => Promise<void> = () => Promise.resolve();
  spareGone: Promise<unknown> | undefined;
  onClose: () => Promise<void> = () => Promise.resolve();

  constructor(hooks: MemberHooks) {
    this.hooks = hooks;
  }

  get pendingCount(): number {
    return this.waiting.length;
  }

  get report(): WorkerReport {
    const usage = { memoryBytes: 10, cpuMs: 1, threads: 2 };
    return { state: this.state, restarts: 1, usage, spare: 'off', lastCause: undefined } as WorkerReport;
  }

  enter(state: ModelWorkerState, cause?: ErrorCode): void {
    this.state = state;
    this.hooks.onStateChange(state, cause && new AirlockError(cause, { detail: 'x' }));
  }

  async start(): Promise<void> {
    this.state = 'starting';
    await this.onStart();
    if (this.state !== 'starting') throw new AirlockError('MODEL_NOT_AVAILABLE');
    this.enter('ready');
  }

  run(_index: number, _inputs: readonly Tensor[], options: WorkerRunOptions = {}): Promise<Tensor[]> {
    this.asked.push(options);
    return new Promise((resolve, reject) => {
      this.waiting.push((error) => (error === undefined ? resolve([output]) : reject(error)));
    });
  }

  answer(): void {
    for (const done of this.waiting.splice(0)) done();
  }

  adopt({ runs }: StrandedRuns): void {
    this.adopted.push(...runs);
    for (const run of runs) this.waiting.push(() => run.succeed([]));
  }

  takeWaiting(count: number): StrandedRuns {
    const taken = this.waiting.splice(Math.max(1, this.waiting.length - count));
    const runs = taken.map((done) => ({ succeed: () => done() }) as unknown as PendingRun);
    return { runs, nowMs: 0 };
  }

  giveUpSpare(): Promise<unknown> | undefined {
    return this.spareGone;
  }

  readonly isRenewing = false;
  giveUpGrowth(): Promise<unknown> | undefined {
    return undefined;
  }

  async close(): Promise<void> {
    this.state = 'closing';
    await this.onClose();
    this.state = 'closed';
  }
}

const open: WorkerPool[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((pool) => pool.close()));
});

function make(options: Partial<WorkerPoolOptions> = {}, prepare: (worker: FakeWorker, number: number) => void = () => undefined) {
  const made: FakeWorker[] = [];
  const changes: WorkersChange[] = [];
  const states: string[] = [];
  const pool = new WorkerPool({
    create: (hooks) => {
      const worker = new FakeWorker(hooks);
      made.push(worker);
      prepare(worker, made.length - 1);
      return worker;
    },
    min: 1,
    max: 1,
    timeoutMs: 2_000,
    maxQueue: 8,
    tickMs: 5,
    backoffMs: 5,
    extraIdleMs: 60,
    onChange: (change) => changes.push(change),
    onStateChange: (state, cause) => states.push(`${state} ${cause?.code ?? ''}`),
    ...options,
  });
  open.push(pool);
  return { pool, made, changes, states };
}

const ready = (made: readonly FakeWorker[]) => made.filter(({ state }) => state === 'ready').length;
const ask = (pool: WorkerPool, options?: WorkerRunOptions) => pool.run(0, [], options);
/** A promise that may fail without anybody looking. */
const quietly = <T>(promise: Promise<T>): Promise<T> => {
  promise.catch(() => undefined);
  return promise;
};

describe('several workers', () => {
  it('are available with the first, and as many as min then', async () => {
    let letGo = (): void => undefined;
    const { pool, made } = make({ min: 3, max: 3 }, (worker, number) => {
      if (number === 1) worker.onStart = () => new Promise((resolve) => (letGo = resolve));
    });
    expect(pool.state).toBe('new');
    await pool.start();
    expect([pool.state, made.length]).toEqual(['ready', 3]);
    await expect.poll(() => ready(made)).toBe(2);
    letGo();
    await expect.poll(() => ready(made)).toBe(3);
    expect(pool.reports).toHaveLength(3);
    expect(pool.report).toMatchObject({ state: 'ready', restarts: 3, usage: { memoryBytes: 30, cpuMs: 3, threads: 6 } });
    expect(pool.depth).toBe(12);
  });

  it('fail to start as the first one does, and may be started again', async () => {
    let fails = true;
    const { pool } = make({ min: 2, max: 2 }, (worker) => {
      worker.onStart = () => (fails ? Promise.reject(new AirlockError('MODEL_LOAD_FAILED')) : Promise.resolve());
    });
    await expect(pool.start()).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED' });
    expect(pool.state).toBe('failed');
    await expect(ask(pool)).rejects.toMatchObject({ code: 'MODEL_NOT_AVAILABLE' });
    fails = false;
    await pool.start();
    expect(pool.state).toBe('ready');
  });

  it('are asked by how much they have to do, the oldest first', async () => {
    const { pool, made } = make({ min: 3, max: 3 });
    await pool.start();
    await expect.poll(() => ready(made)).toBe(3);
    for (let i = 0; i < 4; i++) void quietly(ask(pool));
    expect(made.map(({ pendingCount }) => pendingCount)).toEqual([2, 1, 1]);
    made[1].answer();
    void quietly(ask(pool));
    expect(made.map(({ pendingCount }) => pendingCount)).toEqual([2, 1, 1]);
    made[0].answer();
    made[1].answer();
    made[2].answer();
    expect(pool.pendingCount).toBe(0);
  });

  it('are not asked while they restart; what one had not begun goes to those that are there, each to the least busy', async () => {
    const { pool, made, states } = make({ min: 3, max: 3 });
    await pool.start();
    await expect.poll(() => ready(made)).toBe(3);
    void quietly(ask(pool));
    void quietly(ask(pool));
    made[0].enter('restarting', 'WORKER_CRASHED');
    const failed: string[] = [];
    const runs = ['a', 'b'].map((name) => ({ succeed: () => undefined, fail: () => failed.push(name) }) as unknown as PendingRun);
    made[0].hooks.onStranded({ runs, nowMs: 0 });
    expect([made[0], made[1], made[2]].map(({ adopted }) => adopted.length)).toEqual([0, 1, 1]);
    expect([failed, pool.counts.moved, pool.state]).toEqual([[], 2, 'ready']);
    void quietly(ask(pool));
    expect(made[0].asked).toHaveLength(1);
    made[0].enter('ready');
    expect(states).toEqual(['restarting WORKER_CRASHED', 'ready ']);
    for (const worker of made) worker.answer();
  });

  it('leave nobody to answer when all restart', async () => {
    const { pool, made } = make();
    await pool.start();
    made[0].enter('restarting', 'WORKER_CRASHED');
    const failed: ErrorCode[] = [];
    const run = { fail: ({ code }: AirlockError) => failed.push(code) } as unknown as PendingRun;
    made[0].hooks.onStranded({ runs: [run], nowMs: 0 });
    expect([failed, pool.state]).toEqual([['WORKER_CRASHED'], 'restarting']);
    await expect(ask(pool)).rejects.toMatchObject({ code: 'MODEL_NOT_AVAILABLE' });
  });

  it('become more while requests wait for long, up to max, and fewer when the last ones got nothing for a while', async () => {
    const { pool, made, changes } = make({ min: 1, max: 3 });
    await pool.start();
    const answers = Array.from({ length: 8 }, () => ask(pool));
    await expect.poll(() => made[1]?.adopted.length).toBe(4);
    expect(made[1].hooks.need).toBe('wanted');
    await expect.poll(() => ready(made)).toBe(3);
    expect(made.map(({ pendingCount }) => pendingCount)).toEqual([2, 4, 2]);
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(made).toHaveLength(3);
    for (const worker of made) worker.answer();
    await Promise.all(answers);
    await expect.poll(() => made.map(({ state }) => state)).toEqual(['ready', 'closed', 'closed']);
    expect(changes.map(({ change, workers }) => [change, workers])).toEqual([
      ['more', 2],
      ['more', 3],
      ['fewer', 2],
      ['fewer', 1],
    ]);
    expect(changes[0].reason).toMatch(/8 requests waited or ran in 1 workers/);
    expect(pool.counts).toMatchObject({ more: 2, fewer: 2 });
  });

  it('stay as many as they are for a short wait, or for as many requests as workers', async () => {
    const { pool, made } = make({ min: 1, max: 2, pressedTicks: 1_000 });
    await pool.start();
    const one = ask(pool);
    await new Promise((resolve) => setTimeout(resolve, 40));
    const more = [ask(pool), ask(pool)];
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(made).toHaveLength(1);
    made[0].answer();
    await Promise.all([one, ...more]);
  });

  it('are tried again after a pause where one more could not be started', async () => {
    let failures = 2;
    const { pool, made, changes } = make({ min: 2, max: 2 }, (worker, number) => {
      if (number > 0)
        worker.onStart = () => (failures-- > 0 ? Promise.reject(new AirlockError('MEMORY_BUDGET_EXCEEDED')) : Promise.resolve());
    });
    await pool.start();
    await expect.poll(() => ready(made)).toBe(2);
    expect(made).toHaveLength(4);
    expect(changes.map(({ change }) => change)).toEqual(['start failed', 'start failed']);
    expect(changes[0].reason).toContain('MEMORY_BUDGET_EXCEEDED');
    expect(pool.counts.failedStarts).toBe(2);
  });

  it('answer what they have when they are closed, and are closed once', async () => {
    const { pool, made } = make({ min: 2, max: 2 });
    await pool.start();
    await Promise.all([pool.close(), pool.close()]);
    expect(made.map(({ state }) => state)).toEqual(['closed', 'closed']);
    expect(pool.state).toBe('closed');
    await expect(ask(pool)).rejects.toMatchObject({ code: 'MODEL_NOT_AVAILABLE' });
  });

  it('start nothing when they are closed while the first one starts', async () => {
    const { pool, made } = make({ min: 2, max: 2 }, (worker) => {
      worker.onStart = () => new Promise((resolve) => setTimeout(resolve, 20));
    });
    const start = pool.start();
    await pool.close();
    await expect(start).rejects.toMatchObject({ code: 'MODEL_NOT_AVAILABLE' });
    expect(made).toHaveLength(1);
  });
});

describe('a version that sleeps', () => {
  const asleep = async (options: Partial<WorkerPoolOptions> = {}, prepare?: (worker: FakeWorker, number: number) => void) => {
    const all = make({ sleepAfterMs: 20, ...options }, prepare);
    await all.pool.start();
    await expect.poll(() => all.pool.isAsleep).toBe(true);
    return all;
  };

  it('ends its workers when nobody asked for long enough, not while a request runs, and is ready all the same', async () => {
    const { pool, made } = make({ sleepAfterMs: 20, min: 2, max: 2 });
    await pool.start();
    const answer = ask(pool);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(pool.isAsleep).toBe(false);
    made[0].answer();
    await answer;
    await expect.poll(() => pool.isAsleep).toBe(true);
    await expect.poll(() => made.map(({ state }) => state)).toEqual(['closed', 'closed']);
    expect([pool.state, pool.report.state, pool.reports]).toEqual(['ready', 'asleep', []]);
    expect(pool.report).toMatchObject({ restarts: 2, usage: undefined });
    expect(pool.counts.sleeps).toBe(1);
  });

  it('stays awake while requests come and go between two looks', async () => {
    const { pool, made } = make({ sleepAfterMs: 80, tickMs: 20 });
    await pool.start();
    const endMs = performance.now() + 250;
    while (performance.now() < endMs) {
      const answer = ask(pool);
      made[0].answer();
      await answer;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(pool.counts.sleeps).toBe(0);
  });

  it('is woken once by all who ask, each with what is left of its time', async () => {
    let letGo = (): void => undefined;
    const { pool, made, changes } = await asleep({ min: 2, max: 2 }, (worker, number) => {
      if (number === 2) worker.onStart = () => new Promise((resolve) => (letGo = resolve));
    });
    const answers = [ask(pool, { deadlineMs: 1_000 }), ask(pool)];
    expect(pool.pendingCount).toBe(2);
    await expect.poll(() => made.length).toBe(3);
    await new Promise((resolve) => setTimeout(resolve, 30));
    letGo();
    await expect.poll(() => made[2].asked.length + (made[3]?.asked.length ?? 0)).toBe(2);
    expect(made[2].asked[0].deadlineMs).toBeLessThan(980);
    expect(made).toHaveLength(4);
    made[2].answer();
    made[3].answer();
    await Promise.all(answers);
    expect(changes.map(({ change }) => change)).toEqual(['asleep', 'awake']);
    expect(pool.counts.wakes).toBe(1);
  });

  it('lets a request go at its deadline and wakes up for the next one', async () => {
    let letGo = (): void => undefined;
    const { pool, made } = await asleep({}, (worker, number) => {
      if (number === 1) worker.onStart = () => new Promise((resolve) => (letGo = resolve));
    });
    await expect(ask(pool, { deadlineMs: 20 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const next = ask(pool);
    letGo();
    await expect.poll(() => made[1].pendingCount).toBe(1);
    expect(made).toHaveLength(2);
    made[1].answer();
    await next;
  });

  it('says that the model is not there when it cannot be woken, at once for a while, and tries again then', async () => {
    let starts = 0;
    let fails = true;
    const { pool, made } = await asleep({ backoffMs: 100 }, (worker, number) => {
      if (number > 0)
        worker.onStart = () => {
          starts++;
          return fails ? Promise.reject(new AirlockError('WORKER_START_FAILED', { detail: '/srv/x' })) : Promise.resolve();
        };
    });
    const both = await Promise.allSettled([ask(pool), ask(pool)]);
    expect(both).toMatchObject([
      { reason: { code: 'MODEL_NOT_AVAILABLE', detail: undefined } },
      { reason: { code: 'MODEL_NOT_AVAILABLE' } },
    ]);
    await expect(ask(pool)).rejects.toMatchObject({ code: 'MODEL_NOT_AVAILABLE' });
    expect(starts).toBe(1);
    fails = false;
    await new Promise((resolve) => setTimeout(resolve, 110));
    const answer = ask(pool);
    await expect.poll(() => made.at(-1)?.pendingCount).toBe(1);
    made.at(-1)?.answer();
    await answer;
    expect(starts).toBe(2);
  });

  it('says that there is no memory where that is why', async () => {
    const { pool } = await asleep({}, (worker, number) => {
      if (number > 0) worker.onStart = () => Promise.reject(new AirlockError('MEMORY_BUDGET_EXCEEDED'));
    });
    await expect(ask(pool)).rejects.toMatchObject({ code: 'MEMORY_BUDGET_EXCEEDED' });
  });

  it('takes no more who wait than its queue has room for', async () => {
    const { pool, made } = await asleep({ maxQueue: 2 }, (worker, number) => {
      if (number > 0) worker.onStart = () => new Promise(() => undefined);
    });
    const waiting = [quietly(ask(pool)), quietly(ask(pool))];
    await expect(ask(pool)).rejects.toMatchObject({ code: 'SERVER_OVERLOADED' });
    await expect.poll(() => made.length).toBe(2);
    void pool.close();
    expect(waiting).toHaveLength(2);
  });

  it('does not start before those that it ended are gone', async () => {
    let gone = (): void => undefined;
    const { pool, made } = await asleep({}, (worker, number) => {
      if (number === 0) worker.onClose = () => new Promise((resolve) => (gone = resolve));
    });
    const answer = ask(pool);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(made).toHaveLength(1);
    gone();
    await expect.poll(() => made[1]?.pendingCount).toBe(1);
    made[1].answer();
    await answer;
  });
});

describe('memory that others need', () => {
  it('is given up by an idle worker beyond min, by spares, and by a version that may sleep', async () => {
    const { pool, made } = make({ min: 1, max: 2, sleepAfterMs: 100_000, extraIdleMs: 100_000, pressedTicks: 1 });
    expect(pool.giveUp('extra')).toBeUndefined();
    await pool.start();
    expect(pool.giveUp('extra')).toBeUndefined();
    const answers = Array.from({ length: 4 }, () => ask(pool));
    await expect.poll(() => ready(made)).toBe(2);
    expect([pool.giveUp('sleep'), pool.lastUsedMs]).toEqual([undefined, Number.POSITIVE_INFINITY]);
    made[0].answer();
    made[1].answer();
    await Promise.all(answers);
    expect(pool.lastUsedMs).toBeLessThanOrEqual(performance.now());
    await pool.giveUp('extra');
    expect(made.map(({ state }) => state)).toEqual(['ready', 'closed']);
    expect(pool.giveUp('spare')).toBeUndefined();
    made[0].spareGone = Promise.resolve();
    expect(pool.giveUp('spare')).toBe(made[0].spareGone);
    await pool.giveUp('sleep');
    expect([pool.isAsleep, made[0].state, pool.counts.evictions]).toEqual([true, 'closed', 1]);
    expect(pool.giveUp('sleep')).toBeUndefined();
  });

  it('is not given up by a version that was not told that it may sleep', async () => {
    const { pool } = make();
    await pool.start();
    expect(pool.giveUp('sleep')).toBeUndefined();
    expect(pool.state).toBe('ready');
  });
});
