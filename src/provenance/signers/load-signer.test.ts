import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ecKeys, makeAuthority, makeCrl, makeLeaf, pemOf } from '../../../tests/support/certificates.ts';
import { signEnvelope } from '../../../tests/support/envelopes.ts';
import { makeKeyless } from '../../../tests/support/keyless.ts';
import { makeStamper, makeTimeStamp } from '../../../tests/support/time-stamps.ts';
import type { CertificateSigner, SignerConfig } from '../../config/index.ts';
import { parseBundle } from '../format/index.ts';
import { loadSigner, readPublicKey } from './index.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-signers-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const root = makeAuthority({ name: 'root' });
const middle = makeAuthority({ name: 'middle', issuer: root });
const stamper = makeStamper({ name: 'stamper' });
const pem = (keys = ecKeys()) => String(keys.publicKey.export({ type: 'spki', format: 'pem' }));

async function refusal(config: SignerConfig): Promise<string> {
  try {
    await loadSigner('ci', config);
  } catch (error) {
    expect(error).toMatchObject({ code: 'TRUST_INVALID', detail: expect.stringContaining(folder) });
    expect((error as Error).message).not.toContain(folder);
    return (error as Error).message;
  }
  return 'accepted';
}

describe('a key', () => {
  const config = (publicKey: string): SignerConfig => ({ kind: 'key', accept: [], publicKey });

  test('is read from its file, also through a link, as Kubernetes mounts secrets', async () => {
    const keys = ecKeys();
    const path = file('ci.pub', pem(keys));
    symlinkSync(path, join(folder, 'link.pub'));
    const { hint } = readPublicKey(Buffer.from(pem(keys)));
    const envelope = signEnvelope({ key: keys.privateKey, material: { kind: 'publicKey', hint, rawPem: undefined } });
    for (const name of ['ci.pub', 'link.pub']) {
      const signer = await loadSigner('ci', config(join(folder, name)));
      expect(signer.verify(envelope, nowMs).signer).toBe('ci');
    }
  });

  test('is refused where the file is missing, a folder, a pipe, too large, or something else', async () => {
    expect(await refusal(config(join(folder, 'none')))).toBe('trust.signers.ci.key: the file cannot be read');
    expect(await refusal(config(folder))).toBe('trust.signers.ci.key: it is not a regular file');
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(await refusal(config(join(folder, 'pipe')))).toBe('trust.signers.ci.key: it is not a regular file');
    const large = file('large', '');
    truncateSync(large, 4 * 2 ** 20 + 1);
    expect(await refusal(config(large))).toContain('larger than 4194304 bytes');
    truncateSync(large, 4 * 2 ** 20);
    expect(await refusal(config(large))).toContain('at most 65536 bytes');
    expect(await refusal(config(file('empty', '')))).toContain('got no PEM');
    // A file of the kernel says that it is empty and then gives bytes.
    await expect(loadSigner('ci', config('/proc/self/status'))).rejects.toThrow('changed while it was read');
  });
});

describe('a certificate', () => {
  const config = (more: Partial<CertificateSigner>): CertificateSigner => ({
    kind: 'certificate',
    accept: [],
    roots: [file('root.pem', root.pem)],
    intermediates: [],
    identity: { email: 'ci@example.com' },
    crls: [],
    timestampAuthorities: [],
    ...more,
  });

  test('uses every file that the entry names', async () => {
    const leaf = makeLeaf({ name: 'leaf', issuer: middle, notBeforeMs: nowMs - 20_000, notAfterMs: nowMs - 10_000 });
    const material = { kind: 'certificates', certificates: [leaf.der], timestamps: [] } as const;
    const plain = signEnvelope({ key: leaf.keys.privateKey, material });
    const stamp = makeTimeStamp({ bytes: plain.signature, authority: stamper, atMs: nowMs - 15_000 });
    const envelope = { ...plain, material: { ...material, timestamps: [stamp] } };
    const full = {
      intermediates: [file('middle.der', middle.der)],
      crls: [file('root.crl', makeCrl({ issuer: root })), file('middle.crl', pemOf('X509 CRL', makeCrl({ issuer: middle })))],
      timestampAuthorities: [file('stamper.pem', stamper.pem + makeAuthority({ name: 'stamps' }).pem)],
    };
    const verify = async (more: Partial<CertificateSigner>) => (await loadSigner('ci', config(more))).verify(envelope, nowMs);
    expect(await verify(full)).toMatchObject({ kind: 'certificate', signedAtMs: nowMs - 15_000 });
    expect(await verify({ ...full, crls: [] })).toMatchObject({ kind: 'certificate' });
    for (const part of [{ intermediates: [] }, { timestampAuthorities: [] }, { crls: full.crls.slice(0, 1) }]) {
      await expect(verify({ ...full, ...part })).rejects.toThrow(expect.objectContaining({ code: 'SIGNER_UNTRUSTED' }));
    }
  });

  test('is refused where a file is of no use, by the place in airlock.yaml', async () => {
    const place = 'trust.signers.ci.certificate';
    const leaf = file('leaf.pem', makeLeaf({ name: 'leaf', issuer: root }).pem);
    const first = file('root.pem', root.pem);
    expect(await refusal(config({ roots: [first, leaf] }))).toBe(
      `${place}.roots[1]: "CN=leaf" may not issue certificates (basic constraints)`,
    );
    const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 });
    const short = file('weak.pem', makeAuthority({ name: 'weak', keys: weak }).pem);
    expect(await refusal(config({ roots: [short] }))).toBe(
      `${place}.roots[0]: the key of "CN=weak" is too weak or of a kind that is not accepted`,
    );
    expect(await refusal(config({ intermediates: [file('x', 'x')] }))).toContain(`${place}.intermediates[0]: Expected PEM`);
    expect(await refusal(config({ crls: [first] }))).toContain(`${place}.crls[0]: Expected PEM`);
    expect(await refusal(config({ timestampAuthorities: [leaf] }))).toBe(
      `${place}.timestampAuthorities[0]: "CN=leaf" is not for time stamps and nothing else`,
    );
    const signing = makeAuthority({ name: 'code', extendedKeyUsage: ['1.3.6.1.5.5.7.3.3'] });
    expect(await refusal(config({ timestampAuthorities: [file('code.pem', signing.pem)] }))).toContain('for this purpose');
  });
});

describe('a keyless identity', () => {
  test('is checked against the trusted root of the file, which may be pinned', async () => {
    const keyless = await makeKeyless();
    const [identity, issuer] = ['ci@example.com', 'https://accounts.example.com'];
    const trustedRoot = file('trusted_root.json', keyless.trustedRoot);
    const config: SignerConfig = { kind: 'sigstore', accept: [], trustedRoot, identity, issuer };
    const envelope = parseBundle(await keyless.sign({ identity, issuer }));
    const trustedRootSha256 = createHash('sha256').update(keyless.trustedRoot).digest('hex');
    for (const signer of [await loadSigner('ci', config), await loadSigner('ci', { ...config, trustedRootSha256 })]) {
      expect(signer.verify(envelope, Date.now()).subject).toBe(identity);
    }
    expect(await refusal({ ...config, trustedRootSha256: '00'.repeat(32) })).toContain(
      'trust.signers.ci.sigstore.trustedRoot: The trusted root cannot be used',
    );
  });
});
