// The worker itself, outside of any jail: TensorFlow's arithmetic and refusals, its death and its hangs, and what it does not die of.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type ModelChunk, readModelContent } from '../../src/model/index.ts';
import type { ModelWorker, ModelWorkerOptions } from '../../src/serving/index.ts';
import { workerEntry } from '../../src/worker/index.ts';
import { attribute, node, placeholder, writeSavedModel } from '../support/graph.ts';
import { notBuilt } from '../support/jail-level.ts';
import { needsRuntime, requireSlot } from '../support/runtime.ts';
import { type Supervised, superviseWorker } from '../support/supervise-worker.ts';
import { floats, floatsOf, numeric, signature, spec } from '../support/tensors.ts';

const whyNot = `${needsRuntime}${notBuilt}`;

const open: ModelWorker[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((worker) => worker.close()));
});

type RealOptions = Pick<ModelWorkerOptions, 'slot' | 'content' | 'signatures'> & Partial<ModelWorkerOptions>;

function make(options: RealOptions): Supervised {
  const supervised = superviseWorker({ entry: workerEntry, ...options });
  open.push(supervised.worker);
  return supervised;
}

describe.skipIf(whyNot !== '')(`the real worker${whyNot}`, () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'airlock-worker-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Multiplies a matrix with itself 60 times: slow for a large one, at once for a small one. */
  function slowModel(): RealOptions {
    const type = { T: attribute.type(1) };
    const products = Array.from({ length: 60 }, (_, i) => node(`m${i}`, 'MatMul', [i === 0 ? 'x' : `m${i - 1}`, 'x'], type));
    writeSavedModel(directory, [placeholder('x', 1), ...products]);
    const slow = [signature([spec('x:0', 'DT_FLOAT', [-1, -1])], [spec('m59:0', 'DT_FLOAT', [-1, -1])])];
    return { slot: requireSlot(), content: () => readModelContent(directory), signatures: slow };
  }
  const matrix = (n: number) => numeric('DT_FLOAT', [n, n], new Float32Array(n * n).fill(1 / n));

  it('computes, refuses with the status of TensorFlow, and carries tensors of megabytes', async () => {
    const { worker } = make(slowModel());
    await worker.start();
    expect(worker.tensorflowVersion).toMatch(/^2\.\d+\.\d+/);
    expect(floatsOf((await worker.run(0, [floats([1, 1], 1)]))[0])).toEqual([1]);
    await expect(worker.run(0, [floats([1, 2], 1, 1)])).rejects.toMatchObject({ code: 'TENSORFLOW_INVALID_ARGUMENT' });
    const [large] = await worker.run(0, [matrix(600)]);
    expect(large.shape).toEqual([600, 600]);
    expect(floatsOf(large)[0]).toBeCloseTo(1 / 600, 5);
    expect(large.bytes.byteOffset % 8).toBe(0);
  });

  it('is warmed up for each shape before it may compile nothing more, and has kept nothing of that', async () => {
    const float = { dtype: attribute.type(1) };
    const resource = { ...float, shape: attribute.shape([1, 1]), shared_name: attribute.text('sum') };
    const zero = { ...float, value: attribute.tensor(1, [1, 1], new Uint8Array(4)) };
    const nodes = [
      placeholder('x', 1, [1, 1]),
      node('sum', 'VarHandleOp', [], resource),
      node('zero', 'Const', [], zero),
      node('init', 'AssignVariableOp', ['sum', 'zero'], float),
      node('one', 'Const', [], { ...float, value: attribute.tensor(1, [1, 1], new Uint8Array(Float32Array.of(1).buffer)) }),
      node('add', 'AssignAddVariableOp', ['sum', 'one'], float),
      node('read', 'ReadVariableOp', ['sum', '^add'], float),
      node('y', 'MatMul', ['x', 'read'], { T: attribute.type(1) }),
    ];
    const folder = path.join(directory, 'counter');
    writeSavedModel(folder, nodes, { initOperation: 'init' });
    const { worker } = make({
      slot: requireSlot(),
      content: () => readModelContent(folder),
      signatures: [signature([spec('x:0', 'DT_FLOAT', [1, 1])], [spec('y:0', 'DT_FLOAT', [1, 1])])],
      executableMemory: { setting: 'denied', why: 'of this test' },
    });
    await worker.start();
    for (const runs of [1, 2, 3]) expect(floatsOf((await worker.run(0, [floats([1, 1], 10)]))[0])).toEqual([10 * runs]);
    expect(worker.report.executableMemory.setting).toMatch(/^(denied|not deniable)$/);
  });

  it('that is killed fails what is in flight and comes back, while its neighbour goes on', async () => {
    const { worker, waitFor } = make(slowModel());
    const other = make(slowModel());
    await Promise.all([worker.start(), other.worker.start()]);
    const neighbours = other.worker.processId;
    const inFlight = Promise.allSettled([worker.run(0, [matrix(1500)]), worker.run(0, [floats([1, 1], 1)])]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.kill(worker.processId ?? 0, 'SIGKILL');
    const crashed = { status: 'rejected', reason: { code: 'WORKER_CRASHED', retry: true } };
    expect(await inFlight).toMatchObject([crashed, crashed]);
    expect(floatsOf((await other.worker.run(0, [floats([1, 1], 2)]))[0])[0]).toBeGreaterThan(1);
    expect(other.worker.processId).toBe(neighbours);
    await waitFor('ready');
    expect(floatsOf((await worker.run(0, [floats([1, 1], 1)]))[0])).toEqual([1]);
  });

  it('that computes past its deadline is killed after the grace time', async () => {
    const { worker, waitFor, causes } = make(slowModel());
    await worker.start();
    const start = performance.now();
    await expect(worker.run(0, [matrix(1500)], { deadlineMs: 200 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(performance.now() - start).toBeLessThan(1500);
    await waitFor('restarting');
    expect(performance.now() - start).toBeLessThan(3000);
    expect(causes[0]).toContain('killed');
    await waitFor('ready');
  });

  it('that cannot load a model says so', async () => {
    async function* damaged(): AsyncGenerator<ModelChunk> {
      yield { name: 'saved_model.pb', chunk: Buffer.from('damaged') };
    }
    const { worker } = make({ ...slowModel(), content: damaged });
    await expect(worker.start()).rejects.toMatchObject({
      code: 'MODEL_LOAD_FAILED',
      message: 'TensorFlow could not load the model',
    });
    const without = make({ ...slowModel(), slot: { ccPath: '/nonexistent/cc', frameworkPath: '/nonexistent/framework' } });
    await expect(without.worker.start()).rejects.toMatchObject({ code: 'RUNTIME_LOAD_FAILED' });
  });

  it('answers on after the signals that end its server', async () => {
    const { worker } = make(slowModel());
    await worker.start();
    const pid = worker.processId ?? 0;
    const slow = worker.run(0, [matrix(500)]);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
    await expect(slow).resolves.toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.kill(pid, 'SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await expect(worker.run(0, [matrix(1)])).resolves.toHaveLength(1);
    expect(worker.processId).toBe(pid);
  });

  it('refuses an output beyond the limit and lives on', async () => {
    const { worker } = make({ ...slowModel(), limits: { maxOutputBytes: 16 } });
    await worker.start();
    const pid = worker.processId;
    await expect(worker.run(0, [matrix(3)])).rejects.toMatchObject({ code: 'MODEL_OUTPUT_INVALID' });
    await expect(worker.run(0, [matrix(2)])).resolves.toHaveLength(1);
    expect(worker.processId).toBe(pid);
  });
});
