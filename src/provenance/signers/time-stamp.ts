// When a signature was made, as a trusted authority says. A signer's certificate lives for months and a model for years;
// without a time stamp a signature ends with its certificate. Must never take a time from the bundle that no authority of the
// trust section has signed.
import { createHash } from 'node:crypto';
import { type Certificate, readCertificate } from './certificate.ts';
import { certificateName } from './certificate-name.ts';
import { findPath, timeStamping } from './certificate-path.ts';
import { isSignedBy } from './signed-structure.ts';
import { readTimeStamp, type TimeStampToken } from './time-stamp-token.ts';

/** More are not looked at: each may cost a path. */
const maxTokens = 8;
/** A clock that is this far behind an authority's still works. */
const maxFutureMs = 300_000;

/**
 * The earliest moment at which one of `authorities` saw `signature`, in milliseconds since 1970; undefined when none of the
 * first eight time stamps counts. An authority is either the certificate that stamps or one that issued it; the certificate
 * must be for nothing but time stamps (a critical extended key usage) and valid when it stamped. Whether it was revoked is not
 * asked.
 */
export function trustedTime(
  signature: Buffer,
  tokens: readonly Buffer[],
  authorities: readonly Certificate[],
  nowMs: number,
): number | undefined {
  // Where nobody may say the time, nothing in a bundle that anybody may have made is worth computing with.
  if (authorities.length === 0) return undefined;
  const times = tokens.slice(0, maxTokens).flatMap((der) => {
    try {
      const token = readTimeStamp(der);
      return token.atMs <= nowMs + maxFutureMs && isStampOf(token, signature, authorities) ? [token.atMs] : [];
    } catch {
      // A time stamp that cannot be read is one that does not count.
      return [];
    }
  });
  return times.length === 0 ? undefined : Math.min(...times);
}

function isStampOf(token: TimeStampToken, signature: Buffer, authorities: readonly Certificate[]): boolean {
  if (!isDigest(token.imprint, signature) || !isDigest({ hash: token.hash, digest: token.contentDigest }, token.content)) {
    return false;
  }
  const given = token.certificates.map(readCertificate);
  const signer = [...authorities, ...given].find(
    ({ issuer, serial }) => issuer.equals(token.signerIssuer) && serial.equals(token.signerSerial),
  );
  return (
    signer !== undefined &&
    token.signerDigests.every((digest) => isDigest(digest, signer.der)) &&
    isAuthority(signer, given, authorities, token.atMs) &&
    isSignedBy({ body: token.signedBytes, algorithm: token.algorithm, signature: token.signature }, signer.publicKey, token.hash)
  );
}

function isAuthority(signer: Certificate, given: readonly Certificate[], roots: readonly Certificate[], atMs: number): boolean {
  if (timeStamperProblem(signer) !== undefined) {
    return false;
  }
  if (roots.some(({ fingerprint }) => fingerprint === signer.fingerprint)) {
    return atMs >= signer.notBeforeMs && atMs <= signer.notAfterMs;
  }
  const request = { leaf: signer, intermediates: given, roots, atMs, purpose: timeStamping, check: () => undefined };
  return findPath(request).path !== undefined;
}

/**
 * Why a certificate may not stamp, printable; undefined when it may. RFC 3161, 2.3: a key for time stamps is for nothing else,
 * and says so in a critical extension, so that no other signature can be passed off as one.
 */
export function timeStamperProblem({ subject, extensions }: Certificate): string | undefined {
  const { extendedKeyUsage = [], extendedKeyUsageCritical, refused } = extensions;
  const isOnly = extendedKeyUsageCritical && extendedKeyUsage.length === 1 && extendedKeyUsage[0] === timeStamping;
  return isOnly && refused.length === 0 ? undefined : `${certificateName({ subject })} is not for time stamps and nothing else`;
}

function isDigest({ hash, digest }: { readonly hash: string; readonly digest: Buffer }, bytes: Buffer): boolean {
  return createHash(hash).update(bytes).digest().equals(digest);
}
