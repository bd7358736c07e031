// A worker process that is of no use any more answers every further call with an error at once.
import path from 'node:path';
import { expect, it } from 'vitest';
import { noContent } from '../../tests/support/plain-jail.ts';
import { startPlainProcess } from '../../tests/support/plain-process.ts';
import { AirlockError } from '../core/index.ts';
import { WorkerProcess } from './worker-process.ts';

const entry = path.join(import.meta.dirname, '../../tests/security/fixtures/fake-worker.mjs');
const libraries = { ccPath: '/nonexistent/cc', frameworkPath: '/nonexistent/framework' };

it('fails a call that comes after the process broke at once, with a code that may be retried', async () => {
  const broken: string[] = [];
  const worker = new WorkerProcess({
    process: startPlainProcess({ entry, onLog: () => undefined }),
    loadTimeoutMs: 10_000,
    onAnswer: () => undefined,
    onBroken: ({ code }) => broken.push(code),
  });
  const prepared = await worker.prepare({ ...libraries, intraOpThreads: 1, interOpThreads: 1, seal: false });
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
  await worker.ended;
  expect(broken).toEqual(['WORKER_PROTOCOL_VIOLATION']);
  expect(outcomes).toHaveLength(1);
});
