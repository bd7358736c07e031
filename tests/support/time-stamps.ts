// A time stamp authority for tests (RFC 3161), right or wrong in one way.
import { createHash, type KeyObject } from 'node:crypto';
import {
  algorithmOf,
  type CertificateOptions,
  makeCertificate,
  signDer,
  type TestCertificate,
  timeStamping,
} from './certificates.ts';
import { explicit, generalizedTime, integer, nothing, octets, oid, sequence, set } from './der-writer.ts';

export interface TimeStampOptions {
  /** What is stamped. */
  readonly bytes: Buffer;
  readonly authority: TestCertificate;
  readonly atMs?: number;
  /** Of the imprint and of the content. */
  readonly hash?: string;
  readonly status?: number;
  /** Certificates that come along. */
  readonly certificates?: readonly TestCertificate[];
  readonly version?: number;
  /** What the signed attributes say the content is; default what it is. */
  readonly stated?: Buffer;
  /** Which signing-certificate attributes there are; default the second. */
  readonly bindings?: readonly ('v1' | 'v2' | 'v2sha512' | 'wrong')[];
  /** Further attributes, extensions of the statement, and fields between, as DER. */
  readonly attributes?: readonly Buffer[];
  readonly fields?: readonly Buffer[];
  readonly signWith?: KeyObject;
  readonly plainRsa?: boolean;
  readonly contentType?: string;
  readonly signers?: number;
}

export const hashOids: Readonly<Record<string, string>> = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};
const statement = '1.2.840.113549.1.9.16.1.4';

/** A certificate that may stamp. */
export function makeStamper(options: CertificateOptions): TestCertificate {
  return makeCertificate({ keyUsage: [0], extendedKeyUsage: [timeStamping], extendedKeyUsageCritical: true, ...options });
}

/** A TimeStampResp, DER. */
export function makeTimeStamp(options: TimeStampOptions): Buffer {
  const { authority, hash = 'sha256', certificates = [], attributes = [], fields = [], contentType = statement } = options;
  const algorithm = sequence(oid(hashOids[hash]), nothing());
  const digest = (name: string, bytes: Buffer) => createHash(name).update(bytes).digest();
  const info = sequence(
    integer(options.version ?? 1),
    oid('1.2.3.4'),
    sequence(algorithm, octets(digest(hash, options.bytes))),
    integer(77),
    generalizedTime(options.atMs ?? Date.now()),
    ...fields,
  );
  const bindings = (options.bindings ?? ['v2']).map((form) => binding(form, authority.der));
  const signedAttributes = [
    attribute('1.2.840.113549.1.9.3', oid(contentType)),
    attribute('1.2.840.113549.1.9.4', octets(digest(hash, options.stated ?? info))),
    ...bindings,
    ...attributes,
  ].sort(Buffer.compare);
  const key = options.signWith ?? authority.keys.privateKey;
  const signerInfo = sequence(
    integer(1),
    sequence(authority.issuerDer, integer(authority.serial)),
    algorithm,
    explicit(0, ...signedAttributes),
    options.plainRsa ? sequence(oid('1.2.840.113549.1.1.1'), nothing()) : algorithmOf(key, hash),
    octets(signDer(set(...signedAttributes), key, hash)),
  );
  const data = sequence(
    integer(3),
    set(algorithm),
    sequence(oid(contentType), explicit(0, octets(info))),
    ...(certificates.length > 0 ? [explicit(0, ...certificates.map((certificate) => certificate.der))] : []),
    set(...Array.from({ length: options.signers ?? 1 }, () => signerInfo)),
  );
  return sequence(sequence(integer(options.status ?? 0)), sequence(oid('1.2.840.113549.1.7.2'), explicit(0, data)));
}

export function attribute(id: string, ...values: readonly Buffer[]): Buffer {
  return sequence(oid(id), set(...values));
}

function binding(form: 'v1' | 'v2' | 'v2sha512' | 'wrong', certificate: Buffer): Buffer {
  const digest = (name: string) => octets(createHash(name).update(certificate).digest());
  const id = {
    v1: () => sequence(digest('sha1')),
    v2: () => sequence(digest('sha256')),
    v2sha512: () => sequence(sequence(oid(hashOids.sha512)), digest('sha512')),
    wrong: () => sequence(octets(Buffer.alloc(32))),
  }[form]();
  const attributeId = form === 'v1' ? '1.2.840.113549.1.9.16.2.12' : '1.2.840.113549.1.9.16.2.47';
  return attribute(attributeId, sequence(sequence(id)));
}
