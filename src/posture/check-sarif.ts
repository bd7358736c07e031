// The check as SARIF 2.1.0 (OASIS Standard, 27 March 2020), for code scanning. A version of TensorFlow has no line in a file: what is named as the place is the
// file that chose it, and the slot stands in logicalLocations.
import { sarifLevels, sarifRuleName, sarifSecuritySeverities, sarifText } from '../core/index.ts';
import { type CheckFinding, type CheckReport, type CheckRuleId, checkRules } from './check-report.ts';

/** @param place Name of the configuration or folder that was checked, relative, without a folder above it. */
export function checkSarif(
  report: CheckReport,
  { airlock, place }: { readonly airlock: string; readonly place: string },
): string {
  const used = [...new Set(report.findings.map(({ ruleId }) => ruleId))].sort();
  const { posture, verdict, failOn, notes } = report;
  return sarifText({
    tool: {
      driver: { name: 'airlock runtime check', version: airlock, rules: used.map((id) => ruleOf(id, report.findings)) },
    },
    invocations: [
      {
        executionSuccessful: true,
        toolExecutionNotifications: notes.map((text) => ({ level: 'note', message: { text } })),
      },
    ],
    results: report.findings.map((finding) => resultOf(finding, used.indexOf(finding.ruleId), report, place)),
    properties: { verdict, failOn, advisoryData: posture.advisoryData, releaseData: posture.releaseData },
  });
}

function ruleOf(id: CheckRuleId, findings: readonly CheckFinding[]): object {
  const worst = findings.find(({ ruleId }) => ruleId === id)?.severity ?? 'medium';
  const { title, effect } = checkRules[id];
  return {
    id,
    name: sarifRuleName(id),
    shortDescription: { text: title },
    fullDescription: { text: effect },
    defaultConfiguration: { level: sarifLevels[worst] },
    properties: { tags: ['security', 'runtime'], 'security-severity': sarifSecuritySeverities[worst] },
  };
}

function resultOf(
  { ruleId, severity, message, fix, subject, fingerprint }: CheckFinding,
  ruleIndex: number,
  report: CheckReport,
  place: string,
): object {
  const file = subject === 'npm' ? (report.npm.lockfile ?? 'package-lock.json') : place;
  return {
    ruleId,
    ruleIndex,
    level: sarifLevels[severity],
    message: { text: `${message}. ${fix}.` },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: uriOf(file) } },
        logicalLocations: [{ name: subject, fullyQualifiedName: subject, kind: 'module' }],
      },
    ],
    partialFingerprints: { 'airlockFinding/v1': fingerprint },
    properties: { severity, subject },
  };
}

/** One segment, encoded: a name is never a scheme, a query or a step up. */
function uriOf(name: string): string {
  return /^\.\.?$/.test(name) ? name.replaceAll('.', '%252E') : encodeURIComponent(name);
}
