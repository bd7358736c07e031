// The report as Markdown, for a comment on a pull request. What a model says of itself stands in code spans that it cannot end, so that it can make no
// links, no images and no mentions.
import { markdownCode, severities } from '../../core/index.ts';
import { countedFindings, severityCounts } from '../report/index.ts';
import type { Report, ReportedFinding, Rule } from '../scan-types.ts';

const maxFindings = 200;

export function markdownReport(report: Report, rules: ReadonlyMap<string, Rule>): string {
  const counted = countedFindings(report);
  const lines = [`## ${markdownCode(report.target)}: ${report.verdict}`, ''];
  const counts = severityCounts(report);
  const columns = [...severities].reverse();
  lines.push(`| ${columns.join(' | ')} |`, `|${' --- |'.repeat(columns.length)}`);
  lines.push(`| ${columns.map((severity) => counts[severity] ?? 0).join(' | ')} |`, '');
  for (const { file, reason } of report.unreadable)
    lines.push(`- **not judged**: ${markdownCode(file || report.target)}: ${markdownCode(reason)}`);
  if (report.unreadable.length > 0) lines.push('');
  for (const finding of counted.slice(0, maxFindings)) lines.push(...findingLines(finding, rules.get(finding.ruleId)));
  if (counted.length > maxFindings) lines.push(`… and ${counted.length - maxFindings} more.`, '');
  const suppressed = report.findings.length - counted.length;
  if (suppressed > 0) lines.push(`${suppressed} suppressed.`, '');
  lines.push(`Assumed TensorFlow ${report.tensorflow}; Airlock ${report.scanner.version}, ${report.startedAt}.`);
  return `${lines.join('\n')}\n`;
}

function findingLines(finding: ReportedFinding, rule: Rule | undefined): string[] {
  const { severity, message, ruleId, location, chain, trigger, argument, fingerprint } = finding;
  const place = [location.file, location.metaGraph, location.function, location.node ?? location.path].filter(
    (part) => part !== undefined && part !== '',
  );
  const lines = [`### ${severity}: ${markdownCode(message)}`, ''];
  lines.push(`- where: ${place.map((part) => markdownCode(String(part))).join(' › ')}`, `- trigger: ${trigger}`);
  if (chain.length > 0) {
    const steps = chain.map(({ via, node, op }) =>
      markdownCode([via, node, op && `(${op})`].filter((part) => part !== undefined).join(' ')),
    );
    lines.push(`- how it gets there: ${steps.join(' → ')}`);
  }
  if (argument?.value !== undefined)
    lines.push(`- ${markdownCode(argument.name)}: ${markdownCode(argument.value)} ${argument.origin ?? ''}`.trimEnd());
  if (rule !== undefined) lines.push(`- effect: ${finding.effect === undefined ? rule.effect : markdownCode(finding.effect)}`);
  if (rule !== undefined) lines.push(`- fix: ${finding.fix === undefined ? rule.fix : markdownCode(finding.fix)}`);
  lines.push(
    `- rule ${markdownCode(ruleId)}${rule?.heuristic === true ? ' (heuristic)' : ''}, fingerprint ${markdownCode(fingerprint)}`,
    '',
  );
  return lines;
}
