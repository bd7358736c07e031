// The audit in Markdown, for a comment on a change. Text from the project stands in code spans only, where it means nothing.
import type { SupplyChainReport } from '../supply-chain-types.ts';

/** A comment has room for so many; the rest is counted. */
const maxFindings = 100;

export function markdownReport(report: SupplyChainReport): string {
  const counted = report.findings.filter(({ suppressed }) => suppressed === undefined);
  const lines = [`## TensorFlow supply chain of ${code(report.target)}: ${report.verdict}`, ''];
  for (const { file, line, reason } of report.unreadable)
    lines.push(`- **not judged**: ${code(`${file || report.target}:${line}`)}: ${code(reason)}`);
  if (report.unreadable.length > 0) lines.push('');
  if (counted.length > 0) lines.push('| severity | where | what | fix |', '| --- | --- | --- | --- |');
  for (const { severity, place, message, fix, ruleId } of counted.slice(0, maxFindings))
    lines.push(`| ${severity} | ${code(`${place.file}:${place.line}`)} | ${code(message)} (${code(ruleId)}) | ${code(fix)} |`);
  if (counted.length > 0) lines.push('');
  if (counted.length > maxFindings) lines.push(`… and ${counted.length - maxFindings} more.`, '');
  const suppressed = report.findings.length - counted.length;
  if (suppressed > 0) lines.push(`${suppressed} suppressed.`, '');
  const { advisories, tensorflow, keras } = report.data;
  lines.push(
    `Advisories read on ${advisories}; newest releases known: TensorFlow ${tensorflow}, Keras ${keras}. Airlock ${report.airlock}.`,
  );
  return `${lines.join('\n')}\n`;
}

/** A code span longer than any run of backticks inside it (CommonMark 6.1); a bar would end the cell of a table. */
function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const pad = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${text.replaceAll('|', '\\|')}${pad}${fence}`;
}
