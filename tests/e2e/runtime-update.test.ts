// `airlock runtime update` as a timer calls it: one command from the check to the promotion, and a stop where a person has to decide. TensorFlow 2.12.1 serves, and a
// real rehearsal says whether 2.21.0 may take over; the file takes half a minute, most of it for loading TensorFlow.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addRuntimeCommands } from '../../src/cli/commands/runtime.ts';
import { defaultVersion, readHistory, readSelection } from '../../src/runtime/index.ts';
import { writeChangingModel } from '../support/changing-models.ts';
import { needsOlder, olderRuntime } from '../support/runtime.ts';
import { reachableSandbox } from '../support/sandbox.ts';
import { post, root, startTestServer, type TestServer, temporaryFolder } from '../support/server.ts';

vi.mock('../../src/runtime/verify-slot.ts', async (original) =>
  (await import('../support/verify-once.ts')).verifyOnce(await original()),
);

const older = await olderRuntime();
const from = older?.version ?? '';
const to = defaultVersion;
const folder = temporaryFolder();
const at = (...parts: string[]): string => path.join(folder, ...parts);
/** Times and memory on a machine that runs other tests too say nothing about TensorFlow. */
const busyMachine = { maxLatencyRatio: 100, maxMemoryRatio: 100 };
const stores: { remove(): void }[] = [];

interface Ended {
  readonly out: string;
  readonly code: string | undefined;
}

async function update(config: string, ...args: readonly string[]): Promise<Ended> {
  let out = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const stderr = new Writable({ write: (_chunk, _encoding, done) => done() });
  const program = new Command().exitOverride();
  addRuntimeCommands(program, { stdout, stderr, env: process.env, isTerminal: false });
  try {
    await program.parseAsync(['runtime', 'update', config, '--offline', ...args], { from: 'user' });
    return { out, code: undefined };
  } catch (thrown) {
    const { code, message } = thrown as { readonly code?: string; readonly message: string };
    return { out: `${out}${message}`, code };
  }
}

/** An airlock.yaml with a store of its own that has both versions. */
function configure(
  name: string,
  models: readonly object[],
): { readonly file: string; readonly values: { readonly store: string } } {
  const store = older?.store();
  if (store === undefined) throw new Error('no older TensorFlow');
  stores.push(store);
  const values = {
    store: store.path,
    runtime: { tensorflow: from, rollout: { observeMs: '1s', mirrorPercent: 0 } },
    sandbox: reachableSandbox,
    scan: { unsafeOff: true },
    listen: { rest: '127.0.0.1:0' },
    models: models.map((model) => ({ unsafeUnsigned: true, limits: { timeoutMs: 20_000 }, ...model })),
  };
  const file = at(`${name}.yaml`);
  writeFileSync(file, JSON.stringify(values));
  return { file, values };
}

describe.skipIf(older === undefined)(`an update from ${from} to ${to}${needsOlder(older)}`, { timeout: 120_000 }, () => {
  let digits: ReturnType<typeof configure>;
  let test: TestServer;
  beforeAll(async () => {
    mkdirSync(at('digits'));
    cpSync(path.join(root, 'examples/digits/1'), at('digits/1'), { recursive: true });
    const request = path.join(root, 'examples/digits/request.json');
    writeFileSync(at('golden.jsonl'), `${JSON.stringify(JSON.parse(readFileSync(request, 'utf8')))}\n`);
    digits = configure('digits', [
      { name: 'digits', path: at('digits'), rehearsal: { golden: at('golden.jsonl'), ...busyMachine } },
    ]);
    test = await startTestServer(digits.values as unknown as Parameters<typeof startTestServer>[0]);
  }, 120_000);
  afterAll(async () => {
    await test?.close();
    for (const store of stores) store.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('says what it would do, and does nothing', async () => {
    const { out, code } = await update(digits.file, '--check-only');
    expect(code, out).toBeUndefined();
    expect(out).toContain(`TensorFlow ${from} gets no fixes any more`);
    expect(out).toMatch(/Would stage, rehearse and promote TensorFlow 2\.\d+\.\d+/);
    expect(readSelection(digits.values.store)).toBeUndefined();
  });

  it('stages, rehearses and promotes under a running server, and has nothing to do the next time', async () => {
    const { out, code } = await update(digits.file, '--to', to, '--json');
    expect(code, out).toBeUndefined();
    expect(JSON.parse(out)).toMatchObject({ from, to, outcome: 'promoted', report: expect.stringContaining('.html') });
    const [entry] = readHistory(digits.values.store).entries;
    expect(entry).toMatchObject({ asked: { previous: from, version: to, verdict: 'same' }, ended: { outcome: 'completed' } });
    expect(entry.asked.reason).toContain('update: ');
    const answer = await post(`${test.url}/v1/models/digits:predict`, readFileSync(at('golden.jsonl')));
    expect(answer.status, answer.text).toBe(200);
    expect(await update(digits.file)).toEqual({ out: expect.stringContaining('Nothing to do'), code: undefined });
  });

  it('stops where answers differ, and says who has to decide what', async () => {
    writeFileSync(at('unicode.jsonl'), `${JSON.stringify({ instances: ['\u{1e4d0}'] })}\n`);
    const { file, values } = configure('changed', [
      { name: 'unicode', path: writeChangingModel(folder, 'unicode'), rehearsal: { golden: at('unicode.jsonl') } },
    ]);
    const { out, code } = await update(file, '--to', to);
    expect(code, out).toBe('REHEARSAL_DIFFERS');
    expect(out).toContain(`airlock runtime promote ${to} --accept-changes`);
    expect(readSelection(values.store)).toBeUndefined();
  });

  it('stops where only made-up requests were compared', async () => {
    const contract = path.join(root, 'examples/digits/contract.yaml');
    const { file, values } = configure('made-up', [{ name: 'digits', path: at('digits'), contract }]);
    const { out, code } = await update(file, '--to', to);
    expect(code, out).toBe('REHEARSAL_NO_TRAFFIC');
    expect(out).toContain('digits version 1 was rehearsed with generated requests only');
    expect(readSelection(values.store)).toBeUndefined();
  });

  it('stops where nobody knows what to rehearse with', async () => {
    const { file, values } = configure('silent', [{ name: 'plain', path: writeChangingModel(folder, 'plain') }]);
    expect((await update(file, '--to', to)).code).toBe('REHEARSAL_NO_TRAFFIC');
    expect(readSelection(values.store)).toBeUndefined();
  });
});
