// Versions while they come, change and go below a running server: a client never sees half a version and never loses an answer to a
// switch, and the trouble of one model stays its own.
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { childrenOfThisProcess, newestChild } from '../support/child-processes.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { call, post, root, startTestServer, type TestServer, temporaryFolder, until } from '../support/server.ts';

const digits = path.join(root, 'examples/digits/1');
const image = readFileSync(path.join(root, 'examples/digits/request.json'), 'utf8');
const title = (text: string): string => `${text}${needsRuntime}`;

/** Model folders, each with its own life: one server serves them all, so that starting one is paid once. */
const names = ['latest', 'all', 'specific', 'two', 'broken', 'empty'] as const;
type Name = (typeof names)[number];

let base: string;
let test: TestServer;
/** The process that answers for the model `empty`. */
let workerOfEmpty: number;

const folder = (name: Name, version?: number): string =>
  path.join(base, name, ...(version === undefined ? [] : [String(version)]));

/** Complete at once: copied beside the model and moved in. */
function addVersion(name: Name, version: number): void {
  const staging = path.join(base, `staging-${name}-${version}`);
  cpSync(digits, staging, { recursive: true });
  renameSync(staging, folder(name, version));
}

const url = (name: Name, rest = ''): string => `${test.url}/v1/models/${name}${rest}`;
const predict = (name: Name, version?: number) =>
  post(`${url(name)}${version === undefined ? '' : `/versions/${version}`}:predict`, image);

interface Status {
  readonly version: string;
  readonly state: string;
  readonly status: { readonly error_code: string; readonly error_message: string };
}

/** `2:AVAILABLE 1:END`, newest first. */
async function states(name: Name): Promise<string> {
  const { json } = await call(url(name));
  const { model_version_status } = json as { readonly model_version_status: readonly Status[] };
  return model_version_status.map(({ version, state }) => `${version}:${state}`).join(' ');
}

const untilStates = (name: Name, wanted: string): Promise<void> =>
  until(`${name} is ${wanted}`, async () => (await states(name)) === wanted);

