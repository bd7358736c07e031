// A Sigstore of our own for tests: certificate authority, certificate log, transparency log and time stamps in memory. The
// transparency log is the mock of the Sigstore project; its other mocks do not work with the pkijs that npm installs beside
// them. No network, keys only in memory.
import { createHash, sign } from 'node:crypto';
import { initializeTLog } from '@sigstore/mock';
import { dssePayloadType, preAuthEncoding } from '../../src/provenance/format/index.ts';
import { readSigned } from '../../src/provenance/signers/signed-structure.ts';
import {
  type CertificateOptions,
  dayMs,
  ecKeys,
  extension,
  type KeyPair,
  makeAuthority,
  makeLeaf,
  pemOf,
  type TestCertificate,
} from './certificates.ts';
import { octets, utf8 } from './der-writer.ts';
import { makeStamper, makeTimeStamp } from './time-stamps.ts';

export interface Keyless {
  /** trusted_root.json. */
  readonly trustedRoot: Buffer;
  /** A bundle, as sigstore-python writes it. */
  sign(options: KeylessOptions): Promise<Buffer>;
}

export interface KeylessOptions {
  /** A URI, or an email address when it has no colon. */
  readonly identity: string;
  readonly issuer: string;
  readonly payload?: Buffer;
  /** Left out, the log does not say when; then only the time stamp does. Default true. */
  readonly withPromise?: boolean;
  readonly withTimeStamp?: boolean;
  /** Default both ways in which Fulcio says the issuer. */
  readonly issuerForms?: readonly ('v1' | 'v2')[];
  /** What else is to be different about the certificate. */
  readonly certificate?: Partial<CertificateOptions>;
}

const host = 'rekor.test';
const issuerV1 = '1.3.6.1.4.1.57264.1.1';
const issuerV2 = '1.3.6.1.4.1.57264.1.8';
const timestamps = '1.3.6.1.4.1.11129.2.4.2';

