import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { dayMs, extension } from '../../../tests/support/certificates.ts';
import { nothing } from '../../../tests/support/der-writer.ts';
import { type Keyless, type KeylessOptions, makeKeyless } from '../../../tests/support/keyless.ts';
import { parseBundle } from '../format/index.ts';
import { readTrustedRoot, sigstoreSigner } from './sigstore-signer.ts';

const identity = 'https://github.com/acme/train/.github/workflows/release.yml@refs/heads/main';
const issuer = 'https://token.actions.githubusercontent.com';
const nowMs = Date.now();
const keyless = await makeKeyless(new Date(nowMs));

const signerOf = (sigstore: Keyless, wanted: object = {}) =>
  sigstoreSigner('ci', { accept: [], identity, issuer, ...wanted }, readTrustedRoot(sigstore.trustedRoot, undefined));
const signer = signerOf(keyless);
const made = async (options: Partial<KeylessOptions> = {}, sigstore = keyless) =>
  parseBundle(await sigstore.sign({ identity, issuer, ...options }));
const untrusted = (message: string) =>
  expect.objectContaining({ code: 'SIGNER_UNTRUSTED', message: expect.stringContaining(message) });

/** Changes one place of a bundle's JSON, by its keys. */
async function changed(keys: readonly (string | number)[], change: (value: never) => unknown, options?: Partial<KeylessOptions>) {
  const json = JSON.parse((await keyless.sign({ identity, issuer, ...options })).toString());
  let place = json;
  for (const key of keys.slice(0, -1)) {
    place = place[key];
  }
  const last = keys[keys.length - 1];
  place[last] = change(place[last] as never);
  return parseBundle(Buffer.from(JSON.stringify(json)));
}

