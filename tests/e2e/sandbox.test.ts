// The jail as clients and operators of a server meet it: what a hostile or greedy model costs itself and nobody else, what the status
// says, and what a server does on a machine that cannot hold its workers.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { attribute, node, placeholder, writeSavedModel } from '../support/graph.ts';
import { lacksLevel, machine, notBuilt } from '../support/jail-level.ts';
import { needsRuntime } from '../support/runtime.ts';
import { call, post, root, startTestServer, type TestServer, temporaryFolder, until } from '../support/server.ts';
import { signature, spec } from '../support/tensors.ts';

const noWorkers = `${needsRuntime}${notBuilt}`;
const noJail = `${needsRuntime}${lacksLevel('process')}`;

const [float, int32, text] = [1, 3, 7];
const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Sums as many ones as the request says. */
function writeBomb(): void {
  const index = { T: attribute.type(float), index_type: attribute.type(int32) };
  const nodes = [
    placeholder('n', int32),
    node('one', 'Const', [], {
      dtype: attribute.type(float),
      value: attribute.tensor(float, [], new Uint8Array([0, 0, 128, 63])),
    }),
    node('axis', 'Const', [], { dtype: attribute.type(int32), value: attribute.tensor(int32, [1], new Uint8Array(4)) }),
    node('ones', 'Fill', ['n', 'one'], index),
    node('sum', 'Sum', ['ones', 'axis'], {
      T: attribute.type(float),
      Tidx: attribute.type(int32),
      keep_dims: attribute.boolean(false),
    }),
  ];
  const signatures = [signature([spec('n:0', 'DT_INT32', [1])], [spec('sum:0', 'DT_FLOAT', [])])];
  writeSavedModel(path.join(folder, 'bomb/1'), nodes, { signatures });
}

/** Writes its input into a file. */
function writeWriter(target: string): void {
  const nodes = [
    placeholder('x', text),
    node('name', 'Const', [], { dtype: attribute.type(text), value: attribute.strings([], [target]) }),
    node('write', 'WriteFile', ['name', 'x']),
    node('y', 'Identity', ['x', '^write'], { T: attribute.type(text) }),
  ];
  const signatures = [signature([spec('x:0', 'DT_STRING', [])], [spec('y:0', 'DT_STRING', [])])];
  writeSavedModel(path.join(folder, 'writer/1'), nodes, { signatures });
}

const target = path.join(folder, 'written');
writeBomb();
writeWriter(target);

const digits = { name: 'digits', path: path.join(root, 'examples/digits'), unsafeUnsigned: true };
const bomb = { name: 'bomb', path: path.join(folder, 'bomb'), limits: { memoryMiB: 512, timeoutMs: 10_000 } };
const writer = { name: 'writer', path: path.join(folder, 'writer') };

interface WorkerStatus {
  readonly state: string;
  readonly spare: string;
  readonly restarts: number;
  readonly lastCause?: string;
  readonly executableMemory: { readonly setting: string };
  readonly attested?: { readonly filters: number; readonly userId: number };
  readonly usage?: { readonly memoryBytes: number };
}

interface ServerStatus {
  readonly isolation: { readonly level: string; readonly layers: readonly { readonly layer: string; readonly works: boolean }[] };
  readonly models: readonly { readonly name: string; readonly versions: readonly { readonly worker: WorkerStatus }[] }[];
}

async function workerStatus(server: TestServer, model: string): Promise<WorkerStatus> {
  const { models } = (await call(`${server.url}/airlock/v1/status`)).json as ServerStatus;
  const found = models.find(({ name }) => name === model)?.versions[0]?.worker;
  if (found === undefined) throw new Error(`no worker of ${model} in the status`);
  return found;
}