/** @param clock the time of everything that it signs; default now */
export async function makeKeyless(clock = new Date()): Promise<Keyless> {
  const atMs = Math.floor(clock.getTime() / 1_000) * 1_000;
  const always = { notBeforeMs: atMs - 300 * dayMs, notAfterMs: atMs + 300 * dayMs };
  const [ctLog, logKeys] = [ecKeys(), ecKeys()];
  const root = makeAuthority({ name: 'keyless root', ...always });
  const authority = makeAuthority({ name: 'keyless', issuer: root, ...always });
  const stampRoot = makeAuthority({ name: 'stamps', ...always });
  const stamper = makeStamper({ name: 'stamper', issuer: stampRoot, ...always });
  const log = await initializeTLog(`https://${host}`, logKeys, clock);
  return {
    trustedRoot: Buffer.from(JSON.stringify(rootOf([authority, root], ctLog, logKeys, [stamper, stampRoot]))),
    async sign(options) {
      const { payload = Buffer.from('{"a":1}') } = options;
      const leaf = issue(options);
      const signature = sign('sha256', preAuthEncoding(dssePayloadType, payload), leaf.keys.privateKey);
      return bundleOf(leaf.der, payload, signature, await logged(leaf.der, payload, signature), options);
    },
  };

  function issue({ identity, issuer, issuerForms = ['v1', 'v2'], certificate = {} }: KeylessOptions): TestCertificate {
    const issuers = issuerForms.map((form) =>
      form === 'v1' ? extension(issuerV1, false, Buffer.from(issuer)) : extension(issuerV2, false, utf8(issuer)),
    );
    const options: CertificateOptions = {
      name: '',
      issuer: authority,
      keys: ecKeys(),
      serial: 4_711,
      notBeforeMs: atMs - 1_000,
      notAfterMs: atMs + 600_000,
      emails: identity.includes(':') ? [] : [identity],
      uris: identity.includes(':') ? [identity] : [],
      ...certificate,
      extensions: [...issuers, ...(certificate.extensions ?? [])],
    };
    const promise = certificateTimestamp(makeLeaf(options).der);
    return makeLeaf({ ...options, extensions: [...(options.extensions ?? []), extension(timestamps, false, octets(promise))] });
  }

  /** RFC 6962, 3.2 and 3.3: the log's promise, over the certificate without the promise. */
  function certificateTimestamp(precertificate: Buffer): Buffer {
    const body = readSigned(precertificate).body.raw;
    const issuerKey = authority.keys.publicKey.export({ type: 'spki', format: 'der' });
    const [time, bodyLength] = [Buffer.alloc(8), Buffer.alloc(3)];
    time.writeBigUInt64BE(BigInt(atMs));
    bodyLength.writeUIntBE(body.length, 0, 3);
    const signed = Buffer.concat([
      Buffer.from([0, 0]),
      time,
      Buffer.from([0, 1]),
      sha256(issuerKey),
      bodyLength,
      body,
      Buffer.from([0, 0]),
    ]);
    const signature = sign('sha256', signed, ctLog.privateKey);
    const keyId = sha256(ctLog.publicKey.export({ type: 'spki', format: 'der' }));
    const promise = Buffer.concat([Buffer.from([0]), keyId, time, Buffer.from([0, 0, 4, 3]), prefixed(signature)]);
    return prefixed(prefixed(promise));
  }

  async function logged(certificate: Buffer, payload: Buffer, signature: Buffer): Promise<LogEntry> {
    const verifier = Buffer.from(pemOf('CERTIFICATE', certificate)).toString('base64');
    const body = {
      apiVersion: '0.0.1',
      kind: 'dsse',
      spec: {
        payloadHash: { algorithm: 'sha256', value: sha256(payload).toString('hex') },
        // Nobody can make it again from a bundle, but sigstore-python asks for it, as Rekor writes it.
        envelopeHash: { algorithm: 'sha256', value: sha256(Buffer.concat([payload, signature])).toString('hex') },
        signatures: [{ signature: signature.toString('base64'), verifier }],
      },
    };
    return Object.values((await log.log(body)) as unknown as Record<string, LogEntry>)[0];
  }

  function bundleOf(
    certificate: Buffer,
    payload: Buffer,
    signature: Buffer,
    entry: LogEntry,
    { withPromise = true, withTimeStamp = true }: KeylessOptions,
  ): Buffer {
    const stamp = makeTimeStamp({ bytes: signature, authority: stamper, atMs });
    const { inclusionProof } = entry.verification;
    const tlogEntry = {
      logIndex: String(entry.logIndex),
      logId: { keyId: Buffer.from(entry.logID, 'hex').toString('base64') },
      kindVersion: { kind: 'dsse', version: '0.0.1' },
      integratedTime: String(entry.integratedTime),
      ...(withPromise && { inclusionPromise: { signedEntryTimestamp: entry.verification.signedEntryTimestamp } }),
      inclusionProof: {
        logIndex: String(inclusionProof.logIndex),
        rootHash: Buffer.from(inclusionProof.rootHash, 'hex').toString('base64'),
        treeSize: String(inclusionProof.treeSize),
        hashes: [],
        checkpoint: { envelope: inclusionProof.checkpoint },
      },
      canonicalizedBody: entry.body,
    };
    const stamps = { rfc3161Timestamps: [{ signedTimestamp: stamp.toString('base64') }] };
    return Buffer.from(
      JSON.stringify({
        mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
        verificationMaterial: {
          certificate: { rawBytes: certificate.toString('base64') },
          tlogEntries: [tlogEntry],
          ...(withTimeStamp && { timestampVerificationData: stamps }),
        },
        dsseEnvelope: {
          payload: payload.toString('base64'),
          payloadType: dssePayloadType,
          signatures: [{ sig: signature.toString('base64') }],
        },
      }),
    );
  }
}

interface LogEntry {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification: {
    readonly signedEntryTimestamp: string;
    readonly inclusionProof: {
      readonly logIndex: number;
      readonly treeSize: number;
      readonly checkpoint: string;
      readonly rootHash: string;
    };
  };
}

function rootOf(
  authorities: readonly TestCertificate[],
  ctLog: KeyPair,
  log: KeyPair,
  stampers: readonly TestCertificate[],
): object {
  const validFor = { start: new Date(0).toISOString() };
  const chain = (certificates: readonly TestCertificate[]) => ({
    subject: { commonName: 'test', organization: 'test' },
    uri: `https://${host}`,
    certChain: { certificates: certificates.map(({ der }) => ({ rawBytes: der.toString('base64') })) },
    validFor,
  });
  const logOf = ({ publicKey }: KeyPair) => {
    const bytes = publicKey.export({ type: 'spki', format: 'der' });
    return {
      baseUrl: `https://${host}`,
      hashAlgorithm: 'SHA2_256',
      publicKey: { rawBytes: bytes.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
      logId: { keyId: sha256(bytes).toString('base64') },
    };
  };
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [logOf(log)],
    certificateAuthorities: [chain(authorities)],
    ctlogs: [logOf(ctLog)],
    timestampAuthorities: [chain(stampers)],
  };
}

/** With its length before it, in two bytes. */
function prefixed(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
