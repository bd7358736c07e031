// The report for people: the verdict first, then each finding with a picture of the way from what somebody does to the node. Strings in a
// report are safe to show already; nothing is fetched and nothing decided here.
import type { Severity } from '../../core/index.ts';
import { countedFindings, reachedAdvisories, severityCounts } from '../report/index.ts';
import type { ChainStep, Report, ReportedFinding, Rule } from '../scan-types.ts';

export interface TextOptions {
  readonly rules: ReadonlyMap<string, Rule>;
  /** Findings below this are counted only. Default `low`. */
  readonly showFrom?: Severity;
  /** Colours of a terminal. Default none. */
  readonly colours?: boolean;
}

const colourOf: Readonly<Record<Severity, string>> = { critical: '1;31', high: '31', medium: '33', low: '36', info: '2' };
const verdictWords = {
  clean: 'clean',
  refused: 'refused',
  unreadable: 'could not be judged',
} as const;

/** Steps of a chain that are drawn; in the middle of a longer one some are left out. */
const maxSteps = 12;

export function textReport(report: Report, { rules, showFrom = 'low', colours = false }: TextOptions): string {
  const paint = (text: string, code: string): string => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  const lines: string[] = [];
  const seconds = (report.durationMs / 1000).toFixed(2);
  const verdictColour = report.verdict === 'clean' ? '1;32' : report.verdict === 'refused' ? '1;31' : '1;33';
  lines.push(`${report.target}: ${paint(verdictWords[report.verdict], verdictColour)}${summary(report)}`);
  for (const { format, file, facts } of report.artifacts.slice(0, 20)) {
    const known = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
    lines.push(`  ${format}  ${file}${known.length === 0 ? '' : `  (${known.join(', ')})`}`);
  }
  if (report.artifacts.length > 20) lines.push(`  … and ${report.artifacts.length - 20} more`);
  for (const { file, reason } of report.unreadable.slice(0, 20))
    lines.push(`  ${paint('not judged', '1;33')}  ${file}: ${reason}`);
  if (report.unreadable.length > 20) lines.push(`  … and ${report.unreadable.length - 20} more that were not judged`);
  const shown = countedFindings(report, showFrom);
  for (const finding of shown) lines.push('', ...findingLines(finding, rules.get(finding.ruleId), paint));
  const hidden = report.findings.length - shown.length;
  if (hidden > 0) lines.push('', `${hidden} more below ${showFrom} or suppressed; --format json has them.`);
  for (const [rule, count] of Object.entries(report.leftOut)) lines.push(`${count} more of ${rule} were left out.`);
  lines.push('', `Assumed TensorFlow ${report.tensorflow}; took ${seconds} s.${advisoryLine(report)}`);
  return `${lines.join('\n')}\n`;
}

function summary(report: Report): string {
  const counts = Object.entries(severityCounts(report)).map(([severity, count]) => `${count} ${severity}`);
  return counts.length === 0 ? '' : ` (${counts.join(', ')})`;
}

function advisoryLine(report: Report): string {
  const { length } = report.advisories;
  const { read } = report.advisoryData;
  if (length === 0) return ` Published vulnerabilities as known on ${read}.`;
  const reached = reachedAdvisories(report).length;
  return ` Of ${length} published vulnerabilities of this version (as known on ${read}) the model can reach ${reached}.`;
}

function findingLines(finding: ReportedFinding, rule: Rule | undefined, paint: (text: string, code: string) => string): string[] {
  const { severity, ruleId, message, argument, chain, fingerprint } = finding;
  const lines = [`${paint(severity.toUpperCase().padEnd(8), colourOf[severity])}  ${message}`, `  at ${placeOf(finding)}`];
  if (chain.length > 0) lines.push(...chainPicture(chain));
  if (argument?.value !== undefined)
    lines.push(`  ${argument.name} = ${argument.value}${argument.origin === undefined ? '' : ` (${argument.origin})`}`);
  const effect = finding.effect ?? rule?.effect;
  const fix = finding.fix ?? rule?.fix;
  if (effect !== undefined) lines.push(`  effect  ${effect}`);
  if (fix !== undefined) lines.push(`  fix     ${fix}`);
  if (finding.advisories !== undefined) lines.push(`  see     ${finding.advisories.join(', ')}`);
  lines.push(paint(`  ${ruleId}${rule?.heuristic === true ? ' (heuristic)' : ''}  ${fingerprint}`, '2'));
  return lines;
}

/** `saved_model.pb › serve › f › n (ReadFile)`. */
function placeOf({ location }: ReportedFinding): string {
  const { file, metaGraph, function: name, node, op, path, offset } = location;
  const last = node === undefined ? path : `${node}${op === undefined ? '' : ` (${op})`}`;
  const parts = [file, metaGraph, name, last, node === undefined ? undefined : path].filter((part) => part !== undefined);
  return `${parts.join(' › ')}${offset === undefined ? '' : ` at byte ${offset}`}`;
}

function chainPicture(chain: readonly ChainStep[]): string[] {
  const steps =
    chain.length <= maxSteps ? chain : [...chain.slice(0, maxSteps / 2), { via: '…' }, ...chain.slice(1 - maxSteps / 2)];
  return steps.map(({ via, function: name, node, op }, depth) => {
    const place = [node === undefined ? undefined : `${node}${op === undefined ? '' : ` (${op})`}`, name && `in ${name}`];
    const text = [via, ...place.filter((part) => part !== undefined && part !== '')].join('  ');
    return depth === 0 ? `  ${text}` : `  ${'   '.repeat(depth - 1)}└─ ${text}`;
  });
}
