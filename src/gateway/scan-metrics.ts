// What scans found, as metrics in the text format of Prometheus, for alerts. Names of models are labels; nothing of a finding is.
import { severities } from '../core/index.ts';
import type { ScannedVersion } from '../serving/index.ts';
import { scanSummary } from './scan-summary.ts';

/** Content type of the text format, version 0.0.4. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: (scanned: ScannedVersion) => readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];
}

const verdicts = ['clean', 'refused', 'unreadable'] as const;

const metrics: readonly Metric[] = [
  {
    name: 'airlock_scan_findings',
    help: 'Findings of the last scan that count, by severity.',
    samples: (scanned) => severities.map((severity) => [{ severity }, scanSummary(scanned).counts[severity] ?? 0]),
  },
  {
    name: 'airlock_scan_verdict',
    help: '1 for the verdict of the last scan, 0 for the others.',
    samples: ({ report }) => verdicts.map((verdict) => [{ verdict }, Number(report.verdict === verdict)]),
  },
  {
    name: 'airlock_scan_reachable_advisories',
    help: 'Published vulnerabilities that the model can reach.',
    samples: (scanned) => [[{}, scanSummary(scanned).advisories]],
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

export function metricsText(scanned: readonly ScannedVersion[]): string {
  return metrics.map((metric) => metricText(metric, scanned)).join('');
}

function metricText({ name, help, samples }: Metric, scanned: readonly ScannedVersion[]): string {
  const lines = scanned.flatMap((one) => {
    const about = { model: one.model, version: String(one.version) };
    return samples(one).map(([labels, value]) => `${name}{${labelText({ ...about, ...labels })}} ${value}\n`);
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(
      ([label, value]) =>
        `${label}="${value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))}"`,
    )
    .join(',');
}
