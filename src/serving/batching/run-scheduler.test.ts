// Who runs when: fair shares, deadlines that are kept or refused at once, requests that run together, and inputs that ended a worker.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { floats, floatsOf, signature, spec } from '../../../tests/support/tensors.ts';
import { AirlockError, type ErrorCode } from '../../core/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { RunContext, Runner } from '../runner.ts';
import { RunScheduler } from './run-scheduler.ts';
import type { RunSchedulerEvent, RunSchedulerOptions } from './run-scheduler-types.ts';

const rowsSignature = signature([spec('x:0', 'DT_FLOAT', [-1, 1])], [spec('y:0', 'DT_FLOAT', [-1, 1])]);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const row = (...values: number[]): Tensor[] => [floats([values.length, 1], ...values)];

/** A worker that answers one run at a time, the double of each row after `runMs`, and remembers what it ran. */
class FakeWorker implements Runner {
  readonly runs: { readonly values: readonly number[]; readonly context: RunContext }[] = [];
  runMs: number;
  /** May answer otherwise, or throw. */
  model = (values: readonly number[]): readonly number[] => values.map((value) => 2 * value);
  /** At these it ends. */
  endsAt: ((values: readonly number[]) => boolean) | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(runMs = 1) {
    this.runMs = runMs;
  }

  run(signatureIndex: number, inputs: readonly Tensor[], context: RunContext): Promise<readonly Tensor[]> {
    const values = floatsOf(inputs[0]);
    this.runs.push({ values, context });
    const answer = this.#turn.then(async () => {
      await pause(this.runMs);
      if (this.endsAt?.(values)) {
        const error = new AirlockError('WORKER_CRASHED');
        context.onBlamed?.(signatureIndex, inputs, error);
        throw error;
      }
      const outputs = this.model(values);
      return [floats([outputs.length, 1], ...outputs)];
    });
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  get sizes(): number[] {
    return this.runs.map(({ values }) => values.length);
  }
}

