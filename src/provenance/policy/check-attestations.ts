// The statements that have to lie beside a signature: which model in which version the files are, and whatever else the policy demands. What is
// stated is read by attestations/; here it is counted who stated it. A statement that does not fit is as good as none: it is never a veto, because
// whoever can put files there could take it away (to forbid a model there is trust.denied).
import type { AttestationDemand, PolicyConfig } from '../../config/index.ts';
import { printable } from '../../core/index.ts';
import { checkAttestation, releaseOf } from '../attestations/index.ts';
import type { SignerEvidence } from '../provenance-types.ts';
import { type AgreedContent, manifestOf } from './choose-manifest.ts';
import type { SignedAttestation } from './collect-statements.ts';
import type { Decision } from './decision.ts';
import { countDistinctSigners, signerNames } from './distinct-signers.ts';

export interface AttestationsQuestion {
  readonly policyName: string;
  readonly policy: PolicyConfig;
  readonly model: string;
  readonly version: bigint | undefined;
  readonly contractDigest: string | undefined;
  readonly nowMs: number;
  readonly content: AgreedContent;
  readonly attestations: readonly SignedAttestation[];
}

/** @throws TRUST_REFUSED unless enough signers of the policy said that this content is this version of this model. */
export function checkBinding(question: AttestationsQuestion, decision: Decision): void {
  const { policyName, policy, model, version, content, attestations } = question;
  decision.begin('binding');
  if (policy.binding === 'unsafeNone') {
    decision.skip('nothing has to say which model and version this is');
    return;
  }
  const name = printable(model, 128);
  const others: string[] = [];
  const counting: SignerEvidence[] = [];
  for (const { type, statement, evidence, file } of attestations) {
    if (type !== 'release') continue;
    const release = releaseOf(statement);
    const isAboutThis = manifestOf(content, statement) !== undefined;
    if (isAboutThis && release?.model === model && release.version === version) {
      counting.push(...evidence.filter(({ signer }) => policy.signers.includes(signer)));
    } else if (!isAboutThis) others.push(`${file}, which is about other files`);
    else if (release === undefined) others.push(`${file}, which cannot be read`);
    else others.push(`${file}, which says ${printable(release.model, 128)} version ${release.version}`);
  }
  const count = countDistinctSigners(counting);
  if (count < policy.threshold) {
    const whose = `release statements of at least ${policy.threshold} different signers`;
    const expected = `${whose} for ${name} version ${version ?? '(unknown)'}`;
    const got = [String(count), ...others.slice(0, 3)].join('; ');
    decision.refuse({ code: 'TRUST_REFUSED', path: `trust.policies.${policyName}.binding`, expected, got });
  }
  decision.pass(`${name} version ${version}, say ${signerNames(counting).join(', ')}`);
  decision.attestations.push({ type: 'release', signers: signerNames(counting) });
}

/** @throws TRUST_REFUSED for the first statement that is demanded and not there. */
export function checkDemands(question: AttestationsQuestion, decision: Decision): void {
  for (const [index, demand] of question.policy.attestations.entries()) {
    checkDemand(demand, `trust.policies.${question.policyName}.attestations[${index}]`, question, decision);
  }
}

function checkDemand(demand: AttestationDemand, path: string, question: AttestationsQuestion, decision: Decision): void {
  const { policy, content, attestations, contractDigest, nowMs } = question;
  const { type, threshold, signers = policy.signers } = demand;
  decision.begin(`attestation.${type}`);
  const misfits: string[] = [];
  const counting: SignerEvidence[] = [];
  for (const attestation of attestations) {
    if (attestation.type !== type) continue;
    const { statement, evidence, file } = attestation;
    // For one that is about other files this says so itself.
    const manifest = manifestOf(content, statement) ?? content.manifests[0];
    const misfit = checkAttestation(demand, statement, { manifest, contractDigest, nowMs });
    if (misfit === undefined) counting.push(...evidence.filter(({ signer }) => signers.includes(signer)));
    else misfits.push(`${file}: ${misfit}`);
  }
  const count = countDistinctSigners(counting);
  if (count < threshold) {
    const expected = `a fitting ${type} statement of at least ${threshold} of ${signers.join(', ')}`;
    const got = [String(count), ...misfits.slice(0, 3)].join('; ');
    decision.refuse({ code: 'TRUST_REFUSED', path, expected, got });
  }
  decision.pass(`stated by ${signerNames(counting).join(', ')}`);
  decision.attestations.push({ type, signers: signerNames(counting) });
}
