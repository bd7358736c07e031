// What scans found, as metrics, for alerts. Names of models are labels; nothing of a finding is.
import { severities } from '../core/index.ts';
import type { ScannedVersion } from '../serving/index.ts';
import type { MetricFamily, Sample } from '../telemetry/index.ts';
import { type ScanSummary, scanSummary } from './scan-summary.ts';

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: (scanned: ScannedVersion, summary: ScanSummary) => readonly Sample[];
}

const verdicts = ['clean', 'refused', 'unreadable'] as const;

const metrics: readonly Metric[] = [
  {
    name: 'airlock_scan_findings',
    help: 'Findings of the last scan that count, by severity.',
    samples: (_scanned, { counts }) => severities.map((severity) => [{ severity }, counts[severity] ?? 0]),
  },
  {
    name: 'airlock_scan_verdict',
    help: '1 for the verdict of the last scan, 0 for the others.',
    samples: ({ report }) => verdicts.map((verdict) => [{ verdict }, Number(report.verdict === verdict)]),
  },
  {
    name: 'airlock_scan_reachable_advisories',
    help: 'Published vulnerabilities that the model can reach.',
    samples: (_scanned, { advisories }) => [[{}, advisories]],
  },
  {
    name: 'airlock_scan_timestamp_seconds',
    help: 'When the last scan began.',
    samples: ({ report }) => [[{}, Date.parse(report.startedAt) / 1000]],
  },
  {
    name: 'airlock_scan_duration_seconds',
    help: 'How long the last scan took.',
    samples: ({ report }) => [[{}, report.durationMs / 1000]],
  },
];

export function scanMetrics(scanned: readonly ScannedVersion[]): MetricFamily[] {
  const summaries = scanned.map((one) => ({ one, summary: scanSummary(one) }));
  return metrics.map(({ name, help, samples }) => ({
    name,
    help,
    samples: summaries.flatMap(({ one, summary }) => {
      const about = { model: one.model, version: String(one.version) };
      return samples(one, summary).map(([labels, value]): Sample => [{ ...about, ...labels }, value]);
    }),
  }));
}
