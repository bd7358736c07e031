// Chains that belong to a key and chains that do not; certificates are made while the test runs.
import { describe, expect, it } from 'vitest';
import { codeSigning, dayMs, ecKeys, makeAuthority, makeCertificate } from '../../../tests/support/certificates.ts';
import { parseBundle } from '../../provenance/format/index.ts';
import { chainWarnings, checkChain, keyOfCertificate, keySigner, signEnvelope } from './index.ts';

const root = makeAuthority({ name: 'root' });
const middle = makeAuthority({ name: 'middle', issuer: root });
const usage = { ca: false, keyUsage: [0], extendedKeyUsage: [codeSigning] };
const leaf = makeCertificate({ name: 'leaf', issuer: middle, ...usage });
const pem = Buffer.from(leaf.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));

describe('a key signer with certificates', () => {
  it('puts its chain into the bundle, the leaf first and without the root', async () => {
    for (const certificates of [
      [leaf.der, middle.der],
      [leaf.der, middle.der, root.der],
    ]) {
      const bundle = await signEnvelope(Buffer.from('{}'), keySigner({ pem, certificates }));
      expect(parseBundle(bundle).material).toEqual({
        kind: 'certificates',
        certificates: [leaf.der, middle.der],
        timestamps: [],
      });
    }
    const alone = makeCertificate({ name: 'alone', keys: leaf.keys, ...usage });
    expect(keySigner({ pem, certificates: [alone.der] }).certificates).toEqual([alone.der]);
  });

  it('refuses a chain of another key, one that does not link, and too many', () => {
    // Without key identifiers, only the signature tells it from the real one.
    const plain = { subjectKeyId: false, authorityKeyId: 'none' } as const;
    const named = makeCertificate({ name: 'leaf', issuer: middle, keys: leaf.keys, ...usage, ...plain });
    const forged = makeCertificate({ name: 'middle', issuer: root, ca: true, keyUsage: [5], ...plain });
    const renamed = makeAuthority({ name: 'renamed', issuer: root, keys: middle.keys });
    const cases: readonly (readonly [readonly Buffer[], RegExp])[] = [
      [[middle.der, root.der], /first certificate is not of the key/],
      [[leaf.der, root.der], /CN=root did not issue CN=leaf/],
      [[named.der, forged.der], /CN=middle did not issue CN=leaf/],
      [[leaf.der, renamed.der], /CN=renamed did not issue CN=leaf/],
      [Array.from({ length: 11 }, () => leaf.der), /more than 10/],
      [[Buffer.from('x')], /cannot be read/],
    ];
    for (const [certificates, message] of cases) {
      expect(() => keySigner({ pem, certificates })).toThrow(
        expect.objectContaining({ code: 'KEY_INVALID', message: expect.stringMatching(message) }),
      );
    }
  });
});

describe('checkChain() and keyOfCertificate()', () => {
  it('compare the keys themselves', () => {
    expect(checkChain([leaf.der], keyOfCertificate(leaf.der))).toEqual([leaf.der]);
    const other = makeCertificate({ name: 'other', keys: ecKeys(), ...usage });
    expect(() => checkChain([leaf.der], keyOfCertificate(other.der))).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
  });
});

describe('chainWarnings()', () => {
  it('tells what verifiers may refuse, each certificate by its name', () => {
    const now = Date.now();
    expect(chainWarnings([leaf.der, middle.der], now)).toEqual([]);
    expect(chainWarnings([leaf.der, middle.der], now + 10_000 * dayMs)).toEqual([
      expect.stringMatching(/^CN=leaf expired on /),
      expect.stringMatching(/^CN=middle expired on /),
    ]);
    expect(chainWarnings([leaf.der], now - 10_000 * dayMs)).toEqual([expect.stringMatching(/^CN=leaf is not valid before /)]);
    const tls = makeCertificate({ name: 'tls', issuer: root, ...usage, extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] });
    for (const { der } of [middle, tls])
      expect(chainWarnings([der], now)).toEqual([expect.stringContaining('is not for code signing')]);
  });
});
