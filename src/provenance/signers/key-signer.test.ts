import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ecKeys } from '../../../tests/support/certificates.ts';
import { signEnvelope } from '../../../tests/support/envelopes.ts';
import type { LegacyForm } from '../../config/index.ts';
import { preAuthEncodingV02 } from '../format/index.ts';
import type { SignedEnvelope } from '../provenance-types.ts';
import { keySigner } from './key-signer.ts';
import { readPublicKey } from './public-key.ts';

const nowMs = Date.UTC(2026, 0, 1);
const curves = ['P-256', 'P-384', 'P-521'];

function setUp(curve = 'P-256', accept: LegacyForm[] = [], notAfterMs?: number) {
  const keys = ecKeys(curve);
  const pem = String(keys.publicKey.export({ type: 'spki', format: 'pem' }));
  const key = readPublicKey(Buffer.from(pem));
  const signer = keySigner('ci', { accept, ...(notAfterMs !== undefined && { notAfterMs }) }, key);
  const material = { kind: 'publicKey', hint: key.hint, rawPem: undefined } as const;
  return { keys, key, pem, signer, envelope: signEnvelope({ key: keys.privateKey, material }) };
}

const untrusted = (message: string) =>
  expect.objectContaining({ code: 'SIGNER_UNTRUSTED', message: expect.stringContaining(message) });

describe('keySigner', () => {
  test.each(curves)('accepts what its key on %s signed', (curve) => {
    const { signer, envelope, key } = setUp(curve);
    expect(signer.verify(envelope, nowMs)).toEqual({ signer: 'ci', kind: 'key', keyId: key.keyId });
    expect(signer).toMatchObject({ name: 'ci', kind: 'key', accept: [] });
  });

  test('refuses another payload, type, signature or key', () => {
    const { signer, envelope } = setUp();
    const refused = (change: Partial<SignedEnvelope>) => () => signer.verify({ ...envelope, ...change }, nowMs);
    expect(refused({ payload: Buffer.from('{"a":2}') })).toThrow(untrusted('the signature does not fit'));
    expect(refused({ payloadType: 'application/json' })).toThrow(untrusted('not an in-toto statement'));
    expect(refused({ signature: Buffer.alloc(70) })).toThrow(untrusted('the signature does not fit'));
    const other = setUp();
    expect(refused({ signature: other.envelope.signature })).toThrow(untrusted('the signature does not fit'));
    expect(refused({ material: other.envelope.material })).toThrow(untrusted('the bundle is for the key'));
  });

  test('refuses material of other kinds, and a bundle that names no key', () => {
    const { signer, envelope } = setUp();
    const refused = (material: SignedEnvelope['material']) => () => signer.verify({ ...envelope, material }, nowMs);
    expect(refused({ kind: 'certificates', certificates: [], timestamps: [] })).toThrow(untrusted('the bundle has certificates'));
    expect(refused({ kind: 'sigstore' })).toThrow(untrusted('the bundle has certificates'));
    expect(refused({ kind: 'publicKey', hint: undefined, rawPem: undefined })).toThrow(untrusted('which key'));
  });

  test('refuses the wrong hash for the curve', () => {
    const { keys, signer, envelope } = setUp('P-384');
    const wrong = signEnvelope({ key: keys.privateKey, material: envelope.material, hash: 'sha256' });
    expect(() => signer.verify(wrong, nowMs)).toThrow(untrusted('the signature does not fit'));
  });

  test('counts until its end, inclusive, and never for a time that is none', () => {
    const { signer, envelope } = setUp('P-256', [], nowMs);
    expect(signer.verify(envelope, nowMs).signer).toBe('ci');
    expect(() => signer.verify(envelope, nowMs + 1)).toThrow(untrusted('count no longer since 2026-01-01T00:00:00.000Z'));
    expect(() => signer.verify(envelope, Number.NaN)).toThrow(untrusted('count no longer'));
  });

  test.each([
    ['a byte behind it', (der: Buffer) => Buffer.concat([der, Buffer.from([0])])],
    [
      'a byte behind it, inside',
      (der: Buffer) => Buffer.concat([Buffer.from([0x30, der[1] + 2]), der.subarray(2), Buffer.from([5, 0])]),
    ],
    ['a long length', (der: Buffer) => Buffer.concat([Buffer.from([0x30, 0x81, der[1]]), der.subarray(2)])],
    ['no length', (der: Buffer) => Buffer.concat([Buffer.from([0x30, 0x80]), der.subarray(2), Buffer.from([0, 0])])],
    [
      'a number with zeros before it',
      (der: Buffer) => Buffer.concat([Buffer.from([0x30, der[1] + 1, 2, der[3] + 1, 0]), der.subarray(4)]),
    ],
    ['numbers side by side, as a chip gives them', () => Buffer.alloc(64, 1)],
    ['nothing', () => Buffer.alloc(0)],
  ])('refuses a signature that is not DER: %s', (_, change) => {
    const { signer, envelope } = setUp();
    expect(() => signer.verify({ ...envelope, signature: change(envelope.signature) }, nowMs)).toThrow(untrusted('does not fit'));
  });

  test('refuses zero and the order of the curve as numbers', () => {
    const { signer, envelope } = setUp();
    const order = Buffer.from('00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
    for (const number of [Buffer.from([0]), order]) {
      const body = Buffer.concat([Buffer.from([2, number.length]), number, Buffer.from([2, number.length]), number]);
      const signature = Buffer.concat([Buffer.from([0x30, body.length]), body]);
      expect(() => signer.verify({ ...envelope, signature }, nowMs)).toThrow(untrusted('does not fit'));
    }
  });
});

describe('old forms', () => {
  test.each(curves)('accepts the encoding of v0.2 on %s only where it is named, and says so', (curve) => {
    const { keys, key, envelope } = setUp(curve);
    const old = signEnvelope({ key: keys.privateKey, material: envelope.material, encode: preAuthEncodingV02 });
    expect(keySigner('ci', { accept: ['v0.2'] }, key).verify(old, nowMs)).toMatchObject({ legacy: 'v0.2' });
    expect(keySigner('ci', { accept: ['v0.2'] }, key).verify(envelope, nowMs)).not.toHaveProperty('legacy');
    for (const accept of [[], ['raw-public-key']] as LegacyForm[][]) {
      expect(() => keySigner('ci', { accept }, key).verify(old, nowMs)).toThrow(untrusted('does not fit'));
    }
  });

  test('accepts a public key instead of a hint only where it is named, and only its own', () => {
    const { keys, key, pem, signer } = setUp('P-384');
    const raw = (rawPem: string, hint?: string) =>
      signEnvelope({ key: keys.privateKey, material: { kind: 'publicKey', hint, rawPem } });
    const accepting = keySigner('ci', { accept: ['raw-public-key'] }, key);
    expect(accepting.verify(raw(pem), nowMs)).toEqual({ signer: 'ci', kind: 'key', keyId: key.keyId });
    expect(() => signer.verify(raw(pem), nowMs)).toThrow(expect.objectContaining({ code: 'BUNDLE_UNSUPPORTED' }));
    expect(() => keySigner('ci', { accept: ['v0.2'] }, key).verify(raw(pem), nowMs)).toThrow('"raw-public-key"');
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ type: 'spki', format: 'pem' });
    expect(() => accepting.verify(raw(String(other)), nowMs)).toThrow(untrusted('another public key'));
    expect(() => accepting.verify(raw('no key'), nowMs)).toThrow(untrusted('another public key'));
    expect(() => accepting.verify(raw(pem, 'aa'), nowMs)).toThrow(untrusted('for the key aa'));
  });
});
