// Signed models below a running server: what is signed as the policy asks is served, from the copy; everything else is refused by name, and what
// was served goes on being served.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { openModel } from '../../src/serving/index.ts';
import { attestModel } from '../../src/signing/attestations/index.ts';
import { type EnvelopeSigner, generateKeys, keySigner, signModel } from '../../src/signing/index.ts';
import { childrenOfThisProcess, newestChild } from '../support/child-processes.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { reachableSandbox, sandboxArguments } from '../support/sandbox.ts';
import { call, post, root, startTestServer, type TestServer, temporaryFolder, until } from '../support/server.ts';

const digits = path.join(root, 'examples/digits/1');
const image = readFileSync(path.join(root, 'examples/digits/request.json'), 'utf8');
const weights = 'variables/variables.data-00000-of-00001';

let folder: string;
let store: string;
let release: EnvelopeSigner;
let stranger: EnvelopeSigner;
let test: TestServer;

async function newSigner(name: string): Promise<EnvelopeSigner> {
  const file = path.join(folder, `${name}.key`);
  await generateKeys({ file, passphrase: undefined });
  return keySigner({ pem: readFileSync(file) });
}

const inFolder = (...parts: readonly string[]): string => path.join(folder, ...parts);

/** An unsigned copy of the example where no server looks; `change` makes it another model. */
function build(name: string, version: number, change = false): string {
  const target = inFolder('build', name, String(version));
  rmSync(target, { recursive: true, force: true });
  cpSync(digits, target, { recursive: true, filter: (from) => !from.includes('model.sig') });
  // Text behind the graph's end would not parse; an asset that nobody reads is another content all the same.
  if (change) {
    mkdirSync(path.join(target, 'assets.extra'));
    writeFileSync(path.join(target, 'assets.extra/note'), `${name} ${version}`);
  }
  return target;
}

async function buildSigned(name: string, version: number, signer = release, as = { model: name, version }): Promise<string> {
  const built = build(name, version, version > 1);
  await signModel({ path: built, signer, release: { model: as.model, version: BigInt(as.version) } });
  return built;
}

/** Complete at once, as a deployment does it. */
function publish(built: string, name: string, version: number): void {
  mkdirSync(inFolder('models', name), { recursive: true });
  const incoming = inFolder('models', name, '.incoming');
  cpSync(built, incoming, { recursive: true });
  renameSync(incoming, inFolder('models', name, String(version)));
}

interface StatusVersion {
  readonly version: string;
  readonly state: string;
  readonly provenance: {
    readonly policy: string;
    readonly identity: string;
    readonly signers: readonly { readonly signer: string }[];
  } | null;
}
interface StatusModel {
  readonly name: string;
  readonly versions: readonly StatusVersion[];
  readonly refused: readonly { readonly version: string; readonly error: string; readonly message: string }[];
}

async function statusOf(name: string): Promise<StatusModel> {
  const { models } = (await call(`${test.url}/airlock/v1/status`)).json as { readonly models: readonly StatusModel[] };
  const found = models.find((model) => model.name === name);
  if (found === undefined) throw new Error(`no model ${name}`);
  return found;
}

/** `1:AVAILABLE 3:TRUST_REFUSED`, by version. */
async function stateOf(name: string): Promise<string> {
  const { versions, refused } = await statusOf(name);
  const all = [
    ...versions.map(({ version, state }) => `${version}:${state}`),
    ...refused.map(({ version, error }) => `${version}:${error}`),
  ];
  return all.sort().join(' ');
}

const untilState = (name: string, state: string): Promise<void> =>
  until(`${name} is ${state}`, async () => (await stateOf(name)) === state);

const predict = (name: string) => post(`${test.url}/v1/models/${name}:predict`, image);

const models = ['digits', 'names', 'files', 'late', 'deployed', 'old', 'crashing', 'beside'] as const;
const trust = (): object => ({
  signers: { release: { key: inFolder('release.pub') } },
  policies: { release: { models: ['*'], signers: ['release'] } },
});
const configuration = () => ({
  store,
  trust: trust(),
  models: models.map((name) => ({ name, path: inFolder('models', name), trust: 'release' })),
});

async function airlock(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly output: string; readonly errors: string }> {
  const io = { stdout: new PassThrough(), stderr: new PassThrough(), env: {}, isTerminal: false };
  const code = await main(args, io);
  return { code, output: String(io.stdout.read() ?? ''), errors: String(io.stderr.read() ?? '') };
}

