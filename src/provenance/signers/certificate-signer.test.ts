import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CertificateOptions,
  dayMs,
  ecKeys,
  makeAuthority,
  makeCrl,
  makeLeaf,
  type TestCertificate,
} from '../../../tests/support/certificates.ts';
import { type EnvelopeOptions, signEnvelope } from '../../../tests/support/envelopes.ts';
import { makeStamper, makeTimeStamp } from '../../../tests/support/time-stamps.ts';
import type { LegacyForm } from '../../config/index.ts';
import { isAirlockError } from '../../core/index.ts';
import { preAuthEncodingV02 } from '../format/index.ts';
import type { SignedEnvelope } from '../provenance-types.ts';
import { readCertificate } from './certificate.ts';
import { type CertificateTrust, certificateSigner } from './certificate-signer.ts';
import { readPublicKey } from './public-key.ts';
import { readRevocationLists } from './revocation-list.ts';

const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const root = makeAuthority({ name: 'root', notBeforeMs: nowMs - 400 * dayMs });
const middle = makeAuthority({ name: 'middle', issuer: root, notBeforeMs: nowMs - 400 * dayMs });
const identity = { email: 'ci@example.com' };
const untrusted = (message: string) =>
  expect.objectContaining({ code: 'SIGNER_UNTRUSTED', message: expect.stringContaining(message) });

function signerOf(trust: Partial<CertificateTrust> = {}, accept: LegacyForm[] = [], notAfterMs?: number) {
  const rules = { accept, identity, ...(notAfterMs !== undefined && { notAfterMs }) };
  const none = { intermediates: [], crls: undefined, timestampAuthorities: [] };
  return certificateSigner('ci', rules, { roots: [readCertificate(root.der)], ...none, ...trust });
}

const leafOf = (options: Partial<CertificateOptions> = {}) => makeLeaf({ name: 'leaf', issuer: middle, ...options });

function signed(
  leaf: TestCertificate,
  chain = [middle],
  timestamps: Buffer[] = [],
  more: Partial<EnvelopeOptions> = {},
): SignedEnvelope {
  const certificates = [leaf, ...chain].map(({ der }) => der);
  return signEnvelope({ key: leaf.keys.privateKey, material: { kind: 'certificates', certificates, timestamps }, ...more });
}

describe('certificateSigner', () => {
  test.each(['P-256', 'P-384', 'P-521'])('accepts what a leaf on %s signed, and names it by its key', (curve) => {
    const leaf = leafOf({ keys: ecKeys(curve) });
    const pem = Buffer.from(leaf.keys.publicKey.export({ type: 'spki', format: 'pem' }));
    const evidence = signerOf().verify(signed(leaf), nowMs);
    expect(evidence).toEqual({ signer: 'ci', kind: 'certificate', keyId: readPublicKey(pem).keyId, subject: 'CN=leaf' });
    expect(signerOf()).toMatchObject({ name: 'ci', kind: 'certificate' });
  });

  test('finds an intermediate that the bundle leaves out', () => {
    expect(() => signerOf().verify(signed(leafOf(), []), nowMs)).toThrow(untrusted('no given certificate has issued "CN=leaf"'));
    const intermediates = [readCertificate(middle.der)];
    expect(signerOf({ intermediates }).verify(signed(leafOf(), []), nowMs).kind).toBe('certificate');
  });

  test('refuses bundles of other kinds, and certificates that cannot be read', () => {
    const envelope = signed(leafOf());
    for (const material of [{ kind: 'sigstore' }, { kind: 'publicKey', hint: 'aa', rawPem: undefined }] as const) {
      expect(() => signerOf().verify({ ...envelope, material }, nowMs)).toThrow(untrusted('it signs with a certificate'));
    }
    const material = { kind: 'certificates', certificates: [leafOf().der, Buffer.from('x')], timestamps: [] } as const;
    expect(() => signerOf().verify({ ...envelope, material }, nowMs)).toThrow(untrusted('cannot be read (The DER'));
  });

  test('refuses another identity, another payload, another key', () => {
    const leaf = leafOf();
    expect(() => signerOf().verify(signed(leafOf({ emails: ['x@example.com'] })), nowMs)).toThrow(
      untrusted('email x@example.com'),
    );
    const other = { ...signed(leaf), payload: Buffer.from('other') };
    expect(() => signerOf().verify(other, nowMs)).toThrow(untrusted('does not fit the payload'));
    expect(() => signerOf().verify(signed(leaf, [middle], [], { key: ecKeys().privateKey }), nowMs)).toThrow(
      untrusted('does not fit'),
    );
    const rsa = leafOf({ keys: generateKeyPairSync('rsa', { modulusLength: 2_048 }) });
    expect(() => signerOf().verify(signed(rsa, [middle], [], { hash: 'sha256' }), nowMs)).toThrow(untrusted('is not on P-256'));
  });

  test('refuses a leaf of another authority with the same names', () => {
    const impostor = makeAuthority({ name: 'root' });
    const between = makeAuthority({ name: 'middle', issuer: impostor });
    const leaf = makeLeaf({ name: 'leaf', issuer: between });
    expect(() => signerOf().verify(signed(leaf, [between, impostor]), nowMs)).toThrow(
      untrusted('no given certificate has issued'),
    );
  });

  test('refuses after its end', () => {
    expect(() => signerOf({}, [], nowMs - 1).verify(signed(leafOf()), nowMs)).toThrow(untrusted('count no longer'));
  });

  test('accepts the encoding of v0.2, with SHA-256 on every curve, only where it is named', () => {
    const leaf = leafOf({ keys: ecKeys('P-384') });
    const old = signed(leaf, [middle], [], { hash: 'sha256', encode: preAuthEncodingV02 });
    expect(signerOf({}, ['v0.2']).verify(old, nowMs)).toMatchObject({ legacy: 'v0.2' });
    expect(() => signerOf().verify(old, nowMs)).toThrow(untrusted('does not fit'));
    const mixed = signed(leaf, [middle], [], { hash: 'sha384', encode: preAuthEncodingV02 });
    expect(() => signerOf({}, ['v0.2']).verify(mixed, nowMs)).toThrow(untrusted('does not fit'));
  });
});

