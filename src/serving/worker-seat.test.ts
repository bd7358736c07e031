// A worker that is replaced while requests run, with made-up workers: who answers, what is compared, and what is left when something goes wrong.
import { describe, expect, it } from 'vitest';
import { AirlockError, type ErrorCode } from '../core/index.ts';
import type { Signature, Tensor } from '../tensor/index.ts';
import type { OnBlamed, WorkerRunOptions } from './runner.ts';
import type { TrialRules } from './trial.ts';
import { type SeatWorker, WorkerSeat } from './worker-seat.ts';
import type { ModelWorkerState } from './workers/model-worker-options.ts';
import type { WorkerReport } from './workers/worker-report.ts';

const spec = (alias: string) => ({ alias, tensorName: `${alias}:0`, dtype: 'DT_FLOAT' as const, shape: [1] });
const signature: Signature = { name: 'serving_default', methodName: '', inputs: [spec('x')], outputs: [spec('y')] };

const tensor = (value: number): Tensor => ({
  dtype: 'DT_FLOAT',
  shape: [1],
  bytes: new Uint8Array(new Float32Array([value]).buffer),
});
const numberOf = ([{ bytes }]: readonly Tensor[]): number => new Float32Array(bytes.slice().buffer)[0];

class FakeWorker implements SeatWorker {
  state: ModelWorkerState = 'new';
  pendingCount = 0;
  restarts = 0;
  asked = 0;
  /** What is said of how long it was at what it fails. */
  ranMs: number | undefined;
  options: WorkerRunOptions = {};
  answer: (value: number) => number | Promise<number> = (value) => value * 2;
  onStart: () => Promise<void> = () => Promise.resolve();

  get report(): WorkerReport {
    return { restarts: this.restarts } as WorkerReport;
  }

  async start(): Promise<void> {
    this.state = 'starting';
    await this.onStart();
    if (this.state !== 'starting') throw new AirlockError('MODEL_NOT_AVAILABLE');
    this.state = 'ready';
  }

  async run(index: number, inputs: readonly Tensor[], options: WorkerRunOptions = {}): Promise<Tensor[]> {
    this.options = options;
    if (this.state !== 'ready') throw new AirlockError('MODEL_NOT_AVAILABLE');
    this.asked++;
    this.pendingCount++;
    try {
      return [tensor(await this.answer(numberOf(inputs)))];
    } catch (thrown) {
      options.onBlamed?.(index, inputs, AirlockError.from(thrown), this.ranMs);
      throw thrown;
    } finally {
      this.pendingCount--;
    }
  }

  close(): Promise<void> {
    this.state = 'closed';
    return Promise.resolve();
  }
}

const fails = (code: ErrorCode) => () => Promise.reject(new AirlockError(code));

const rules: TrialRules = {
  tolerance: { absolute: 1e-5, relative: 0 },
  mirrorPercent: 0,
  maxFailedPercent: 1,
  refuseDrift: true,
  gateMs: 30,
};
const never = new AbortController().signal;

async function seated() {
  const old = new FakeWorker();
  await old.start();
  const seat = new WorkerSeat({ worker: old, tensorflow: 'old' }, [signature]);
  const ask = async (value: number): Promise<number> => numberOf(await seat.run(0, [tensor(value)]));
  return { seat, old, ask, fresh: new FakeWorker() };
}

