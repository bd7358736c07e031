import { describe, expect, test } from 'vitest';
import { makeAuthority, makeLeaf } from '../../../tests/support/certificates.ts';
import { signEnvelope } from '../../../tests/support/envelopes.ts';
import { readCertificate } from './certificate.ts';
import { certificateSigner } from './certificate-signer.ts';

describe('certificateSigner', () => {
  test('accepts what a leaf under a root signed', () => {
    const root = makeAuthority({ name: 'root' });
    const middle = makeAuthority({ name: 'middle', issuer: root });
    const leaf = makeLeaf({ name: 'leaf', issuer: middle });
    const signer = certificateSigner(
      'ci',
      { accept: [], identity: { email: 'ci@example.com' } },
      { roots: [readCertificate(root.der)], intermediates: [], crls: undefined, timestampAuthorities: [] },
    );
    const envelope = signEnvelope({
      key: leaf.keys.privateKey,
      material: { kind: 'certificates', certificates: [leaf.der, middle.der], timestamps: [] },
    });
    expect(signer.verify(envelope, Date.now())).toMatchObject({ signer: 'ci', kind: 'certificate', subject: 'CN=leaf' });
  });
});
