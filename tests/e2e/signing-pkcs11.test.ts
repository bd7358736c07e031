// The example for PKCS#11 as its README tells it, with SoftHSM as the token: the key never leaves it, and the signature is ours.
import { spawnSync } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { parseBundle, preAuthEncoding } from '../../src/provenance/format/index.ts';

const script = join(import.meta.dirname, '../../examples/pkcs11/sign-with-pkcs11.sh');
const library = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so'].find(
  existsSync,
);
const has = (program: string) => spawnSync(program, ['--help'], { stdio: 'ignore' }).error === undefined;
const missing = [
  ...['softhsm2-util', 'pkcs11-tool', 'openssl'].filter((program) => !has(program)),
  ...(library === undefined ? ['libsofthsm2.so'] : []),
];
const isReady = missing.length === 0;
const needs = isReady ? '' : ` (skipped: without ${missing.join(', ')})`;

let folder: string;
let env: Record<string, string>;
let model: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-pkcs11-'));
  model = join(folder, 'model');
  mkdirSync(join(folder, 'tokens'));
  mkdirSync(model);
  writeFileSync(join(model, 'weights'), 'w');
  env = {
    PATH: process.env.PATH ?? '',
    SOFTHSM2_CONF: join(folder, 'softhsm2.conf'),
    PKCS11_MODULE: library ?? '',
    PKCS11_TOKEN: 'models',
    PKCS11_PIN: '1234',
  };
  writeFileSync(
    env.SOFTHSM2_CONF,
    `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  if (isReady) run('softhsm2-util', '--init-token', '--free', '--label', 'models', '--so-pin', '12345678', '--pin', '1234');
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8' });
  expect(stderr + stdout, `${program} ${args.join(' ')}`).toSatisfy(() => status === 0);
  return stdout;
}

/** Makes a key in the token and gives its public half as PEM. */
function makeKey(id: string, curve: string, header: string): Buffer {
  const tool = ['--module', env.PKCS11_MODULE, '--token-label', 'models', '--login', '--pin', 'env:PKCS11_PIN'];
  const made = run(
    'pkcs11-tool',
    ...tool,
    '--keypairgen',
    '--key-type',
    `EC:${curve}`,
    '--id',
    id,
    '--label',
    id,
    '--usage-sign',
  );
  // OpenSC 0.23 cannot export a key on P-384, but prints the point of each: an OCTET STRING of one or two bytes of length.
  const point = Buffer.from(/EC_POINT:\s+([0-9a-f]+)/.exec(made)?.[1] ?? '', 'hex');
  const start = point[1] < 0x80 ? 2 : 3;
  const spki = Buffer.concat([Buffer.from(header, 'hex'), point.subarray(start)]);
  return Buffer.from(createPublicKey({ key: spki, format: 'der', type: 'spki' }).export({ type: 'spki', format: 'pem' }));
}

async function airlock(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await main(args, { stdout, stderr, env, isTerminal: false });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

const passed = ['SOFTHSM2_CONF', 'PKCS11_MODULE', 'PKCS11_TOKEN', 'PKCS11_PIN'].flatMap((name) => ['--signer-env', name]);

describe('examples/pkcs11', () => {
  it.skipIf(!isReady).each([
    ['01', 'P-256', 'prime256v1', '3059301306072a8648ce3d020106082a8648ce3d030107034200', 'sha256'],
    ['02', 'P-384', 'secp384r1', '3076301006072a8648ce3d020106052b81040022036200', 'sha384'],
    ['03', 'P-521', 'secp521r1', '30819b301006072a8648ce3d020106052b8104002303818600', 'sha512'],
  ])(`signs with key %s on %s in SoftHSM${needs}`, async (id, _curve, name, header, hash) => {
    const pem = makeKey(id, name, header);
    const file = join(folder, `${id}.pub`);
    writeFileSync(file, pem);
    const { code, err } = await airlock(
      ...['sign', model, '--force', '--signer', `${script} ${id}`, '--public-key', file, ...passed],
    );
    expect({ code, err }).toEqual({ code: 0, err: 'Hashing (1 B)\n' });
    const { payload, payloadType, signature } = parseBundle(readFileSync(join(model, 'model.sig')));
    expect(verify(hash, preAuthEncoding(payloadType, payload), createPublicKey(pem), signature)).toBe(true);
  });

  it.skipIf(!isReady)(`says what the token says when the PIN is wrong, and writes nothing${needs}`, async () => {
    rmSync(join(model, 'model.sig'));
    env = { ...env, PKCS11_PIN: '0000' };
    const pem = join(folder, '01.pub');
    const { code, err } = await airlock('sign', model, '--signer', `${script} 01`, '--public-key', pem, ...passed);
    expect(code).toBe(1);
    expect(err).toContain('sign-with-pkcs11.sh failed with exit code 1');
    expect(err).toMatch(/PIN/);
    expect(existsSync(join(model, 'model.sig'))).toBe(false);
  });
});