describe('time', () => {
  const stampRoot = makeAuthority({ name: 'stamp root', notBeforeMs: nowMs - 400 * dayMs });
  const stamper = makeStamper({ name: 'stamper', issuer: stampRoot, notBeforeMs: nowMs - 400 * dayMs });
  const timestampAuthorities = [readCertificate(stamper.der)];
  const old = leafOf({ notBeforeMs: nowMs - 300 * dayMs, notAfterMs: nowMs - 200 * dayMs });
  const stampedAt = (atMs: number, bytes?: Buffer) => {
    const envelope = signed(old);
    const stamp = makeTimeStamp({ bytes: bytes ?? envelope.signature, authority: stamper, atMs });
    return { ...envelope, material: { ...envelope.material, timestamps: [stamp] } } as SignedEnvelope;
  };

  test('accepts a leaf that ended since, where a trusted authority stamped the signature in time', () => {
    const atMs = nowMs - 250 * dayMs;
    expect(signerOf({ timestampAuthorities }).verify(stampedAt(atMs), nowMs)).toMatchObject({ signedAtMs: atMs });
    expect(() => signerOf().verify(stampedAt(atMs), nowMs)).toThrow(untrusted('"CN=leaf" is valid from'));
  });

  test('refuses it without a stamp, with one of another signature, and with one that came late', () => {
    const signer = signerOf({ timestampAuthorities });
    expect(() => signer.verify(signed(old), nowMs)).toThrow(untrusted('no time stamp of a trusted authority'));
    expect(() => signer.verify(stampedAt(nowMs - 250 * dayMs, Buffer.from('x')), nowMs)).toThrow(untrusted('no time stamp'));
    expect(() => signer.verify(stampedAt(nowMs - 100 * dayMs), nowMs)).toThrow(untrusted('"CN=leaf" is valid from'));
  });

  test('goes by now where nobody stamped', () => {
    const evidence = signerOf({ timestampAuthorities }).verify(signed(leafOf()), nowMs);
    expect(evidence).not.toHaveProperty('signedAtMs');
  });

  test('a stamp does not bring a revoked certificate back', () => {
    const lists = (...revoked: TestCertificate[]) =>
      [makeCrl({ issuer: root }), makeCrl({ issuer: middle, revoked })].flatMap(readRevocationLists);
    const envelope = stampedAt(nowMs - 250 * dayMs);
    expect(signerOf({ timestampAuthorities, crls: lists() }).verify(envelope, nowMs).signer).toBe('ci');
    expect(() => signerOf({ timestampAuthorities, crls: lists(old) }).verify(envelope, nowMs)).toThrow(
      untrusted('has been revoked'),
    );
    expect(() => signerOf({ timestampAuthorities, crls: [] }).verify(envelope, nowMs)).toThrow(
      untrusted('no current revocation list'),
    );
  });
});

test('nothing but SIGNER_UNTRUSTED comes of a flipped bit anywhere in the chain', () => {
  const leaf = leafOf();
  const envelope = signed(leaf);
  const chain = [leaf.der, middle.der];
  const signer = signerOf();
  fc.assert(
    fc.property(fc.nat(1), fc.nat(leaf.der.length * 8 - 1), (index, bit) => {
      const certificates = chain.map((der, at) => {
        const copy = Buffer.from(der);
        if (at === index) {
          copy[(bit >> 3) % copy.length] ^= 1 << (bit & 7);
        }
        return copy;
      });
      try {
        signer.verify({ ...envelope, material: { kind: 'certificates', certificates, timestamps: [] } }, nowMs);
        expect.unreachable('a changed chain was accepted');
      } catch (error) {
        expect(isAirlockError(error) && error.code).toBe('SIGNER_UNTRUSTED');
      }
    }),
    { numRuns: 250 },
  );
});
