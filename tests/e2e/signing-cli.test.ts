// `airlock keys` and `airlock sign` as people call them: what they print, where secrets come from and go, and every way to get it wrong.
import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { parseBundle, parseStatement, preAuthEncoding, readManifest } from '../../src/provenance/format/index.ts';
import { readPublicKey } from '../../src/provenance/signers/index.ts';
import { codeSigning, dayMs, makeAuthority, makeCertificate } from '../support/certificates.ts';
import { signers } from '../support/signing-keys.ts';

const root = join(import.meta.dirname, '../..');

let folder: string;
let model: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-signing-cli-'));
  model = join(folder, 'digits', '3');
  mkdirSync(model, { recursive: true });
  writeFileSync(join(model, 'saved_model.pb'), 'graph');
});
afterEach(() => rmSync(folder, { recursive: true }));
const at = (...parts: string[]) => join(folder, ...parts);

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function airlockWith(env: Record<string, string>, ...args: string[]): Promise<Ran> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await main(args, { stdout, stderr, env, isTerminal: false });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}
const airlock = (...args: string[]) => airlockWith({ PATH: process.env.PATH ?? '' }, ...args);

/** A key pair in `NAME.pem` and `NAME.pub`. */
async function makeKeys(name = 'k', curve = 'P-256'): Promise<void> {
  expect(await airlock('keys', 'generate', '--out', at(`${name}.pem`), '--curve', curve, '--unsafe-no-passphrase')).toMatchObject(
    {
      code: 0,
      err: '',
    },
  );
}

/** Whether the signature in a bundle was made by the key in a file. */
function holds(bundleFile: string, publicFile: string): boolean {
  const { payload, payloadType, signature } = parseBundle(readFileSync(bundleFile));
  const { key, hash } = readPublicKey(readFileSync(publicFile));
  return verify(hash, preAuthEncoding(payloadType, payload), { key, dsaEncoding: 'der' }, signature);
}

/** A command that signs with the key that SIGNING_KEY, or its argument, names. */
function signingCommand(...args: string[]): string {
  const code = `
    const { readFileSync } = require('node:fs');
    const key = readFileSync(process.argv[2] ?? process.env.SIGNING_KEY);
    process.stdout.write(require('node:crypto').sign(process.env.AIRLOCK_HASH, readFileSync(0), key));`;
  writeFileSync(at('sign.cjs'), code);
  return JSON.stringify([process.execPath, at('sign.cjs'), ...args]);
}

const manifestOf = (file: string) => readManifest(parseStatement(parseBundle(readFileSync(file)).payload));

