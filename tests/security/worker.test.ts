// A worker whose process an attacker owns can do no more than fail its own requests: every lie on the socket, every hang and every
// death gives the requests in flight an error that may be retried, restarts that worker, and leaves every other model alone.
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AirlockError, type ErrorCode } from '../../src/core/index.ts';
import type { ModelChunk } from '../../src/model/index.ts';
import type { ModelWorker, ModelWorkerOptions } from '../../src/serving/index.ts';
import { noContent } from '../support/plain-jail.ts';
import { type Supervised, superviseWorker } from '../support/supervise-worker.ts';
import { floats, floatsOf, signature, spec } from '../support/tensors.ts';

const entry = path.join(import.meta.dirname, 'fixtures/fake-worker.mjs');
const signatures = [signature([spec('x:0', 'DT_FLOAT')], [spec('y:0', 'DT_FLOAT', [1])])];
const noLibraries = { ccPath: '/nonexistent/cc', frameworkPath: '/nonexistent/framework' };

const open: ModelWorker[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((worker) => worker.close()));
});

const fake = { entry, slot: noLibraries, content: noContent, signatures };

function make(options: Partial<ModelWorkerOptions> = {}): Supervised {
  const supervised = superviseWorker({ ...fake, ...options });
  open.push(supervised.worker);
  return supervised;
}

const ask = (worker: ModelWorker, misdeed: number, deadlineMs = 10_000) => worker.run(0, [floats([1], misdeed)], { deadlineMs });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms, 'nothing'));
const failsWith = (code: ErrorCode) => expect.objectContaining({ code });

