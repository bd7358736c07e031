// Reads X.509 certificates (RFC 5280) into what a path needs. Our own reader, because Node's tells neither key usage, path
// length nor which extensions are critical. It only reads: whether a certificate is trusted for anything is decided elsewhere.
import { createHash, type KeyObject } from 'node:crypto';
import { AirlockError } from '../../core/index.ts';
import { type CertificateExtensions, readCertificateExtensions, readExtensionList } from './certificate-extensions.ts';
import { type DerElement, derError, tags } from './der.ts';
import { checkInteger, DerParts, readSmallInteger, readTime } from './der-values.ts';
import { readPem } from './pem.ts';
import { readSigned, readSpki, type SignedStructure } from './signed-structure.ts';

export interface Certificate {
  readonly der: Buffer;
  /** SHA-256 of the DER, hex. */
  readonly fingerprint: string;
  readonly signed: SignedStructure;
  readonly serial: Buffer;
  /** Names as DER; two are the same when their bytes are. */
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly notBeforeMs: number;
  /** The last moment, inclusive. */
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer;
  readonly publicKey: KeyObject;
  readonly extensions: CertificateExtensions;
}

const maxCertificateBytes = 65_536;
const version3 = 2;

/**
 * All certificates of a PEM file, or the one that a DER file is; at least one. KEY_INVALID when there is none, when a block is
 * something else (a private key does not belong here), or when one cannot be read.
 */
export function readCertificates(bytes: Buffer): Certificate[] {
  if (bytes[0] === tags.sequence) {
    return [readCertificate(bytes)];
  }
  const blocks = readPem(bytes);
  if (blocks.length === 0 || blocks.some(({ label }) => label !== 'CERTIFICATE')) {
    throw new AirlockError('KEY_INVALID', { message: 'Expected PEM blocks "CERTIFICATE" and nothing else' });
  }
  return blocks.map(({ der }) => readCertificate(der));
}

/** One certificate, version 3, at most 64 KiB. KEY_INVALID. */
export function readCertificate(der: Buffer): Certificate {
  if (der.length > maxCertificateBytes) {
    throw derError(`a certificate is larger than ${maxCertificateBytes} bytes`);
  }
  const signed = readSigned(der);
  const parts = new DerParts(signed.body);
  const version = parts.optional(tags.contextConstructed(0));
  if (version === undefined || readVersion(version) !== version3) {
    throw derError('only certificates of version 3 say what they may be used for');
  }
  const serial = checkInteger(parts.next(tags.integer));
  // The copy outside is not signed, the one inside is; a reader that took the other would check another signature.
  if (!parts.next(tags.sequence).raw.equals(signed.algorithm.raw)) {
    throw derError('it names two signature algorithms');
  }
  const issuer = parts.next(tags.sequence).raw;
  const validity = new DerParts(parts.next(tags.sequence));
  const [notBeforeMs, notAfterMs] = [readValidity(validity), readValidity(validity)];
  validity.end();
  const subject = parts.next(tags.sequence).raw;
  const spki = parts.next(tags.sequence).raw;
  const extensions = parts.optional(tags.contextConstructed(3));
  // Unique identifiers would come before the extensions; nothing has used them since 1996.
  parts.end();
  return {
    der,
    fingerprint: createHash('sha256').update(der).digest('hex'),
    signed,
    serial,
    issuer,
    subject,
    notBeforeMs,
    notAfterMs,
    spki,
    publicKey: readSpki(spki),
    extensions: readCertificateExtensions(extensions === undefined ? [] : readExtensionList(onlyPart(extensions))),
  };
}

function readVersion(explicit: DerElement): number {
  const parts = new DerParts(explicit);
  const version = readSmallInteger(parts.next(tags.integer));
  parts.end();
  return version;
}

function readValidity(validity: DerParts): number {
  return readTime(validity.optional(tags.utcTime) ?? validity.next(tags.generalizedTime));
}

function onlyPart(explicit: DerElement): DerElement {
  const parts = new DerParts(explicit);
  const part = parts.next(tags.sequence);
  parts.end();
  return part;
}
