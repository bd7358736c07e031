// The report as SARIF 2.1.0 (OASIS Standard, 27 March 2020), for code scanning. Artifact URIs name files of what was scanned and nothing else; where in
// a graph it is stands in logicalLocations, because a node has no line.
import { sarifLevels, sarifRuleName, sarifSecuritySeverities, sarifText } from '../../core/index.ts';
import type { Report, ReportedFinding, Rule } from '../scan-types.ts';

export function sarifReport(report: Report, rules: ReadonlyMap<string, Rule>): string {
  const used = [...new Set(report.findings.map(({ ruleId }) => ruleId))].sort();
  return sarifText({
    tool: {
      driver: {
        name: 'airlock',
        version: report.scanner.version,
        rules: used.map((id) => ruleOf(id, rules.get(id))),
      },
    },
    artifacts: artifactsOf(report),
    invocations: [
      {
        executionSuccessful: report.unreadable.length === 0,
        toolExecutionNotifications: report.unreadable.map(({ file, reason }) => ({
          level: 'error',
          message: { text: `${file === '' ? report.target : file} could not be judged: ${reason}` },
        })),
      },
    ],
    results: report.findings.map((finding) => resultOf(finding, report, used.indexOf(finding.ruleId))),
    properties: { verdict: report.verdict, tensorflow: report.tensorflow, rulesDigest: report.scanner.rules },
  });
}

/** Each file once: an archive may hold one name twice, and a log with two equal artifacts is refused as not valid, with all that it says. */
function artifactsOf({ artifacts, target }: Report): readonly object[] {
  const byUri = new Map(artifacts.map(({ file, bytes }) => [uriOf(file || target), bytes]));
  return Array.from(byUri, ([uri, length]) => ({ location: { uri }, length }));
}

function ruleOf(id: string, rule: Rule | undefined): object {
  if (rule === undefined) return { id };
  const { title, effect, fix, severity, category, heuristic } = rule;
  return {
    id,
    name: sarifRuleName(id),
    shortDescription: { text: title },
    fullDescription: { text: effect },
    help: { text: fix },
    defaultConfiguration: { level: sarifLevels[severity] },
    properties: {
      tags: ['security', category, ...(heuristic === true ? ['heuristic'] : [])],
      'security-severity': sarifSecuritySeverities[severity],
    },
  };
}

function resultOf(finding: ReportedFinding, report: Report, ruleIndex: number): object {
  const { ruleId, severity, message, location, chain, fingerprint, suppressed, trigger, argument, advisories } = finding;
  return {
    ruleId,
    ruleIndex,
    level: sarifLevels[severity],
    message: { text: message },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(location.file || report.target) },
          ...(location.offset === undefined ? {} : { region: { byteOffset: location.offset } }),
        },
        ...logicalOf(finding),
      },
    ],
    ...(chain.length < 2
      ? {}
      : {
          codeFlows: [
            {
              message: { text: 'From what somebody does to the operation' },
              threadFlows: [
                {
                  locations: chain.map((step) => ({
                    location: {
                      message: { text: [step.via, step.node, step.op].filter((part) => part !== undefined).join(' ') },
                    },
                  })),
                },
              ],
            },
          ],
        }),
    partialFingerprints: { 'airlockFinding/v1': fingerprint },
    ...(suppressed === undefined ? {} : { suppressions: [{ kind: 'external', justification: suppressed }] }),
    properties: {
      severity,
      trigger,
      ...(argument === undefined ? {} : { argument }),
      ...(advisories === undefined ? {} : { advisories }),
    },
  };
}

function logicalOf({ location }: ReportedFinding): object {
  const { metaGraph, function: name, node, op, path } = location;
  const last = node ?? path;
  if (last === undefined && name === undefined) return {};
  const parts = [metaGraph, name, node, path].filter((part) => part !== undefined);
  return {
    logicalLocations: [
      {
        name: last ?? name,
        fullyQualifiedName: parts.join('::'),
        kind: node === undefined ? (last === undefined ? 'function' : 'element') : 'member',
        ...(op === undefined ? {} : { properties: { op } }),
      },
    ],
  };
}

/**
 * A relative reference: each segment encoded, so that what a model calls its files is never a scheme, a query or a step up. Browsers take `%2E%2E` for a
 * step up too (WHATWG URL), so a name of dots is encoded twice.
 */
function uriOf(file: string): string {
  const encode = (segment: string): string =>
    /^\.\.?$/.test(segment) ? segment.replaceAll('.', '%252E') : encodeURIComponent(segment);
  return file.split('/').map(encode).join('/');
}