describe('a worker that lies', () => {
  const neighbour = superviseWorker(fake);
  beforeAll(() => neighbour.worker.start());
  afterAll(() => neighbour.worker.close());

  const lies: [string, number, ErrorCode][] = [
    ['a wrong magic number', 1, 'WORKER_PROTOCOL_VIOLATION'],
    ['an answer to another request', 2, 'WORKER_PROTOCOL_VIOLATION'],
    ['a body longer than the limit', 3, 'WORKER_PROTOCOL_VIOLATION'],
    ['another data type', 4, 'WORKER_PROTOCOL_VIOLATION'],
    ['another shape', 5, 'WORKER_PROTOCOL_VIOLATION'],
    ['an unknown error code', 6, 'WORKER_PROTOCOL_VIOLATION'],
    ['garbage', 7, 'WORKER_PROTOCOL_VIOLATION'],
    ['more bytes than the shape needs', 11, 'WORKER_PROTOCOL_VIOLATION'],
    ['more tensors than the signature has', 12, 'WORKER_PROTOCOL_VIOLATION'],
    ['an output with another number', 13, 'WORKER_PROTOCOL_VIOLATION'],
    ['a code that looks like one of ours', 14, 'WORKER_PROTOCOL_VIOLATION'],
    ['a code that only the server may use', 15, 'WORKER_PROTOCOL_VIOLATION'],
    ['an error that is not JSON', 16, 'WORKER_PROTOCOL_VIOLATION'],
    ['an error without a message', 17, 'WORKER_PROTOCOL_VIOLATION'],
    ['READY a second time', 18, 'WORKER_PROTOCOL_VIOLATION'],
    ['strings where numbers belong', 20, 'WORKER_PROTOCOL_VIOLATION'],
    ['a shape whose product overflows', 21, 'WORKER_PROTOCOL_VIOLATION'],
    ['a description of megabytes', 22, 'WORKER_PROTOCOL_VIOLATION'],
    ['an error text of megabytes', 23, 'WORKER_PROTOCOL_VIOLATION'],
    ['a request of its own', 24, 'WORKER_PROTOCOL_VIOLATION'],
    ['its exit instead of an answer', 9, 'WORKER_CRASHED'],
    ['half an answer and then its exit', 25, 'WORKER_CRASHED'],
  ];
  it.each(lies)('sends %s: the request fails, the worker is replaced, its neighbour is not', async (_name, misdeed, code) => {
    const { worker, waitFor } = make();
    await worker.start();
    const [first, neighbours] = [worker.processId, neighbour.worker.processId];
    const others = [ask(worker, 0), ask(worker, misdeed), ask(worker, 0)];
    const [before, caught, after] = await Promise.allSettled(others);
    expect(before.status).toBe('fulfilled');
    expect(caught).toMatchObject({ status: 'rejected', reason: { code, retry: true } });
    expect(after).toMatchObject({ status: 'rejected', reason: { code, retry: true } });
    await waitFor('ready');
    expect(worker.processId).not.toBe(first);
    expect(floatsOf((await ask(worker, 0))[0])).toEqual([0]);
    expect(neighbour.worker.processId).toBe(neighbours);
    expect(neighbour.worker.state).toBe('ready');
    await expect(ask(neighbour.worker, 0)).resolves.toHaveLength(1);
  });

  // To the watchdog, a byte would be a sign of work that had been asked for.
  it.each([
    ['a second answer', 19],
    ['a byte', 31],
    ['a byte, later', 30],
  ])('says more than it was asked, %s: that ends it', async (_name, misdeed) => {
    const { worker, waitFor, causes } = make();
    await worker.start();
    await ask(worker, misdeed);
    await waitFor('restarting');
    expect(causes[0]).toBe('WORKER_PROTOCOL_VIOLATION a frame that nothing had asked for, while serving');
  });

  it('has answered in time while this process did something else: its answer counts, and it lives', async () => {
    const { worker, causes } = make({ limits: { graceMs: 200 } });
    await worker.start();
    await ask(worker, 0);
    const asked = ask(worker, 0, 500);
    // It is sent when this turn ends, and nothing is read in the next.
    process.nextTick(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900));
    await expect(asked).resolves.toHaveLength(1);
    await expect(ask(worker, 0)).resolves.toHaveLength(1);
    expect(causes).toEqual([]);
  });

  it('hangs: its request fails at the deadline, the others when it is killed after the grace time', async () => {
    const { worker, waitFor, causes } = make();
    await worker.start();
    const first = worker.processId;
    const start = performance.now();
    const timed = (promise: Promise<unknown>) => promise.then(String, (error) => [error.code, performance.now() - start]);
    const [hung, behind, impatient] = await Promise.all([
      timed(ask(worker, 8, 300)),
      timed(ask(worker, 0, 5000)),
      timed(ask(worker, 0, 100)),
    ]);
    // Never early; how late depends on what else the machine does.
    const between = (low: number) => expect.toSatisfy((ms: number) => ms >= low - 2 && ms < low + 1500);
    expect(hung).toEqual(['DEADLINE_EXCEEDED', between(300)]);
    expect(impatient).toEqual(['DEADLINE_EXCEEDED', between(100)]);
    expect(behind).toEqual(['WORKER_CRASHED', between(500)]);
    await waitFor('ready');
    expect(causes).toEqual(['WORKER_CRASHED killed: a request ran past its deadline and the grace time']);
    expect(() => process.kill(first ?? 0, 0)).toThrow();
    await ask(worker, 0);
  });

  it('floods its log: what is passed on is bounded and printable, and the request is answered', async () => {
    const { worker, log } = make();
    await worker.start();
    await ask(worker, 10);
    await worker.close();
    const isCount = (line: string): boolean => /^\d+ more lines were dropped$/.test(line);
    await expect.poll(() => log.some(isCount), { timeout: 3000 }).toBe(true);
    expect(log.length).toBeGreaterThan(10);
    expect(log.length).toBeLessThan(100);
    expect(log[0]).toContain('\\u{1b}[31mforged line');
    expect(log.join('')).not.toContain('\u001b');
  });

  it('makes a forbidden system call: its request is told and not to be sent again, those behind it may be', async () => {
    const { worker, waitFor, causes } = make();
    await worker.start();
    const asked = [ask(worker, 28), ask(worker, 0), ask(worker, 0)];
    expect(await Promise.allSettled(asked)).toMatchObject([
      { reason: { code: 'WORKER_FORBIDDEN', retry: false } },
      { reason: { code: 'WORKER_CRASHED', retry: true } },
      { reason: { code: 'WORKER_CRASHED', retry: true } },
    ]);
    await waitFor('ready');
    expect(causes[1]).toContain('WORKER_FORBIDDEN');
    await ask(worker, 0);
  });

  it('fills an error with escapes: the text is cut and printable', async () => {
    const { worker } = make();
    await worker.start();
    const error = await ask(worker, 26).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'TENSORFLOW_INVALID_ARGUMENT', detail: '\\u{0}' });
    expect(error.message).toMatch(/^a\\u\{1b\}\[31mb\\u\{a\}/);
    expect(error.message.length).toBeLessThan(6000);
    expect(worker.state).toBe('ready');
  });

  it('sends an honest answer byte by byte, which is allowed', async () => {
    const { worker } = make();
    await worker.start();
    expect(floatsOf((await ask(worker, 27))[0])).toEqual([0]);
  });
});

