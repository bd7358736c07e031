// Bundles and folders of signatures for tests of the trust policy: real keys, real signatures, made at run time. Nothing of a model but its name is
// needed, since a policy decides before any file of it is read.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { predicateTypes, releasePurl, subjectOf } from '../../src/provenance/attestations/index.ts';
import {
  bundleMediaType,
  dssePayloadType,
  makeManifest,
  modelSignatureType,
  preAuthEncoding,
  preAuthEncodingV02,
  statementType,
} from '../../src/provenance/format/index.ts';
import type { Manifest, Statement } from '../../src/provenance/provenance-types.ts';
import { readPublicKey } from '../../src/provenance/signers/index.ts';

export interface TestSigner {
  readonly key: KeyObject;
  readonly publicPem: string;
  readonly hint: string;
  readonly keyId: string;
}

export function newSigner(): TestSigner {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicPem = String(publicKey.export({ type: 'spki', format: 'pem' }));
  const { hint, keyId } = readPublicKey(Buffer.from(publicPem));
  return { key: privateKey, publicPem, hint, keyId };
}

/** A manifest of one file; another `content` is another model. */
export function manifestOf(content: string, ignored: readonly string[] = []): Manifest {
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  const files = [
    { name: 'a', digest: digest(content) },
    { name: 'b', digest: digest('b') },
  ];
  return makeManifest(files, { ignored });
}

export function modelStatement(manifest: Manifest, files = manifest.files): Buffer {
  const root = createHash('sha256');
  for (const { digest } of files) root.update(Buffer.from(digest, 'hex'));
  const { hashType, ignored } = manifest;
  return Buffer.from(
    JSON.stringify({
      _type: statementType,
      subject: [{ name: 'm', digest: { sha256: root.digest('hex') } }],
      predicateType: modelSignatureType,
      predicate: {
        serialization: { method: 'files', hash_type: hashType, allow_symlinks: false, ignore_paths: ignored },
        resources: files.map(({ name, digest }) => ({ name, algorithm: hashType, digest })),
      },
    }),
  );
}

export function attestation(manifest: Manifest, type: keyof typeof predicateTypes, predicate: object): Buffer {
  return statement({ predicateType: predicateTypes[type], subjects: [subjectOf(manifest, 'm')], predicate: { ...predicate } });
}

export function statement({ predicateType, subjects, predicate }: Statement): Buffer {
  return Buffer.from(JSON.stringify({ _type: statementType, subject: subjects, predicateType, predicate }));
}

export function release(manifest: Manifest, model: string, version: bigint): Buffer {
  return attestation(manifest, 'release', { purl: releasePurl({ model, version }) });
}

/** The bundle as bytes; `form` for old ones. */
export function bundle(signer: TestSigner, payload: Buffer, form?: 'v0.2' | 'raw-public-key'): Buffer {
  const encode = form === 'v0.2' ? preAuthEncodingV02 : preAuthEncoding;
  const sig = sign('sha256', encode(dssePayloadType, payload), { key: signer.key, dsaEncoding: 'der' });
  const publicKey =
    form === 'raw-public-key'
      ? { rawBytes: Buffer.from(signer.publicPem).toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256' }
      : { hint: signer.hint };
  return Buffer.from(
    JSON.stringify({
      mediaType: bundleMediaType,
      verificationMaterial: { publicKey, tlogEntries: [] },
      dsseEnvelope: {
        payload: payload.toString('base64'),
        payloadType: dssePayloadType,
        signatures: [{ sig: sig.toString('base64'), keyid: '' }],
      },
    }),
  );
}

/** A folder that only this user can write; the caller removes it. */
export function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'airlock-trust-'));
}

/** Writes `model.sig` (the first) and the others into `model.sig.d` of `folder`, which is made. */
export async function writeSet(
  folder: string,
  [first, ...others]: readonly (Buffer | string)[],
  base = 'model.sig',
): Promise<string> {
  await mkdir(join(folder, `${base}.d`), { recursive: true });
  if (first !== undefined) await writeFile(join(folder, base), first);
  for (const [index, bytes] of others.entries()) await writeFile(join(folder, `${base}.d`, `${index}.sig`), bytes);
  return folder;
}