describe('airlock keys', () => {
  it.each(signers)('makes a pair on %s and tells both halves apart', async (curve) => {
    await makeKeys('release', curve);
    expect(statSync(at('release.pem')).mode & 0o777).toBe(0o600);
    const { hint, keyId } = readPublicKey(readFileSync(at('release.pub')));
    for (const file of ['release.pub', 'release.pem']) {
      const { code, out, err } = await airlock('keys', 'inspect', at(file));
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toBe(
        `${file.endsWith('pub') ? 'public' : 'private'} key\n  curve   ${curve}\n  hint    ${hint}\n  key id  ${keyId}\n`,
      );
    }
  });

  it('encrypts by default, and says how to give a passphrase', async () => {
    const made = await airlock('keys', 'generate', '--out', at('k.pem'));
    expect(made).toMatchObject({ code: 2, err: expect.stringContaining('--unsafe-no-passphrase') });
    expect(readdirSync(folder)).toEqual(['digits']);
    const { code, out } = await airlockWith({ AIRLOCK_PASSPHRASE: 's3cret' }, 'keys', 'generate', '--out', at('k.pem'), '--json');
    expect({ code, ...JSON.parse(out) }).toMatchObject({ code: 0, encrypted: true, curve: 'P-256', publicFile: at('k.pub') });
    expect(readFileSync(at('k.pem'), 'utf8')).toContain('ENCRYPTED');
    const closed = await airlock('keys', 'inspect', at('k.pem'));
    expect(closed.out).toBe('private key, encrypted\n  give its passphrase to see more\n');
    const opened = await airlockWith({ AIRLOCK_PASSPHRASE: 's3cret' }, 'keys', 'inspect', at('k.pem'), '--json');
    expect(JSON.parse(opened.out)).toMatchObject([{ kind: 'private key', encrypted: true, keyId: JSON.parse(out).keyId }]);
    expect((await airlockWith({ AIRLOCK_PASSPHRASE: 's3cret' }, 'keys', 'generate', '--out', at('k.pem'))).code).toBe(2);
  });

  it('never prints anything of a private key', async () => {
    await makeKeys();
    const secret = readFileSync(at('k.pem'), 'utf8').split('\n')[1];
    for (const args of [
      ['keys', 'inspect', at('k.pem')],
      ['keys', 'inspect', at('k.pem'), '--json'],
      ['sign', model, '--key', at('k.pem'), '--json'],
      ['sign', model, '--signer', 'true', '--public-key', at('k.pem')],
    ]) {
      const { out, err } = await airlock(...args);
      expect(out + err).not.toContain(secret);
    }
  });

  it('describes certificates, also of keys that cannot sign models', async () => {
    const uris = ['https://example.com/train'];
    const leaf = makeCertificate({ name: 'release', ca: false, keyUsage: [0], extendedKeyUsage: [codeSigning], uris });
    const authority = makeAuthority({ name: 'root', keys: generateKeyPairSync('rsa', { modulusLength: 2048 }) });
    writeFileSync(at('chain.pem'), leaf.pem + authority.pem);
    const { out } = await airlock('keys', 'inspect', at('chain.pem'));
    expect(out).toMatch(/^certificate\n {2}curve {3}P-256\n/);
    expect(out).toContain('  subject CN=release\n');
    expect(out).toContain('  names   URI:https://example.com/train\n');
    expect(out).toContain('  usage   code signing\n');
    expect(out).toContain('certificate\n  its key cannot sign models\n  subject CN=root\n');
    expect(out).toContain('  usage   certificate authority\n');
    writeFileSync(at('leaf.der'), leaf.der);
    const json = await airlock('keys', 'inspect', at('leaf.der'), '--json');
    expect(JSON.parse(json.out)).toMatchObject([{ kind: 'certificate', curve: 'P-256', certificate: { subject: 'CN=release' } }]);
  });

  it.each([
    [['generate'], 2],
    [['generate', '--out', 'x', '--curve', 'P-192'], 2],
    [['inspect'], 2],
    [['inspect', '/nowhere'], 3],
  ])('refuses %j with exit code %i', async (args, code) => expect((await airlock('keys', ...args)).code).toBe(code));
});

