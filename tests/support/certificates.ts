// A certificate authority for tests: makes certificates, chains and revocation lists at run time, right ones and ones that are
// wrong in one way. Keys exist only in memory.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  bits,
  boolean,
  der,
  explicit,
  integer,
  namedBits,
  nothing,
  octets,
  oid,
  sequence,
  set,
  time,
  utf8,
} from './der-writer.ts';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface CertificateOptions {
  /** The common name. */
  readonly name: string;
  /** Default self-signed. */
  readonly issuer?: TestCertificate;
  readonly keys?: KeyPair;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  readonly serial?: number;
  /** No basicConstraints when undefined. */
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** Bits: 0 digitalSignature, 5 keyCertSign, 6 cRLSign. None when undefined. */
  readonly keyUsage?: readonly number[];
  readonly extendedKeyUsage?: readonly string[];
  readonly extendedKeyUsageCritical?: boolean;
  readonly emails?: readonly string[];
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
  /** Key identifiers; default both. */
  readonly subjectKeyId?: boolean;
  readonly authorityKeyId?: 'none' | 'wrong' | 'issuer' | 'wrongIssuer' | 'wrongSerial' | 'keyId';
  /** Further extensions as DER. */
  readonly extensions?: readonly Buffer[];
  readonly hash?: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  /** Another key or name than the issuer's. */
  readonly signWith?: KeyObject;
  readonly issuerName?: string;
}

export interface TestCertificate {
  readonly der: Buffer;
  readonly pem: string;
  readonly keys: KeyPair;
  readonly nameDer: Buffer;
  readonly issuerDer: Buffer;
  readonly serial: number;
  readonly keyId: Buffer;
}

export const codeSigning = '1.3.6.1.5.5.7.3.3';
export const timeStamping = '1.3.6.1.5.5.7.3.8';
export const dayMs = 86_400_000;

const signatureOids: Readonly<Record<string, string>> = {
  'ec sha1': '1.2.840.10045.4.1',
  'ec sha256': '1.2.840.10045.4.3.2',
  'ec sha384': '1.2.840.10045.4.3.3',
  'ec sha512': '1.2.840.10045.4.3.4',
  'rsa sha1': '1.2.840.113549.1.1.5',
  'rsa sha256': '1.2.840.113549.1.1.11',
  'rsa sha384': '1.2.840.113549.1.1.12',
  'rsa sha512': '1.2.840.113549.1.1.13',
};

let nextSerial = 1_000;

export function ecKeys(namedCurve = 'P-256'): KeyPair {
  return generateKeyPairSync('ec', { namedCurve });
}

/** As an issuer for `hash` and this key. */
export function algorithmOf(key: KeyObject, hash: string): Buffer {
  if (key.asymmetricKeyType === 'ed25519') {
    return sequence(oid('1.3.101.112'));
  }
  const name = signatureOids[`${key.asymmetricKeyType} ${hash}`];
  return key.asymmetricKeyType === 'rsa' ? sequence(oid(name), nothing()) : sequence(oid(name));
}

export function signDer(body: Buffer, key: KeyObject, hash: string): Buffer {
  return sign(key.asymmetricKeyType === 'ed25519' ? undefined : hash, body, key);
}

export function nameDer(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(commonName))));
}

export function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

