// A model that reads a file of the machine when it is called: without the scan a worker loads it, with the scan it never meets one. What the server
// decides is in the audit log, what it serves is scanned again, and what became worse is told.
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { verifyAuditLog } from '../../src/audit/index.ts';
import { openModel } from '../../src/serving/index.ts';
import { attrType, constString, placeholder, savedModel } from '../support/graph-builder.ts';
import { needsRuntime } from '../support/runtime.ts';
import { reachableSandbox } from '../support/sandbox.ts';
import { call, root, startTestServer, type TestServer, temporaryFolder, until } from '../support/server.ts';

const unsafe = { refuseAt: 'high' };
let folder: string;
let store: string;
let test: TestServer | undefined;
const at = (...parts: string[]): string => path.join(folder, ...parts);

function writeModel(name: string, version: number, file: string | undefined, type = 'DT_STRING'): void {
  mkdirSync(at('models', name, String(version)), { recursive: true });
  const reads = [
    constString('path', file ?? 'a'),
    {
      name: 'read',
      op: file === undefined ? 'Identity' : 'ReadFile',
      inputs: ['path'],
      attrs: file === undefined ? { T: attrType(type) } : {},
    },
    placeholder('x', 'DT_FLOAT', []),
  ];
  const signatures = {
    serving_default: {
      inputs: { x: { name: 'x:0', shape: [] } },
      outputs: { y: { name: 'read:0', dtype: 'DT_STRING', shape: [] } },
    },
  };
  writeFileSync(
    at('models', name, String(version), 'saved_model.pb'),
    savedModel({ metaGraphs: [{ tags: ['serve'], nodes: reads, signatures }] }),
  );
}

interface Status {
  readonly models: readonly {
    readonly versions: readonly {
      readonly state: string;
      readonly scan: { readonly verdict: string; readonly digest: string } | null;
    }[];
    readonly refused: readonly {
      readonly error: string;
      readonly message: string;
      readonly scan: { readonly verdict: string } | null;
    }[];
  }[];
  readonly auditLog: { readonly seq: number; readonly hash: string };
}

const statusOf = async ({ url }: TestServer): Promise<Status> => (await call(`${url}/airlock/v1/status`)).json as Status;
const auditEvents = (): string[] => {
  const events: string[] = [];
  verifyAuditLog(path.join(store, 'audit'), { onEntry: ({ event }) => events.push(event) });
  return events;
};