function schedule(worker: Runner, options: Partial<RunSchedulerOptions> = {}) {
  const events: RunSchedulerEvent[] = [];
  const scheduler = new RunScheduler({
    signatures: [rowsSignature],
    limits: { timeoutMs: 10_000, maxQueue: 256 },
    depth: () => 1,
    next: worker,
    onEvent: (event) => events.push(event),
    ...options,
  });
  const ask = async (client: string, values: readonly number[], deadlineMs?: number): Promise<number[]> => {
    const outputs = await scheduler.run(0, row(...values), { client, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
    return floatsOf(outputs[0]);
  };
  return { scheduler, events, ask };
}

const codeOf = (answer: Promise<unknown>): Promise<ErrorCode | 'answered'> =>
  answer.then(
    () => 'answered' as const,
    (thrown: unknown) => AirlockError.from(thrown).code,
  );

describe('the queue', () => {
  it('hands a request on at once while there is room, with the client and the time that it has', async () => {
    const worker = new FakeWorker();
    const { ask } = schedule(worker, { depth: () => 2 });
    const answers = [ask('a', [1], 700), ask('b', [2])];
    expect(worker.runs).toHaveLength(2);
    expect(worker.runs.map(({ context }) => [context.client, context.deadlineMs])).toEqual([
      ['a', 700],
      ['b', 10_000],
    ]);
    expect(await Promise.all(answers)).toEqual([[2], [4]]);
  });

  it('lets one client who floods wait for itself: another comes next', async () => {
    const worker = new FakeWorker();
    const { ask } = schedule(worker);
    const flood = Array.from({ length: 100 }, () => ask('flood', [1]));
    const honest = ask('honest', [7]);
    await honest;
    expect(worker.runs.findIndex(({ context }) => context.client === 'honest')).toBeLessThanOrEqual(3);
    await Promise.all(flood);
  });

  it('drops the newest of who has most waiting when it is full, not the newcomer', async () => {
    const { ask, scheduler } = schedule(new FakeWorker(), { limits: { timeoutMs: 10_000, maxQueue: 4 } });
    const flood = Array.from({ length: 7 }, () => codeOf(ask('flood', [1])));
    const honest = codeOf(ask('honest', [7]));
    expect(await Promise.all(flood)).toEqual([
      'answered',
      'answered',
      'answered',
      'answered',
      ...Array<string>(3).fill('SERVER_OVERLOADED'),
    ]);
    expect(await honest).toBe('answered');
    expect(scheduler.report.refused.overloaded).toBe(3);
  });

  it('fails what passes its deadline while it waits, then and not later', async () => {
    const worker = new FakeWorker(300);
    const { ask, scheduler } = schedule(worker);
    const first = ask('a', [1]);
    const startMs = performance.now();
    expect(await codeOf(ask('b', [2], 60))).toBe('DEADLINE_EXCEEDED');
    expect(performance.now() - startMs).toBeLessThan(290);
    await first;
    expect(worker.runs).toHaveLength(1);
    expect(scheduler.report).toMatchObject({ waiting: 0, expired: 1, inFlight: 0 });
    expect(await codeOf(ask('b', [2], Number.NaN))).not.toBe('DEADLINE_UNREACHABLE');
  });

  it('hands on only the time that is left', async () => {
    const worker = new FakeWorker(50);
    const { ask } = schedule(worker);
    await Promise.all([ask('a', [1]), ask('b', [2], 1_000)]);
    expect(worker.runs[1].context.deadlineMs).toBeLessThanOrEqual(955);
  });

  it('refuses at once what clearly cannot be answered in time, and says when it may come again', async () => {
    const worker = new FakeWorker(40);
    const { ask, scheduler } = schedule(worker);
    for (let i = 0; i < 4; i++) await ask('a', [1]);
    const busy = Array.from({ length: 8 }, () => ask('a', [1]));
    const error = await scheduler.run(0, row(1), { client: 'a', deadlineMs: 100 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'DEADLINE_UNREACHABLE', retry: true });
    expect((error as AirlockError).retryAfterMs).toBeGreaterThan(100);
    // Somebody else has only one before him.
    expect(await codeOf(ask('b', [1], 400))).toBe('answered');
    await Promise.all(busy);
    expect(await codeOf(ask('a', [1], 5))).toBe('DEADLINE_UNREACHABLE');
  });

  it('refuses nobody for what was never measured, nor for ever for what was slow once', async () => {
    const worker = new FakeWorker(30);
    const { ask } = schedule(worker);
    const busy = Array.from({ length: 5 }, () => ask('a', [1]));
    expect(await codeOf(ask('b', [1], 20))).toBe('DEADLINE_EXCEEDED');
    await Promise.all(busy);
    worker.runMs = 0;
    let refusals = 0;
    while ((await codeOf(ask('a', [1], 15))) === 'DEADLINE_UNREACHABLE' && refusals < 200) refusals++;
    expect(refusals).toBeGreaterThan(0);
    expect(refusals).toBeLessThan(100);
  });

  it('goes by the predicted time where there is one', async () => {
    const { scheduler } = schedule(new FakeWorker());
    const cost = { flops: 1, bytes: 1, peakBytes: 1, milliseconds: 500, isBounded: true, top: () => [] };
    expect(await codeOf(scheduler.run(0, row(1), { client: 'a', deadlineMs: 100, cost }))).toBe('DEADLINE_UNREACHABLE');
  });

  it('refuses nobody for a predicted time that is no number, or that was measured to be shorter', async () => {
    const worker = new FakeWorker(5);
    const { scheduler, ask } = schedule(worker);
    const cost = (milliseconds: number) => ({ flops: 1, bytes: 1, peakBytes: 1, milliseconds, isBounded: false, top: () => [] });
    const run = (milliseconds: number, deadlineMs = 5_000) =>
      codeOf(scheduler.run(0, row(1), { client: 'a', deadlineMs, cost: cost(milliseconds) }));
    const odd = [Number.POSITIVE_INFINITY, Number.NaN, Number.POSITIVE_INFINITY].map((ms) => run(ms));
    expect(await Promise.all([...odd, ...['b', 'c'].map((client) => codeOf(ask(client, [1], 5_000)))])).toEqual(
      Array(5).fill('answered'),
    );
    expect(await Promise.all([run(60_000), run(60_000)])).toEqual(['answered', 'answered']);
    expect(scheduler.report.inFlight).toBe(0);
  });

  it('tells each part that took time', async () => {
    const { scheduler } = schedule(new FakeWorker(20));
    const phases: string[] = [];
    const onPhase = (phase: string, startMs: number, endMs: number): void => {
      phases.push(phase);
      expect(endMs - startMs).toBeGreaterThan(10);
    };
    await Promise.all([0, 1].map(() => scheduler.run(0, row(1), { client: 'a', onPhase })));
    expect(phases).toEqual(['run', 'queue', 'run']);
  });
});

describe('inputs that end a worker', () => {
  it('are refused after the second time, and others are not', async () => {
    const worker = new FakeWorker();
    worker.endsAt = (values) => values.includes(-1);
    const { ask, events, scheduler } = schedule(worker);
    expect(await codeOf(ask('a', [-1]))).toBe('WORKER_CRASHED');
    expect(await codeOf(ask('b', [-1]))).toBe('WORKER_CRASHED');
    expect(await codeOf(ask('c', [-1]))).toBe('REQUEST_POISONED');
    expect(await ask('a', [3])).toEqual([6]);
    expect(worker.runs).toHaveLength(3);
    expect(events).toEqual([{ kind: 'poisoned', signature: 'serving_default', code: 'WORKER_CRASHED' }]);
    expect(scheduler.report.poisoned).toEqual({ found: 1, refused: 1 });
  });

  it('are forgotten when they are answered some times afterwards', async () => {
    let ends = false;
    const worker = new FakeWorker();
    worker.endsAt = () => ends;
    const { ask } = schedule(worker);
    for (let round = 0; round < 4; round++) {
      ends = true;
      expect(await codeOf(ask('a', [1]))).toBe('WORKER_CRASHED');
      ends = false;
      for (let answers = 0; answers < 3; answers++) expect(await ask('b', [1])).toEqual([2]);
    }
  });

  it.each([
    ['CPU_TIME_EXCEEDED', undefined, 1, 'REQUEST_POISONED'],
    // Requests before, or other models, may have taken most of the memory.
    ['WORKER_OUT_OF_MEMORY', undefined, 1, 'answered'],
    ['WORKER_OUT_OF_MEMORY', undefined, 2, 'REQUEST_POISONED'],
    ['DEADLINE_EXCEEDED', 10_000, 2, 'REQUEST_POISONED'],
    // A deadline that its client chose is no reason to refuse others.
    ['DEADLINE_EXCEEDED', 600, 2, 'answered'],
  ] as const)('%s after %s ms, %s times: the next one is %s', async (code, ranMs, times, expected) => {
    const { ask } = schedule({
      run: async (index, inputs, { onBlamed }) => {
        if (++runs > times) return row(1);
        onBlamed?.(index, inputs, new AirlockError(code), ranMs);
        throw new AirlockError(code);
      },
    });
    let runs = 0;
    for (let i = 0; i < times; i++) expect(await codeOf(ask('a', [1]))).toBe(code);
    expect(await codeOf(ask('a', [1]))).toBe(expected);
  });
});

const batching = { maxRows: 16, maxDelayMs: 5 };

/** Asks until batches are used. */
async function prove({ ask, events }: ReturnType<typeof schedule>): Promise<void> {
  let value = 1;
  for (let round = 0; round < 20 && events.length === 0; round++)
    await Promise.all(Array.from({ length: 4 }, () => ask('a', [value++])));
}

describe('batching', () => {
  it('answers by single runs until batches were shown to be the same, then together', async () => {
    const worker = new FakeWorker();
    const made = schedule(worker, { batching });
    await prove(made);
    expect(made.events).toEqual([{ kind: 'batchingProven', signature: 'serving_default' }]);
    const before = worker.runs.length;
    const answers = Array.from({ length: 33 }, (_, i) => made.ask(`client ${i % 5}`, [i, i + 0.5]));
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 33 }, (_, i) => [2 * i, 2 * i + 1]));
    expect(worker.runs.length - before).toBeLessThanOrEqual(8);
    expect(Math.max(...worker.sizes)).toBeLessThanOrEqual(16);
    expect(made.scheduler.report.batchRows.counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  });

  it.each([
    ['takes the mean of the batch away', (values: readonly number[]) => values.map((v) => v - mean(values))],
    ['draws random numbers', (values: readonly number[]) => values.map((v) => v + Math.random())],
    ['gives one row for all', (values: readonly number[]) => [mean(values)]],
  ])('is never used for a model that %s, and everybody gets what it says alone', async (_what, model) => {
    const worker = new FakeWorker();
    worker.model = model;
    const made = schedule(worker, { batching });
    const answered: number[][] = [];
    for (let round = 0; round < 6; round++)
      answered.push(...(await Promise.all([1, 2, 3].map((i) => made.ask('a', [i + 10 * round])))));
    expect(made.events).toMatchObject([{ kind: 'batchingOff' }]);
    expect(answered.every(([value], i) => value <= 1 + (i % 3) + 1 + 10 * Math.floor(i / 3))).toBe(true);
    expect(worker.sizes.filter((rows) => rows > 1).length).toBeLessThanOrEqual(1);
  });

  it('does not take equal rows for a proof', async () => {
    const worker = new FakeWorker();
    worker.model = (values) => values.map((v) => v - mean(values));
    const made = schedule(worker, { batching });
    for (let round = 0; round < 10; round++) await Promise.all([1, 2, 3].map(() => made.ask('a', [5])));
    expect(made.events).toEqual([]);
    for (let i = 0; i < 50 && made.events.length === 0; i++)
      expect(await Promise.all([i, i + 1].map((value) => made.ask('a', [value])))).toEqual([[0], [0]]);
    expect(made.events).toMatchObject([{ kind: 'batchingOff' }]);
  });

  it.each([
    ['requests that are all the same', (_round: number, _i: number) => 5, 0],
    ['requests that are all answered alike', (round: number, i: number) => 4 * round + i, 6],
  ])('does not hold a model at double cost with %s', async (_what, inputOf, most) => {
    const worker = new FakeWorker(0);
    worker.model = (values) => values.map(() => 1);
    const { ask, events } = schedule(worker, { batching });
    for (let round = 0; round < 48; round++)
      await Promise.all(Array.from({ length: 4 }, (_, i) => ask('health', [inputOf(round, i)])));
    expect(worker.sizes.filter((rows) => rows > 1).length).toBeLessThanOrEqual(most);
    expect(events).toEqual([]);
    // Others prove it all the same.
    worker.model = (values) => values.map((value) => 2 * value);
    for (let round = 0; round < 6 && events.length === 0; round++)
      await Promise.all(Array.from({ length: 4 }, (_, i) => ask('a', [4 * round + i])));
    expect(events).toMatchObject([{ kind: 'batchingProven' }]);
  });

  it('gives the culprit its error and the others their answers, and runs the culprit and its client by themselves from then on', async () => {
    const worker = new FakeWorker();
    const made = schedule(worker, { batching });
    await prove(made);
    worker.endsAt = (values) => values.includes(-1);
    const answers = Array.from({ length: 12 }, (_, i) => codeOf(made.ask(i === 5 ? 'bad' : `c${i}`, [i === 5 ? -1 : i])));
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 12 }, (_, i) => (i === 5 ? 'WORKER_CRASHED' : 'answered')));
    expect(await codeOf(made.ask('x', [-1]))).toBe('REQUEST_POISONED');
    const before = worker.runs.length;
    await Promise.all(Array.from({ length: 4 }, (_, i) => made.ask('bad', [i])));
    expect(worker.sizes.slice(before)).toEqual([1, 1, 1, 1]);
    expect(made.scheduler.report.splits).toBeGreaterThan(0);
  });

  it('takes rows that are answered alike, whatever is beside them, for no proof', async () => {
    const worker = new FakeWorker();
    worker.model = (values) => values.map((v) => (v >= 100 ? 1 : v - mean(values)));
    const { ask, events } = schedule(worker, { batching });
    for (let round = 0; round < 12; round++)
      await Promise.all(Array.from({ length: 4 }, (_, i) => ask('attacker', [100 + 4 * round + i])));
    expect(events).toEqual([]);
    // By themselves they are all answered alike, too: such a batch is compared now and then.
    for (let round = 0; round < 64 && events.length === 0; round++) {
      const answers = await Promise.all(Array.from({ length: 4 }, (_, i) => ask(`c${i}`, [i])));
      expect(answers).toEqual([[0], [0], [0], [0]]);
    }
    expect(events).toMatchObject([{ kind: 'batchingOff' }]);
  });

  it('compares often at first: a model that was shown its best side is found out soon', async () => {
    const worker = new FakeWorker();
    const made = schedule(worker, { batching });
    await prove(made);
    worker.model = (values) => values.map((v) => v - mean(values));
    let rounds = 0;
    for (; made.events.length < 2 && rounds < 20; rounds++)
      await Promise.all(Array.from({ length: 4 }, (_, i) => made.ask(`c${i}`, [i])));
    expect([made.events.at(-1)?.kind, rounds < 5]).toEqual(['batchingOff', true]);
  });

  it('lets an input that made a batch fail meet nobody any more, whoever sends it', async () => {
    const worker = new FakeWorker();
    const made = schedule(worker, { batching });
    await prove(made);
    worker.model = (values) => {
      if (values.includes(-1)) throw new AirlockError('TENSORFLOW_INVALID_ARGUMENT');
      return values;
    };
    const round = (bad: string) =>
      Promise.all(Array.from({ length: 8 }, (_, i) => codeOf(made.ask(i === 3 ? bad : `c${i}`, [i === 3 ? -1 : i]))));
    await round('first');
    const before = worker.runs.length;
    const codes = await round('second');
    expect(codes.indexOf('TENSORFLOW_INVALID_ARGUMENT')).toBe(3);
    const ran = worker.runs.slice(before).filter(({ values }) => values.includes(-1));
    expect(ran.map(({ values }) => values)).toEqual([[-1]]);
  });

  it('never gives anybody the rows of another, whatever is asked, waits, fails or is late', async () => {
    const requests = fc.record({
      client: fc.constantFrom('a', 'b', 'c', 'd'),
      values: fc.array(fc.integer({ min: -1, max: 1_000 }), { minLength: 1, maxLength: 6 }),
      pauseMs: fc.constantFrom(0, 0, 0, 1, 3),
      deadlineMs: fc.constantFrom(undefined, undefined, 5, 50),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(requests, { minLength: 1, maxLength: 40 }), fc.boolean(), async (all, ends) => {
        const worker = new FakeWorker(0);
        const made = schedule(worker, { batching: { maxRows: 8, maxDelayMs: 1 } });
        await prove(made);
        if (ends) worker.endsAt = (values) => values.includes(-1);
        const answers: Promise<void>[] = [];
        for (const { client, values, pauseMs, deadlineMs } of all) {
          if (pauseMs > 0) await pause(pauseMs);
          const check = async (): Promise<void> => {
            try {
              expect(await made.ask(client, values, deadlineMs)).toEqual(values.map((value) => 2 * value));
            } catch (thrown) {
              const { code } = AirlockError.from(thrown);
              if (code === 'INTERNAL') throw thrown;
              const mayFail = (ends && values.includes(-1)) || deadlineMs !== undefined;
              // More culprits than may be looked for: the rest is told that it may come again.
              expect(mayFail || (ends && code === 'WORKER_CRASHED')).toBe(true);
            }
          };
          answers.push(check());
        }
        await Promise.all(answers);
        // What is only compared may still run.
        while (made.scheduler.report.inFlight > 0) await pause(1);
        expect(made.scheduler.report.waiting).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it('does not let a single caller wait for others who never come', async () => {
    const worker = new FakeWorker(0);
    const made = schedule(worker, { batching: { maxRows: 16, maxDelayMs: 50 } });
    await prove(made);
    worker.runMs = 20;
    const gathered: number[] = [];
    for (let i = 0; i < 40; i++) {
      const startMs = performance.now();
      const onPhase = (phase: string): void => {
        if (phase === 'batch') gathered.push(i);
      };
      await made.scheduler.run(0, row(i), { client: 'a', onPhase });
      expect(performance.now() - startMs).toBeLessThan(2_000);
    }
    expect(gathered.filter((i) => i >= 20)).toEqual([]);
  });

  it('keeps a member that is late from the others: it fails at its deadline, they are answered', async () => {
    const worker = new FakeWorker();
    const made = schedule(worker, { batching });
    await prove(made);
    worker.runMs = 150;
    const busy = made.ask('a', [1]);
    const startMs = performance.now();
    const late = codeOf(made.ask('b', [2], 60)).then((code) => [code, performance.now() - startMs] as const);
    const patient = made.ask('c', [3]);
    const [code, tookMs] = await late;
    expect(code).toBe('DEADLINE_EXCEEDED');
    expect(tookMs).toBeLessThan(145);
    expect(await patient).toEqual([6]);
    await busy;
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
