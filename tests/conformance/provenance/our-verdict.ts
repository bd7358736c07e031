// What Airlock says about a model and a bundle: the steps of its verification in their order, each through its door, without a policy around
// them. So a test sees which step refused, and that the others would not have.
import { readFileSync } from 'node:fs';
import type { CertificateSigner, SignerConfig } from '../../../src/config/index.ts';
import { type AirlockError, isAirlockError } from '../../../src/core/index.ts';
import { parseBundle, parseStatement, readManifest } from '../../../src/provenance/format/index.ts';
import type { Manifest, SignerEvidence } from '../../../src/provenance/index.ts';
import { loadSigner } from '../../../src/provenance/signers/index.ts';
import { compareTree } from '../../../src/provenance/store/index.ts';

export interface OurVerdict {
  readonly accepted: boolean;
  /** Why not: the code, and what the error lists; undefined where the bundle was accepted. */
  readonly code: AirlockError['code'] | undefined;
  readonly text: string;
  /** `kind name` of each file that is not as it was signed. */
  readonly differences: readonly string[];
  readonly manifest: Manifest | undefined;
  readonly evidence: SignerEvidence | undefined;
}

/** Verifies the bundle in the file `signature` and then the files of `model`. Throws what is no AirlockError: that would be a bug. */
export async function ourVerdict(
  model: string,
  signature: string,
  signer: SignerConfig,
  nowMs = Date.now(),
): Promise<OurVerdict> {
  let manifest: Manifest | undefined;
  let evidence: SignerEvidence | undefined;
  try {
    const trusted = await loadSigner('signer', signer);
    const envelope = parseBundle(readFileSync(signature));
    evidence = trusted.verify(envelope, nowMs);
    const legacy = evidence.legacy === 'v0.2' ? evidence.legacy : undefined;
    manifest = readManifest(parseStatement(envelope.payload), legacy);
    const { differences } = await compareTree(model, manifest, {});
    const listed = differences.map(({ kind, name }) => `${kind} ${name}`);
    return { accepted: listed.length === 0, code: undefined, text: '', differences: listed, manifest, evidence };
  } catch (error) {
    if (!isAirlockError(error)) throw error;
    const text = [error.message, ...(error.violations ?? []).map((violation) => JSON.stringify(violation))].join('\n');
    return { accepted: false, code: error.code, text, differences: [], manifest, evidence };
  }
}

/** The entry of a key in the trust section. */
export function keyEntry(publicKey: string, ...accept: SignerConfig['accept']): SignerConfig {
  return { kind: 'key', publicKey, accept };
}

/** The entry of a certificate in the trust section: of the leaf that `ModelSigning.makeChain` makes. */
export function certificateEntry(root: string, ...accept: SignerConfig['accept']): CertificateSigner {
  const identity = { email: 'release@example.com' };
  return { kind: 'certificate', roots: [root], intermediates: [], identity, crls: [], timestampAuthorities: [], accept };
}
