// `airlock attest` as a person uses it: what is printed, what is written, which exit code. A policy and the Python tool have to go on
// accepting a model that statements were made about.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { loadContract } from '../../src/contract/index.ts';
import { readPredicate, releaseOf } from '../../src/provenance/attestations/index.ts';
import { parseBundle, parseStatement } from '../../src/provenance/format/index.ts';
import { examplePredicates } from '../support/attestations.ts';
import { savedModel, sha256, temporaryFolder, writeContents } from '../support/model-folder.ts';
import { loadedKey } from '../support/signing-keys.ts';

const root = join(import.meta.dirname, '../..');
const folder = temporaryFolder();
afterAll(() => folder.remove());
const at = (name: string) => join(folder.path, name);
const model = at('digits/3');
const contract = join(root, 'examples/digits/contract.yaml');

beforeEach(() => {
  for (const name of readdirSync(folder.path)) rmSync(at(name), { recursive: true });
  writeContents(model, savedModel);
  writeFileSync(at('key.pem'), loadedKey('P-256').pem, { mode: 0o600 });
  writeFileSync(at('other.pem'), loadedKey('P-384').pem, { mode: 0o600 });
  writeFileSync(at('key.pub'), loadedKey('P-256').publicPem);
  writeFileSync(at('digits.npz'), 'data');
  writeFileSync(at('params.json'), '{"epochs": 3, "units": [64, 10]}');
  writeFileSync(at('metrics.json'), '{"accuracy": 0.97}');
  for (const type of ['slsa', 'scan'] as const) writeFileSync(at(`${type}.json`), JSON.stringify(examplePredicates()[type]));
});

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function airlock(...args: readonly string[]): Promise<Ran> {
  const texts = { stdout: '', stderr: '' };
  const into = (name: keyof typeof texts) =>
    new Writable({
      write(chunk, _encoding, done) {
        texts[name] += chunk;
        done();
      },
    });
  const code = await main(args, { stdout: into('stdout'), stderr: into('stderr'), env: {}, isTerminal: false });
  return { code, ...texts };
}
const attest = (type: string, ...args: readonly string[]) => airlock('attest', type, model, '--key', at('key.pem'), ...args);
const sign = (...args: readonly string[]) => airlock('sign', model, '--key', at('key.pem'), ...args);

/** The only statement of a type beside the model. */
function statement(type: string) {
  const names = readdirSync(join(model, 'model.sig.d')).filter((name) => name.startsWith(`${type}-`));
  expect(names).toHaveLength(1);
  return parseStatement(parseBundle(readFileSync(join(model, 'model.sig.d', names[0]))).payload);
}

