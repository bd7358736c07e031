import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { makeLeaf } from '../../../tests/support/certificates.ts';
import type { CertificateIdentity } from '../../config/index.ts';
import { readCertificate } from './certificate.ts';
import { identityProblem } from './certificate-identity.ts';

const made = makeLeaf({
  name: 'www.example.com',
  emails: ['Ci@Example.com', 'second@example.com'],
  dnsNames: ['Build.example.com', '*.example.org'],
  uris: ['https://example.com/a?b=c'],
});
const leaf = readCertificate(made.der);
const spkiSha256 = createHash('sha256')
  .update(made.keys.publicKey.export({ type: 'spki', format: 'der' }))
  .digest('hex');

describe('identityProblem', () => {
  test.each<CertificateIdentity>([
    { email: 'Ci@example.COM' },
    { email: 'second@example.com' },
    { dns: 'build.EXAMPLE.com' },
    { dns: '*.example.org' },
    { uri: 'https://example.com/a?b=c' },
    { spkiSha256 },
    { email: 'Ci@example.com', dns: 'build.example.com', uri: 'https://example.com/a?b=c', spkiSha256 },
  ])('accepts %j', (identity) => {
    expect(identityProblem(identity, leaf)).toBeUndefined();
  });

  test.each<[CertificateIdentity, string]>([
    [{}, 'no identity is asked for'],
    [{ email: 'ci@example.com' }, 'email'],
    [{ email: 'Ci@example.com.evil.com' }, 'email'],
    [{ email: '.*' }, 'email'],
    [{ email: '' }, 'email'],
    [{ dns: 'www.example.com' }, 'DNS name'],
    [{ dns: 'a.example.org' }, 'DNS name'],
    [{ dns: 'example.com' }, 'DNS name'],
    [{ uri: 'https://EXAMPLE.com/a?b=c' }, 'URI'],
    [{ uri: 'https://example.com/a' }, 'URI'],
    [{ spkiSha256: '00'.repeat(32) }, 'key'],
    [{ email: 'Ci@example.com', uri: 'https://example.com' }, 'URI'],
    [{ email: 'https://example.com/a?b=c' }, 'email'],
  ])('refuses %j', (identity, problem) => {
    expect(identityProblem(identity, leaf)).toContain(problem);
  });

  test('says that there is no name at all', () => {
    const bare = readCertificate(makeLeaf({ name: 'x', emails: [] }).der);
    expect(identityProblem({ email: 'a@b' }, bare)).toBe('its certificate is for the email none, not a@b');
  });
});
