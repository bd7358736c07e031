// Reads the extensions of a certificate that decide what it may be used for. What is critical and not read here is kept by
// name, because a certificate that says "do not use me unless you understand this" must be refused by whoever uses it.
import { childrenOf, type DerElement, derError, readElement, tags } from './der.ts';
import { checkInteger, DerParts, readBits, readBoolean, readOid, readSmallInteger } from './der-values.ts';

export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Buffer;
}

export interface CertificateExtensions {
  /** From basicConstraints; false when it is not there. */
  readonly isCa: boolean;
  /** How many certificates of further authorities may follow. */
  readonly pathLength: number | undefined;
  /** Undefined when the certificate does not limit what its key is used for. */
  readonly keyUsage: { readonly digitalSignature: boolean; readonly certSign: boolean; readonly crlSign: boolean } | undefined;
  /** Object identifiers; undefined when there is no such extension. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  readonly extendedKeyUsageCritical: boolean;
  readonly subjectKeyId: Buffer | undefined;
  readonly authorityKeyId: Buffer | undefined;
  /** Which certificate issued this one, as its issuer (a Name, DER) and serial number; rare. */
  readonly authorityIssuer: Buffer | undefined;
  readonly authoritySerial: Buffer | undefined;
  readonly emails: readonly string[];
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  /** Extensions that make a certificate unusable here: unknown critical ones, and name constraints whether critical or not. */
  readonly refused: readonly string[];
  readonly all: readonly Extension[];
}

const oids = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  certificatePolicies: '2.5.29.32',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/**
 * Read here, or harmless: with every policy acceptable, which policies a certificate is under decides nothing (RFC 5280,
 * 6.1.1).
 */
const understood: ReadonlySet<string> = new Set(Object.values(oids));

/** A SEQUENCE of extensions; KEY_INVALID when one is there twice, because readers differ in which they take. */
export function readExtensionList(element: DerElement): Extension[] {
  const extensions = new DerParts(element).rest(tags.sequence).map((item) => {
    const parts = new DerParts(item);
    const oid = readOid(parts.next(tags.oid));
    const critical = parts.optional(tags.boolean);
    const value = parts.next(tags.octetString).content;
    parts.end();
    return { oid, critical: critical !== undefined && readBoolean(critical), value };
  });
  if (extensions.length === 0 || new Set(extensions.map(({ oid }) => oid)).size !== extensions.length) {
    throw derError('extensions are empty, or one is there twice');
  }
  return extensions;
}

/** KEY_INVALID when an extension that is read here is not well formed. */
export function readCertificateExtensions(all: readonly Extension[]): CertificateExtensions {
  const find = (oid: string) => all.find((extension) => extension.oid === oid);
  const constraints = readBasicConstraints(find(oids.basicConstraints)?.value);
  const usage = find(oids.extendedKeyUsage);
  return {
    ...constraints,
    keyUsage: readKeyUsage(find(oids.keyUsage)?.value),
    extendedKeyUsage: usage && new DerParts(readElement(usage.value, tags.sequence)).rest(tags.oid).map(readOid),
    extendedKeyUsageCritical: usage?.critical === true,
    subjectKeyId: readKeyId(find(oids.subjectKeyId)?.value),
    ...readAuthorityKeyId(find(oids.authorityKeyId)?.value),
    ...readAltNames(find(oids.subjectAltName)?.value),
    refused: all
      .filter(({ oid, critical }) => oid === oids.nameConstraints || (critical && !understood.has(oid)))
      .map(({ oid }) => (oid === oids.nameConstraints ? 'name constraints' : oid)),
    all,
  };
}

function readBasicConstraints(value: Buffer | undefined): Pick<CertificateExtensions, 'isCa' | 'pathLength'> {
  if (value === undefined) {
    return { isCa: false, pathLength: undefined };
  }
  const parts = new DerParts(readElement(value, tags.sequence));
  const ca = parts.optional(tags.boolean);
  const pathLength = parts.optional(tags.integer);
  parts.end();
  const isCa = ca !== undefined && readBoolean(ca);
  if (pathLength !== undefined && !isCa) {
    throw derError('a path length is given for what is no authority');
  }
  return { isCa, pathLength: pathLength && readSmallInteger(pathLength) };
}

function readKeyUsage(value: Buffer | undefined): CertificateExtensions['keyUsage'] {
  const has = value && readBits(readElement(value, tags.bitString));
  return has && { digitalSignature: has(0), certSign: has(5), crlSign: has(6) };
}

function readKeyId(value: Buffer | undefined): Buffer | undefined {
  return value && readElement(value, tags.octetString).content;
}

function readAuthorityKeyId(
  value: Buffer | undefined,
): Pick<CertificateExtensions, 'authorityKeyId' | 'authorityIssuer' | 'authoritySerial'> {
  if (value === undefined) {
    return { authorityKeyId: undefined, authorityIssuer: undefined, authoritySerial: undefined };
  }
  const parts = new DerParts(readElement(value, tags.sequence));
  const keyId = parts.optional(tags.context(0));
  const issuer = parts.optional(tags.contextConstructed(1));
  const serial = parts.optional(tags.context(2));
  parts.end();
  if ((issuer === undefined) !== (serial === undefined)) {
    throw derError('an authority key identifier has an issuer or a serial number alone');
  }
  return {
    authorityKeyId: keyId?.content,
    authorityIssuer: issuer && readDirectoryName(issuer),
    authoritySerial: serial && checkInteger(serial),
  };
}

/** GeneralNames with one directoryName, as authority key identifiers have. */
function readDirectoryName(names: DerElement): Buffer {
  const parts = new DerParts(names);
  const directory = new DerParts(parts.next(tags.contextConstructed(4)));
  parts.end();
  const name = directory.next(tags.sequence);
  directory.end();
  return name.raw;
}

function readAltNames(value: Buffer | undefined): Pick<CertificateExtensions, 'emails' | 'dnsNames' | 'uris'> {
  const names = value === undefined ? [] : childrenOf(readElement(value, tags.sequence));
  const of = (tag: number) => names.filter((name) => name.tag === tag).map((name) => readAscii(name.content));
  return { emails: of(tags.context(1)), dnsNames: of(tags.context(2)), uris: of(tags.context(6)) };
}

/** A NUL or a byte beyond ASCII in a name has made two readers see two names (CVE-2009-2408). */
function readAscii(bytes: Buffer): string {
  if (bytes.some((byte) => byte < 0x20 || byte > 0x7e)) {
    throw derError('a name holds characters that it may not hold');
  }
  return bytes.toString('latin1');
}
