// What of a report counts: findings that nobody has accepted, and published vulnerabilities within reach. Verdicts, reports, logs and metrics ask here,
// so that all of them count the same.
import { compareSeverity, type Severity, severities } from '../../core/index.ts';
import type { AdvisoryVerdict, Report, ReportedFinding } from '../scan-types.ts';

/** @param from Only those that are at least so severe. Default all. */
export function countedFindings({ findings }: Pick<Report, 'findings'>, from: Severity = 'info'): readonly ReportedFinding[] {
  return findings.filter(({ suppressed, severity }) => suppressed === undefined && compareSeverity(severity, from) >= 0);
}

/** How many count of each severity, worst first; those without any are left out. */
export function severityCounts(report: Pick<Report, 'findings'>): Readonly<Partial<Record<Severity, number>>> {
  const counted = countedFindings(report);
  const counts = [...severities]
    .reverse()
    .map((severity) => [severity, counted.filter((finding) => finding.severity === severity).length] as const);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** Published vulnerabilities that the model can reach. */
export function reachedAdvisories({ advisories }: Pick<Report, 'advisories'>): readonly AdvisoryVerdict[] {
  return advisories.filter(({ status }) => status === 'affected');
}
