// Certificate revocation lists (RFC 5280, section 5): read when the trust section is loaded, asked for every path. Fails
// closed: where lists are given, a certificate that no current list of its issuer covers is refused as if it were revoked.
import { AirlockError } from '../../core/index.ts';
import type { Certificate } from './certificate.ts';
import { type Extension, readExtensionList } from './certificate-extensions.ts';
import { certificateName } from './certificate-name.ts';
import { type DerElement, derError, tags } from './der.ts';
import { checkInteger, DerParts, readSmallInteger, readTime } from './der-values.ts';
import { readPem } from './pem.ts';
import { isSignedBy, readSigned, type SignedStructure } from './signed-structure.ts';

export interface RevocationList {
  readonly signed: SignedStructure;
  readonly issuer: Buffer;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number;
  /** Serial numbers, hex. */
  readonly revoked: ReadonlySet<string>;
}

/** Lists that hold only a part, or certificates of others: a serial number that is absent from one means nothing. */
const partial: ReadonlySet<string> = new Set(['2.5.29.27', '2.5.29.28', '2.5.29.29']);

/**
 * The lists of a PEM file, or the one that a DER file is; at least one. KEY_INVALID, also for delta, partial and indirect
 * lists.
 */
export function readRevocationLists(bytes: Buffer): RevocationList[] {
  if (bytes[0] === tags.sequence) {
    return [readRevocationList(bytes)];
  }
  const blocks = readPem(bytes);
  if (blocks.length === 0 || blocks.some(({ label }) => label !== 'X509 CRL')) {
    throw new AirlockError('KEY_INVALID', { message: 'Expected PEM blocks "X509 CRL" and nothing else' });
  }
  return blocks.map(({ der }) => readRevocationList(der));
}

function readRevocationList(der: Buffer): RevocationList {
  const signed = readSigned(der);
  const parts = new DerParts(signed.body);
  const version = parts.optional(tags.integer);
  if (version === undefined || readSmallInteger(version) !== 1) {
    throw derError('only revocation lists of version 2 are read');
  }
  if (!parts.next(tags.sequence).raw.equals(signed.algorithm.raw)) {
    throw derError('it names two signature algorithms');
  }
  const issuer = parts.next(tags.sequence).raw;
  const [thisUpdateMs, nextUpdateMs] = [readUpdate(parts), readUpdate(parts)];
  const revoked = parts.optional(tags.sequence);
  const extensions = parts.optional(tags.contextConstructed(0));
  parts.end();
  if (extensions !== undefined) {
    const explicit = new DerParts(extensions);
    refuseUnknown(readExtensionList(explicit.next(tags.sequence)));
    explicit.end();
  }
  const entries = revoked === undefined ? [] : new DerParts(revoked).rest(tags.sequence);
  return { signed, issuer, thisUpdateMs, nextUpdateMs, revoked: new Set(entries.map(readEntry)) };
}

/** Both times must be there: a list without an end would never be out of date. */
function readUpdate(parts: DerParts): number {
  return readTime(parts.optional(tags.utcTime) ?? parts.next(tags.generalizedTime));
}

function readEntry(element: DerElement): string {
  const parts = new DerParts(element);
  const serial = checkInteger(parts.next(tags.integer)).toString('hex');
  readUpdate(parts);
  const extensions = parts.optional(tags.sequence);
  parts.end();
  refuseUnknown(extensions === undefined ? [] : readExtensionList(extensions));
  return serial;
}

function refuseUnknown(extensions: readonly Extension[]): void {
  const found = extensions.find(({ oid, critical }) => critical || partial.has(oid));
  if (found !== undefined) {
    throw derError(`a revocation list has an extension that is not understood here: ${found.oid}`);
  }
}

/**
 * Why a certificate of `path` (the leaf first, the root last) is revoked or not covered, printable; undefined when all below
 * the root are covered and none is revoked. A list counts when the certificate's issuer signed it and may sign lists. That a
 * list is out of date does not bring a certificate back; what it does not name must be covered by a list that is current at
 * `nowMs`.
 */
export function revocationProblem(
  path: readonly Certificate[],
  lists: readonly RevocationList[],
  nowMs: number,
): string | undefined {
  for (const [depth, certificate] of path.slice(0, -1).entries()) {
    const issuer = path[depth + 1];
    const own = lists.filter((list) => isListOf(list, issuer));
    const name = certificateName(certificate);
    if (own.some(({ revoked }) => revoked.has(certificate.serial.toString('hex')))) {
      return `${name} has been revoked`;
    }
    if (!own.some(({ thisUpdateMs, nextUpdateMs }) => nowMs >= thisUpdateMs && nowMs <= nextUpdateMs)) {
      return `no current revocation list of ${certificateName(issuer)} covers ${name}`;
    }
  }
  return undefined;
}

function isListOf({ issuer, signed: { body, algorithm, signature } }: RevocationList, authority: Certificate): boolean {
  return (
    issuer.equals(authority.subject) &&
    authority.extensions.keyUsage?.crlSign === true &&
    isSignedBy({ body: body.raw, algorithm, signature }, authority.publicKey)
  );
}
