// Which content the signers agree on. A signature counts only for the files that it names, so signatures of different signers count together only
// when they name the same files with the same digests, and leave the same paths unsigned.
import type { DeniedConfig, PolicyConfig } from '../../config/index.ts';
import { subjectMatches } from '../attestations/index.ts';
import type { Manifest, SignerEvidence, Statement } from '../provenance-types.ts';
import type { Statements } from './collect-statements.ts';
import type { Decision } from './decision.ts';
import { countDistinctSigners, signerNames } from './distinct-signers.ts';

/** One content, as its signers wrote it: the same files in another order have another root. */
export interface AgreedContent {
  /** At least one; they differ in order and root only. */
  readonly manifests: readonly [Manifest, ...Manifest[]];
  readonly evidence: readonly SignerEvidence[];
}

/** The content that enough signers of the policy have signed. @throws MODEL_UNSIGNED, TRUST_REFUSED, or the problem of the only files there were. */
export function chooseManifest(
  { manifests, problem }: Statements,
  { policyName, policy, denied }: { readonly policyName: string; readonly policy: PolicyConfig; readonly denied: DeniedConfig },
  decision: Decision,
): AgreedContent {
  const path = `trust.policies.${policyName}`;
  decision.begin('signer');
  const groups = new Map<string, { manifests: [Manifest, ...Manifest[]]; evidence: SignerEvidence[] }>();
  for (const { manifest, evidence } of manifests) {
    // Others may be asked for statements beside the model; about its files only those of the policy have a say.
    const counting = evidence.filter(({ signer }) => policy.signers.includes(signer));
    if (counting.length === 0) continue;
    const key = [manifest.identity, ...[...manifest.ignored].sort()].join('\0');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { manifests: [manifest], evidence: counting });
    else {
      group.manifests.push(manifest);
      group.evidence.push(...counting);
    }
  }
  if (groups.size === 0) {
    if (problem !== undefined) throw problem;
    decision.refuse({ code: 'MODEL_UNSIGNED', path: `${path}.signers`, expected: 'a signature of the model', got: 'none' });
  }
  decision.begin('threshold');
  const expected = `one content signed by at least ${policy.threshold} different signers`;
  const counts = [...groups.values()].map((group) => ({ ...group, count: countDistinctSigners(group.evidence) }));
  const agreed = counts.filter(({ count }) => count >= policy.threshold);
  const [chosen, another] = agreed;
  if (chosen === undefined || another !== undefined) {
    const most = Math.max(...counts.map(({ count }) => count));
    const got = another === undefined ? `at most ${most}` : `${agreed.length} contents that they signed`;
    decision.refuse({ code: 'TRUST_REFUSED', path: `${path}.threshold`, expected, got });
  }
  decision.manifest = chosen.manifests[0];
  decision.signers = unique(chosen.evidence);
  decision.pass(`${chosen.count} of ${policy.threshold} needed: ${signerNames(chosen.evidence).join(', ')}`);
  decision.begin('denied.digests');
  const digests = chosen.manifests.flatMap(({ root, identity }) => [root, identity]);
  const hit = digests.find((digest) => denied.digests.includes(digest));
  if (hit !== undefined) {
    decision.refuse({ code: 'TRUST_REFUSED', path: 'trust.denied.digests', expected: 'a content that is not denied', got: hit });
  }
  decision.pass(`${decision.manifest.identity.slice(0, 12)} is not denied`);
  return chosen;
}

/** The manifest that a statement is about, if it is about this content. */
export function manifestOf({ manifests }: AgreedContent, statement: Statement): Manifest | undefined {
  return manifests.find((manifest) => subjectMatches(statement, manifest));
}

function unique(evidence: readonly SignerEvidence[]): SignerEvidence[] {
  return [...new Map(evidence.map((each) => [`${each.signer} ${each.keyId}`, each])).values()];
}
