// A decision about a model's signatures, for people and as JSON. It adds nothing to the decision, and what it prints was made printable before.
import { printable } from '../core/index.ts';
import type { DecisionStep, TreeComparison, TrustRequest, Verdict } from '../provenance/index.ts';
import { counted } from './counted.ts';
import { formatBytes } from './progress-bar.ts';

/** The steps of the policy and, where all of them passed, what the files are, which decides then. */
function decided(
  { steps, decidedBy, error }: Verdict,
  compared: TreeComparison | undefined,
): { readonly isVerified: boolean; readonly steps: readonly DecisionStep[]; readonly decidedBy: string } {
  if (error !== undefined || compared === undefined) return { isVerified: false, steps, decidedBy };
  const count = compared.differences.length + compared.moreDifferences;
  const isVerified = count === 0;
  const text = isVerified ? 'every file is the one that was signed' : `${counted(count, 'file')} not as signed`;
  return {
    isVerified,
    steps: [...steps, { rule: 'files', outcome: isVerified ? 'passed' : 'refused', text }],
    decidedBy: 'files',
  };
}

/** The whole decision as data. */
export function verdictJson(
  { model, version }: Pick<TrustRequest, 'model' | 'version'>,
  verdict: Verdict,
  compared: TreeComparison | undefined,
): object {
  const { policy, signers, attestations, bundles, manifest, error } = verdict;
  const { isVerified, steps, decidedBy } = decided(verdict, compared);
  return {
    verified: isVerified,
    model,
    ...(version === undefined ? {} : { version: String(version) }),
    policy,
    decidedBy,
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    signers,
    attestations,
    bundles,
    ...(manifest === undefined ? {} : { root: manifest.root, identity: manifest.identity, files: manifest.files.length }),
    differences: compared?.differences ?? [],
    // The list ends at 100.
    moreDifferences: compared?.moreDifferences ?? 0,
    steps,
  };
}

/** Whether, by whom, what differs; with `explain` each step and the rule that decided. */
export function verdictText(path: string, verdict: Verdict, compared: TreeComparison | undefined, explain: boolean): string {
  const { manifest, signers, policy } = verdict;
  const { isVerified, steps, decidedBy } = decided(verdict, compared);
  const lines = [`${printable(path, 512)}: ${isVerified ? 'verified' : 'REFUSED'}`];
  for (const { signer, kind, keyId, subject } of signers)
    lines.push(`  signed by ${signer} (${kind} ${keyId.slice(0, 16)}${subject === undefined ? '' : `, ${subject}`})`);
  if (manifest !== undefined && compared !== undefined) {
    const { totalBytes, differences, moreDifferences } = compared;
    lines.push(`  ${counted(manifest.files.length, 'file')}, ${formatBytes(totalBytes)}, root ${manifest.root}`);
    for (const { name, kind } of differences) lines.push(`  ${kind.padEnd(10)}  ${name}`);
    if (moreDifferences > 0) lines.push(`  and ${counted(moreDifferences, 'file')} more`);
  }
  if (explain) {
    lines.push('');
    for (const { rule, outcome, text } of steps) lines.push(`  ${outcome.padEnd(8)}  ${rule.padEnd(18)}  ${text}`);
    lines.push(`decided by ${decidedBy} of the policy ${policy}`);
  }
  return `${lines.join('\n')}\n`;
}
