// A Sigstore bundle, from bytes to what a signer can check. Reads the one form that model-signing writes today and the old key
// material that a signer may opt in to; never decides whether anything in it is true.
import { createHash } from 'node:crypto';
import type { SignedEnvelope } from '../provenance-types.ts';
import {
  type Fields,
  invalid,
  readBase64,
  readClosedObject,
  readHex,
  readList,
  readObject,
  readText,
  shown,
  unsupported,
} from './fields.ts';
import { checkLogEntry } from './log-entry.ts';
import { bundleMediaType } from './media-types.ts';
import { parseStrictJson } from './strict-json.ts';

/** Of one bundle: a manifest of 100,000 files with long names, in base64. */
export const maxBundleBytes = 32 * 1024 * 1024;

/** A keyless bundle with all that it may have has below 2,000; nobody has signed these bytes yet, so they may not cost more. */
const maxTokens = 4096;
const maxCertificates = 10;
const maxCertificateBytes = 16 * 1024;
const maxTimestamps = 4;
const maxTimestampBytes = 64 * 1024;
const maxLogEntries = 8;
/** ECDSA on P-521 has 139 bytes in DER; a keyless signer may bring RSA. */
const maxSignatureBytes = 1024;

const materialPath = 'verificationMaterial';
const kinds = ['publicKey', 'x509CertificateChain', 'certificate'] as const;

/**
 * Reads a bundle once; `payload` of the result is the very bytes that were signed.
 * @throws BUNDLE_UNSUPPORTED for forms that exist and are not accepted; BUNDLE_INVALID for everything else that is not exact.
 */
