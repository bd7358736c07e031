// What a log line, the status and a webhook say about a scan: numbers and digests; the findings are in the report.
import type { Severity } from '../core/index.ts';
import { reachedAdvisories, severityCounts } from '../scan/index.ts';
import type { ScannedVersion } from '../serving/index.ts';

export interface ScanSummary {
  readonly verdict: string;
  readonly scannedAt: string;
  readonly tensorflow: string;
  /** Findings that count, by severity; those without any are left out. */
  readonly counts: Readonly<Partial<Record<Severity, number>>>;
  /** Published vulnerabilities within reach. */
  readonly advisories: number;
  /** SHA-256 of the report, and of the rules and data that judged, hex. */
  readonly digest: string;
  readonly rules: string;
}

export function scanSummary({ report, digest }: ScannedVersion): ScanSummary {
  return {
    verdict: report.verdict,
    scannedAt: report.startedAt,
    tensorflow: report.tensorflow,
    counts: severityCounts(report),
    advisories: reachedAdvisories(report).length,
    digest,
    rules: report.scanner.rules,
  };
}