describe('a worker that lies while it is prepared', () => {
  const cases: [string, ErrorCode][] = [
    ['hang', 'WORKER_START_FAILED'],
    ['exit', 'WORKER_START_FAILED'],
    ['garbage', 'WORKER_PROTOCOL_VIOLATION'],
    ['refuse', 'RUNTIME_LOAD_FAILED'],
    ['forbidden-call', 'WORKER_FORBIDDEN'],
    ['unknown-code', 'WORKER_PROTOCOL_VIOLATION'],
    ['ready-instead', 'WORKER_PROTOCOL_VIOLATION'],
    ['result-instead', 'WORKER_PROTOCOL_VIOLATION'],
    ['no-version', 'WORKER_PROTOCOL_VIOLATION'],
    ['not-an-object', 'WORKER_PROTOCOL_VIOLATION'],
    ['no-self-test', 'WORKER_PROTOCOL_VIOLATION'],
    ['shorter-self-test', 'WORKER_PROTOCOL_VIOLATION'],
    ['longer-self-test', 'WORKER_PROTOCOL_VIOLATION'],
    ['other-self-test', 'WORKER_PROTOCOL_VIOLATION'],
    ['self-test-of-null', 'WORKER_PROTOCOL_VIOLATION'],
    ['no-outcome', 'WORKER_PROTOCOL_VIOLATION'],
    ['errno-of-escapes', 'WORKER_PROTOCOL_VIOLATION'],
    ['numbered', 'WORKER_PROTOCOL_VIOLATION'],
    ['huge', 'WORKER_PROTOCOL_VIOLATION'],
    ['with-body', 'WORKER_PROTOCOL_VIOLATION'],
    ['twice', 'WORKER_PROTOCOL_VIOLATION'],
    ['ready-behind', 'WORKER_PROTOCOL_VIOLATION'],
  ];
  it.each(cases)('%s gives %s', async (lie, code) => {
    const limits = lie === 'hang' ? { loadTimeoutMs: 500 } : {};
    const { worker } = make({ slot: { ...noLibraries, ccPath: `/nonexistent/${lie}` }, limits });
    await expect(worker.start()).rejects.toEqual(failsWith(code));
    expect(worker.state).toBe('failed');
  });
});

describe('a worker that lies while it takes the model', () => {
  /** 64 MiB, far more than a socket holds, behind a file whose name says what to do. */
  async function* content(lie: string): AsyncGenerator<ModelChunk> {
    yield { name: lie, chunk: new Uint8Array(0) };
    for (let i = 0; i < 64; i++) yield { name: 'variables/large', chunk: new Uint8Array(1024 * 1024) };
  }

  it('takes it all when it is honest', async () => {
    const { worker } = make({ content: () => content('assets/words.txt') });
    await worker.start();
    await expect(ask(worker, 0)).resolves.toHaveLength(1);
  });

  const cases: [string, ErrorCode][] = [
    ['exit', 'WORKER_START_FAILED'],
    ['ready', 'WORKER_PROTOCOL_VIOLATION'],
    ['refuse', 'MODEL_LOAD_FAILED'],
    ['garbage', 'WORKER_PROTOCOL_VIOLATION'],
  ];
  it.each(cases)('%s gives %s', async (lie, code) => {
    const { worker } = make({ content: () => content(`assets/${lie}`) });
    await expect(worker.start()).rejects.toEqual(failsWith(code));
    expect(worker.state).toBe('failed');
  });

  it('stops reading: the server holds no more of the model than the socket, and ends it at the time limit', async () => {
    let pieces = 0;
    let finished = false;
    async function* counted(): AsyncGenerator<ModelChunk> {
      try {
        for await (const piece of content('assets/stop-reading')) {
          pieces++;
          yield piece;
        }
      } finally {
        finished = true;
      }
    }
    const { worker } = make({ content: counted, limits: { loadTimeoutMs: 1000 } });
    await expect(worker.start()).rejects.toEqual(failsWith('WORKER_START_FAILED'));
    expect(pieces).toBeLessThan(5);
    await expect.poll(() => finished).toBe(true);
  });

  it('is ended when the model cannot be read, and the reason is that', async () => {
    async function* broken(): AsyncGenerator<ModelChunk> {
      yield* content('assets/words.txt');
      throw new AirlockError('MODEL_INCOMPLETE');
    }
    const { worker } = make({ content: broken });
    await expect(worker.start()).rejects.toEqual(failsWith('MODEL_INCOMPLETE'));
    const escaping = make({ content: () => content('../escape') });
    await expect(escaping.worker.start()).rejects.toEqual(failsWith('MODEL_INVALID'));
  });
});