/** The same with the new worker in the seat. */
async function changed(over: Partial<TrialRules> = {}) {
  const all = await seated();
  await all.seat.change({ worker: all.fresh, tensorflow: 'new' }, { ...rules, ...over }, never);
  return all;
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('a change of the worker', () => {
  it('lets the old one answer until the new one has loaded, and the new one from then on', async () => {
    const { seat, old, fresh, ask } = await seated();
    let loaded = (): void => undefined;
    fresh.onStart = () => new Promise<void>((resolve) => (loaded = resolve));
    const change = seat.change({ worker: fresh, tensorflow: 'new' }, rules, never);
    expect(await ask(1)).toBe(2);
    expect([old.asked, fresh.asked, seat.tensorflow]).toEqual([1, 0, 'old']);
    loaded();
    await change;
    expect(await ask(2)).toBe(4);
    expect([old.asked, fresh.asked, seat.tensorflow, seat.keptTensorflow]).toEqual([1, 1, 'new', 'old']);
  });

  it('finishes on the old one what was sent to it', async () => {
    const { seat, old, fresh, ask } = await seated();
    let answer = (_value: number): void => undefined;
    old.answer = () => new Promise<number>((resolve) => (answer = resolve));
    const slow = ask(1);
    await seat.change({ worker: fresh, tensorflow: 'new' }, rules, never);
    expect(await ask(5)).toBe(10);
    answer(77);
    expect(await slow).toBe(77);
  });

  it('leaves everything as it was when the new one does not load', async () => {
    const { seat, fresh, ask } = await seated();
    fresh.onStart = fails('MODEL_LOAD_FAILED');
    await expect(seat.change({ worker: fresh, tensorflow: 'new' }, rules, never)).rejects.toMatchObject({
      code: 'MODEL_LOAD_FAILED',
    });
    expect([await ask(1), seat.tensorflow, seat.keptTensorflow, fresh.state]).toEqual([2, 'old', undefined, 'closed']);
    // And another try is possible.
    await seat.change({ worker: new FakeWorker(), tensorflow: 'new' }, rules, never);
    expect(seat.tensorflow).toBe('new');
  });

  it.each([
    ['differs', (value: number) => value * 3, 'its answer differs'],
    ['fails', fails('TENSORFLOW_INVALID_ARGUMENT'), 'failed a request'],
    ['is too slow', fails('DEADLINE_EXCEEDED'), 'failed a request'],
  ])('does not give the seat to one that %s on live requests', async (_what, answer, why) => {
    const { seat, fresh, ask } = await seated();
    fresh.answer = answer;
    const change = seat.change({ worker: fresh, tensorflow: 'new' }, { ...rules, gateMs: 2_000 }, never);
    const failure = expect(change).rejects.toMatchObject({ code: 'PROMOTION_FAILED', message: expect.stringContaining(why) });
    await settle();
    expect(await ask(1)).toBe(2);
    await failure;
    expect(seat.tensorflow).toBe('old');
  });

  it('lets one pass that differs where that was accepted, and one whose predecessor never says the same', async () => {
    const accepted = await seated();
    accepted.fresh.answer = (value) => value * 3;
    const change = accepted.seat.change({ worker: accepted.fresh, tensorflow: 'new' }, { ...rules, refuseDrift: false }, never);
    await settle();
    await accepted.ask(1);
    await change;
    expect(accepted.seat.tensorflow).toBe('new');
    const random = await seated();
    random.old.answer = () => Math.random();
    const other = random.seat.change({ worker: random.fresh, tensorflow: 'new' }, rules, never);
    await settle();
    await random.ask(1);
    await other;
    expect(random.seat.tensorflow).toBe('new');
  });

  it('needs no longer than its live requests take', async () => {
    const { seat, fresh, ask } = await seated();
    const startMs = performance.now();
    const change = seat.change({ worker: fresh, tensorflow: 'new' }, { ...rules, gateRequests: 2, gateMs: 10_000 }, never);
    for (let count = 0; count < 4; count++) {
      await settle();
      await ask(1);
    }
    await change;
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(fresh.asked).toBeGreaterThanOrEqual(2);
  });

  it('refuses one that ends right after it has loaded', async () => {
    const { seat, fresh } = await seated();
    const change = seat.change({ worker: fresh, tensorflow: 'new' }, { ...rules, gateMs: 1_000 }, never);
    await settle();
    fresh.state = 'restarting';
    await expect(change).rejects.toMatchObject({ code: 'PROMOTION_FAILED' });
  });

  it('is given up by its signal and by an unload, and the new one goes', async () => {
    const abort = new AbortController();
    const first = await seated();
    first.fresh.onStart = () => new Promise((resolve) => setTimeout(resolve, 20));
    const change = first.seat.change({ worker: first.fresh, tensorflow: 'new' }, rules, abort.signal);
    abort.abort();
    await expect(change).rejects.toMatchObject({ code: 'CANCELLED' });
    expect([first.fresh.state, first.seat.tensorflow]).toEqual(['closed', 'old']);
    const second = await seated();
    const other = second.seat.change({ worker: second.fresh, tensorflow: 'new' }, { ...rules, gateMs: 5_000 }, never);
    const failure = expect(other).rejects.toMatchObject({ code: 'MODEL_NOT_AVAILABLE' });
    await settle();
    await second.seat.close();
    await failure;
    expect([second.fresh.state, second.old.state]).toEqual(['closed', 'closed']);
  });

  it('is one at a time', async () => {
    const { seat } = await changed();
    await expect(seat.change({ worker: new FakeWorker(), tensorflow: 'third' }, rules, never)).rejects.toMatchObject({
      code: 'PROMOTION_BUSY',
    });
  });
});

describe('after a change', () => {
  it.each<ErrorCode>(['WORKER_CRASHED', 'MODEL_NOT_AVAILABLE', 'TENSORFLOW_UNIMPLEMENTED', 'MODEL_OUTPUT_INVALID'])(
    'the old one answers what the new one fails with %s, and that counts',
    async (code) => {
      const { seat, fresh, ask } = await changed();
      fresh.answer = fails(code);
      for (let count = 0; count < 3; count++) expect(await ask(4)).toBe(8);
      expect(seat.trial?.counts).toMatchObject({ requests: 3, failed: 3, saved: 3 });
      expect(seat.verdict).toContain(`3 of 3 requests failed, and did not before (${code})`);
    },
  );

  it('believes both when both fail, and counts nothing', async () => {
    const { seat, old, fresh, ask } = await changed();
    old.answer = fails('TENSORFLOW_INVALID_ARGUMENT');
    fresh.answer = fails('TENSORFLOW_INTERNAL');
    await expect(ask(1)).rejects.toMatchObject({ code: 'TENSORFLOW_INVALID_ARGUMENT' });
    expect(seat.trial?.counts).toMatchObject({ failed: 0 });
  });

  it('holds nothing against the new one that ended the old one, too, and something against the request then', async () => {
    const { seat, old, fresh } = await changed();
    const blamed: ErrorCode[] = [];
    const ask = () =>
      seat.run(0, [tensor(1)], { client: '', deadlineMs: 5_000, onBlamed: (_index, _inputs, { code }) => blamed.push(code) });
    old.answer = fails('WORKER_CRASHED');
    fresh.answer = fails('WORKER_CRASHED');
    for (let times = 1; times <= 4; times++) {
      await expect(ask()).rejects.toMatchObject({ code: 'WORKER_CRASHED' });
      fresh.restarts++;
    }
    expect([seat.verdict, blamed.length]).toEqual([undefined, 4]);
    old.answer = (value) => value;
    fresh.restarts += 3;
    expect(seat.verdict).toContain('ended 3 times');
  });

  it('gives the old one only what is left of the time', async () => {
    const { old, fresh, seat } = await changed();
    fresh.answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      throw new AirlockError('WORKER_CRASHED');
    };
    await seat.run(0, [tensor(1)], { client: '', deadlineMs: 1_000 });
    expect(fresh.options.deadlineMs).toBe(1_000);
    expect(old.options.deadlineMs).toBeLessThan(950);
  });

  it('says what the new one said when the old one is away', async () => {
    const { old, fresh, ask } = await changed();
    fresh.answer = fails('WORKER_CRASHED');
    old.state = 'restarting';
    await expect(ask(1)).rejects.toMatchObject({ code: 'WORKER_CRASHED' });
  });

  it('does not ask the old one for what a client did wrong, and has no second try for a deadline', async () => {
    const { seat, old, fresh, ask } = await changed();
    fresh.answer = fails('TENSOR_TOO_LARGE');
    await expect(ask(1)).rejects.toMatchObject({ code: 'TENSOR_TOO_LARGE' });
    fresh.answer = fails('DEADLINE_EXCEEDED');
    old.answer = () => new Promise<number>(() => undefined);
    await expect(ask(1)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(seat.trial?.counts).toMatchObject({ requests: 2, failed: 0, saved: 0 });
  });

  describe('a worker that is ended at a request that is late', () => {
    /** Late so many times, each an end of the new worker, after it was at the request for `ranMs`. */
    async function late(times: number, ranMs: number, oldAnswer: FakeWorker['answer']) {
      const all = await changed({ timeoutMs: 1_000 });
      const { seat, old, fresh, ask } = all;
      const blamed: (number | undefined)[] = [];
      fresh.answer = fails('DEADLINE_EXCEEDED');
      fresh.ranMs = ranMs;
      old.answer = oldAnswer;
      old.ranMs = 1_500;
      for (let count = 0; count < times; count++) {
        const context = { client: '', deadlineMs: 50, onBlamed: (...[, , , ms]: Parameters<OnBlamed>) => blamed.push(ms) };
        await expect(seat.run(0, [tensor(1)], context)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
        fresh.restarts++;
        await settle();
      }
      return { seat, old, fresh, ask, blamed };
    }

    it('does not go because of deadlines that clients chose or queues used up', async () => {
      const { seat, old, blamed } = await late(5, 550, (value) => value);
      expect([seat.verdict, old.asked, blamed]).toEqual([undefined, 0, []]);
      expect(seat.trial?.counts).toMatchObject({ requests: 5, failed: 0 });
    });

    it('does not go because of requests that are as late with the old one, which are held against the request', async () => {
      const { seat, old, blamed } = await late(5, 1_500, fails('DEADLINE_EXCEEDED'));
      expect([seat.verdict, old.asked, blamed]).toEqual([undefined, 5, [1_500, 1_500, 1_500, 1_500, 1_500]]);
      expect(old.options.deadlineMs).toBeUndefined();
    });

    it('goes when the old one answers them', async () => {
      expect((await late(2, 1_500, (value) => value)).seat.verdict).toBeUndefined();
      const { seat, blamed } = await late(3, 1_500, (value) => value);
      expect([seat.verdict, blamed]).toEqual(['its worker ended 3 times', []]);
      expect(seat.trial?.counts).toMatchObject({ failed: 3, saved: 0 });
    });

    it('is not asked to answer others before it is back, and fails them for a reason of its own afterwards', async () => {
      const { seat, fresh, ask } = await late(1, 550, (value) => value * 2);
      fresh.state = 'restarting';
      for (let count = 0; count < 5; count++) expect(await ask(4)).toBe(8);
      expect(seat.trial?.counts).toMatchObject({ failed: 0, saved: 0 });
      fresh.state = 'ready';
      fresh.answer = (value) => value * 2;
      await ask(4);
      fresh.state = 'restarting';
      await ask(4);
      expect(seat.trial?.counts).toMatchObject({ failed: 1, saved: 1 });
    });

    it('leaves an old one alone that has something else to do', async () => {
      const { seat, old, fresh, ask } = await changed({ timeoutMs: 1_000 });
      fresh.answer = fails('DEADLINE_EXCEEDED');
      fresh.ranMs = 1_500;
      old.pendingCount = 1;
      await expect(ask(1)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      expect(old.asked).toBe(0);
      old.pendingCount = 0;
      old.answer = () => new Promise<number>(() => undefined);
      for (let count = 0; count < 3; count++) await expect(ask(1)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      expect([old.asked, seat.trial?.counts.failed]).toEqual([1, 0]);
    });
  });

  it('counts nothing where the new one ended and the old one had too little time left to say more', async () => {
    const { seat, old, fresh } = await changed();
    fresh.answer = fails('WORKER_CRASHED');
    old.answer = fails('DEADLINE_EXCEEDED');
    for (let count = 0; count < 3; count++) {
      await expect(seat.run(0, [tensor(1)], { client: '', deadlineMs: 10 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      fresh.restarts++;
    }
    expect([seat.verdict, seat.trial?.counts.failed]).toEqual([undefined, 0]);
  });

  it('compares a share of the answers without letting anybody wait', async () => {
    const { seat, old, ask } = await changed({ mirrorPercent: 50 });
    let answer = (_value: number): void => undefined;
    old.answer = () => new Promise<number>((resolve) => (answer = resolve));
    expect(await ask(1)).toBe(2);
    expect(await ask(1)).toBe(2);
    answer(2);
    old.answer = (value) => value * 2;
    await settle();
    for (let count = 0; count < 8; count++) {
      expect(await ask(1)).toBe(2);
      await settle();
    }
    expect(seat.trial?.counts).toMatchObject({ requests: 10, compared: 5, drifted: 0 });
    expect(seat.verdict).toBeUndefined();
  });

  it('finds answers that drift, and not those of a model that never says the same', async () => {
    const { seat, fresh, ask } = await changed({ mirrorPercent: 100 });
    fresh.answer = (value) => value * 2 + 1;
    for (let count = 0; count < 3; count++) {
      await ask(1);
      await settle();
    }
    expect(seat.trial?.counts).toMatchObject({ compared: 3, drifted: 3, maxAbsolute: 1 });
    expect(seat.verdict).toContain('3 of 3 answers differ: output y by up to 1.00');
    const random = await changed({ mirrorPercent: 100 });
    random.old.answer = () => Math.random();
    for (let count = 0; count < 5; count++) {
      await random.ask(1);
      await settle();
    }
    expect(random.seat.trial?.counts).toMatchObject({ drifted: 0, unstable: 5 });
    expect(random.seat.verdict).toBeUndefined();
  });

  it('finds a worker that ends again and again, counted from when it took over', async () => {
    const { seat, fresh } = await changed();
    fresh.restarts = 2;
    expect(seat.verdict).toBeUndefined();
    fresh.restarts = 3;
    expect(seat.verdict).toContain('ended 3 times');
  });

  it('goes back at once, and finishes on the new one what was sent to it', async () => {
    const { seat, old, fresh, ask } = await changed();
    let answer = (_value: number): void => undefined;
    fresh.answer = () => new Promise<number>((resolve) => (answer = resolve));
    const slow = ask(1);
    expect(seat.goBack()).toBe(true);
    expect(await ask(5)).toBe(10);
    expect(old.asked).toBe(1);
    answer(99);
    expect(await slow).toBe(99);
    await seat.left();
    expect([seat.tensorflow, seat.trial, fresh.state, seat.goBack()]).toEqual(['old', undefined, 'closed', false]);
  });

  it('stays for good when the old one is let go', async () => {
    const { seat, old, ask } = await changed();
    await seat.letGo();
    expect([old.state, seat.keptTensorflow, seat.trial, await ask(3)]).toEqual(['closed', undefined, undefined, 6]);
  });

  it('is ready while either of them is', async () => {
    const { seat, old, fresh } = await changed();
    fresh.state = 'restarting';
    expect(seat.ready).toBe(true);
    old.state = 'restarting';
    expect(seat.ready).toBe(false);
  });

  it('closes both', async () => {
    const { seat, old, fresh } = await changed();
    await seat.close();
    expect([old.state, fresh.state]).toEqual(['closed', 'closed']);
  });
});