describe('airlock attest', () => {
  it('states a release', async () => {
    await sign();
    const ran = await attest('release', '--model', 'digits', '--model-version', '3');
    expect(ran).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Stated: release, about 4 files, as model\.sig lists them\n/),
    });
    expect(releaseOf(statement('release'))).toEqual({ model: 'digits', version: 3n });
  });

  it('states a training, with the digests of its data', async () => {
    const ran = await attest(
      ...(['training', '--data', at('digits.npz'), '--data', at('metrics.json'), '--code-revision', '1f0c'] as const),
      ...['--code-uri', 'git+https://example.test/code', '--code-dirty', '--framework', 'tensorflow@2.21.0'],
      ...['--hyperparameters', at('params.json'), '--metrics', at('metrics.json'), '--at', '2026-01-31T12:00:00Z'],
    );
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('which nobody has signed yet') });
    const { predicate } = readPredicate('training', statement('training').predicate);
    expect(predicate).toEqual({
      trainedAt: Date.UTC(2026, 0, 31, 12),
      data: [
        { name: 'digits.npz', digest: { sha256: sha256('data') } },
        { name: 'metrics.json', digest: { sha256: sha256('{"accuracy": 0.97}') } },
      ],
      code: { uri: 'git+https://example.test/code', revision: '1f0c', dirty: true },
      framework: { name: 'tensorflow', version: '2.21.0' },
      hyperparameters: new Map<string, unknown>([
        ['epochs', 3],
        ['units', [64, 10]],
      ]),
      metrics: new Map([['accuracy', 0.97]]),
    });
  });

  it.each(['slsa', 'scan'] as const)('states a %s predicate from a file, word for word', async (type) => {
    expect(await attest(type, '--predicate', at(`${type}.json`))).toMatchObject({ code: 0 });
    expect(JSON.parse(JSON.stringify(statement(type).predicate))).toEqual(examplePredicates()[type]);
  });

  it('states a contract by the digest that the server computes', async () => {
    expect(await attest('contract', '--contract', contract)).toMatchObject({ code: 0 });
    const { predicate } = readPredicate('contract', statement('contract').predicate);
    expect(predicate?.contract.digest).toBe((await loadContract(contract)).digest);
  });

  it('states an evaluation, now where no time is given', async () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    const ran = await attest('evaluation', '--data', at('digits.npz'), '--metrics', at('metrics.json'), '--json');
    expect(ran.code).toBe(0);
    const { basis, written } = JSON.parse(ran.stdout);
    expect({ basis, count: written.length }).toEqual({ basis: 'files', count: 1 });
    const { predicate } = readPredicate('evaluation', statement('evaluation').predicate);
    expect(predicate?.data).toEqual({ name: 'digits.npz', digest: { sha256: sha256('data') } });
    expect(predicate?.evaluatedAt).toBeGreaterThanOrEqual(before);
    expect(predicate?.evaluatedAt).toBeLessThanOrEqual(Date.now());
  });

  it.each<[string, number, string, string[]]>([
    ['no key', 2, 'Say who signs', ['attest', 'scan', model, '--predicate', at('scan.json')]],
    [
      'a version that is no number',
      2,
      'whole number',
      ['attest', 'release', model, '--key', at('key.pem'), '--model', 'x', '--model-version', '1.0'],
    ],
    [
      'a framework without a version',
      2,
      'tensorflow@2.21.0',
      [
        ...['attest', 'training', model, '--key', at('key.pem'), '--data', at('digits.npz')],
        ...['--code-revision', 'x', '--framework', 'tensorflow', '--hyperparameters', at('params.json')],
      ],
    ],
    [
      'a predicate of another type',
      2,
      'This cannot be stated as scan at scannedAt: expected an RFC 3339 time',
      ['attest', 'scan', model, '--key', at('key.pem'), '--predicate', at('metrics.json')],
    ],
    [
      'a file that is not there',
      2,
      'There is no none.json',
      ['attest', 'scan', model, '--key', at('key.pem'), '--predicate', at('none.json')],
    ],
    [
      'a folder of versions',
      1,
      'holds versions of a model',
      ['attest', 'scan', at('digits'), '--key', at('key.pem'), '--predicate', at('scan.json')],
    ],
  ])('refuses %s', async (_what, code, text, args) => {
    const ran = await airlock(...args);
    expect(ran).toMatchObject({ code, stdout: '' });
    expect(`${ran.stderr}`).toContain(text);
    expect(existsSync(join(model, 'model.sig.d'))).toBe(false);
  });

  it('refuses to state anything about files that are not the signed ones', async () => {
    await sign();
    writeFileSync(join(model, 'saved_model.pb'), 'other');
    const ran = await attest('scan', '--predicate', at('scan.json'));
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('saved_model.pb') });
    expect(existsSync(join(model, 'model.sig.d'))).toBe(false);
  });

  it('refuses to replace a statement unless told to', async () => {
    expect((await attest('scan', '--predicate', at('scan.json'))).code).toBe(0);
    expect((await attest('scan', '--predicate', at('scan.json'))).code).toBe(2);
    expect((await attest('scan', '--predicate', at('scan.json'), '--force')).code).toBe(0);
  });
});

describe('airlock attest show', () => {
  it('shows statements as what they are: claims', async () => {
    expect(await airlock('attest', 'show', model)).toMatchObject({ code: 0, stdout: 'There are no statements.\n' });
    await sign('--model', 'digits', '--model-version', '3');
    await airlock('attest', 'scan', model, '--key', at('other.pem'), '--predicate', at('scan.json'));
    writeFileSync(join(model, 'model.sig.d', 'x\u001b[2J'), '{');
    const { code, stdout } = await airlock('attest', 'show', model);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^model\.sig\n {2}model: 4 files, root [0-9a-f]{16}\n {2}claims to be by the key [0-9a-f]{16}\n/);
    expect(stdout).toContain('release: digits, version 3\n  claims to be by the key');
    expect(stdout).toContain('scan: passed, findings up to low');
    expect(stdout).toContain('model.sig.d/x\\u{1b}[2J\n  cannot be read: ');
    expect(stdout).toMatch(/\nNOT VERIFIED: .*\n$/);
  });

  it('tells which of them a key has signed', async () => {
    await sign();
    await attest('contract', '--contract', contract);
    await airlock('attest', 'scan', model, '--key', at('other.pem'), '--predicate', at('scan.json'));
    const { stdout } = await airlock('attest', 'show', model, '--public-key', at('key.pub'));
    expect(stdout.match(/\n {2}signed by the given key/g)).toHaveLength(2);
    expect(stdout.match(/\n {2}NOT signed by the given key; claims to be by /g)).toHaveLength(1);
    expect(stdout).not.toContain('NOT VERIFIED');
    const { statements } = JSON.parse((await airlock('attest', 'show', model, '--public-key', at('key.pub'), '--json')).stdout);
    expect(statements.map(({ type, verified }: { type: string; verified: boolean }) => [type, verified])).toEqual([
      ['model', true],
      ['contract', true],
      ['scan', false],
    ]);
    const unverified = JSON.parse((await airlock('attest', 'show', model, '--json')).stdout);
    for (const { verified } of unverified.statements) expect(verified).toBe(false);
    expect((await airlock('attest', 'show', model, '--public-key', at('params.json'))).code).toBe(3);
  });

  it('says when a statement is about other content, or nothing says about what', async () => {
    await attest('scan', '--predicate', at('scan.json'));
    expect((await airlock('attest', 'show', model)).stdout).toContain('no model.sig says about what');
    writeFileSync(join(model, 'saved_model.pb'), 'other');
    await sign();
    expect((await airlock('attest', 'show', model)).stdout).toContain('about ANOTHER content');
  });
});

