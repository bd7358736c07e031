// A signer who has no key of his own but an identity that a certificate authority vouched for minutes before signing, with a
// public log as witness (Sigstore, "keyless"). The library checks certificate, log and time against the trusted root of the
// trust section; nothing is fetched. Whose identity it is, is compared here: the library takes the wanted identity as a pattern
// that may match anywhere.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Bundle, bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type SignedEntity, type TrustMaterial, toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import type { SigstoreSigner } from '../../config/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import { dssePayloadType, parseStrictJson } from '../format/index.ts';
import type { SignedEnvelope, SignerEvidence, TrustedSigner } from '../provenance-types.ts';
import { readCertificate } from './certificate.ts';
import type { CertificateExtensions, Extension } from './certificate-extensions.ts';
import { codeSigning } from './certificate-path.ts';
import { readElement, tags } from './der.ts';
import { untrusted } from './signer-error.ts';

type Rules = Pick<SigstoreSigner, 'accept' | 'notAfterMs' | 'identity' | 'issuer'>;

const patternCharacters = /[.*+?^${}()|[\]\\/-]/g;
const issuerV1 = '1.3.6.1.4.1.57264.1.1';
const issuerV2 = '1.3.6.1.4.1.57264.1.8';

/** A clock that is this far behind the log's still works. */
const maxFutureMs = 300_000;

/**
 * The keys and authorities of a trusted_root.json. KEY_INVALID when it is none, or lacks an authority, a log or a certificate
 * log.
 */
export function readTrustedRoot(bytes: Buffer, sha256: string | undefined): TrustMaterial {
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== undefined && digest !== sha256) {
    throw rootError(`its SHA-256 is ${digest}, not the one that is pinned`);
  }
  let material: TrustMaterial;
  try {
    material = toTrustMaterial(TrustedRoot.fromJSON(parseStrictJson(bytes)));
  } catch (cause) {
    throw rootError('it cannot be read', cause);
  }
  if (material.certificateAuthorities.length === 0 || material.tlogs.length === 0 || material.ctlogs.length === 0) {
    throw rootError('it lacks a certificate authority, a transparency log or a certificate log');
  }
  return material;
}

function rootError(what: string, cause?: unknown): AirlockError {
  return new AirlockError('KEY_INVALID', { message: `The trusted root cannot be used: ${what}`, cause });
}

/**
 * A signer that accepts what `config.identity`, vouched for by `config.issuer`, signed: one log entry, one certificate log, one
 * time at least.
 */
export function sigstoreSigner(name: string, config: Rules, material: TrustMaterial): TrustedSigner {
  const verifier = new Verifier(material, { tlogThreshold: 1, ctlogThreshold: 1, timestampThreshold: 1 });
  const keyId = identityId([config.identity, config.issuer]);
  return {
    name,
    kind: 'sigstore',
    accept: config.accept,
    verify(envelope: SignedEnvelope, nowMs: number): SignerEvidence {
      if (envelope.material.kind !== 'sigstore') {
        throw untrusted(name, 'it signs keyless with Sigstore, and the bundle is of another kind');
      }
      if (config.notAfterMs !== undefined && !(nowMs <= config.notAfterMs)) {
        throw untrusted(name, `its signatures count no longer since ${new Date(config.notAfterMs).toISOString()}`);
      }
      const { entity, leaf } = readEntity(name, envelope);
      checkIdentity(name, config, verifier, entity, leaf);
      const signedAtMs = latestTime(entity);
      if (!(signedAtMs <= nowMs + maxFutureMs)) {
        throw untrusted(name, `the log says that it was signed at ${new Date(signedAtMs).toISOString()}, which is yet to come`);
      }
      return { signer: name, kind: 'sigstore', keyId, subject: printable(config.identity, 200), signedAtMs };
    },
  };
}

function readEntity(name: string, envelope: SignedEnvelope): { entity: SignedEntity; leaf: Buffer } {
  let bundle: Bundle;
  let entity: SignedEntity;
  try {
    bundle = bundleFromJSON(envelope.json);
    entity = toSignedEntity(bundle);
  } catch (cause) {
    throw untrusted(name, 'the bundle cannot be read as one of Sigstore', cause);
  }
  const { content } = bundle;
  const material = bundle.verificationMaterial.content;
  // Two readers of one bundle: what this library verifies must be what the rest of the server goes on with.
  if (
    content.$case !== 'dsseEnvelope' ||
    material.$case !== 'certificate' ||
    !content.dsseEnvelope.payload.equals(envelope.payload) ||
    content.dsseEnvelope.payloadType !== dssePayloadType ||
    envelope.payloadType !== dssePayloadType ||
    !entity.signature.signature.equals(envelope.signature)
  ) {
    throw untrusted(name, 'the bundle does not hold an in-toto statement with one certificate');
  }
  return { entity, leaf: Buffer.from(material.certificate.rawBytes) };
}

function checkIdentity(name: string, { identity, issuer }: Rules, verifier: Verifier, entity: SignedEntity, leaf: Buffer): void {
  try {
    const subjectAlternativeName = `^${identity.replace(patternCharacters, '\\$&')}$`;
    const { identity: given } = verifier.verify(entity, { subjectAlternativeName, extensions: { issuer } });
    checkLeaf(readCertificate(leaf).extensions, [given?.subjectAlternativeName, given?.extensions?.issuer], identity, issuer);
  } catch (cause) {
    throw untrusted(name, printable((cause as Error).message, 400), cause);
  }
}

/**
 * What the library leaves out: it takes the first of several names, drops bits of names beyond ASCII, and does not ask what the
 * key is for.
 */
function checkLeaf(leaf: CertificateExtensions, found: readonly unknown[], identity: string, issuer: string): void {
  const names = [...leaf.emails, ...leaf.uris, ...leaf.dnsNames];
  if (!isDeepStrictEqual([...found, ...names], [identity, issuer, identity]) || !isIssuer(leaf.all, issuer)) {
    throw new Error('the certificate is for more than the identity');
  }
  if (leaf.isCa || leaf.extendedKeyUsage?.includes(codeSigning) !== true || leaf.refused.length > 0) {
    throw new Error('the certificate is not for code signing');
  }
}

function isIssuer(all: readonly Extension[], issuer: string): boolean {
  const text = Buffer.from(issuer);
  const [first, second] = [issuerV1, issuerV2].map((oid) => all.find((extension) => extension.oid === oid)?.value);
  return second === undefined ? first?.equals(text) === true : readElement(second, tags.utf8String).content.equals(text);
}

/**
 * The latest time that counts; the library has checked them and that there is one. The time of a log entry is signed only where
 * the log has promised to include it.
 */
function latestTime({ timestamps }: SignedEntity): number {
  const times = timestamps.flatMap((time) => {
    if (time.$case === 'timestamp-authority') {
      return [time.timestamp.signingTime.getTime()];
    }
    return time.tlogEntry.inclusionPromise === undefined ? [] : [Number(time.tlogEntry.integratedTime) * 1_000];
  });
  return Math.max(...times);
}

/** SHA-256 over texts with their lengths before them, so that no two lists of texts have the same. */
function identityId(texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest('hex');
}
