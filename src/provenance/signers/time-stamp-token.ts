// Reads RFC 3161 time stamps: a response that holds CMS SignedData (RFC 5652) that holds what an authority states. It only
// reads; whether the authority is trusted, and for which bytes the stamp is, is asked in time-stamp.ts. DER only: time stamps
// in BER are refused.

import { readExtensionList } from './certificate-extensions.ts';
import { type DerElement, derError, readElement, tags } from './der.ts';
import { checkInteger, DerParts, readOid, readSmallInteger, readTime } from './der-values.ts';

export interface TimeStampToken {
  /** When, in milliseconds since 1970. */
  readonly atMs: number;
  /** Of the bytes that were stamped. */
  readonly imprint: { readonly hash: string; readonly digest: Buffer };
  /** Certificates that came along, DER; nobody has to trust them. */
  readonly certificates: readonly Buffer[];
  /** Which certificate signed, by issuer (a Name, DER) and serial number. */
  readonly signerIssuer: Buffer;
  readonly signerSerial: Buffer;
  /** Digests of that certificate that the signature covers; at least one. */
  readonly signerDigests: readonly { readonly hash: string; readonly digest: Buffer }[];
  /** The hash of the content that the signature covers, and the content itself. */
  readonly hash: string;
  readonly content: Buffer;
  readonly contentDigest: Buffer;
  /** The attributes as they were signed. */
  readonly signedBytes: Buffer;
  readonly algorithm: DerElement;
  readonly signature: Buffer;
}

const oids = {
  signedData: '1.2.840.113549.1.7.2',
  timeStampInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
} as const;

const hashes: ReadonlyMap<string, string> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

const maxCertificates = 10;

/** A TimeStampResp in DER, as Sigstore bundles hold it. KEY_INVALID, also where an authority refused to stamp. */
export function readTimeStamp(der: Buffer): TimeStampToken {
  const response = new DerParts(readElement(der, tags.sequence));
  const status = new DerParts(response.next(tags.sequence));
  // 0 is granted, 1 is granted with changes; texts may follow.
  if (readSmallInteger(status.next(tags.integer)) > 1) {
    throw derError('the authority did not grant a time stamp');
  }
  const token = new DerParts(response.next(tags.sequence));
  response.end();
  expectOid(token.next(tags.oid), oids.signedData);
  const data = new DerParts(onlyPart(token.next(tags.contextConstructed(0)), tags.sequence));
  token.end();
  data.next(tags.integer);
  data.next(tags.set);
  const encapsulated = new DerParts(data.next(tags.sequence));
  const certificates = data.optional(tags.contextConstructed(0));
  data.optional(tags.contextConstructed(1));
  const signerInfo = new DerParts(onlyPart(data.next(tags.set), tags.sequence));
  data.end();
  expectOid(encapsulated.next(tags.oid), oids.timeStampInfo);
  const content = onlyPart(encapsulated.next(tags.contextConstructed(0)), tags.octetString).content;
  encapsulated.end();
  const given = certificates === undefined ? [] : new DerParts(certificates).rest(tags.sequence);
  if (given.length > maxCertificates) {
    throw derError(`a time stamp has more than ${maxCertificates} certificates`);
  }
  return { ...readInfo(content), ...readSignerInfo(signerInfo), content, certificates: given.map(({ raw }) => raw) };
}

function readSignerInfo(info: DerParts): Omit<TimeStampToken, 'atMs' | 'imprint' | 'content' | 'certificates'> {
  info.next(tags.integer);
  const signer = new DerParts(info.next(tags.sequence));
  const signerIssuer = signer.next(tags.sequence).raw;
  const signerSerial = checkInteger(signer.next(tags.integer));
  signer.end();
  const hash = readHash(info.next(tags.sequence));
  const signedAttributes = info.next(tags.contextConstructed(0));
  const algorithm = info.next(tags.sequence);
  const signature = info.next(tags.octetString).content;
  info.optional(tags.contextConstructed(1));
  info.end();
  // What is signed is the SET itself, not the tag that it has in this place (RFC 5652, 5.4).
  const signedBytes = Buffer.from(signedAttributes.raw);
  signedBytes[0] = tags.set;
  const { contentDigest, signerDigests } = readAttributes(readElement(signedBytes, tags.set));
  return { signerIssuer, signerSerial, signerDigests, hash, contentDigest, signedBytes, algorithm, signature };
}