describe.skipIf(slot === undefined)(title('Versions below a running server'), () => {
  beforeAll(async () => {
    base = temporaryFolder();
    for (const name of names) mkdirSync(folder(name));
    for (const name of ['latest', 'two', 'broken'] as const) addVersion(name, 1);
    for (const version of [1, 2]) addVersion('all', version);
    for (const version of [3, 5, 7]) addVersion('specific', version);
    // A few seconds old, or the server would wait until the copies lie still.
    await pause(2100);
    test = await startTestServer({
      models: names.map((name) => ({
        name,
        path: folder(name),
        ...(name === 'all' ? { versions: { policy: 'all' } } : {}),
        ...(name === 'specific' ? { versions: { policy: 'specific', numbers: [3, 7] }, labels: { stable: 3, canary: 7 } } : {}),
        ...(name === 'two' ? { versions: { policy: 'latest', count: 2 } } : {}),
      })),
    });
  });
  afterAll(async () => {
    await test?.close();
    rmSync(base, { recursive: true, force: true });
  });

  it('serves what each policy says', async () => {
    expect(await states('latest')).toBe('1:AVAILABLE');
    expect(await states('all')).toBe('2:AVAILABLE 1:AVAILABLE');
    expect(await states('specific')).toBe('7:AVAILABLE 3:AVAILABLE');
    expect((await predict('specific', 5)).status).toBe(404);
    expect((await predict('specific', 3)).status).toBe(200);
    expect((await post(url('specific', '/labels/canary:predict'), image)).status).toBe(200);
  });

  it('answers 503 for a model without a version, which may come, and is not ready', async () => {
    const { status, headers, json } = await predict('empty');
    expect(status).toBe(503);
    expect(headers.get('retry-after')).toBe('1');
    expect(json).toMatchObject({ code: 'MODEL_NOT_AVAILABLE' });
    expect((await call(`${test.url}/readyz`)).status).toBe(503);
    expect((await call(`${test.url}/healthz`)).status).toBe(200);
    const before = childrenOfThisProcess();
    addVersion('empty', 1);
    await untilStates('empty', '1:AVAILABLE');
    workerOfEmpty = newestChild(before);
    expect((await predict('empty')).status).toBe(200);
    expect((await call(`${test.url}/readyz`)).status).toBe(200);
  });

  it('never serves a version that is still being copied, and loses no request when it switches', async () => {
    let over = false;
    const answers: number[] = [];
    const client = async (): Promise<void> => {
      while (!over) answers.push((await predict('latest')).status);
    };
    const clients = Promise.all([client(), client()]);
    const seenWhileCopying = new Set<string>();
    const files = listFiles(digits);
    // The one that makes the folder a SavedModel comes first, and each file in two halves: the worst order.
    const ordered = [...files].sort((a, b) => Number(b === 'saved_model.pb') - Number(a === 'saved_model.pb'));
    for (const file of ordered) {
      const target = path.join(folder('latest', 2), file);
      const bytes = readFileSync(path.join(digits, file));
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, bytes.subarray(0, bytes.length / 2));
      await pause(250);
      seenWhileCopying.add(await states('latest'));
      writeFileSync(target, bytes);
      await pause(250);
      seenWhileCopying.add(await states('latest'));
    }
    expect([...seenWhileCopying]).toEqual(['1:AVAILABLE']);
    // A body that is still arriving when its version is replaced keeps that version until it is answered.
    const slow = new RawConnection(test.port);
    slow.send(
      `POST /v1/models/latest:predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${image.length}\r\n\r\n`,
    );
    slow.send(image.slice(0, 50));
    await untilStates('latest', '2:AVAILABLE 1:UNLOADING');
    expect((await predict('latest', 1)).status).toBe(404);
    expect(slow.received).toBe('');
    slow.send(image.slice(50));
    await slow.closed;
    expect(slow.received).toMatch(/^HTTP\/1\.1 200 .*\{"predictions":\[\[/s);
    await untilStates('latest', '2:AVAILABLE 1:END');
    await pause(200);
    over = true;
    await clients;
    expect(answers.length).toBeGreaterThan(100);
    expect(answers.filter((status) => status !== 200)).toEqual([]);
    expect((await predict('latest', 1)).status).toBe(404);
    expect(test.events.filter((event) => event.kind === 'failed' && event.model === 'latest')).toEqual([]);
  });

  it('keeps the newest two where two are asked for', async () => {
    addVersion('two', 2);
    addVersion('two', 3);
    await untilStates('two', '3:AVAILABLE 2:AVAILABLE 1:END');
    expect((await predict('two', 1)).status).toBe(404);
    expect((await predict('two', 2)).status).toBe(200);
  });

  it('unloads a version whose folder goes, and falls back to the one before', async () => {
    rmSync(folder('all', 2), { recursive: true });
    await untilStates('all', '2:END 1:AVAILABLE');
    expect((await predict('all', 2)).status).toBe(404);
    expect((await predict('all')).status).toBe(200);
    expect(test.events).toContainEqual({ kind: 'unloaded', model: 'all', version: 2n });
  });

  it('keeps the old version while a new one is broken, says why, and takes one that is whole', async () => {
    // Cut short: the server refuses it before TensorFlow sees it.
    mkdirSync(folder('broken', 3));
    writeFileSync(
      path.join(folder('broken', 3), 'saved_model.pb'),
      readFileSync(path.join(digits, 'saved_model.pb')).subarray(0, 5000),
    );
    // Whole by its files, but its graph is not TensorFlow's: only the worker finds out.
    cpSync(digits, path.join(base, 'staging'), { recursive: true });
    const graph = path.join(base, 'staging/saved_model.pb');
    writeFileSync(graph, Buffer.from(readFileSync(graph).toString('latin1').replaceAll('Conv2D', 'Conv2X'), 'latin1'));
    renameSync(path.join(base, 'staging'), folder('broken', 2));
    await until('version 3 is refused', () => refusedFor('broken', 3n).includes('MODEL_INVALID'));
    await until('version 2 fails to load', () => test.events.some(({ kind, model }) => kind === 'failed' && model === 'broken'));
    const { json } = await call(url('broken', '/versions/2'));
    const [failed] = (json as { readonly model_version_status: readonly Status[] }).model_version_status;
    expect(failed.state).toBe('END');
    expect(failed.status.error_code).toBe('FAILED_PRECONDITION');
    expect(failed.status.error_message).not.toContain(base);
    expect((await predict('broken')).status).toBe(200);
    expect((await predict('broken', 2)).status).toBe(404);
    addVersion('broken', 4);
    await untilStates('broken', '4:AVAILABLE 2:END 1:END');
    expect((await predict('broken')).status).toBe(200);
  });

  it('fails the requests of a model whose worker is killed with a code that invites a retry, and only those', async () => {
    let over = false;
    const outcomes: string[] = [];
    const bystander: number[] = [];
    const victimClient = async (): Promise<void> => {
      while (!over) {
        const { status, json, headers } = await predict('empty');
        if (status === 200) outcomes.push('ok');
        else outcomes.push(`${status} ${(json as { readonly code: string }).code} ${headers.get('retry-after')}`);
        await pause(2);
      }
    };
    const bystanderClient = async (): Promise<void> => {
      while (!over) bystander.push((await predict('all')).status);
    };
    const clients = Promise.all([victimClient(), victimClient(), victimClient(), bystanderClient()]);
    await pause(200);
    const before = childrenOfThisProcess();
    process.kill(workerOfEmpty, 'SIGKILL');
    await until('the victim fails', () => outcomes.some((outcome) => outcome !== 'ok'));
    await until('the victim is back', async () => (await predict('empty')).status === 200);
    over = true;
    await clients;
    expect(outcomes).toContain('ok');
    const failures = outcomes.filter((outcome) => outcome !== 'ok');
    expect(failures.filter((outcome) => !/^503 (WORKER_CRASHED|MODEL_NOT_AVAILABLE) 1$/.test(outcome))).toEqual([]);
    expect(bystander.length).toBeGreaterThan(20);
    expect(bystander.filter((status) => status !== 200)).toEqual([]);
    workerOfEmpty = newestChild(before);
    // A restart is no change of version.
    expect(await states('empty')).toBe('1:AVAILABLE');
  });

  it('does not bring a killed worker back with files that were changed under its version', async () => {
    const file = path.join(folder('empty', 1), 'saved_model.pb');
    writeFileSync(file, readFileSync(file));
    process.kill(workerOfEmpty, 'SIGKILL');
    await until('the change is reported', () => refusedFor('empty', 1n).includes('MODEL_INVALID'));
    await pause(1000);
    const { status, json } = await predict('empty');
    expect([status, json]).toMatchObject([503, { code: 'MODEL_NOT_AVAILABLE' }]);
  });
});

function refusedFor(model: Name, version: bigint): string[] {
  return test.events.flatMap((event) =>
    event.kind === 'refused' && event.model === model && event.version === version ? [event.error.code] : [],
  );
}

function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(path.join(directory, name)).isFile(),
  );
}
