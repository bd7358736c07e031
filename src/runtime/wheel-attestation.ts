// Checks the attestations that a package index has for a wheel (PEP 740): signed keyless, by the project's own release workflow, about this very file.
// Nothing is fetched beside the document of the index; without a trusted root nothing is verified, and the result says so.
import { AirlockError, isAirlockError, printable } from '../core/index.ts';
import { type IndexAttestation, readProvenance } from '../feeds/index.ts';
import { parseBundle } from '../provenance/format/index.ts';
import { assertPrivate, type SignedEnvelope } from '../provenance/index.ts';
import { loadSigner, readCertificates } from '../provenance/signers/index.ts';
import { readFileStatement } from './file-statement.ts';

/** Whose attestation counts. */
export interface PublisherRules {
  /** Absolute path of a `trusted_root.json` of Sigstore; without one nothing can be verified. */
  readonly trustedRoot?: string | undefined;
  /** The exact identity in the certificate. Default: any workflow of the TensorFlow project's own repository. */
  readonly identity?: string | undefined;
  /** Default that of GitHub's workflows. */
  readonly issuer?: string | undefined;
}

export type AttestationState =
  | { readonly state: 'none' }
  /** There is one, and nobody has checked it. */
  | { readonly state: 'not verified'; readonly claimed: readonly string[] }
  | { readonly state: 'verified'; readonly publishers: readonly string[]; readonly signedAt: readonly string[] };

const projectWorkflows = 'https://github.com/tensorflow/tensorflow/.github/workflows/';
const githubIssuer = 'https://token.actions.githubusercontent.com';

function refuse(why: string, cause?: unknown): AirlockError {
  return new AirlockError('RUNTIME_ATTESTATION_INVALID', {
    message: `The attestation of the wheel does not verify: ${why}`,
    cause,
  });
}

function identityOf({ json }: SignedEnvelope): string {
  // parseBundle has read the bundle to its last key, so this path is there.
  const material = (json as { verificationMaterial: { certificate: { rawBytes: string } } }).verificationMaterial;
  const [leaf] = readCertificates(Buffer.from(material.certificate.rawBytes, 'base64'));
  const names = [...leaf.extensions.uris, ...leaf.extensions.emails];
  if (names.length !== 1) throw refuse('its certificate is not for one identity');
  return names[0];
}

async function checkOne(
  { bundle }: IndexAttestation,
  wheel: { readonly name: string; readonly sha256: string },
  rules: PublisherRules & { readonly trustedRoot: string },
): Promise<{ readonly publisher: string; readonly signedAt: string }> {
  const envelope = parseBundle(bundle);
  if (envelope.material.kind !== 'sigstore') throw refuse('it is not signed keyless');
  const identity = identityOf(envelope);
  const isExpected = rules.identity === undefined ? identity.startsWith(projectWorkflows) : identity === rules.identity;
  if (!isExpected)
    throw refuse(
      `it is signed by ${printable(identity, 256)}, not by ${rules.identity ?? 'a workflow of tensorflow/tensorflow'}`,
    );
  const signer = await loadSigner('publisher', {
    kind: 'sigstore',
    trustedRoot: rules.trustedRoot,
    identity,
    issuer: rules.issuer ?? githubIssuer,
    accept: [],
  });
  const { signedAtMs } = signer.verify(envelope, Date.now());
  const { digests } = readFileStatement(envelope.payloadType, envelope.payload);
  // PEP 740: exactly one subject, the file by its name.
  if (digests.size !== 1 || digests.get(wheel.name) !== wheel.sha256) throw refuse('it is about another file');
  return {
    publisher: printable(identity, 256),
    signedAt: signedAtMs === undefined ? 'unknown' : new Date(signedAtMs).toISOString(),
  };
}

/**
 * What the index's provenance of a wheel is worth. All of its attestations have to verify.
 * @param document undefined where the index has none
 * @param wheel name and digest of the bytes that were downloaded
 * @throws RUNTIME_ATTESTATION_INVALID when one does not; TRUST_INVALID for a trusted root that cannot be used
 */
export async function checkWheelAttestations(
  document: Buffer | undefined,
  wheel: { readonly name: string; readonly sha256: string },
  rules: PublisherRules,
): Promise<AttestationState> {
  if (document === undefined) return { state: 'none' };
  const attestations = readProvenance(document);
  const { trustedRoot } = rules;
  if (trustedRoot === undefined) {
    return { state: 'not verified', claimed: Array.from(new Set(attestations.map(({ claimedPublisher }) => claimedPublisher))) };
  }
  await assertPrivate(trustedRoot, 'TRUST_INVALID');
  const checked: { readonly publisher: string; readonly signedAt: string }[] = [];
  for (const attestation of attestations) {
    try {
      checked.push(await checkOne(attestation, wheel, { ...rules, trustedRoot }));
    } catch (thrown) {
      if (isAirlockError(thrown) && (thrown.code === 'TRUST_INVALID' || thrown.code === 'RUNTIME_ATTESTATION_INVALID'))
        throw thrown;
      throw refuse(isAirlockError(thrown) ? thrown.message : 'it cannot be read', thrown);
    }
  }
  return {
    state: 'verified',
    publishers: Array.from(new Set(checked.map(({ publisher }) => publisher))),
    signedAt: Array.from(new Set(checked.map(({ signedAt }) => signedAt))),
  };
}