function readAttributes(set: DerElement): Pick<TimeStampToken, 'contentDigest' | 'signerDigests'> {
  const attributes = new Map<string, DerElement>();
  for (const attribute of new DerParts(set).rest(tags.sequence)) {
    const parts = new DerParts(attribute);
    const oid = readOid(parts.next(tags.oid));
    const values = parts.next(tags.set);
    parts.end();
    if (attributes.has(oid)) {
      throw derError('an attribute is there twice');
    }
    attributes.set(oid, values);
  }
  const only = (oid: string, tag: number) => {
    const values = attributes.get(oid);
    return values && onlyPart(values, tag);
  };
  const type = only(oids.contentType, tags.oid);
  const digest = only(oids.messageDigest, tags.octetString);
  const [first, second] = [only(oids.signingCertificate, tags.sequence), only(oids.signingCertificateV2, tags.sequence)];
  if (type === undefined || digest === undefined || (first === undefined && second === undefined)) {
    throw derError('a time stamp lacks a signed attribute');
  }
  expectOid(type, oids.timeStampInfo);
  const signerDigests = [
    ...(first === undefined ? [] : [readCertificateId(first, 'sha1')]),
    ...(second === undefined ? [] : [readCertificateId(second, 'sha256')]),
  ];
  return { contentDigest: digest.content, signerDigests };
}

/** The first of the list is the signer's own (RFC 5035, 5.4.1); the old form (RFC 2634) has SHA-1 and says no algorithm. */
function readCertificateId(attribute: DerElement, usualHash: 'sha1' | 'sha256'): TimeStampToken['signerDigests'][number] {
  const list = new DerParts(new DerParts(attribute).next(tags.sequence));
  const id = new DerParts(list.next(tags.sequence));
  const algorithm = usualHash === 'sha256' ? id.optional(tags.sequence) : undefined;
  const digest = id.next(tags.octetString).content;
  return { hash: algorithm === undefined ? usualHash : readHash(algorithm), digest };
}

function readInfo(content: Buffer): Pick<TimeStampToken, 'atMs' | 'imprint'> {
  const info = new DerParts(readElement(content, tags.sequence));
  if (readSmallInteger(info.next(tags.integer)) !== 1) {
    throw derError('a time stamp is not of version 1');
  }
  info.next(tags.oid);
  const imprint = new DerParts(info.next(tags.sequence));
  const hash = readHash(imprint.next(tags.sequence));
  const digest = imprint.next(tags.octetString).content;
  imprint.end();
  checkInteger(info.next(tags.integer));
  const atMs = readTime(info.next(tags.generalizedTime));
  // Accuracy, ordering, nonce, the authority's name: nothing here depends on them.
  for (const tag of [tags.sequence, tags.boolean, tags.integer, tags.contextConstructed(0)]) {
    info.optional(tag);
  }
  const extensions = info.optional(tags.contextConstructed(1));
  info.end();
  if (extensions !== undefined && readExtensionList(extensions).some(({ critical }) => critical)) {
    throw derError('a time stamp has a critical extension that is not understood here');
  }
  return { atMs, imprint: { hash, digest } };
}

function readHash(algorithm: DerElement): string {
  const parts = new DerParts(algorithm);
  const hash = hashes.get(readOid(parts.next(tags.oid)));
  parts.optional(tags.null);
  parts.end();
  if (hash === undefined) {
    throw derError('only SHA-256, SHA-384 and SHA-512 are accepted');
  }
  return hash;
}

function onlyPart(element: DerElement, tag: number): DerElement {
  const parts = new DerParts(element);
  const part = parts.next(tag);
  parts.end();
  return part;
}

function expectOid(element: DerElement, oid: string): void {
  if (readOid(element) !== oid) {
    throw derError(`expected the type ${oid}`);
  }
}
