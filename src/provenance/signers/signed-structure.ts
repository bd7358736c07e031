// What certificates and revocation lists have in common: bytes, how they were signed, and the signature. Decides which
// algorithms count; must never accept SHA-1, MD5 or short RSA keys, with which both can be forged.
import { type AsymmetricKeyDetails, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { type DerElement, derError, readElement, tags } from './der.ts';
import { DerParts, readBytes, readOid } from './der-values.ts';

export interface SignedStructure {
  /** What was signed, with tag and length. */
  readonly body: DerElement;
  /** The AlgorithmIdentifier; the body repeats it, and whoever reads it must compare. */
  readonly algorithm: DerElement;
  readonly signature: Buffer;
}

interface SignatureAlgorithm {
  readonly keyType: 'ec' | 'rsa' | 'ed25519';
  readonly hash: string | undefined;
}

/** By object identifier. RSASSA-PSS is left out: its hash hides in parameters, and nobody has asked for it. */
const algorithms: ReadonlyMap<string, SignatureAlgorithm> = new Map([
  ['1.2.840.10045.4.3.2', { keyType: 'ec', hash: 'sha256' }],
  ['1.2.840.10045.4.3.3', { keyType: 'ec', hash: 'sha384' }],
  ['1.2.840.10045.4.3.4', { keyType: 'ec', hash: 'sha512' }],
  ['1.2.840.113549.1.1.11', { keyType: 'rsa', hash: 'sha256' }],
  ['1.2.840.113549.1.1.12', { keyType: 'rsa', hash: 'sha384' }],
  ['1.2.840.113549.1.1.13', { keyType: 'rsa', hash: 'sha512' }],
  ['1.3.101.112', { keyType: 'ed25519', hash: undefined }],
]);

/** Plain RSA, as CMS names it: the hash is said elsewhere. */
const rsaEncryption = '1.2.840.113549.1.1.1';
const rsaNull = Buffer.from([tags.null, 0]);
const curves: ReadonlySet<unknown> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const minRsaBits = 2_048;
const maxRsaBits = 8_192;
/** One as long as the modulus makes a verification some hundred times as slow, and a hostile bundle may ask for many. Real ones are 65,537. */
const maxRsaExponent = 2n ** 32n;

/** KEY_INVALID when `der` is not a signed structure. Whether the signature fits is not asked. */
export function readSigned(der: Buffer): SignedStructure {
  const parts = new DerParts(readElement(der, tags.sequence));
  const body = parts.next(tags.sequence);
  const algorithm = parts.next(tags.sequence);
  const signature = readBytes(parts.next(tags.bitString));
  parts.end();
  return { body, algorithm, signature };
}

/**
 * True when `key` made the signature over `body`. `hash` stands in where the algorithm does not say one. False too for an
 * algorithm or key that is too weak or not known: RSA below 2,048 or above 8,192 bits, other curves than P-256, P-384, P-521.
 */
export function isSignedBy(
  signed: { body: Buffer; algorithm: DerElement; signature: Buffer },
  key: KeyObject,
  hash?: string,
): boolean {
  const algorithm = readAlgorithm(signed.algorithm, hash);
  if (algorithm === undefined || key.asymmetricKeyType !== algorithm.keyType || !isStrong(key)) {
    return false;
  }
  return verify(algorithm.hash, signed.body, { key, dsaEncoding: 'der' }, signed.signature);
}

/** The key of a SubjectPublicKeyInfo. KEY_INVALID. */
export function readSpki(spki: Buffer): KeyObject {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    throw derError('the public key cannot be read');
  }
}

/** False for keys with which signatures can be forged, or that nobody should have to compute with. */
export function isStrong(key: KeyObject): boolean {
  const { namedCurve, modulusLength, publicExponent = 0n }: AsymmetricKeyDetails = { ...key.asymmetricKeyDetails };
  switch (key.asymmetricKeyType) {
    case 'ec':
      return curves.has(namedCurve);
    case 'rsa':
      return Number(modulusLength) >= minRsaBits && Number(modulusLength) <= maxRsaBits && publicExponent <= maxRsaExponent;
    default:
      return key.asymmetricKeyType === 'ed25519';
  }
}

function readAlgorithm(element: DerElement, hash: string | undefined): SignatureAlgorithm | undefined {
  const parts = new DerParts(element);
  const oid = readOid(parts.next(tags.oid));
  const known = oid === rsaEncryption && hash !== undefined ? ({ keyType: 'rsa', hash } as const) : algorithms.get(oid);
  const parameters = parts.optional(tags.null);
  parts.end();
  // Parameters may be NULL for RSA and must be absent for the others (RFC 5758, RFC 8410).
  return parameters === undefined || (known?.keyType === 'rsa' && parameters.raw.equals(rsaNull)) ? known : undefined;
}
