// Turns what a scan found into a report with a verdict. What the model uses is judged here and not in the jail, so that what is known about TensorFlow
// can change without a scan. Pure: the same result, rules, advisories and options give the same report.
import { type AdvisoryData, advisoryData } from '../../advisories/index.ts';
import { compareSeverity, type Severity } from '../../core/index.ts';
import { judgeAdvisories } from '../advisories/index.ts';
import {
  type Finding,
  maxFindingsPerRule,
  type Report,
  type ReportedFinding,
  type ScanResult,
  type ScanVerdict,
} from '../scan-types.ts';
import { countedFindings } from './counted.ts';
import { fingerprintOf } from './fingerprint.ts';

export interface ReportOptions {
  /** Last part of the path. */
  readonly target: string;
  readonly tensorflow: string;
  readonly refuseAt: Severity;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly version: string;
  /** Digest of rules and data. */
  readonly rules: string;
  /** What is known about TensorFlow and Keras. Default what Airlock came with. */
  readonly advisories?: AdvisoryData;
  /** Why a finding does not count, or undefined when it does. Default: all count. */
  readonly suppressionOf?: (finding: ReportedFinding) => string | undefined;
}

export function makeReport(result: ScanResult, options: ReportOptions): Report {
  const { target, tensorflow, refuseAt, startedAt, durationMs, version, rules, suppressionOf } = options;
  const { advisories = advisoryData() } = options;
  const judged = judgeAdvisories(result.uses, tensorflow, advisories);
  const { kept, leftOut } = bounded(judged.findings);
  const findings = [...result.findings, ...kept]
    .map((finding): ReportedFinding => ({ ...finding, fingerprint: fingerprintOf(finding) }))
    .map((finding) => {
      const suppressed = suppressionOf?.(finding);
      return suppressed === undefined ? finding : { ...finding, suppressed };
    })
    .sort(worstFirst);
  return {
    schema: 'https://tf-airlock/report/v1',
    scanner: { name: 'airlock', version, rules },
    tensorflow,
    target,
    startedAt: startedAt.toISOString(),
    durationMs: Math.round(durationMs),
    verdict: verdictOf(findings, result, refuseAt),
    refuseAt,
    artifacts: result.artifacts,
    unreadable: result.unreadable,
    findings,
    leftOut: { ...result.leftOut, ...leftOut },
    advisories: judged.verdicts,
    advisoryData: advisories.info,
    uses: result.uses,
  };
}

/** As many as a scan may say of one rule, the worst of them. */
function bounded(findings: readonly Finding[]): {
  readonly kept: readonly Finding[];
  readonly leftOut: Readonly<Record<string, number>>;
} {
  if (findings.length <= maxFindingsPerRule) return { kept: findings, leftOut: {} };
  const kept = [...findings].sort((a, b) => compareSeverity(b.severity, a.severity)).slice(0, maxFindingsPerRule);
  return { kept, leftOut: { [kept[0].ruleId]: findings.length - kept.length } };
}

function verdictOf(findings: readonly ReportedFinding[], result: ScanResult, refuseAt: Severity): ScanVerdict {
  if (countedFindings({ findings }, refuseAt).length > 0) return 'refused';
  // What was not looked at is not clean, and a place where nothing is a model was not what somebody meant to scan.
  return result.unreadable.length > 0 || result.artifacts.length === 0 ? 'unreadable' : 'clean';
}

function worstFirst(a: ReportedFinding, b: ReportedFinding): number {
  const suppressed = Number(a.suppressed !== undefined) - Number(b.suppressed !== undefined);
  if (suppressed !== 0) return suppressed;
  const severity = compareSeverity(b.severity, a.severity);
  if (severity !== 0) return severity;
  const [left, right] = [a, b].map(
    ({ ruleId, location }) => `${ruleId} ${location.file} ${location.node ?? location.path ?? ''}`,
  );
  return left < right ? -1 : Number(left > right);
}
