// The report as the predicate of an attestation, https://tf-airlock/scan/v1: what `airlock attest scan --predicate` signs and trust policies demand. It
// says what was found and not where; docs/attestations.md has its fields.
import type { Severity } from '../../core/index.ts';
import { countedFindings } from '../report/index.ts';
import type { Report } from '../scan-types.ts';

export function predicateReport(report: Report): string {
  const counts = new Map<string, { id: string; severity: Severity; count: number }>();
  for (const { ruleId, severity } of countedFindings(report)) {
    const key = `${ruleId} ${severity}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { id: ruleId, severity, count: 1 });
    else known.count += 1;
  }
  // Worst first, as in the report.
  const findings = [...counts.values()];
  const [worst] = findings;
  const predicate = {
    // Statements have whole seconds.
    scannedAt: report.startedAt.replace(/\.\d+Z$/, 'Z'),
    scanner: { name: `airlock scan (rules ${report.scanner.rules.slice(0, 16)})`, version: report.scanner.version },
    verdict: report.verdict === 'clean' ? 'passed' : 'failed',
    findings,
    ...(worst === undefined ? {} : { highestSeverity: worst.severity }),
  };
  return `${JSON.stringify(predicate, undefined, 2)}\n`;
}
