// A version's workers outside of any jail, several or one with a loaded spare, for tests of who answers when one ends.
import path from 'node:path';
import { ModelWorker, type ModelWorkerOptions, Watchdog } from '../../src/serving/index.ts';
import { WorkerPool } from '../../src/serving/workers/worker-pool.ts';
import type { WorkerPoolOptions } from '../../src/serving/workers/worker-pool-options.ts';
import { noContent, plainJail } from './plain-jail.ts';
import { signature, spec } from './tensors.ts';

const entry = path.join(import.meta.dirname, '../security/fixtures/fake-worker.mjs');

/** Of workers that speak the protocol without TensorFlow; see fixtures/fake-worker.mjs. */
export function fakeWorkerOptions(limits: ModelWorkerOptions['limits'] = {}): ModelWorkerOptions {
  return {
    jail: plainJail(),
    watchdog: new Watchdog(),
    slot: { ccPath: '/nonexistent/cc', frameworkPath: '/nonexistent/framework' },
    content: noContent,
    signatures: [signature([spec('x:0', 'DT_FLOAT')], [spec('y:0', 'DT_FLOAT', [1])])],
    entry,
    backoffMs: 10,
    limits: { timeoutMs: 10_000, graceMs: 100, ...limits },
  };
}

/** Not started yet; whoever makes it closes it. */
export function fakePool(min: number, limits: ModelWorkerOptions['limits'] = {}, options: Partial<WorkerPoolOptions> = {}) {
  const workers: ModelWorker[] = [];
  const pool = new WorkerPool({
    create: (hooks) => {
      const worker = new ModelWorker({ ...fakeWorkerOptions(limits), ...hooks });
      workers.push(worker);
      return worker;
    },
    min,
    max: min,
    timeoutMs: 10_000,
    maxQueue: 256,
    ...options,
  });
  return { pool, workers };
}