describe('airlock sign', () => {
  it.each(signers)('signs with a key on %s and says what it did', async (curve) => {
    await makeKeys('k', curve);
    const { code, out, err } = await airlock('sign', model, '--key', at('k.pem'));
    expect({ code, err }).toEqual({ code: 0, err: 'Hashing (5 B)\n' });
    expect(out).toMatch(/^Signed: SavedModel, 1 file, 5 B\n {2}root {2}[0-9a-f]{64}\n {2}key {3}[0-9a-f]{64}\n/);
    expect(out).toContain('The signature is not bound to a name and version');
    expect(holds(join(model, 'model.sig'), at('k.pub'))).toBe(true);
  });

  it('binds to a name and version, as JSON', async () => {
    await makeKeys();
    const args = ['sign', model, '--key', at('k.pem'), '--model', 'digits', '--model-version', '3'];
    const { code, out, err } = await airlock(...args, '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const result: unknown = JSON.parse(out);
    const { root: digest, identity } = manifestOf(join(model, 'model.sig'));
    expect(result).toMatchObject({ kind: 'SavedModel', files: 1, root: digest, identity, warnings: [] });
    expect(readdirSync(join(model, 'model.sig.d'))).toEqual([expect.stringMatching(/^release-[0-9a-f]{8}\.sigstore\.json$/)]);
    expect((await airlock(...args, '--force')).out).toContain('Bound to digits, version 3.\n');
  });

  it('adds a second signer, and replaces only with --force', async () => {
    await makeKeys('a');
    await makeKeys('b', 'P-521');
    expect((await airlock('sign', model, '--key', at('a.pem'))).code).toBe(0);
    const again = await airlock('sign', model, '--key', at('b.pem'));
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining('model.sig exists already; --force replaces it') });
    expect((await airlock('sign', model, '--key', at('b.pem'), '--add')).code).toBe(0);
    const [added] = readdirSync(join(model, 'model.sig.d'));
    expect(holds(join(model, 'model.sig.d', added), at('b.pub'))).toBe(true);
    expect((await airlock('sign', model, '--key', at('b.pem'), '--force')).code).toBe(0);
    expect(holds(join(model, 'model.sig'), at('b.pub'))).toBe(true);
  });

  it('leaves out what it is told, and says so', async () => {
    await makeKeys();
    writeFileSync(join(model, 'notes'), 'x');
    const { out } = await airlock(
      ...['sign', '--ignore-paths', 'notes', '--ignore-paths', './cache/', '--no-ignore-git-paths', model, '--key', at('k.pem')],
    );
    expect(out).toContain('  not signed, and never served: cache, notes\n');
    expect(manifestOf(join(model, 'model.sig')).ignored).toEqual(['model.sig', 'model.sig.d', 'cache', 'notes']);
    expect((await airlock('sign', model, '--key', at('k.pem'), '--force', '--ignore-paths', '..')).code).toBe(2);
  });

  it('signs for a certificate, and warns of what a verifier will refuse', async () => {
    const authority = makeAuthority({ name: 'root' });
    const middle = makeAuthority({ name: 'middle', issuer: authority });
    const usage = { issuer: middle, ca: false, keyUsage: [0] };
    const leaf = makeCertificate({ name: 'leaf', ...usage, extendedKeyUsage: [codeSigning] });
    const old = makeCertificate({ name: 'old', ...usage, keys: leaf.keys, notAfterMs: Date.now() - dayMs / 2 });
    writeFileSync(at('k.pem'), leaf.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    for (const [name, content] of Object.entries({ leaf: leaf.pem, old: old.pem, middle: middle.pem, root: authority.pem }))
      writeFileSync(at(`${name}.crt`), content);
    const key = ['sign', model, '--key', at('k.pem'), '--force', '--certificate'];
    const good = await airlock(...key, at('leaf.crt'), '--chain', at('middle.crt'), '--chain', at('root.crt'));
    expect(good).toMatchObject({ code: 0, err: 'Hashing (5 B)\n' });
    expect(parseBundle(readFileSync(join(model, 'model.sig'))).material).toMatchObject({ certificates: [leaf.der, middle.der] });
    const doubtful = await airlock(...key, at('old.crt'), '--chain', at('middle.crt'));
    expect(doubtful.code).toBe(0);
    expect(doubtful.err).toMatch(/^airlock: warning: CN=old expired on .*\nairlock: warning: CN=old is not for code signing/);
    expect(await airlock(...key, at('middle.crt'))).toMatchObject({
      code: 3,
      err: expect.stringContaining('The first certificate is not of the key that signs'),
    });
    expect((await airlock(...key, at('leaf.crt'), '--chain', at('root.crt'))).code).toBe(3);
    // The command may take its public key from the certificate.
    const command = [
      'sign',
      model,
      '--force',
      '--signer',
      signingCommand(at('k.pem')),
      '--certificate',
      at('leaf.crt'),
      '--chain',
      at('middle.crt'),
    ];
    expect((await airlock(...command)).code).toBe(0);
  });

  it('lets a command sign, with the variables that it was promised', async () => {
    await makeKeys('k', 'P-384');
    const args = ['sign', model, '--signer', signingCommand(), '--public-key', at('k.pub'), '--signer-timeout', '20'];
    const env = { PATH: process.env.PATH ?? '', SIGNING_KEY: at('k.pem') };
    const without = await airlockWith(env, ...args);
    expect(without).toMatchObject({ code: 1, err: expect.stringContaining('The command node failed with exit code 1\n') });
    expect(existsSync(join(model, 'model.sig'))).toBe(false);
    expect((await airlockWith(env, ...args, '--signer-env', 'SIGNING_KEY')).code).toBe(0);
    expect(holds(join(model, 'model.sig'), at('k.pub'))).toBe(true);
    expect(await airlockWith(env, ...args, '--force', '--signer-env', 'NO_SUCH')).toMatchObject({
      code: 2,
      err: expect.stringContaining('NO_SUCH is not set'),
    });
  });

  it('takes a passphrase from a file, a descriptor and the environment, and only from private files', async () => {
    const secret = { AIRLOCK_PASSPHRASE: 'open sesame' };
    await airlockWith(secret, 'keys', 'generate', '--out', at('k.pem'));
    const sign = ['sign', model, '--key', at('k.pem'), '--force'];
    expect(await airlock(...sign)).toMatchObject({ code: 3, err: expect.stringContaining('no passphrase was given') });
    expect((await airlockWith(secret, ...sign)).code).toBe(0);
    expect(await airlockWith({ AIRLOCK_PASSPHRASE: 'wrong' }, ...sign)).toMatchObject({
      code: 3,
      err: expect.stringContaining('the passphrase is wrong'),
    });
    for (const content of ['open sesame', 'open sesame\n', 'open sesame\r\nand more\n']) {
      writeFileSync(at('pass'), content, { mode: 0o600 });
      expect((await airlock(...sign, '--passphrase-file', at('pass'))).code).toBe(0);
      const fd = openSync(at('pass'), 'r');
      try {
        expect((await airlock(...sign, '--passphrase-fd', String(fd))).code).toBe(0);
      } finally {
        closeSync(fd);
      }
    }
    expect((await airlock(...sign, '--passphrase-fd', '987654')).code).toBe(3);
    chmodSync(at('pass'), 0o644);
    expect(await airlock(...sign, '--passphrase-file', at('pass'))).toMatchObject({
      code: 3,
      err: expect.stringContaining('passphrase file'),
    });
    for (const content of ['', '\n', 'x'.repeat(1025)]) {
      writeFileSync(at('bad'), content, { mode: 0o600 });
      expect((await airlock(...sign, '--passphrase-file', at('bad'))).code).toBe(3);
    }
  });

  it('refuses a key file that others can read', async () => {
    await makeKeys();
    chmodSync(at('k.pem'), 0o640);
    expect(await airlock('sign', model, '--key', at('k.pem'))).toMatchObject({
      code: 3,
      err: expect.stringContaining('chmod 600'),
    });
  });

  it.each([
    [[], /--key FILE or --signer COMMAND/],
    [['--key', 'k', '--signer', 'c'], /one of them/],
    [['--key', 'k', '--chain', 'c'], /--chain goes with --certificate/],
    [['--key', 'k', '--public-key', 'p'], /--public-key goes with --signer/],
    [['--signer', 'c'], /--public-key FILE or --certificate FILE/],
    [['--signer', 'a; b', '--public-key', 'k'], /No shell/],
    [['--key', 'k', '--model', 'm'], /go together/],
    [['--key', 'k', '--model-version', '1'], /go together/],
    [['--key', 'k', '--model', 'm', '--model-version', '01'], /whole number/],
    [['--key', 'k', '--model', 'm', '--model-version', '9223372036854775808'], /whole number/],
    [['--key', 'k', '--passphrase-fd', 'x'], /passphrase-fd/],
    [['--passphrase', 'x'], /unknown option/],
    [['--key', 'k', '--model', 'a/b', '--model-version', '1'], /model's name/],
  ])('says with exit code 2 what is wrong with %j', async (args, message) => {
    await makeKeys();
    const files = args.map((arg) => (arg === 'k' ? at('k.pem') : arg));
    const { code, err } = await airlock('sign', model, ...files);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(message) });
    expect(readdirSync(model)).toEqual(['saved_model.pb']);
  });

  it('says what to sign instead', async () => {
    await makeKeys();
    const { code, err } = await airlock('sign', at('digits'), '--key', at('k.pem'));
    expect({ code, err }).toEqual({
      code: 1,
      err: 'airlock: digits holds versions of a model: sign each of them, as digits/3\n',
    });
  });
});

