// Finds the certificates that lead from a leaf to one of the given roots, and checks each as RFC 5280 (section 6) asks. Only
// roots that the operator gave end a path; whatever came with a bundle is a suggestion. Must stay bounded on certificates that
// sign each other in circles.
import type { Certificate } from './certificate.ts';
import { certificateName } from './certificate-name.ts';
import { isSignedBy, isStrong } from './signed-structure.ts';

export interface PathRequest {
  readonly leaf: Certificate;
  /** Certificates that may lie between; nobody has to trust them. */
  readonly intermediates: readonly Certificate[];
  readonly roots: readonly Certificate[];
  /** Every certificate must be valid at this moment, in milliseconds since 1970. */
  readonly atMs: number;
  /** What the leaf must be for: an object identifier of extended key usages. */
  readonly purpose: string;
  /** A further demand on a whole path, the leaf first and the root last: a reason to refuse it, or undefined. */
  readonly check: (path: readonly Certificate[]) => string | undefined;
}

/** Either a path, the leaf first and the root last, or why there is none, printable. */
export type PathResult =
  | { readonly path: readonly Certificate[]; readonly problem?: undefined }
  | { readonly path?: undefined; readonly problem: string };

export const codeSigning = '1.3.6.1.5.5.7.3.3';
export const timeStamping = '1.3.6.1.5.5.7.3.8';
const anyPurpose = '2.5.29.37.0';

const maxPathLength = 8;
/** Signatures that are checked for one path; each takes about 0.1 ms. */
const maxTries = 64;

/** The first path that passes. It has 2 to 8 certificates, and at most 64 signatures are checked to find it. */
export function findPath(request: PathRequest): PathResult {
  const search = new PathSearch(request);
  const problem = leafProblem(request.leaf, request.purpose);
  const path = problem === undefined ? search.from([request.leaf]) : undefined;
  return path === undefined ? { problem: problem ?? search.problem } : { path };
}

class PathSearch {
  readonly #request: PathRequest;
  #tries = 0;
  /** The first reason why a path that led to a root was refused, before reasons why none led there. */
  #refused: string | undefined;
  #missing = '';

  constructor(request: PathRequest) {
    this.#request = request;
  }

  get problem(): string {
    return this.#refused ?? this.#missing;
  }

  from(path: readonly Certificate[]): readonly Certificate[] | undefined {
    const { roots, intermediates } = this.#request;
    for (const root of roots) {
      const found = this.#issued(path, root) ? this.#checked([...path, root]) : undefined;
      if (found !== undefined) {
        return found;
      }
    }
    // A root still has to follow, so one place is kept free.
    const candidates = path.length < maxPathLength - 1 ? intermediates : [];
    for (const candidate of candidates) {
      const isNew = !path.some(({ fingerprint }) => fingerprint === candidate.fingerprint);
      const found = isNew && this.#issued(path, candidate) ? this.from([...path, candidate]) : undefined;
      if (found !== undefined) {
        return found;
      }
    }
    this.#missing ||= `no given certificate has issued ${certificateName(path[path.length - 1])}`;
    return undefined;
  }

  #issued(path: readonly Certificate[], issuer: Certificate): boolean {
    const certificate = path[path.length - 1];
    if (!isNamedIssuer(certificate, issuer) || this.#tries === maxTries) {
      return false;
    }
    this.#tries += 1;
    const { body, algorithm, signature } = certificate.signed;
    return isSignedBy({ body: body.raw, algorithm, signature }, issuer.publicKey);
  }

  #checked(path: readonly Certificate[]): readonly Certificate[] | undefined {
    const problem = pathProblem(path, this.#request) ?? this.#request.check(path);
    this.#refused ??= problem;
    return problem === undefined ? path : undefined;
  }
}

/** Names and identifiers fit; that says who to try, not that it is so. */
function isNamedIssuer({ issuer, extensions }: Certificate, candidate: Certificate): boolean {
  const { authorityKeyId, authorityIssuer, authoritySerial } = extensions;
  const { subjectKeyId } = candidate.extensions;
  return (
    issuer.equals(candidate.subject) &&
    (authorityKeyId === undefined || subjectKeyId === undefined || authorityKeyId.equals(subjectKeyId)) &&
    (authorityIssuer === undefined || authorityIssuer.equals(candidate.issuer)) &&
    (authoritySerial === undefined || authoritySerial.equals(candidate.serial))
  );
}

function leafProblem(leaf: Certificate, purpose: string): string | undefined {
  const { isCa, keyUsage, extendedKeyUsage } = leaf.extensions;
  if (isCa) {
    return `${certificateName(leaf)} is an authority, which signs certificates and nothing else`;
  }
  if (keyUsage !== undefined && !keyUsage.digitalSignature) {
    return `the key of ${certificateName(leaf)} is not for signatures (key usage)`;
  }
  // "Any purpose" is what a certificate for something else may carry too, so the purpose itself must be there.
  return extendedKeyUsage?.includes(purpose) === true
    ? undefined
    : `${certificateName(leaf)} is not for ${purpose === codeSigning ? 'code signing' : 'time stamps'} (extended key usage)`;
}

/** Why a certificate cannot issue certificates for `purpose`; undefined when it can. */
export function authorityProblem(authority: Certificate, purpose: string): string | undefined {
  const { isCa, keyUsage, extendedKeyUsage } = authority.extensions;
  const name = certificateName(authority);
  if (!isCa || keyUsage?.certSign !== true) {
    return `${name} may not issue certificates (${isCa ? 'key usage' : 'basic constraints'})`;
  }
  if (!isStrong(authority.publicKey)) {
    return `the key of ${name} is too weak or of a kind that is not accepted`;
  }
  if (extendedKeyUsage !== undefined && !extendedKeyUsage.includes(purpose) && !extendedKeyUsage.includes(anyPurpose)) {
    return `${name} may not issue certificates for this purpose (extended key usage)`;
  }
  return extensionProblem(authority);
}

function extensionProblem(certificate: Certificate): string | undefined {
  const { refused } = certificate.extensions;
  return refused.length === 0
    ? undefined
    : `${certificateName(certificate)} has an extension that is not understood here: ${refused[0]}`;
}

function pathProblem(path: readonly Certificate[], { atMs, purpose }: PathRequest): string | undefined {
  let authoritiesBelow = 0;
  for (const [depth, certificate] of path.entries()) {
    const name = certificateName(certificate);
    if (!(atMs >= certificate.notBeforeMs && atMs <= certificate.notAfterMs)) {
      const [from, to] = [certificate.notBeforeMs, certificate.notAfterMs].map((time) => new Date(time).toISOString());
      return `${name} is valid from ${from} to ${to}, not at ${new Date(atMs).toISOString()}`;
    }
    const problem = depth === 0 ? extensionProblem(certificate) : authorityProblem(certificate, purpose);
    if (problem !== undefined) {
      return problem;
    }
    const { pathLength } = certificate.extensions;
    if (pathLength !== undefined && authoritiesBelow > pathLength) {
      return `${name} allows no further authority below it (path length)`;
    }
    // A certificate that an authority issued to itself, for a new key, does not count (RFC 5280, 4.2.1.9).
    authoritiesBelow += depth > 0 && !certificate.subject.equals(certificate.issuer) ? 1 : 0;
  }
  return undefined;
}