describe.skipIf(slot === undefined)(`signed models${needsRuntime}`, () => {
  beforeAll(async () => {
    folder = temporaryFolder();
    store = inFolder('store');
    mkdirSync(store);
    symlinkSync(path.join(root, '.airlock/runtimes'), path.join(store, 'runtimes'));
    release = await newSigner('release');
    stranger = await newSigner('stranger');
    for (const name of models) {
      if (name === 'crashing' || name === 'beside') mkdirSync(inFolder('models', name));
      else publish(name === 'late' ? build(name, 1) : await buildSigned(name, 1), name, 1);
    }
    await pause(2100);
    test = await startTestServer(configuration());
  });
  afterAll(async () => {
    await test?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('are served, and log and status say who signed them', async () => {
    expect((await predict('digits')).status).toBe(200);
    const event = test.events.find((candidate) => candidate.kind === 'verified' && candidate.model === 'digits');
    expect(event).toMatchObject({
      version: 1n,
      provenance: { policy: 'release', signers: [{ signer: 'release', kind: 'key' }] },
    });
    const { versions } = await statusOf('digits');
    expect(versions).toMatchObject([
      {
        version: '1',
        state: 'AVAILABLE',
        provenance: { policy: 'release', attestations: [{ type: 'release', signers: ['release'] }] },
      },
    ]);
    expect(JSON.stringify(versions)).not.toContain(folder);
  });

  it('are refused unsigned, and served when the signature comes', async () => {
    expect(await stateOf('late')).toBe('1:MODEL_UNSIGNED');
    // The reason is said once, and no later look finds another one.
    await pause(2500);
    expect(await stateOf('late')).toBe('1:MODEL_UNSIGNED');
    const told = test.events.flatMap((event) => (event.kind === 'refused' && event.model === 'late' ? [event.error.code] : []));
    expect(told).toEqual(['MODEL_UNSIGNED']);
    expect((await predict('late')).status).toBe(503);
    await signModel({ path: inFolder('models/late/1'), signer: release, release: { model: 'late', version: 1n } });
    await untilState('late', '1:AVAILABLE');
    expect((await predict('late')).status).toBe(200);
  });

  it('are refused when a file differs, with its name, and the old version keeps serving', async () => {
    const changed = await buildSigned('files', 2);
    appendFileSync(path.join(changed, weights), 'x');
    publish(changed, 'files', 2);
    await untilState('files', '1:AVAILABLE 2:MODEL_TAMPERED');
    const planted = await buildSigned('files', 3);
    writeFileSync(path.join(planted, 'planted'), 'x');
    publish(planted, 'files', 3);
    await untilState('files', '1:AVAILABLE 2:MODEL_TAMPERED 3:MODEL_TAMPERED');
    const differences = test.events.flatMap((event) =>
      event.kind === 'refused' && event.error.code === 'MODEL_TAMPERED'
        ? event.error.violations.map((violation) => `${event.version} ${violation.path} ${violation.rule}`)
        : [],
    );
    expect(differences).toEqual([`2 ${weights} modified`, '3 planted extra']);
    expect((await predict('files')).status).toBe(200);
  });

  it('are refused when a stranger signed, and under the name or number of another model', async () => {
    publish(await buildSigned('names', 2, stranger), 'names', 2);
    publish(await buildSigned('names', 3, release, { model: 'digits', version: 3 }), 'names', 3);
    publish(await buildSigned('names', 4, release, { model: 'names', version: 7 }), 'names', 4);
    await untilState('names', '1:AVAILABLE 2:SIGNER_UNTRUSTED 3:TRUST_REFUSED 4:TRUST_REFUSED');
  });

  it('go on being served when somebody puts something beside them, and go when nothing is there any more', async () => {
    const before = childrenOfThisProcess();
    publish(await buildSigned('beside', 2), 'beside', 2);
    await untilState('beside', '2:AVAILABLE');
    mkdirSync(inFolder('models/beside/002'));
    await untilState('beside', '2:AVAILABLE 2:MODEL_INVALID');
    // Not even a crash ends it: nobody has removed the copy.
    const seen = test.events.length;
    process.kill(newestChild(before), 'SIGKILL');
    await until('it is back', () => test.events.slice(seen).some(({ kind }) => kind === 'restarted'));
    expect((await predict('beside')).status).toBe(200);
    rmSync(inFolder('models/beside/002'), { recursive: true });
    writeFileSync(inFolder('models/beside/saved_model.pb'), 'x');
    await untilState('beside', '1:MODEL_UNSIGNED 2:AVAILABLE');
    expect((await predict('beside')).status).toBe(200);
    rmSync(inFolder('models/beside/saved_model.pb'));
    rmSync(inFolder('models/beside/2'), { recursive: true });
    await untilState('beside', '2:END');
  });

  it('come back after a crash from the copy, whatever became of their folder, and only as they were', async () => {
    const before = childrenOfThisProcess();
    publish(await buildSigned('crashing', 2), 'crashing', 2);
    await untilState('crashing', '2:AVAILABLE');
    const worker = newestChild(before);
    appendFileSync(inFolder('models/crashing/2', weights), 'x');
    await untilState('crashing', '2:AVAILABLE 2:MODEL_INVALID');
    let seen = test.events.length;
    process.kill(worker, 'SIGKILL');
    await until('it is back', () => test.events.slice(seen).some(({ kind }) => kind === 'restarted'));
    expect((await predict('crashing')).status).toBe(200);

    const [{ provenance }] = (await statusOf('crashing')).versions;
    const staged = path.join(store, 'models', provenance?.identity ?? '', 'model', weights);
    chmodSync(staged, 0o600);
    const bytes = readFileSync(staged);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(staged, bytes);
    seen = test.events.length;
    process.kill(newestChild(before), 'SIGKILL');
    await until('the changed copy is refused', () =>
      test.events.slice(seen).some((event) => event.kind === 'restarting' && event.error.code === 'MODEL_TAMPERED'),
    );
    expect((await predict('crashing')).status).toBe(503);
  });

  describe('with a server that is started again', () => {
    beforeAll(async () => {
      publish(await buildSigned('old', 2), 'old', 2);
      await untilState('old', '1:END 2:AVAILABLE');
      await test.close();
    });

    it('are not rolled back when the newest version is taken away', async () => {
      renameSync(inFolder('models/old/2'), inFolder('old-2'));
      test = await startTestServer(configuration());
      expect(await stateOf('old')).toBe('1:MODEL_ROLLBACK');
      expect((await predict('old')).status).toBe(503);
      renameSync(inFolder('old-2'), inFolder('models/old/2'));
      await untilState('old', '2:AVAILABLE');
    });

    it('leave nothing in the store that nobody needs', async () => {
      await until('exactly the copies are there that are loaded', async () => {
        const { models: all } = (await call(`${test.url}/airlock/v1/status`)).json as { readonly models: readonly StatusModel[] };
        const loaded = all.flatMap(({ versions }) => versions.filter(({ state }) => state === 'AVAILABLE'));
        const wanted = [...new Set(loaded.map(({ provenance }) => provenance?.identity ?? ''))].sort();
        return readdirSync(path.join(store, 'models')).sort().join() === [...wanted, 'leases'].join();
      });
    });
  });

  it('are verified by airlock verify with the same policy, step by step', async () => {
    const config = inFolder('airlock.yaml');
    writeFileSync(config, JSON.stringify(configuration()));
    const good = await airlock('verify', inFolder('models/old/2'), '--policy', config, '--explain');
    expect(good).toMatchObject({
      code: 0,
      output: expect.stringMatching(/verified[\s\S]*passed +binding[\s\S]*passed +files[\s\S]*decided by files/),
    });
    const old = await airlock('verify', inFolder('models/old/1'), '--policy', config, '--explain');
    expect(old).toMatchObject({ code: 1, output: expect.stringMatching(/REFUSED[\s\S]*decided by rollback/) });
    const changed = await airlock('verify', inFolder('models/files/2'), '--policy', config, '--json');
    expect(changed.code).toBe(1);
    expect(JSON.parse(changed.output)).toMatchObject({
      verified: false,
      decidedBy: 'files',
      steps: expect.arrayContaining([expect.objectContaining({ rule: 'files', outcome: 'refused' })]),
      differences: expect.arrayContaining([{ name: weights, kind: 'modified' }]),
    });
    expect(await airlock('verify', inFolder('models/old/2'), '--policy', config, '--model', 'digits')).toMatchObject({ code: 1 });
    expect(await airlock('verify', inFolder('models/old/2'))).toMatchObject({ code: 2 });
    const byKey = (version: string) =>
      airlock('verify', inFolder('models/old/2'), '--key', inFolder('release.pub'), '--model-version', version);
    expect([(await byKey('2')).code, (await byKey('7')).code, (await byKey('02')).code]).toEqual([0, 1, 2]);
    const json = await airlock('verify', inFolder('models/old/2'), '--key', inFolder('release.pub'), '--json');
    expect(JSON.parse(json.output)).toMatchObject({ verified: true, decidedBy: 'files', moreDifferences: 0 });
  });

  it('are opened by a program and by airlock predict with a key, and not without a word about trust', async () => {
    const options = { path: inFolder('models/late'), store, sandbox: reachableSandbox };
    await expect(openModel(options)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(openModel({ ...options, trust: { key: inFolder('stranger.pub') } })).rejects.toMatchObject({
      code: 'SIGNER_UNTRUSTED',
    });
    await expect(openModel({ ...options, trust: { key: inFolder('release.pub'), model: 'x' } })).rejects.toMatchObject({
      code: 'TRUST_REFUSED',
    });
    const model = await openModel({ ...options, trust: { key: inFolder('release.pub') } });
    try {
      expect((await model.predictJson(Buffer.from(image))).toString()).toContain('predictions');
    } finally {
      await model.close();
    }
    const usual = ['--store', store, ...sandboxArguments, '--input', image];
    const answered = await airlock('predict', inFolder('models/late'), '--key', inFolder('release.pub'), ...usual);
    expect(answered).toMatchObject({ code: 0, output: expect.stringContaining('predictions') });
    expect(await airlock('predict', inFolder('models/late'), ...usual)).toMatchObject({ code: 2 });
    expect(await airlock('predict', inFolder('models/late'), '--key', inFolder('stranger.pub'), ...usual)).toMatchObject({
      code: 1,
    });
  });

  describe('with a deploy script', () => {
    const deploy = async (
      built: string,
      ...more: readonly string[]
    ): Promise<{ readonly code: number | null; readonly said: string }> => {
      const config = inFolder('airlock.yaml');
      writeFileSync(config, JSON.stringify(configuration()));
      const script = path.join(root, 'examples/digits/deploy.js');
      const args = [
        '--from',
        built,
        '--to',
        inFolder('models/deployed'),
        '--config',
        config,
        '--model',
        'deployed',
        '--url',
        test.url,
        ...more,
      ];
      // Not synchronous: the server runs in this process.
      const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, said };
    };

    it('come when everything is right', async () => {
      const { code, said } = await deploy(await buildSigned('deployed', 2));
      expect([code, said]).toEqual([0, expect.stringContaining('deployed: deployed version 2 answers')]);
      expect(await stateOf('deployed')).toContain('2:AVAILABLE');
    });

    it('stay out when they are not signed, and the old version keeps serving', async () => {
      const { code, said } = await deploy(build('deployed', 3, true));
      expect([code, said]).toEqual([1, expect.stringContaining('not deployed')]);
      expect(readdirSync(inFolder('models/deployed')).sort()).toEqual(['1', '2']);
      expect((await predict('deployed')).status).toBe(200);
    });

    it('stay where they are while the server has not decided, and come to nobody without a server', async () => {
      const built = await buildSigned('deployed', 3);
      const away = await deploy(built, '--url', 'http://127.0.0.1:9');
      expect([away.code, away.said]).toEqual([1, 'deploy: not deployed: no server answers at http://127.0.0.1:9\n']);
      expect(readdirSync(inFolder('models/deployed')).sort()).toEqual(['1', '2']);
      const { code, said } = await deploy(built, '--timeout', '0.1');
      expect([code, said]).toEqual([3, expect.stringContaining('undecided after 0.1 s')]);
      await until('it answers', async () => (await stateOf('deployed')).includes('3:AVAILABLE'));
      rmSync(inFolder('models/deployed/3'), { recursive: true });
    });

    it('are taken back when the server refuses what the script let pass', async () => {
      const built = await buildSigned('deployed', 4);
      // Signed as it is, so every signature is right, and TensorFlow cannot read it.
      rmSync(path.join(built, 'model.sig'));
      rmSync(path.join(built, 'model.sig.d'), { recursive: true });
      writeFileSync(path.join(built, 'saved_model.pb'), 'not a model');
      await signModel({ path: built, signer: release, release: { model: 'deployed', version: 4n } });
      const { code, said } = await deploy(built);
      expect([code, said]).toEqual([1, expect.stringContaining('taken back: MODEL_INVALID')]);
      expect(readdirSync(inFolder('models/deployed')).sort()).toEqual(['1', '2']);
      expect((await predict('deployed')).status).toBe(200);
    });
  });

  it('need the statements that a policy demands, made by airlock attest', async () => {
    const built = await buildSigned('late', 5);
    const config = inFolder('demanding.yaml');
    const demanding = {
      release: {
        models: ['*'],
        signers: ['release'],
        attestations: [{ type: 'evaluation', metrics: { accuracy: { min: 0.95 } } }],
      },
    };
    writeFileSync(config, JSON.stringify({ ...configuration(), trust: { ...trust(), policies: demanding } }));
    const verify = () => airlock('verify', built, '--policy', config, '--model', 'late', '--explain');
    expect(await verify()).toMatchObject({ code: 1, output: expect.stringContaining('decided by attestation.evaluation') });
    const evaluation = (accuracy: number) => ({
      evaluatedAt: new Date().toISOString(),
      data: { name: 'test.npy', digest: { sha256: 'a'.repeat(64) } },
      metrics: { accuracy },
    });
    const attest = (accuracy: number, signer: EnvelopeSigner) =>
      attestModel({ path: built, signer, force: true, facts: { type: 'evaluation', predicate: evaluation(accuracy) } });
    await attest(0.99, stranger);
    expect((await verify()).code).toBe(1);
    await attest(0.9, release);
    expect((await verify()).code).toBe(1);
    await attest(0.97, release);
    expect(await verify()).toMatchObject({ code: 0 });
  });
});
