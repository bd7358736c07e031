// Batches in a real worker with TensorFlow: rows of several clients in one run, a row that fails, a signature whose rows influence each other, and inputs that end a worker.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { readModelContent } from '../../src/model/index.ts';
import { type ModelWorker, RunScheduler, type RunSchedulerEvent } from '../../src/serving/index.ts';
import { workerEntry } from '../../src/worker/index.ts';
import { attribute, node, placeholder, writeSavedModel } from '../support/graph.ts';
import { notBuilt } from '../support/jail-level.ts';
import { noContent } from '../support/plain-jail.ts';
import { needsRuntime, requireSlot } from '../support/runtime.ts';
import { superviseWorker } from '../support/supervise-worker.ts';
import { floats, floatsOf, signature, spec } from '../support/tensors.ts';

const open: ModelWorker[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((worker) => worker.close()));
});

const limits = { timeoutMs: 10_000, maxQueue: 256 };
const codeOf = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    () => 'answered',
    (thrown: { code: string }) => thrown.code,
  );

const whyNot = `${needsRuntime}${notBuilt}`;

describe.skipIf(whyNot !== '')(`batches in TensorFlow${whyNot}`, () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'airlock-batching-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('answer each client as alone, single out the row that fails, and are not used where rows influence each other', async () => {
    const float = { T: attribute.type(1) };
    const axis = { dtype: attribute.type(3), value: attribute.tensor(3, [1], new Uint8Array(4)) };
    writeSavedModel(directory, [
      placeholder('x', 1),
      node('checked', 'CheckNumerics', ['x'], { ...float, message: attribute.text('not finite') }),
      node('y', 'AddV2', ['checked', 'checked'], float),
      node('axis', 'Const', [], axis),
      node('mean', 'Mean', ['x', 'axis'], { ...float, Tidx: attribute.type(3) }),
      node('z', 'Sub', ['x', 'mean'], float),
    ]);
    const x = [spec('x:0', 'DT_FLOAT', [-1, 2])];
    const signatures = [
      signature(x, [spec('y:0', 'DT_FLOAT', [-1, 2])], 'double'),
      signature(x, [spec('z:0', 'DT_FLOAT', [-1, 2])], 'centred'),
    ];
    const { worker } = superviseWorker({
      entry: workerEntry,
      slot: requireSlot(),
      content: () => readModelContent(directory),
      signatures,
    });
    open.push(worker);
    await worker.start();
    const events: RunSchedulerEvent[] = [];
    const rows: number[] = [];
    const scheduler = new RunScheduler({
      signatures,
      limits,
      batching: { maxRows: 8, maxDelayMs: 2 },
      onEvent: (event) => events.push(event),
      next: {
        run: (index, inputs, context) => {
          rows.push(inputs[0].shape[0]);
          return worker.run(index, inputs, context);
        },
      },
    });
    const ask = async (index: number, client: string, value: number): Promise<number[]> => {
      const [output] = await scheduler.run(index, [floats([1, 2], value, value + 1)], { client });
      return floatsOf(output);
    };
    for (let round = 0; round < 40 && events.length < 2; round++) {
      const doubles = Array.from({ length: 8 }, (_, i) => ask(0, `c${i}`, i + round));
      expect(await Promise.all(doubles)).toEqual(Array.from({ length: 8 }, (_, i) => [2 * (i + round), 2 * (i + round) + 2]));
      const centred = Array.from({ length: 4 }, (_, i) => ask(1, `c${i}`, i + round));
      expect(await Promise.all(centred)).toEqual(Array.from({ length: 4 }, () => [0, 0]));
    }
    expect(new Set(events.map(({ kind, signature }) => `${kind} ${signature}`))).toEqual(
      new Set(['batchingProven double', 'batchingOff centred']),
    );
    rows.length = 0;
    const answers = Array.from({ length: 24 }, (_, i) => codeOf(ask(0, `c${i}`, i === 13 ? Number.NaN : i)));
    expect(await Promise.all(answers)).toEqual(
      Array.from({ length: 24 }, (_, i) => (i === 13 ? 'TENSORFLOW_INVALID_ARGUMENT' : 'answered')),
    );
    expect(Math.max(...rows)).toBeGreaterThan(1);
    expect(worker.report.restarts).toBe(0);
  });
});

describe('a request that ends a worker', () => {
  const signatures = [signature([spec('x:0', 'DT_FLOAT')], [spec('y:0', 'DT_FLOAT', [1])])];
  const exits = 9;
  const hangs = 8;

  /** A scheduler whose worker has ended twice at this request, and is back. */
  async function askTwice(misdeed: number, timeoutMs: number, deadlineMs = timeoutMs) {
    const { worker, waitFor } = superviseWorker({
      slot: { ccPath: '/nonexistent/cc', frameworkPath: '/nonexistent/framework' },
      content: noContent,
      signatures,
      entry: path.join(import.meta.dirname, 'fixtures/fake-worker.mjs'),
      limits: { timeoutMs, graceMs: 100 },
    });
    open.push(worker);
    await worker.start();
    const scheduler = new RunScheduler({
      signatures,
      limits: { ...limits, timeoutMs },
      next: { run: (index, inputs, context) => worker.run(index, inputs, context) },
    });
    const ask = (value: number, wishedMs = timeoutMs): Promise<string> =>
      codeOf(scheduler.run(0, [floats([1], value)], { client: 'a', deadlineMs: wishedMs }));
    for (let i = 0; i < 2; i++) {
      expect(await ask(misdeed, deadlineMs)).toBe(misdeed === exits ? 'WORKER_CRASHED' : 'DEADLINE_EXCEEDED');
      while (worker.report.restarts <= i) await new Promise((resolve) => setTimeout(resolve, 10));
      await waitFor('ready');
    }
    return { worker, ask };
  }

  it.each([
    ['exits', exits, 10_000],
    ['hangs', hangs, 300],
  ] as const)('%s: it is not run a third time, and the model answers others', async (_what, misdeed, timeoutMs) => {
    const { worker, ask } = await askTwice(misdeed, timeoutMs);
    expect(await ask(misdeed)).toBe('REQUEST_POISONED');
    expect(await ask(0)).toBe('answered');
    expect(worker.report.restarts).toBe(2);
  });

  it('is run again when it only passed a deadline that its client chose, which any request might', async () => {
    const { ask } = await askTwice(hangs, 10_000, 150);
    expect(await ask(hangs, 150)).toBe('DEADLINE_EXCEEDED');
  });

  it('is not blamed when somebody else killed the worker', async () => {
    const { worker, waitFor } = superviseWorker({
      slot: { ccPath: '/nonexistent/cc', frameworkPath: '/nonexistent/framework' },
      content: noContent,
      signatures,
      entry: path.join(import.meta.dirname, 'fixtures/fake-worker.mjs'),
    });
    open.push(worker);
    await worker.start();
    const scheduler = new RunScheduler({ signatures, limits, next: { run: (i, x, context) => worker.run(i, x, context) } });
    for (let i = 0; i < 2; i++) {
      const answer = codeOf(scheduler.run(0, [floats([1], hangs)], { client: 'a' }));
      process.kill(worker.processId ?? 0, 'SIGKILL');
      expect(await answer).toBe('WORKER_CRASHED');
      while (worker.report.restarts <= i) await new Promise((resolve) => setTimeout(resolve, 10));
      await waitFor('ready');
    }
    const again = codeOf(scheduler.run(0, [floats([1], hangs)], { client: 'a' }));
    process.kill(worker.processId ?? 0, 'SIGKILL');
    expect(await again).toBe('WORKER_CRASHED');
  });
});