describe('a worker that lies while it loads', () => {
  const cases: [string, ErrorCode][] = [
    ['hang', 'WORKER_START_FAILED'],
    ['exit', 'WORKER_START_FAILED'],
    ['garbage', 'WORKER_PROTOCOL_VIOLATION'],
    ['refuse', 'MODEL_LOAD_FAILED'],
    ['unknown-code', 'WORKER_PROTOCOL_VIOLATION'],
    ['early-result', 'WORKER_PROTOCOL_VIOLATION'],
    ['prepared-again', 'WORKER_PROTOCOL_VIOLATION'],
    ['ready-garbage', 'WORKER_PROTOCOL_VIOLATION'],
    ['no-counts', 'WORKER_PROTOCOL_VIOLATION'],
    ['no-warm-up', 'WORKER_PROTOCOL_VIOLATION'],
    ['other-memory', 'WORKER_PROTOCOL_VIOLATION'],
  ];
  it.each(cases)('%s gives %s', async (tag, code) => {
    const { worker } = make({ tags: [tag], limits: tag === 'hang' ? { loadTimeoutMs: 500 } : {} });
    await expect(worker.start()).rejects.toEqual(failsWith(code));
    expect(worker.state).toBe('failed');
    await expect(ask(worker, 0)).rejects.toEqual(failsWith('MODEL_NOT_AVAILABLE'));
  });

  it('READY with garbage behind it leaves no process, no request that hangs, and a worker that can be closed', async () => {
    const { worker } = make({ tags: ['ready-garbage'] });
    for (let i = 0; i < 3; i++) {
      await worker.start().catch(() => undefined);
      // As long as the worker counts as available a request may be under way when it is closed.
      const asked = ask(worker, 0).catch((error) => error.code);
      expect(() => process.kill(worker.processId ?? 0, 0)).toThrow();
      expect(await Promise.race([asked, pause(1000)])).toBe('MODEL_NOT_AVAILABLE');
    }
    const lastAsked = ask(worker, 0).catch(() => undefined);
    expect(await Promise.race([worker.close().then(() => 'closed'), pause(1000)])).toBe('closed');
    await lastAsked;
  });

  it('is not started when what must hold before does not', async () => {
    const { worker } = make({ beforeStart: () => Promise.reject(new Error('slot changed')) });
    await expect(worker.start()).rejects.toEqual(failsWith('INTERNAL'));
    expect(worker.processId).toBeUndefined();
  });

  it('is not started when it was closed while it waited to', async () => {
    let proceed = (): void => undefined;
    const waiting = new Promise<void>((resolve) => {
      proceed = resolve;
    });
    const { worker } = make({ beforeStart: () => waiting });
    const started = worker.start();
    await worker.close();
    proceed();
    await expect(started).rejects.toEqual(failsWith('MODEL_NOT_AVAILABLE'));
    expect(worker).toMatchObject({ state: 'closed', processId: undefined });
  });

  it('is not started by a command that does not exist', async () => {
    const { worker } = make({ entry: '/nonexistent/worker.js' });
    await expect(worker.start()).rejects.toEqual(failsWith('WORKER_START_FAILED'));
  });
});

