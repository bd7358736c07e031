// Real workers of a real server: several of one version, one that sleeps, the memory of all of them, and processor time of one request.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { attribute, node, placeholder, writeSavedModel } from '../support/graph.ts';
import { notBuilt } from '../support/jail-level.ts';
import { needsRuntime } from '../support/runtime.ts';
import { call, post, startTestServer, type TestServer, temporaryFolder, until } from '../support/server.ts';

vi.mock('../../src/runtime/verify-slot.ts', async (original) =>
  (await import('../support/verify-once.ts')).verifyOnce(await original()),
);

const whyNot = `${needsRuntime}${notBuilt}`;
const folder = temporaryFolder();
const servers: TestServer[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  rmSync(folder, { recursive: true, force: true });
});

const constant = (name: string, dtypeCode: number, shape: readonly number[], content: ArrayBufferView) =>
  node(name, 'Const', [], {
    dtype: attribute.type(dtypeCode),
    value: attribute.tensor(dtypeCode, shape, new Uint8Array(content.buffer)),
  });

/** A tensor of ones of as many sizes as `sizes`, multiplied with itself or added to itself, and its sum: what it costs is said by one small request. */
function costlyModel(name: string, sizes: number, step: 'MatMul' | 'Add', steps: number): string {
  const float = { T: attribute.type(1) };
  const nodes = [
    placeholder('n', 3, [sizes]),
    constant('one', 1, [], Float32Array.of(1)),
    node('s0', 'Fill', ['n', 'one'], { ...float, index_type: attribute.type(3) }),
    ...Array.from({ length: steps }, (_, i) => node(`s${i + 1}`, step, [`s${i}`, 's0'], float)),
    constant(
      'axes',
      3,
      [sizes],
      Int32Array.from({ length: sizes }, (_, i) => i),
    ),
    node('y', 'Sum', [`s${steps}`, 'axes'], { ...float, Tidx: attribute.type(3) }),
  ];
  const signature = {
    name: 'serving_default',
    methodName: 'tensorflow/serving/predict',
    inputs: [{ alias: 'n', tensorName: 'n:0', dtype: 'DT_INT32' as const, shape: [sizes] }],
    outputs: [{ alias: 'y', tensorName: 'y:0', dtype: 'DT_FLOAT' as const, shape: [] }],
  };
  const directory = path.join(folder, name);
  writeSavedModel(path.join(directory, '1'), nodes, { signatures: [signature] });
  return directory;
}

const sizes = (...values: number[]) => JSON.stringify({ inputs: values });

async function start(values: Parameters<typeof startTestServer>[0]): Promise<TestServer> {
  const server = await startTestServer(values);
  servers.push(server);
  // A server waits until what was written has lain still for two seconds.
  await until('the models are loaded', async () => (await call(`${server.url}/readyz`)).status === 200);
  expect(server.events.filter(({ kind }) => kind === 'failed')).toEqual([]);
  return server;
}

const predict = (server: TestServer, model: string, body: string) => post(`${server.url}/v1/models/${model}:predict`, body);

interface Status {
  readonly models: readonly {
    readonly name: string;
    readonly versions: readonly {
      readonly state: string;
      readonly worker: { readonly state: string };
      readonly workers?: readonly { readonly state: string }[];
    }[];
  }[];
}

async function versionOf(server: TestServer, model: string) {
  const { models } = (await call(`${server.url}/airlock/v1/status`)).json as Status;
  return models.find(({ name }) => name === model)?.versions[0];
}

const changesOf = (server: TestServer, model: string) =>
  server.events.flatMap((event) => (event.kind === 'workers' && event.model === model ? [event.change] : []));

describe.skipIf(whyNot !== '')(`workers of a server${whyNot}`, () => {
  it('answer beside one that is killed at a deadline; and a version that sleeps is woken by a request', async () => {
    const server = await start({
      models: [
        {
          name: 'two',
          path: costlyModel('two', 2, 'MatMul', 60),
          workers: { min: 2 },
          limits: { timeoutMs: 1_500, graceMs: 100 },
        },
        {
          name: 'sleepy',
          path: costlyModel('sleepy', 1, 'Add', 1),
          workers: { sleepAfterMs: 300 },
          limits: { timeoutMs: 20_000 },
        },
      ],
    });
    await until('both workers are there', async () => {
      const version = await versionOf(server, 'two');
      return version?.workers?.filter(({ state }) => state === 'ready').length === 2;
    });
    await until('it sleeps', async () => (await versionOf(server, 'sleepy'))?.worker.state === 'asleep');
    expect(await versionOf(server, 'sleepy')).toMatchObject({ state: 'AVAILABLE', workers: [] });

    const slow = predict(server, 'two', sizes(3_000, 3_000));
    const answers: number[] = [];
    let isDone = false;
    void slow.finally(() => (isDone = true));
    while (!isDone) answers.push((await predict(server, 'two', sizes(1, 1))).status);
    expect((await slow).status).toBe(504);
    await until('it was killed', () => server.events.some(({ kind }) => kind === 'restarting'));
    for (let i = 0; i < 20; i++) answers.push((await predict(server, 'two', sizes(1, 1))).status);
    expect([new Set(answers), answers.length > 30]).toEqual([new Set([200]), true]);

    const woken = await Promise.all([predict(server, 'sleepy', sizes(3)), predict(server, 'sleepy', sizes(4))]);
    expect(woken.map(({ json }) => json)).toEqual([{ outputs: 6 }, { outputs: 8 }]);
    expect(changesOf(server, 'sleepy').slice(0, 2)).toEqual(['asleep', 'awake']);
  });

  it('give up memory for each other, and end for a request that takes too much of it, or of the processor', async () => {
    const limits = { timeoutMs: 10_000 };
    const server = await start({
      limits: { machine: { memoryMiB: 700 } },
      models: [
        {
          name: 'first',
          path: costlyModel('first', 2, 'MatMul', 60),
          workers: { sleepAfterMs: 3_600_000 },
          limits: { ...limits, cpuMs: 300 },
        },
        { name: 'second', path: costlyModel('second', 1, 'Add', 1), limits },
      ],
    });
    expect((await predict(server, 'first', sizes(1, 1))).json).toEqual({ outputs: 1 });
    expect((await predict(server, 'second', sizes(10))).json).toEqual({ outputs: 20 });
    const { limitBytes, usedBytes, workers } = server.server.memory;
    expect([limitBytes, workers]).toEqual([700 * 1024 * 1024, 2]);
    expect(usedBytes).toBeGreaterThan(50 * 1024 * 1024);

    const slow = await predict(server, 'first', sizes(3_000, 3_000));
    expect([slow.status, slow.text]).toEqual([504, expect.stringContaining('processor time')]);
    expect((await predict(server, 'second', sizes(10))).status).toBe(200);
    await until('it is back', async () => (await predict(server, 'first', sizes(1, 1))).status === 200);

    // 1,600 MB: more than both may have, and less than the 4,096 MiB of one.
    const bomb = await predict(server, 'second', sizes(200_000_000));
    expect([bomb.status, server.server.memory.kills]).toEqual([500, 1]);
    expect((await predict(server, 'first', sizes(1, 1))).status).toBe(200);
    await until('it is back', async () => (await predict(server, 'second', sizes(10))).status === 200);
  });
});
