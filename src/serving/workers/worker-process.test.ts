// A worker process that is of no use any more answers every further call with an error at once, and says who ended it.
import path from 'node:path';
import { expect, it } from 'vitest';
import { noContent } from '../../../tests/support/plain-jail.ts';
import { startPlainProcess } from '../../../tests/support/plain-process.ts';
import { AirlockError } from '../../core/index.ts';
import { WorkerProcess } from './worker-process.ts';

const entry = path.join(import.meta.dirname, '../../../tests/security/fixtures/fake-worker.mjs');
function start(onBroken: (reason: AirlockError) => void = () => undefined) {
  const jailed = startPlainProcess({ entry, onLog: () => undefined });
  const worker = new WorkerProcess({ process: jailed, loadTimeoutMs: 10_000, onAnswer: () => undefined, onBroken });
  const prepare = (library = 'cc') =>
    worker.prepare({
      ccPath: `/nonexistent/${library}`,
      frameworkPath: '/nonexistent/framework',
      intraOpThreads: 1,
      interOpThreads: 1,
      seal: false,
    });
  return { jailed, worker, prepare };
}

it('fails a call that comes after the process broke at once, with a code that may be retried', async () => {
  const broken: string[] = [];
  const { worker, prepare } = start(({ code }) => broken.push(code));
  const prepared = await prepare();
  expect(prepared.tensorflowVersion).toBe('fake');
  const ready = await worker.load(noContent(), {
    tags: ['serve'],
    signatures: [],
    limits: { maxBodyBytes: 1024, maxOutputBytes: 1024 },
    executableMemory: 'allowed',
  });
  expect(ready).toEqual({ warmUp: { ran: 0, failed: 0, skipped: 0 }, executableMemory: 'allowed' });
  expect(worker.isBroken).toBe(false);
  worker.kill(new AirlockError('WORKER_PROTOCOL_VIOLATION'));
  expect(worker.isBroken).toBe(true);
  // The watchdog kills until the process is gone; the first reason is the one that counts.
  worker.kill(new AirlockError('WORKER_OUT_OF_MEMORY'));
  const outcomes: string[] = [];
  const call = {
    signatureIndex: 0,
    inputs: [],
    succeed: () => outcomes.push('succeeded'),
    fail: ({ code, retry }: AirlockError) => outcomes.push(`${code} ${retry}`),
  };
  worker.send(call, 1000);
  expect(outcomes).toEqual(['WORKER_PROTOCOL_VIOLATION true']);
  expect(worker.inFlightCount).toBe(0);
  expect(await worker.ended).toMatchObject({ reason: { code: 'WORKER_PROTOCOL_VIOLATION' }, by: 'server' });
  worker.kill(new AirlockError('WORKER_OUT_OF_MEMORY'));
  expect(broken).toEqual(['WORKER_PROTOCOL_VIOLATION']);
  expect(outcomes).toHaveLength(1);
});

it.each([
  ['exit', 'WORKER_CRASHED', 'exit code 3'],
  // As a worker itself may exit: what bubblewrap makes of a signal is read where bubblewrap is.
  ['exit-like-sigkill', 'WORKER_CRASHED', 'exit code 137'],
  ['exit-like-sigsys', 'WORKER_CRASHED', 'exit code 159'],
  ['forbidden-call', 'WORKER_FORBIDDEN', expect.stringContaining('system call')],
])('was ended by itself: %s', async (library, code, detail) => {
  const { worker, prepare } = start();
  await prepare(library).catch(() => undefined);
  expect(await worker.ended).toMatchObject({ reason: { code, detail }, by: 'itself' });
});

it('is ended for one byte while it waits for its model', async () => {
  const { worker, prepare } = start();
  await prepare('a-byte-behind').catch(() => undefined);
  expect(await worker.ended).toMatchObject({ reason: { code: 'WORKER_PROTOCOL_VIOLATION' }, by: 'server' });
});

it('was ended by the server, or by a SIGKILL of somebody else', async () => {
  const ours = start();
  await ours.prepare();
  ours.worker.kill(new AirlockError('WORKER_CRASHED', { detail: 'killed: for a test' }));
  expect(await ours.worker.ended).toMatchObject({ reason: { detail: 'killed: for a test' }, by: 'server' });
  const others = start();
  await others.prepare();
  process.kill(others.jailed.processId ?? 0, 'SIGKILL');
  expect(await others.worker.ended).toMatchObject({ reason: { detail: 'signal SIGKILL' }, by: 'outside' });
});