describe.skipIf(noJail !== '')(`a server with its jail${noJail}`, () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ models: [digits, bomb, writer] });
    // What was written just now must lie still first.
    await until('all models are there', () => server.server.catalog.ready);
  }, 60_000);
  afterAll(async () => {
    await server?.close();
  });
  // Whatever a test does to its own model, its neighbour answers.
  let stopAsking: () => Promise<number[]>;
  beforeEach(() => {
    stopAsking = askAllTheTime(`${server.url}/v1/models/digits:predict`);
  });
  afterEach(async () => {
    expect(new Set(await stopAsking())).toEqual(new Set([200]));
  });

  const sum = (count: number) => post(`${server.url}/v1/models/bomb:predict`, JSON.stringify({ inputs: { n: [count] } }));
  const isReady = (model: string) => until(`${model} is back`, async () => (await workerStatus(server, model)).state === 'ready');

  it.each([
    ['more than the kernel gives it', 500_000_000],
    ['more than its limit', 250_000_000],
  ])('ends the model that takes %s, says so, and answers the next request', async (_name, count) => {
    await isReady('bomb');
    expect(await sum(3)).toMatchObject({ status: 200, json: { outputs: 3 } });
    const seen = server.events.length;
    const { status, json } = await sum(count);
    expect([status, json]).toMatchObject([500, { code: 'WORKER_OUT_OF_MEMORY' }]);
    await isReady('bomb');
    expect(server.events.slice(seen)).toMatchObject([
      { kind: 'restarting', model: 'bomb', error: { code: 'WORKER_OUT_OF_MEMORY' } },
      { kind: 'restarted', model: 'bomb' },
    ]);
    expect(await sum(3)).toMatchObject({ status: 200 });
    expect(await workerStatus(server, 'bomb')).toMatchObject({ lastCause: 'WORKER_OUT_OF_MEMORY' });
  });

  it('ends the model that writes a file, and there is no file', async () => {
    const { status, json } = await post(`${server.url}/v1/models/writer:predict`, '{"inputs":"x"}');
    expect([status, json]).toMatchObject([500, { code: 'WORKER_FORBIDDEN' }]);
    expect(existsSync(target)).toBe(false);
    await isReady('writer');
  });

  it('says in its status what the kernel holds each worker to, and nothing of this machine', async () => {
    await isReady('bomb');
    const { json, text: document } = await call(`${server.url}/airlock/v1/status`);
    expect((json as ServerStatus).isolation.level).toBe(machine?.level);
    for (const model of ['digits', 'bomb']) {
      const status = await workerStatus(server, model);
      expect(status).toMatchObject({
        attested: { filters: 2, noNewPrivileges: true, withoutCapabilities: true },
        executableMemory: { setting: model === 'digits' ? 'allowed' : expect.stringMatching(/denied|not deniable/) },
        spare: 'off',
      });
      expect(status.attested?.userId).not.toBe(0);
      expect(status.usage?.memoryBytes).toBeGreaterThan(10_000_000);
    }
    expect(document).not.toMatch(/\/(work|tmp|home|root|usr|proc|sys)\b/);
    expect((await post(`${server.url}/airlock/v1/status`, '{}')).status).toBe(400);
  });
});

/** One request after another, until the returned function is called; gives what came. */
function askAllTheTime(url: string): () => Promise<number[]> {
  const statuses: number[] = [];
  let isOver = false;
  const body = JSON.stringify({ instances: [Array.from({ length: 8 }, () => Array.from({ length: 8 }, () => [0]))] });
  const asking = (async () => {
    while (!isOver) {
      statuses.push((await post(url, body)).status);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return statuses;
  })();
  return () => {
    isOver = true;
    return asking;
  };
}

describe.skipIf(noJail !== '')(`a spare worker${noJail}`, () => {
  it('takes over, and is replaced', async () => {
    const server = await startTestServer({ models: [{ ...bomb, spareWorker: true }] });
    try {
      await until('the model is there', () => server.server.catalog.ready);
      await until('the spare is there', async () => (await workerStatus(server, 'bomb')).spare === 'ready');
      const { status } = await post(`${server.url}/v1/models/bomb:predict`, '{"inputs":{"n":[250000000]}}');
      expect(status).toBe(500);
      const restart = performance.now();
      await until('the model is back', async () => (await workerStatus(server, 'bomb')).state === 'ready');
      expect(performance.now() - restart).toBeLessThan(5000);
      expect(await workerStatus(server, 'bomb')).toMatchObject({ restarts: 1 });
      await until('there is another spare', async () => (await workerStatus(server, 'bomb')).spare === 'ready');
    } finally {
      await server.close();
    }
  }, 60_000);
});

describe.skipIf(noWorkers !== '')(`a machine that cannot hold workers${noWorkers}`, () => {
  const airlock = path.join(root, 'bin/airlock.js');
  const store = path.join(root, '.airlock');
  const run = (args: readonly string[], PATH = process.env.PATH ?? '') =>
    spawnSync(process.execPath, [airlock, ...args], { cwd: folder, encoding: 'utf8', env: { PATH }, timeout: 60_000 });

  it('ends the server with 4, and says what is missing, where a level is required that it does not reach', () => {
    const config = path.join(folder, 'full.yaml');
    writeFileSync(
      config,
      JSON.stringify({ store, listen: { rest: '127.0.0.1:0' }, sandbox: { require: 'full' }, models: [digits] }),
    );
    // Nothing in PATH: no bubblewrap.
    const { status, stderr } = run(['serve', config], '/nonexistent');
    expect(status).toBe(4);
    expect(stderr).toContain('full is required');
    expect(stderr).toContain('bubblewrap');
  });

  it('answers with a weaker jail where that is asked for by name', () => {
    const request = path.join(root, 'examples/digits/request.json');
    const { status, stdout } = run([
      'predict',
      digits.path,
      '--unsafe-unsigned',
      '--store',
      store,
      '--unsafe-sandbox',
      'none',
      '--input',
      `@${request}`,
    ]);
    expect(status).toBe(0);
    expect(stdout).toContain('predictions');
  });
});