const program = join(root, 'bin/airlock.js');
const isBuilt = existsSync(join(root, 'dist/cli/commands/sign.js'));
const hasScript = spawnSync('script', ['--version'], { stdio: 'ignore' }).error === undefined;
const lacks = [...(isBuilt ? [] : ['a build']), ...(hasScript ? [] : ['util-linux script'])];
const needs = lacks.length === 0 ? '' : ` (skipped: without ${lacks.join(' and ')})`;

describe('airlock sign on a terminal', () => {
  /** Runs a command on a terminal of its own, and types each text when what comes before it is on the screen. */
  async function onTerminal(command: string, typing: readonly (readonly [prompt: string, text: string])[]) {
    const child = spawn('script', ['-qec', `${process.execPath} ${program} ${command}`, '/dev/null'], {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const waiting = [...typing];
    let screen = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
      const [next] = waiting;
      if (next === undefined || !screen.endsWith(next[0])) return;
      waiting.shift();
      child.stdin.write(next[1]);
    });
    const [code] = await once(child, 'close');
    return { code, screen };
  }

  it.skipIf(lacks.length > 0)(`asks for the passphrase and does not show it${needs}`, async () => {
    await airlockWith({ AIRLOCK_PASSPHRASE: 'open' }, 'keys', 'generate', '--out', at('k.pem'));
    const { code, screen } = await onTerminal('sign digits/3 --key k.pem', [['Passphrase of the key: ', 'opem\u007fn\r']]);
    expect(screen).toMatch(/^Passphrase of the key: \r\n/);
    expect(screen).not.toMatch(/ope|\*/);
    expect(code).toBe(0);
    expect(holds(join(model, 'model.sig'), at('k.pub'))).toBe(true);
  });

  it.skipIf(lacks.length > 0)(`ends on Ctrl-C and leaves the terminal as it was${needs}`, async () => {
    await airlockWith({ AIRLOCK_PASSPHRASE: 'open' }, 'keys', 'generate', '--out', at('k.pem'));
    const { code, screen } = await onTerminal('sign digits/3 --key k.pem; stty -a', [['Passphrase of the key: ', 'op\u0003']]);
    expect(screen).toContain('Stopped before it was finished');
    expect(screen).toMatch(/ icanon /);
    expect(screen).toMatch(/ echo /);
    expect(code).toBe(0);
    expect(existsSync(join(model, 'model.sig'))).toBe(false);
  });

  it.skipIf(lacks.length > 0)(`asks twice for a new passphrase${needs}`, async () => {
    const type = (first: string, second: string) =>
      onTerminal('keys generate --out new.pem', [
        ['New passphrase: ', `${first}\r`],
        ['Once more: ', `${second}\r`],
      ]);
    const typo = await type('one', 'two');
    expect(typo).toMatchObject({ code: 3, screen: expect.stringContaining('The two passphrases differ') });
    expect(existsSync(at('new.pem'))).toBe(false);
    expect((await type('one', 'one')).code).toBe(0);
    expect((await airlockWith({ AIRLOCK_PASSPHRASE: 'one' }, 'sign', model, '--key', at('new.pem'))).code).toBe(0);
  });
});
