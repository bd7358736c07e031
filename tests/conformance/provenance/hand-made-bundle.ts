// Bundles written by hand, with node:crypto and nothing of src: any payload, any shape, signed for real. So what a test refuses is refused for its
// form and not for a bad signature, and an error in our own signing cannot hide one in our verifying.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type Curve = 'P-256' | 'P-384' | 'P-521';

export const curveHashes = { 'P-256': 'sha256', 'P-384': 'sha384', 'P-521': 'sha512' } as const;

export const inTotoType = 'application/vnd.in-toto+json';

/** A key pair in two files, as openssl writes them. */
export interface KeyFiles {
  readonly curve: Curve;
  /** Files: PKCS#8 and SubjectPublicKeyInfo, PEM. */
  readonly privateKey: string;
  readonly publicKey: string;
  readonly key: KeyObject;
  readonly publicPem: string;
  readonly hint: string;
}

/** Makes a pair and writes it to `folder`, the private half readable by its owner only. */
export function makeKeyFiles(folder: string, name: string, curve: Curve = 'P-256'): KeyFiles {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: curve,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const files = { privateKey: join(folder, `${name}.pem`), publicKey: join(folder, `${name}.pub`) };
  writeFileSync(files.privateKey, privateKey, { mode: 0o600 });
  writeFileSync(files.publicKey, publicKey);
  const hint = createHash('sha256').update(publicKey).digest('hex');
  return { ...files, curve, key: createPrivateKey(privateKey), publicPem: publicKey, hint };
}

export interface Resource {
  readonly name: string;
  readonly algorithm: string;
  readonly digest: string;
}

const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The entries of a manifest, in the order of `files`. */
export function resourcesOf(files: Readonly<Record<string, string>>): Resource[] {
  return Object.entries(files).map(([name, text]) => ({ name, algorithm: 'sha256', digest: sha256(text) }));
}

/** What a statement calls its subject: SHA-256 over the raw digests in that order. */
export function rootOf(resources: readonly Resource[]): string {
  return sha256(Buffer.concat(resources.map(({ digest }) => Buffer.from(digest, 'hex'))));
}

/** A statement as model-signing 1.1.1 reads it; a test changes what it is about. */
export function statementOf(resources: readonly Resource[], ignored: readonly string[] = ['model.sig', 'model.sig.d']) {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'model', digest: { sha256: rootOf(resources) } }] as object[],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: ignored } as object,
      resources: resources as readonly object[],
    } as object,
  };
}

/** The bytes that a signature covers (DSSE v1). */
export function encoded(payload: Uint8Array, payloadType = inTotoType): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `), payload]);
}

/** Who signs: with which key, and what the bundle says about it. */
export interface HandSigner {
  readonly key: KeyObject;
  readonly material: object;
}

export function keySignerOf({ key, hint }: KeyFiles): HandSigner {
  return { key, material: { publicKey: { hint } } };
}

/** The files of a private key and of its certificates, PEM, the leaf first. */
export function chainSignerOf(privateKey: string, ...certificates: readonly string[]): HandSigner {
  const list = certificates.map((file) => ({ rawBytes: new X509Certificate(readFileSync(file)).raw.toString('base64') }));
  const key = createPrivateKey(readFileSync(privateKey));
  return { key, material: { x509CertificateChain: { certificates: list } } };
}

const namedCurves: Readonly<Record<string, 'sha256' | 'sha384' | 'sha512'>> = {
  prime256v1: 'sha256',
  secp384r1: 'sha384',
  secp521r1: 'sha512',
};

/** A signature over `payload` with the hash of the key's curve, DER. */
export function signatureOver(payload: Uint8Array, key: KeyObject, payloadType = inTotoType): Buffer {
  const hash = namedCurves[createPublicKey(key).asymmetricKeyDetails?.namedCurve ?? ''];
  return sign(hash, encoded(payload, payloadType), { key, dsaEncoding: 'der' });
}

/** A bundle of the current form around `payload`, as an object that a test may still change. */
export function bundleOf(payload: Uint8Array, { key, material }: HandSigner, sig?: Buffer) {
  const signature = { sig: (sig ?? signatureOver(payload, key)).toString('base64'), keyid: '' as string | null };
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { ...material, tlogEntries: [] } as object,
    dsseEnvelope: {
      payload: Buffer.from(payload).toString('base64'),
      payloadType: inTotoType,
      signatures: [signature] as object[],
    },
  };
}

/** JSON of the statement, signed, as JSON of the bundle. */
export function signedStatement(statement: object, signer: HandSigner): string {
  return JSON.stringify(bundleOf(Buffer.from(JSON.stringify(statement)), signer));
}