export function pemOf(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

export function makeCertificate(options: CertificateOptions): TestCertificate {
  const { name, issuer, keys = ecKeys(), hash = 'sha256', serial = nextSerial++ } = options;
  const nowMs = Date.now();
  const spki = keys.publicKey.export({ type: 'spki', format: 'der' });
  const keyId = createHash('sha1').update(spki).digest();
  const own = nameDer(name);
  const issuerDer = options.issuerName === undefined ? (issuer?.nameDer ?? own) : nameDer(options.issuerName);
  const signKey = options.signWith ?? issuer?.keys.privateKey ?? keys.privateKey;
  const algorithm = algorithmOf(signKey, hash);
  const extensions = makeExtensions(options, keyId, issuer?.keyId ?? keyId);
  const body = sequence(
    explicit(0, integer(2)),
    integer(serial),
    algorithm,
    issuerDer,
    sequence(time(options.notBeforeMs ?? nowMs - dayMs), time(options.notAfterMs ?? nowMs + 30 * dayMs)),
    own,
    spki,
    ...(extensions.length > 0 ? [explicit(3, sequence(...extensions))] : []),
  );
  const bytes = sequence(body, algorithm, bits(signDer(body, signKey, hash)));
  return { der: bytes, pem: pemOf('CERTIFICATE', bytes), keys, nameDer: own, issuerDer, serial, keyId };
}

function makeExtensions(options: CertificateOptions, keyId: Buffer, issuerKeyId: Buffer): Buffer[] {
  const { ca, pathLength, keyUsage, extendedKeyUsage, emails = [], uris = [], dnsNames = [] } = options;
  const names = [
    ...emails.map((text) => der(0x81, Buffer.from(text))),
    ...dnsNames.map((text) => der(0x82, Buffer.from(text))),
    ...uris.map((text) => der(0x86, Buffer.from(text))),
  ];
  const length = pathLength === undefined ? [] : [integer(pathLength)];
  const all = [
    ca === undefined ? undefined : extension('2.5.29.19', true, sequence(...(ca ? [boolean(true)] : []), ...length)),
    keyUsage && extension('2.5.29.15', true, namedBits(keyUsage)),
    extendedKeyUsage && extension('2.5.29.37', options.extendedKeyUsageCritical === true, sequence(...extendedKeyUsage.map(oid))),
    names.length > 0 ? extension('2.5.29.17', false, sequence(...names)) : undefined,
    options.subjectKeyId === false ? undefined : extension('2.5.29.14', false, octets(keyId)),
    authorityKeyId(options, issuerKeyId),
    ...(options.extensions ?? []),
  ];
  return all.filter((item) => item !== undefined);
}

function authorityKeyId({ authorityKeyId: form = 'keyId', issuer, name }: CertificateOptions, keyId: Buffer): Buffer | undefined {
  const directory = (issuerName: Buffer) => der(0xa1, der(0xa4, issuerName));
  const issuerIssuer = issuer?.issuerDer ?? nameDer(name);
  const serial = (value: number) => der(0x82, integer(value).subarray(2));
  const forms = {
    none: () => undefined,
    keyId: () => sequence(der(0x80, keyId)),
    wrong: () => sequence(der(0x80, Buffer.alloc(20, 7))),
    issuer: () => sequence(der(0x80, keyId), directory(issuerIssuer), serial(issuer?.serial ?? 1)),
    wrongIssuer: () => sequence(der(0x80, keyId), directory(nameDer('somebody else')), serial(issuer?.serial ?? 1)),
    wrongSerial: () => sequence(der(0x80, keyId), directory(issuerIssuer), serial(1)),
  };
  const value = forms[form]();
  return value && extension('2.5.29.35', false, value);
}

/** An authority: self-signed, or below `issuer`. */
export function makeAuthority(options: CertificateOptions): TestCertificate {
  return makeCertificate({ ca: true, keyUsage: [5, 6], ...options });
}

/** A certificate that may sign models, for an email address unless the options say otherwise. */
export function makeLeaf(options: CertificateOptions): TestCertificate {
  return makeCertificate({ keyUsage: [0], extendedKeyUsage: [codeSigning], emails: ['ci@example.com'], ...options });
}

export interface CrlOptions {
  readonly issuer: TestCertificate;
  readonly revoked?: readonly { readonly serial: number; readonly extensions?: readonly Buffer[] }[];
  readonly thisUpdateMs?: number;
  /** Null leaves it out. */
  readonly nextUpdateMs?: number | null;
  /** As DER; default a CRL number. */
  readonly extensions?: readonly Buffer[];
  readonly signWith?: KeyObject;
  readonly version?: number;
}

/** A revocation list, DER. */
export function makeCrl(options: CrlOptions): Buffer {
  const { issuer, revoked = [], nextUpdateMs = Date.now() + 7 * dayMs } = options;
  const key = options.signWith ?? issuer.keys.privateKey;
  const algorithm = algorithmOf(key, 'sha256');
  const entries = revoked.map(({ serial, extensions }) =>
    sequence(integer(serial), time(Date.now() - 60_000), ...(extensions ? [sequence(...extensions)] : [])),
  );
  const extensions = options.extensions ?? [
    extension('2.5.29.35', false, sequence(der(0x80, issuer.keyId))),
    extension('2.5.29.20', false, integer(1)),
  ];
  const body = sequence(
    integer(options.version ?? 1),
    algorithm,
    issuer.nameDer,
    time(options.thisUpdateMs ?? Date.now() - 60_000),
    ...(nextUpdateMs === null ? [] : [time(nextUpdateMs)]),
    ...(entries.length > 0 ? [sequence(...entries)] : []),
    ...(extensions.length > 0 ? [explicit(0, sequence(...extensions))] : []),
  );
  return sequence(body, algorithm, bits(signDer(body, key, 'sha256')));
}