describe('airlock attest cyclonedx', () => {
  it('writes the same document for the same facts, and says whether they were verified', async () => {
    await sign('--model', 'digits', '--model-version', '3');
    await airlock('attest', 'scan', model, '--key', at('other.pem'), '--predicate', at('scan.json'));
    const claims = await airlock('attest', 'cyclonedx', model, '-o', at('a.json'));
    expect(claims).toMatchObject({ code: 0, stdout: 'Wrote a.json: 4 files, 2 statements\n' });
    expect(claims.stderr).toContain('nothing was verified');
    await airlock('attest', 'cyclonedx', model, '-o', at('b.json'));
    expect(readFileSync(at('b.json'))).toEqual(readFileSync(at('a.json')));
    const verified = await airlock('attest', 'cyclonedx', model, '-o', at('c.json'), '--public-key', at('key.pub'));
    expect(verified).toMatchObject({ code: 0, stdout: 'Wrote c.json: 4 files, 1 statement\n' });
    expect(verified.stderr).toBe('airlock: warning: 1 statement was left out: about other content, or not signed by the key\n');
    const { component } = JSON.parse(readFileSync(at('c.json'), 'utf8')).metadata;
    expect(component).toMatchObject({
      name: 'digits',
      version: '3',
      properties: expect.arrayContaining([{ name: 'tf-airlock:statements', value: 'verified with a given key' }]),
    });
  });

  it('takes the name of the model from its folder, a time and a serial number', async () => {
    const args = ['--timestamp', '2026-01-31T12:00:00Z', '--random-serial'];
    expect((await airlock('attest', 'cyclonedx', model, '-o', at('a.json'), ...args)).code).toBe(0);
    const { serialNumber, metadata } = JSON.parse(readFileSync(at('a.json'), 'utf8'));
    expect(metadata).toMatchObject({ timestamp: '2026-01-31T12:00:00.000Z', component: { name: 'digits' } });
    expect(serialNumber).toMatch(/^urn:uuid:/);
  });

  it.each<[string, string[]]>([
    ['a file in the model', ['-o', join(model, 'bom.json')]],
    ['a file that is there', ['-o', at('params.json')]],
    ['a time that is none', ['-o', at('a.json'), '--timestamp', 'today']],
  ])('refuses %s', async (_what, args) => {
    expect(await airlock('attest', 'cyclonedx', model, ...args)).toMatchObject({ code: 2, stdout: '' });
    expect(readdirSync(model).sort()).toEqual(['fingerprint.pb', 'saved_model.pb', 'variables']);
  });
});

describe('statements in a separate place', () => {
  it('are made, shown and used there', async () => {
    const place = at('signatures/digits/3');
    mkdirSync(place, { recursive: true });
    await sign('--output', join(place, 'model.sig'));
    expect((await attest('scan', '--predicate', at('scan.json'), '--output', place)).code).toBe(0);
    expect(readdirSync(model).sort()).toEqual(['fingerprint.pb', 'saved_model.pb', 'variables']);
    expect((await airlock('attest', 'show', model, '--signatures', place)).stdout).toContain(
      'about the content that model.sig lists',
    );
    const ran = await airlock('attest', 'cyclonedx', model, '-o', at('a.json'), '--signatures', place);
    expect(ran.stdout).toBe('Wrote a.json: 4 files, 1 statement\n');
  });
});

const python = join(root, '.airlock/signing-venv/bin/python3');
const hasPython = existsSync(python);

describe('the Python tool', () => {
  it.skipIf(!hasPython)(
    `accepts a signed model with statements beside it${hasPython ? '' : ' (skipped: no model-signing in .airlock/signing-venv, run `npm test`)'}`,
    async () => {
      await sign('--model', 'digits', '--model-version', '3');
      for (const type of ['slsa', 'scan']) expect((await attest(type, '--predicate', at(`${type}.json`))).code).toBe(0);
      const args = ['verify', 'key', model, '--signature', join(model, 'model.sig'), '--public_key', at('key.pub')];
      const said = execFileSync(python, ['-m', 'model_signing', ...args], { encoding: 'utf8', env: { PATH: process.env.PATH } });
      expect(said).toContain('Verification succeeded');
      writeFileSync(join(model, 'more'), '');
      expect(() =>
        execFileSync(python, ['-m', 'model_signing', ...args], { stdio: 'pipe', env: { PATH: process.env.PATH } }),
      ).toThrow();
    },
  );
});
