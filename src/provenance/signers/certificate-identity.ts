// Whether a leaf certificate is for whom the trust section names. Texts are compared as a whole; must never treat one as a
// pattern, take a wildcard for what it covers, or fall back to the subject's common name.
import { createHash } from 'node:crypto';
import type { CertificateIdentity } from '../../config/index.ts';
import { printable } from '../../core/index.ts';
import type { Certificate } from './certificate.ts';

/**
 * What of `wanted` the leaf does not have, printable; undefined when it has all. The domain of an email and a DNS name ignore
 * case.
 */
export function identityProblem(wanted: CertificateIdentity, leaf: Certificate): string | undefined {
  const { emails, uris, dnsNames } = leaf.extensions;
  const { email, uri, dns, spkiSha256 } = wanted;
  const missing = [
    missingName('email', email, emails, foldDomain),
    missingName('URI', uri, uris, (text) => text),
    missingName('DNS name', dns, dnsNames, (text) => text.toLowerCase()),
    missingName('key', spkiSha256, [createHash('sha256').update(leaf.spki).digest('hex')], (text) => text),
  ].filter((problem) => problem !== undefined);
  if ([email, uri, dns, spkiSha256].every((text) => text === undefined)) {
    return 'no identity is asked for';
  }
  return missing[0];
}

function missingName(
  what: string,
  wanted: string | undefined,
  given: readonly string[],
  fold: (text: string) => string,
): string | undefined {
  if (wanted === undefined || given.some((name) => fold(name) === fold(wanted))) {
    return undefined;
  }
  const names = given.length === 0 ? 'none' : given.map((name) => printable(name, 200)).join(', ');
  return `its certificate is for the ${what} ${printable(names, 400)}, not ${printable(wanted, 200)}`;
}

/** Only the part behind the last @ ignores case (RFC 5280, 7.5). */
function foldDomain(email: string): string {
  const at = email.lastIndexOf('@') + 1;
  return email.slice(0, at) + email.slice(at).toLowerCase();
}