describe('sigstoreSigner', () => {
  test('accepts what the identity signed, and names it by identity and issuer', async () => {
    const evidence = signer.verify(await made(), nowMs);
    const length = (text: string) => [0, 0, 0, text.length];
    const bytes = Buffer.from([...length(identity), ...Buffer.from(identity), ...length(issuer), ...Buffer.from(issuer)]);
    const keyId = createHash('sha256').update(bytes).digest('hex');
    expect(evidence).toEqual({
      signer: 'ci',
      kind: 'sigstore',
      keyId,
      subject: identity,
      signedAtMs: Math.floor(nowMs / 1_000) * 1_000,
    });
    expect(signer).toMatchObject({ name: 'ci', kind: 'sigstore' });
  });

  test('accepts either way to say the issuer, an email address, and either witness of the time', async () => {
    for (const options of [
      { issuerForms: ['v1'] },
      { issuerForms: ['v2'] },
      { withPromise: false },
      { withTimeStamp: false },
    ] satisfies Partial<KeylessOptions>[]) {
      expect(signer.verify(await made(options), nowMs).kind).toBe('sigstore');
    }
    const mail = signerOf(keyless, { identity: 'ci+a@example.com' });
    expect(mail.verify(await made({ identity: 'ci+a@example.com' }), nowMs).subject).toBe('ci+a@example.com');
  });

  test('accepts a certificate that ended long ago, because the log says when it signed', async () => {
    const past = await makeKeyless(new Date(nowMs - 100 * dayMs));
    const evidence = signerOf(past).verify(await made({}, past), nowMs);
    expect(nowMs - (evidence.signedAtMs ?? 0)).toBeGreaterThan(99 * dayMs);
  });

  test('refuses a time that is yet to come, beyond what clocks may differ', async () => {
    const future = await makeKeyless(new Date(nowMs + 240_000));
    expect(signerOf(future).verify(await made({}, future), nowMs).kind).toBe('sigstore');
    const far = await makeKeyless(new Date(nowMs + 360_000));
    const envelope = await made({}, far);
    expect(() => signerOf(far).verify(envelope, nowMs)).toThrow(untrusted('yet to come'));
    expect(() => signer.verify(envelope, Number.NaN)).toThrow(untrusted(''));
  });

  test('refuses after its end', async () => {
    const ending = signerOf(keyless, { notAfterMs: nowMs });
    const envelope = await made();
    expect(ending.verify(envelope, nowMs).kind).toBe('sigstore');
    expect(() => ending.verify(envelope, nowMs + 1)).toThrow(untrusted('count no longer'));
  });

  test.each([
    ['a part of the identity', { identity: identity.slice(1, -1) }],
    ['an empty identity', { identity: '' }],
    ['a pattern that matches', { identity: '.*' }],
    ['the identity with a pattern for a letter', { identity: identity.replace('.', '?') }],
    ['an alternative', { identity: `x|${identity}` }],
    ['another case', { identity: identity.toUpperCase() }],
    ['another issuer', { issuer: 'https://accounts.example.com' }],
    ['a part of the issuer', { issuer: issuer.slice(0, -1) }],
    ['no issuer', { issuer: '' }],
  ])('refuses %s', async (_, wanted) => {
    const envelope = await made();
    expect(() => signerOf(keyless, wanted).verify(envelope, nowMs)).toThrow(untrusted('did not sign this'));
  });

  test.each<[string, Partial<KeylessOptions>]>([
    ['no issuer at all', { issuerForms: [] }],
    ['a second name', { certificate: { uris: [identity, 'https://example.com'] } }],
    ['a name of another kind as well', { certificate: { dnsNames: ['example.com'] } }],
    ['the name of a host only', { certificate: { uris: [], dnsNames: [identity] } }],
    ['an authority', { certificate: { ca: true } }],
    ['another purpose', { certificate: { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] } }],
    ['no purpose', { certificate: { extendedKeyUsage: undefined } as never }],
    ['an extension that must be understood', { certificate: { extensions: [extension('1.2.3', true, nothing())] } }],
    ['a certificate that was not yet valid', { certificate: { notBeforeMs: nowMs + 60_000 } }],
    ['a certificate that was no longer valid', { certificate: { notAfterMs: nowMs - 60_000 } }],
  ])('refuses a certificate with %s', async (_, options) => {
    const envelope = await made(options);
    expect(() => signer.verify(envelope, nowMs)).toThrow(untrusted('did not sign this'));
  });

  test('refuses an issuer that is told in bytes which the library reads as the same text', async () => {
    const high = Buffer.from(issuer);
    high[0] |= 0x80;

    const value = Buffer.concat([Buffer.from([0x0c, high.length]), high]);
    const options = { issuerForms: [], certificate: { extensions: [extension('1.3.6.1.4.1.57264.1.8', false, value)] } };
    const envelope = await made(options);
    expect(() => signer.verify(envelope, nowMs)).toThrow(untrusted('more than the identity'));
  });

  test('refuses what nobody witnessed', async () => {
    const neither = await made({ withPromise: false, withTimeStamp: false });
    expect(() => signer.verify(neither, nowMs)).toThrow(untrusted('timestamp'));
  });

  const entry = ['verificationMaterial', 'tlogEntries', 0];
  test.each<[string, (string | number)[], (value: never) => unknown]>([
    ['another payload', ['dsseEnvelope', 'payload'], () => Buffer.from('{"a":2}').toString('base64')],
    ['another time', [...entry, 'integratedTime'], (value) => String(Number(value) - 1)],
    ['another log', [...entry, 'logId', 'keyId'], () => Buffer.alloc(32).toString('base64')],
    ['another entry', [...entry, 'canonicalizedBody'], () => Buffer.from('{}').toString('base64')],
    ['two entries that are one', ['verificationMaterial', 'tlogEntries'], (value: unknown[]) => [...value, ...value]],
  ])('refuses %s', async (_, keys, change) => {
    const envelope = await changed(keys, change);
    expect(() => signer.verify(envelope, nowMs)).toThrow(untrusted('did not sign this'));
  });

  test('refuses what another Sigstore witnessed', async () => {
    const envelope = await made({}, await makeKeyless());
    expect(() => signer.verify(envelope, nowMs)).toThrow(untrusted('did not sign this'));
  });

  test('refuses an envelope that differs from the JSON that the library verifies', async () => {
    const envelope = await made();
    const json = JSON.parse(JSON.stringify(envelope.json));
    const message = { messageDigest: { algorithm: 'SHA2_256', digest: 'aa==' }, signature: 'aa==' };
    const chain = { x509CertificateChain: { certificates: [json.verificationMaterial.certificate] } };
    const { certificate: _, ...rest } = json.verificationMaterial;
    for (const change of [
      { payload: Buffer.from('other') },
      { signature: Buffer.from('other') },
      { payloadType: 'application/json' },
      { json: { ...json, dsseEnvelope: { ...json.dsseEnvelope, payloadType: 'application/json' } } },
      { json: { ...json, dsseEnvelope: undefined, messageSignature: message } },
      {
        json: {
          ...json,
          mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
          verificationMaterial: { ...rest, ...chain },
        },
      },
    ]) {
      expect(() => signer.verify({ ...envelope, ...change }, nowMs)).toThrow(untrusted('one certificate'));
    }
    for (const broken of [{}, null, undefined, { ...json, mediaType: 'x' }]) {
      expect(() => signer.verify({ ...envelope, json: broken }, nowMs)).toThrow(untrusted('cannot be read'));
    }
  });

  test('refuses bundles of other kinds', async () => {
    const material = { kind: 'publicKey', hint: 'aa', rawPem: undefined } as const;
    const envelope = await made();
    expect(() => signer.verify({ ...envelope, material }, nowMs)).toThrow(untrusted('of another kind'));
  });
});

describe('readTrustedRoot', () => {
  const text = keyless.trustedRoot.toString();
  const invalid = (message: string) =>
    expect.objectContaining({ code: 'KEY_INVALID', message: expect.stringContaining(message) });

  test('takes the file that is pinned and no other', () => {
    const digest = createHash('sha256').update(keyless.trustedRoot).digest('hex');
    expect(readTrustedRoot(keyless.trustedRoot, digest).tlogs).toHaveLength(1);
    expect(() => readTrustedRoot(Buffer.from(`${text} `), digest)).toThrow(invalid('not the one that is pinned'));
  });

  test.each([
    ['no JSON', 'x', 'cannot be read'],
    ['a key twice', text.replace('{', '{"tlogs":[],'), 'cannot be read'],
    ['a certificate that is none', text.replace('"rawBytes":"MII', '"rawBytes":"AII'), 'cannot be read'],
    ['nothing in it', '{}', 'lacks'],
    ['no authority', text.replace('"certificateAuthorities"', '"others"'), 'lacks'],
    ['no log', text.replace('"tlogs"', '"others"'), 'lacks'],
    ['no certificate log', text.replace('"ctlogs"', '"others"'), 'lacks'],
  ])('refuses %s', (_, content, message) => {
    expect(() => readTrustedRoot(Buffer.from(content), undefined)).toThrow(invalid(message));
  });
});
