// A decision about a model's signatures, for people and as JSON. It adds nothing to the decision, and what it prints was made printable before.
import { printable } from '../core/index.ts';
import type { TreeComparison, TrustRequest, Verdict } from '../provenance/index.ts';
import { formatBytes } from './progress-bar.ts';

/** The whole decision as data. */
export function verdictJson(
  { model, version }: Pick<TrustRequest, 'model' | 'version'>,
  verdict: Verdict,
  compared: TreeComparison | undefined,
): object {
  const { policy, steps, decidedBy, signers, attestations, bundles, manifest, error } = verdict;
  const differences = compared?.differences ?? [];
  return {
    verified: error === undefined && compared !== undefined && differences.length === 0,
    model,
    ...(version === undefined ? {} : { version: String(version) }),
    policy,
    decidedBy: error === undefined && differences.length > 0 ? 'files' : decidedBy,
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
    signers,
    attestations,
    bundles,
    ...(manifest === undefined ? {} : { root: manifest.root, identity: manifest.identity, files: manifest.files.length }),
    differences,
    // The list ends at 100.
    moreDifferences: compared?.moreDifferences ?? 0,
    steps,
  };
}

/** Whether, by whom, what differs; with `explain` each step and the rule that decided. */
export function verdictText(path: string, verdict: Verdict, compared: TreeComparison | undefined, explain: boolean): string {
  const { manifest, signers, error, steps, decidedBy } = verdict;
  const differences = compared?.differences ?? [];
  const isGood = error === undefined && differences.length === 0;
  const lines = [`${printable(path, 512)}: ${isGood ? 'verified' : 'REFUSED'}`];
  for (const { signer, kind, keyId, subject } of signers)
    lines.push(`  signed by ${signer} (${kind} ${keyId.slice(0, 16)}${subject === undefined ? '' : `, ${subject}`})`);
  if (manifest !== undefined && compared !== undefined)
    lines.push(`  ${countOf(manifest.files.length)}, ${formatBytes(compared.totalBytes)}, root ${manifest.root}`);
  for (const { name, kind } of differences) lines.push(`  ${kind.padEnd(10)}  ${name}`);
  const more = compared?.moreDifferences ?? 0;
  if (more > 0) lines.push(`  and ${countOf(more)} more`);
  if (explain) {
    lines.push('');
    for (const { rule, outcome, text } of steps) lines.push(`  ${outcome.padEnd(8)}  ${rule.padEnd(18)}  ${text}`);
    // What the files are decides only where everything before has passed.
    if (compared !== undefined && error === undefined) {
      const text =
        differences.length === 0
          ? 'every file is the one that was signed'
          : `${countOf(differences.length + more)} not as signed`;
      lines.push(`  ${(differences.length === 0 ? 'passed' : 'refused').padEnd(8)}  ${'files'.padEnd(18)}  ${text}`);
    }
    const rule = error === undefined && compared !== undefined ? 'files' : decidedBy;
    lines.push(`decided by ${rule} of the policy ${verdict.policy}`);
  }
  return `${lines.join('\n')}\n`;
}

function countOf(files: number): string {
  return `${files} file${files === 1 ? '' : 's'}`;
}
