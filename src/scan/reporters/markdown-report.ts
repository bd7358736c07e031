// The report as Markdown, for a comment on a pull request. What a model says of itself stands in code spans that it cannot end, so that it can make no
// links, no images and no mentions.
import { severities } from '../../core/index.ts';
import { countedFindings, severityCounts } from '../report/index.ts';
import type { Report, ReportedFinding, Rule } from '../scan-types.ts';

const maxFindings = 200;

export function markdownReport(report: Report, rules: ReadonlyMap<string, Rule>): string {
  const counted = countedFindings(report);
  const lines = [`## ${code(report.target)}: ${report.verdict}`, ''];
  const counts = severityCounts(report);
  const columns = [...severities].reverse();
  lines.push(`| ${columns.join(' | ')} |`, `|${' --- |'.repeat(columns.length)}`);
  lines.push(`| ${columns.map((severity) => counts[severity] ?? 0).join(' | ')} |`, '');
  for (const { file, reason } of report.unreadable)
    lines.push(`- **not judged**: ${code(file || report.target)}: ${code(reason)}`);
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
  const lines = [`### ${severity}: ${code(message)}`, ''];
  lines.push(`- where: ${place.map((part) => code(String(part))).join(' › ')}`, `- trigger: ${trigger}`);
  if (chain.length > 0) {
    const steps = chain.map(({ via, node, op }) =>
      code([via, node, op && `(${op})`].filter((part) => part !== undefined).join(' ')),
    );
    lines.push(`- how it gets there: ${steps.join(' → ')}`);
  }
  if (argument?.value !== undefined)
    lines.push(`- ${code(argument.name)}: ${code(argument.value)} ${argument.origin ?? ''}`.trimEnd());
  if (rule !== undefined) lines.push(`- effect: ${finding.effect === undefined ? rule.effect : code(finding.effect)}`);
  if (rule !== undefined) lines.push(`- fix: ${finding.fix === undefined ? rule.fix : code(finding.fix)}`);
  lines.push(`- rule ${code(ruleId)}${rule?.heuristic === true ? ' (heuristic)' : ''}, fingerprint ${code(fingerprint)}`, '');
  return lines;
}

/** A code span longer than any run of backticks inside it (CommonMark 6.1). */
function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const pad = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  // A bar would end the cell of a table.
  return `${fence}${pad}${text.replaceAll('|', '\\|')}${pad}${fence}`;
}
