// The audit in Markdown, for a comment on a change. Text from the project stands in code spans only, where it means nothing.
import { markdownCode } from '../../core/index.ts';
import type { SupplyChainReport } from '../supply-chain-types.ts';

/** A comment has room for so many; the rest is counted. */
const maxFindings = 100;

export function markdownReport(report: SupplyChainReport): string {
  const counted = report.findings.filter(({ suppressed }) => suppressed === undefined);
  const lines = [`## TensorFlow supply chain of ${markdownCode(report.target)}: ${report.verdict}`, ''];
  for (const { file, line, reason } of report.unreadable)
    lines.push(`- **not judged**: ${markdownCode(`${file || report.target}:${line}`)}: ${markdownCode(reason)}`);
  if (report.unreadable.length > 0) lines.push('');
  if (counted.length > 0) lines.push('| severity | where | what | fix |', '| --- | --- | --- | --- |');
  for (const { severity, place, message, fix, ruleId } of counted.slice(0, maxFindings))
    lines.push(
      `| ${severity} | ${markdownCode(`${place.file}:${place.line}`)} | ${markdownCode(message)} (${markdownCode(ruleId)}) | ${markdownCode(fix)} |`,
    );
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