describe.skipIf(needsRuntime !== '')(`the scan before a load${needsRuntime}`, () => {
  beforeAll(async () => {
    folder = temporaryFolder();
    writeModel('hostile', 1, '/etc/passwd');
    writeModel('good', 1, undefined);
    // A server waits until what was written has lain still for two seconds; the tests are about what it does then.
    await setTimeout(2_100);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(async () => {
    await test?.close();
    test = undefined;
  });
  function newStore(name: string): string {
    store = at(name);
    mkdirSync(store);
    symlinkSync(path.join(root, '.airlock/runtimes'), path.join(store, 'runtimes'));
    return store;
  }
  const start = (name: string, scan: object) => startTestServer({ store, scan, models: [{ name, path: at('models', name) }] });

  it('without it a worker loads the model', async () => {
    newStore('off');
    test = await start('hostile', { unsafeOff: true });
    expect((await statusOf(test)).models[0].versions[0]).toMatchObject({ state: 'AVAILABLE', scan: null });
    // The jail is what stops it then.
    const answer = await call(`${test.url}/v1/models/hostile:predict`, { method: 'POST', body: '{"inputs": 1.0}' });
    expect(answer.text).not.toContain('root:');
  });

  it('with it no worker ever meets the model, and everybody is told why', async () => {
    newStore('on');
    test = await start('hostile', unsafe);
    const { models } = await statusOf(test);
    expect(models[0].versions).toEqual([]);
    expect(models[0].refused[0]).toMatchObject({
      error: 'SCAN_REFUSED',
      message: expect.stringContaining('/etc/passwd'),
      scan: { verdict: 'refused' },
    });
    expect(test.events.map(({ kind }) => kind)).toEqual(['refused']);
    expect(auditEvents()).toEqual(['scan', 'refused']);
    expect((await call(`${test.url}/v1/models/hostile:predict`, { method: 'POST', body: '{"inputs": 1.0}' })).status).toBe(503);
  });

  it('lets a good model pass, and records the scan with its digest', async () => {
    newStore('good');
    test = await start('good', unsafe);
    const { models, auditLog } = await statusOf(test);
    const [{ state, scan }] = models[0].versions;
    expect([state, scan?.verdict]).toEqual(['AVAILABLE', 'clean']);
    const log = path.join(store, 'audit');
    expect(verifyAuditLog(log, { expect: auditLog }).entries).toBe(auditLog.seq);
    expect(auditEvents()).toEqual(['scan', 'available']);
    expect(readFileSync(path.join(log, 'audit-000000000001.jsonl'), 'utf8')).toContain(String(scan?.digest));
    const response = await fetch(`${test.url}/airlock/v1/metrics`);
    const text = await response.text();
    expect(response.headers.get('content-type')).toContain('text/plain');
    expect(text).toContain('airlock_scan_verdict{model="good",version="1",verdict="clean"} 1');
  });

  it('keeps the old version while a new one is refused', async () => {
    newStore('rolling');
    test = await start('good', unsafe);
    writeModel('good', 2, '/etc/shadow');
    await until(
      'the refusal',
      async () => (await statusOf(test as TestServer)).models[0].refused.some(({ error }) => error === 'SCAN_REFUSED'),
      20_000,
    );
    expect((await statusOf(test)).models[0].versions).toHaveLength(1);
    rmSync(at('models/good/2'), { recursive: true });
  });

  it('keeps a version out that cannot be judged in time, and one whose scan cannot be recorded', async () => {
    newStore('late');
    writeFileSync(path.join(store, 'audit'), '');
    await expect(start('good', unsafe)).rejects.toMatchObject({ code: 'AUDIT_LOG_FAILED' });
    rmSync(path.join(store, 'audit'));
    mkdirSync(path.join(store, 'audit'));
    // A log that is not what was written takes no further line.
    writeFileSync(path.join(store, 'audit/head.json'), `{"seq":7,"hash":"${'a'.repeat(64)}"}\n`);
    test = await start('good', unsafe);
    expect((await statusOf(test)).models[0].refused[0]).toMatchObject({ error: 'AUDIT_LOG_INVALID' });
  });

  it('never loads what was put in the place of a scanned model that did not load', async () => {
    newStore('swapped');
    // TensorFlow refuses a string that is said to be a float; the load is tried again a second later.
    writeModel('swapped', 1, undefined, 'DT_FLOAT');
    test = await start('swapped', { refuseAt: 'critical' });
    const events = (): unknown[] => (test as TestServer).events.filter(({ kind }) => kind === 'available' || kind === 'failed');
    await until('the first try', () => events().length === 1);
    writeModel('swapped', 1, '/etc/passwd');
    await until('the second try', () => events().length === 2);
    expect(events()).toMatchObject([
      { kind: 'failed', error: { code: 'MODEL_LOAD_FAILED' } },
      { kind: 'failed', error: { code: 'MODEL_INVALID' } },
    ]);
  });

  it('accepts what a suppression covers', async () => {
    newStore('accepted');
    writeFileSync(at('s.yaml'), 'suppressions: [{ rule: file-read/op, reason: this is a test of ours, expires: 2999-01-01 }]');
    test = await start('hostile', { ...unsafe, suppressions: at('s.yaml') });
    const { models } = await statusOf(test);
    const covered = models[0].versions[0]?.scan?.verdict ?? models[0].refused[0].message;
    expect(covered).toBe('clean');
  });

  it('tells what became worse since the last time, also across a restart', async () => {
    newStore('worse');
    const bodies: string[] = [];
    const receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk));
      request.on('end', () => {
        bodies.push(body);
        response.end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    writeFileSync(at('secret'), 'a secret of more than sixteen bytes');
    const webhook = { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`, secretFile: at('secret') };
    try {
      test = await start('good', { ...unsafe, webhook });
      await test.close();
      // What was kept said that nothing was found; now the same model reads a file.
      const [kept] = readdirSync(path.join(store, 'scans'));
      expect(kept).toBeDefined();
      writeModel('good', 1, '/etc/passwd');
      test = await start('good', { refuseAt: 'critical', webhook });
      await until('the webhook', () => bodies.length === 1, 10_000);
      expect(JSON.parse(bodies[0])).toMatchObject({
        type: 'scan.worse',
        model: 'good',
        version: '1',
        before: 'clean',
        newFindings: [{ ruleId: expect.stringMatching(/^file-read\//) }],
      });
      expect(test.worse).toHaveLength(1);
      expect(auditEvents()).toContain('scan worse');
    } finally {
      writeModel('good', 1, undefined);
      receiver.close();
    }
  });

  it('the library does the same', async () => {
    newStore('library');
    const options = { path: at('models/hostile'), store, sandbox: reachableSandbox, unsafeUnsigned: true };
    await expect(openModel(options)).rejects.toMatchObject({ code: 'SCAN_REFUSED' });
    const model = await openModel({ ...options, unsafeUnscanned: true });
    await model.close();
  });
});
