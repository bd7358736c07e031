// From a request over HTTP to an encrypted file, and from there, with the key that the server does not have, into a rehearsal. The orders come from the real command
// line. Needs the older TensorFlow of tests/support/runtime.ts for its last step.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { loadConfig } from '../../src/config/index.ts';
import { type AirlockServer, startServer } from '../../src/gateway/index.ts';
import { parseIdentities, readRecordings } from '../../src/recording/index.ts';
import { rehearse } from '../../src/rehearsal/index.ts';
import { defaultVersion } from '../../src/runtime/index.ts';
import { needsOlder, olderRuntime } from '../support/runtime.ts';
import { reachableSandbox } from '../support/sandbox.ts';
import { call, post, root, until } from '../support/server.ts';

vi.mock('../../src/runtime/verify-slot.ts', async (original) =>
  (await import('../support/verify-once.ts')).verifyOnce(await original()),
);

const older = await olderRuntime();

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function airlock(...args: string[]): Promise<Run> {
  const text = { out: '', err: '' };
  const into = (key: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[key] += String(chunk);
        done();
      },
    });
  const code = await main(args, { stdout: into('out'), stderr: into('err'), env: process.env, isTerminal: false });
  return { code, ...text };
}

describe.skipIf(older === undefined)(`recordings${needsOlder(older)}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-recording-e2e-'));
  const store = older?.store();
  const [config, key, otherKey] = ['airlock.yaml', 'recordings.key', 'other.key'].map((name) => join(folder, name));
  let server: AirlockServer;
  const troubles: string[] = [];
  const wine = JSON.parse(readFileSync(join(root, 'examples/tabular/request.json'), 'utf8')).instances[0];
  const predict = (instance: object) =>
    post(`${server.url}/v1/models/tabular:predict`, JSON.stringify({ instances: [instance] }));
  const status = async () => JSON.parse((await call(`${server.url}/airlock/v1/status`)).text).recording;

  beforeAll(async () => {
    const { out } = await airlock('record', 'keys', '-o', key);
    await airlock('record', 'keys', '-o', otherKey);
    const tabular = {
      name: 'tabular',
      path: join(root, 'examples/tabular'),
      contract: join(root, 'examples/tabular/contract.yaml'),
    };
    const values = {
      listen: { rest: '127.0.0.1:0' },
      store: store?.path,
      sandbox: reachableSandbox,
      scan: { unsafeOff: true },
      runtime: { tensorflow: '2.12.1' },
      recording: { recipients: [out.trim()], maxSamplePercent: 100 },
      models: [
        { ...tabular, unsafeUnsigned: true, recording: { redact: ['proline', 'colour'] } },
        { name: 'digits', path: join(root, 'examples/digits'), unsafeUnsigned: true },
      ],
    };
    writeFileSync(config, JSON.stringify(values));
    server = await startServer(await loadConfig(config), {
      onEvent: () => undefined,
      onRefusal: () => undefined,
      onTrouble: (text) => troubles.push(text),
    });
    await server.loaded;
  }, 60_000);
  afterAll(async () => {
    await server?.close();
    store?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  it('are refused for a model that the configuration does not name, and above its share', async () => {
    expect(await airlock('record', 'start', 'digits', '--config', config)).toMatchObject({ code: 1 });
    expect((await airlock('record', 'start', 'digits', '--config', config)).err).toContain('no recording section');
    expect((await airlock('record', 'start', 'tabular', '--config', config, '--sample', '101%')).code).toBe(2);
  });

  it('hold what was accepted while they ran, without what is redacted, and nothing that was refused', async () => {
    expect((await predict({ ...wine, alcohol: 11.5 })).status).toBe(200);
    const { code, out } = await airlock('record', 'start', 'tabular', '--config', config, '--sample', '100%', '--for', '1h');
    expect(code, out).toBe(0);
    await until('the server records', async () => (await status()).active.includes('tabular'));
    for (const alcohol of [12.25, 12.5, 12.75]) expect((await predict({ ...wine, alcohol, proline: 1234 })).status).toBe(200);
    expect((await predict({ ...wine, alcohol: 99 })).status).toBe(400);
    expect((await airlock('record', 'stop', 'tabular', '--config', config)).out).toContain('Stopped');
    await until('the segment is written', async () => (await status()).kept === 3);
    expect(await status()).toEqual({ kept: 3, leftOut: 0, dropped: 0, failed: 0, active: [] });
    const metrics = await (await fetch(`${server.url}/airlock/v1/metrics`)).text();
    expect(metrics).toContain('airlock_recording_requests_total{outcome="kept"} 3\n');
    expect(troubles).toEqual([]);
    const listed = JSON.parse((await airlock('record', 'list', '--config', config, '--json')).out).recordings;
    expect(listed).toMatchObject([{ model: 'tabular', active: false, requests: 3 }]);
  }, 30_000);

  it('are of no use without the key', async () => {
    const place = join(store?.path ?? '', 'recording');
    const proline = Buffer.from(new Float32Array([1234]).buffer);
    for (const file of readdirSync(place).map((name) => readFileSync(join(place, name)))) {
      for (const secret of [proline, Buffer.from('medium'), Buffer.from('alcohol'), Buffer.from('serving_default')])
        expect(file.includes(secret)).toBe(false);
    }
    const wrong = await airlock('record', 'show', '--config', config, '--identity', otherKey);
    expect(wrong).toMatchObject({ code: 1, out: '' });
    expect(wrong.err).toContain('cannot be opened with this identity');
  });

  it('show their owner what was sent, with stand-ins that the contract takes', async () => {
    const { out } = await airlock('record', 'show', '--config', config, '--identity', key);
    const shown = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(shown.map(({ inputs }) => inputs.alcohol.data[0])).toEqual([12.25, 12.5, 12.75]);
    for (const { inputs, model, version, signature } of shown) {
      expect({ model, version, signature }).toEqual({ model: 'tabular', version: '1', signature: 'serving_default' });
      expect(inputs.proline.data[0]).not.toBe(1234);
      expect(inputs.hue.data[0]).toBeCloseTo(wine.hue);
    }
    const identities = parseIdentities(readFileSync(key, 'utf8'));
    for await (const { inputs } of readRecordings({ store: store?.path ?? '', identities })) {
      const instance = Object.fromEntries(
        Array.from(inputs, ([name, tensor]) => [name, tensor.dtype === 'DT_STRING' ? Buffer.from(tensor.bytes).toString() : 0]),
      );
      expect(instance.colour).not.toBe('');
    }
  });

  it('are what another TensorFlow is rehearsed with', async () => {
    const identities = parseIdentities(readFileSync(key, 'utf8'));
    const { models } = await rehearse({ config: await loadConfig(config), to: defaultVersion, identities });
    const tabular = models.find(({ name }) => name === 'tabular');
    expect(tabular).toMatchObject({ verdict: 'same', sources: { recorded: 3 }, notes: [] });
    expect(tabular?.endings).toEqual([{ old: 'answered', now: 'answered', count: tabular?.answered }]);
  }, 60_000);

  it('go when they are deleted', async () => {
    expect((await airlock('record', 'delete', 'all', '--config', config)).out).toContain('Removed 3 requests');
    expect(readdirSync(join(store?.path ?? '', 'recording'))).toEqual([]);
  });
});