export function parseBundle(bytes: Buffer): SignedEnvelope {
  const json = parseStrictJson(bytes, { maxBytes: maxBundleBytes, maxTokens });
  const { mediaType } = readObject(json, '');
  checkMediaType(mediaType);
  if (Object.hasOwn(readObject(json, ''), 'messageSignature')) {
    throw unsupported('messageSignature', 'envelope', 'a DSSE envelope', 'a signature over a file');
  }
  const bundle = readClosedObject(json, '', ['mediaType', 'verificationMaterial', 'dsseEnvelope']);
  const material = readMaterial(bundle.verificationMaterial);
  return { material, ...readEnvelope(bundle.dsseEnvelope), json, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function checkMediaType(mediaType: unknown): void {
  if (mediaType === bundleMediaType) return;
  const text = readText(mediaType, 'mediaType', 128);
  const known = text.startsWith('application/vnd.dev.sigstore.bundle');
  throw (known ? unsupported : invalid)('mediaType', 'mediaType', bundleMediaType, shown(text));
}

function readEnvelope(value: unknown): Pick<SignedEnvelope, 'payload' | 'payloadType' | 'signature'> {
  const path = 'dsseEnvelope';
  const envelope = readClosedObject(value, path, ['payload', 'payloadType', 'signatures']);
  // The Python tool checks only the first signature: a second one would be there for others to trust.
  const [first] = readList(envelope.signatures, `${path}.signatures`, 1, 1);
  const entry = readClosedObject(first, `${path}.signatures[0]`, ['sig'], ['keyid']);
  if (entry.keyid !== undefined && entry.keyid !== null && entry.keyid !== '') {
    throw invalid(`${path}.signatures[0].keyid`, 'keyid', 'none', shown(entry.keyid));
  }
  return {
    payload: readBase64(envelope.payload, `${path}.payload`, 1, maxBundleBytes),
    payloadType: readText(envelope.payloadType, `${path}.payloadType`, 256),
    signature: readBase64(entry.sig, `${path}.signatures[0].sig`, 1, maxSignatureBytes),
  };
}

function readMaterial(value: unknown): SignedEnvelope['material'] {
  const fields = readObject(value, materialPath);
  const present = kinds.filter((kind) => Object.hasOwn(fields, kind));
  if (present.length !== 1) {
    throw invalid(materialPath, 'material', `exactly one of ${kinds.join(', ')}`, present.join(' and ') || 'none');
  }
  const [kind] = present;
  if (kind === 'publicKey') {
    readClosedObject(value, materialPath, [kind], ['tlogEntries']);
    checkNoLogEntries(fields);
    return readPublicKey(fields.publicKey);
  }
  if (kind === 'x509CertificateChain') {
    readClosedObject(value, materialPath, [kind], ['tlogEntries', 'timestampVerificationData']);
    checkNoLogEntries(fields);
    return { kind: 'certificates', certificates: readChain(fields.x509CertificateChain), timestamps: readTimestamps(fields) };
  }
  readClosedObject(value, materialPath, [kind, 'tlogEntries'], ['timestampVerificationData']);
  readCertificate(fields.certificate, `${materialPath}.certificate`);
  const entriesPath = `${materialPath}.tlogEntries`;
  for (const [index, entry] of readList(fields.tlogEntries, entriesPath, 1, maxLogEntries).entries()) {
    checkLogEntry(entry, `${entriesPath}[${index}]`);
  }
  readTimestamps(fields);
  return { kind: 'sigstore' };
}

/** Nobody checks an entry of a log beside a key or a chain; one that is there would only look like evidence. */
function checkNoLogEntries(material: Fields): void {
  if (Object.hasOwn(material, 'tlogEntries')) readList(material.tlogEntries, `${materialPath}.tlogEntries`, 0, 0);
}

function readPublicKey(value: unknown): SignedEnvelope['material'] {
  const path = `${materialPath}.publicKey`;
  if (Object.hasOwn(readObject(value, path), 'rawBytes')) {
    const old = readClosedObject(value, path, ['rawBytes', 'keyDetails']);
    const details = readText(old.keyDetails, `${path}.keyDetails`, 64);
    if (!/^PKIX_ECDSA_P(256|384|521)_SHA_(256|384|512)$/.test(details)) {
      throw unsupported(`${path}.keyDetails`, 'keyDetails', 'an ECDSA key', shown(details));
    }
    const pem = readBase64(old.rawBytes, `${path}.rawBytes`, 1, maxCertificateBytes);
    return { kind: 'publicKey', hint: undefined, rawPem: pem.toString('latin1') };
  }
  const { hint } = readClosedObject(value, path, ['hint']);
  return { kind: 'publicKey', hint: readHex(hint, `${path}.hint`, 32), rawPem: undefined };
}

function readChain(value: unknown): readonly Buffer[] {
  const path = `${materialPath}.x509CertificateChain`;
  const { certificates } = readClosedObject(value, path, ['certificates']);
  const list = readList(certificates, `${path}.certificates`, 1, maxCertificates);
  return list.map((certificate, index) => readCertificate(certificate, `${path}.certificates[${index}]`));
}

function readCertificate(value: unknown, path: string): Buffer {
  return readBase64(readClosedObject(value, path, ['rawBytes']).rawBytes, `${path}.rawBytes`, 1, maxCertificateBytes);
}

function readTimestamps(material: Fields): readonly Buffer[] {
  if (!Object.hasOwn(material, 'timestampVerificationData')) return [];
  const path = `${materialPath}.timestampVerificationData`;
  const data = readClosedObject(material.timestampVerificationData, path, [], ['rfc3161Timestamps']);
  if (!Object.hasOwn(data, 'rfc3161Timestamps')) return [];
  const list = readList(data.rfc3161Timestamps, `${path}.rfc3161Timestamps`, 0, maxTimestamps);
  return list.map((entry, index) => {
    const at = `${path}.rfc3161Timestamps[${index}]`;
    return readBase64(
      readClosedObject(entry, at, ['signedTimestamp']).signedTimestamp,
      `${at}.signedTimestamp`,
      1,
      maxTimestampBytes,
    );
  });
}
