// The audit as SARIF 2.1.0, for code scanning: places are lines of the project's own files.
import { sarifLevels, sarifSecuritySeverities, sarifText } from '../../core/index.ts';
import { supplyChainRules } from '../rules.ts';
import type { ReportedFinding, SupplyChainReport } from '../supply-chain-types.ts';

export function sarifReport(report: SupplyChainReport): string {
  const used = supplyChainRules.filter(({ id }) => report.findings.some(({ ruleId }) => ruleId === id));
  return sarifText({
    tool: {
      driver: {
        name: 'airlock',
        version: report.airlock,
        rules: used.map(({ id, title, why, severity }) => ({
          id,
          shortDescription: { text: title },
          fullDescription: { text: why },
          defaultConfiguration: { level: sarifLevels[severity] },
          properties: { tags: ['security', 'supply-chain'], 'security-severity': sarifSecuritySeverities[severity] },
        })),
      },
    },
    invocations: [
      {
        executionSuccessful: report.unreadable.length === 0,
        toolExecutionNotifications: report.unreadable.map(({ file, line, reason }) => ({
          level: 'error',
          message: { text: `not judged: ${reason}` },
          locations: [locationOf(file || report.target, line)],
        })),
      },
    ],
    results: report.findings.map((finding) =>
      resultOf(
        finding,
        used.findIndex(({ id }) => id === finding.ruleId),
      ),
    ),
    properties: { verdict: report.verdict, refuseAt: report.refuseAt, data: report.data },
  });
}

function resultOf(finding: ReportedFinding, ruleIndex: number): object {
  const { ruleId, severity, message, why, fix, place, fingerprint, suppressed, advisories } = finding;
  return {
    ruleId,
    ruleIndex,
    level: sarifLevels[severity],
    message: { text: `${message}. ${why} Fix: ${fix}` },
    locations: [locationOf(place.file, place.line)],
    partialFingerprints: { 'airlockFinding/v1': fingerprint },
    ...(suppressed === undefined ? {} : { suppressions: [{ kind: 'external', justification: suppressed }] }),
    properties: { severity, fix, ...(advisories === undefined ? {} : { advisories }) },
  };
}

/** Each segment encoded, so that a file's name is never a scheme, a query or a step up. */
function locationOf(file: string, line: number): object {
  const uri = file
    .split('/')
    .map((segment) => (segment === '.' || segment === '..' ? '_' : encodeURIComponent(segment)))
    .join('/');
  return { physicalLocation: { artifactLocation: { uri }, region: { startLine: line } } };
}