describe('requests that wait', () => {
  it('are refused when the queue is full, at their deadline, and when the worker ends', async () => {
    const { worker } = make({ limits: { pipelineDepth: 1, fastPipelineDepth: 1, maxQueue: 2, graceMs: 500 } });
    await worker.start();
    const hung = ask(worker, 8, 200);
    const [short, long] = [ask(worker, 0, 100), ask(worker, 0, 5000)];
    const outcomes = Promise.allSettled([hung, short, long]);
    await expect(ask(worker, 0)).rejects.toEqual(failsWith('SERVER_OVERLOADED'));
    expect(await outcomes).toMatchObject([
      { reason: { code: 'DEADLINE_EXCEEDED' } },
      { reason: { code: 'DEADLINE_EXCEEDED' } },
      { reason: { code: 'MODEL_NOT_AVAILABLE', retry: true } },
    ]);
    await expect(ask(worker, 0)).rejects.toEqual(failsWith('MODEL_NOT_AVAILABLE'));
  });

  it('are refused at once when they cannot be sent', async () => {
    const unsupported = { ...signatures[0], name: 'other', unsupported: 'an input cannot be fed' };
    const { worker } = make({ signatures: [...signatures, unsupported], limits: { maxInputBytes: 8 } });
    await worker.start();
    await expect(worker.run(2, [])).rejects.toEqual(failsWith('SIGNATURE_NOT_FOUND'));
    await expect(worker.run(1, [])).rejects.toEqual(failsWith('SIGNATURE_UNSUITABLE'));
    await expect(worker.run(0, [])).rejects.toEqual(failsWith('INPUT_MISSING'));
    await expect(worker.run(0, [floats([3], 0, 1, 2)])).rejects.toEqual(failsWith('TENSOR_TOO_LARGE'));
    const integers = { dtype: 'DT_INT32', shape: [1], bytes: new Uint8Array(4) } as const;
    await expect(worker.run(0, [integers])).rejects.toEqual(failsWith('TENSOR_TYPE_MISMATCH'));
    await expect(ask(worker, 0, Number.NaN)).rejects.toEqual(failsWith('DEADLINE_EXCEEDED'));
    await expect(ask(worker, 0)).resolves.toHaveLength(1);
  });

  it('are answered before a worker closes, and none after', async () => {
    const { worker } = make({ limits: { pipelineDepth: 2, fastPipelineDepth: 2 } });
    await worker.start();
    const waiting = Array.from({ length: 20 }, () => ask(worker, 0));
    const closed = worker.close();
    await expect(ask(worker, 0)).rejects.toEqual(failsWith('MODEL_NOT_AVAILABLE'));
    expect((await Promise.allSettled(waiting)).every(({ status }) => status === 'fulfilled')).toBe(true);
    await closed;
    expect(worker.state).toBe('closed');
  });

  it('keep their order and their answers over many thousands', async () => {
    const { worker } = make({ limits: { maxQueue: 5000 } });
    await worker.start();
    const order: number[] = [];
    const asked = Array.from({ length: 4000 }, (_, i) => ask(worker, 0).then(() => order.push(i)));
    await Promise.all(asked);
    expect(order).toEqual(Array.from({ length: 4000 }, (_, i) => i));
  });
});

describe('a second start', () => {
  it('comes up after a first one that failed', async () => {
    let failures = 1;
    const { worker } = make({
      beforeStart: () => (failures-- > 0 ? Promise.reject(new Error('slot changed')) : Promise.resolve()),
    });
    await expect(worker.start()).rejects.toEqual(failsWith('INTERNAL'));
    expect(worker.state).toBe('failed');
    await worker.start();
    expect(worker.state).toBe('ready');
    await expect(ask(worker, 0)).resolves.toHaveLength(1);
    await expect(worker.start()).rejects.toEqual(failsWith('INTERNAL'));
    expect(worker.state).toBe('ready');
  });
});

describe('restarts', () => {
  it('say how the process died', async () => {
    const { worker, waitFor, causes } = make();
    await worker.start();
    await ask(worker, 9).catch(() => undefined);
    await waitFor('ready');
    expect(causes).toEqual(['WORKER_CRASHED ', 'WORKER_CRASHED exit code 7']);
  });

  it('come after pauses that double, and are given up when closed', async () => {
    const { worker, waitFor } = make({ backoffMs: 60 });
    await worker.start();
    const pauses: number[] = [];
    for (let i = 0; i < 3; i++) {
      await ask(worker, 9).catch(() => undefined);
      await waitFor('restarting');
      const start = performance.now();
      await waitFor('ready');
      pauses.push(performance.now() - start);
    }
    expect(pauses[1]).toBeGreaterThan(120);
    expect(pauses[2]).toBeGreaterThan(240);
    await ask(worker, 9).catch(() => undefined);
    await waitFor('restarting');
    await worker.close();
    expect(worker.state).toBe('closed');
  });
});
