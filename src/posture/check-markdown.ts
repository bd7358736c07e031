// The check as Markdown, for a pull request or a page. What others chose to call their models stands in code spans that it cannot end.
import { markdownCode } from '../core/index.ts';
import type { CheckReport } from './check-report.ts';
import { ageText, supportText } from './check-words.ts';
import { dueDay } from './days.ts';
import { sumOf } from './slot-posture.ts';

const maxFindings = 200;

export function checkMarkdown(report: CheckReport): string {
  const { posture, verdict, node, npm, findings, notes } = report;
  const lines = [`## TensorFlow: ${verdict}`, ''];
  lines.push('| version | | released | support | reachable | undecided | out of reach | due | newer |', `|${' --- |'.repeat(9)}`);
  for (const slot of posture.slots) {
    const due = slot.deadline === undefined ? '' : `${dueDay(slot.deadline)}${slot.isOverdue ? ' **overdue**' : ''}`;
    const { reachable, undecided, unreachable } = slot.counts;
    const counts = [reachable, undecided, unreachable].map(sumOf).join(' | ');
    const cells = [
      slot.version,
      slot.isServing ? 'serves' : '',
      slot.published ?? 'unknown',
      supportText(slot.support),
      counts,
      due,
    ];
    lines.push(`| ${cells.join(' | ')} | ${slot.updates.smallest ?? slot.updates.newest ?? ''} |`);
  }
  lines.push('');
  for (const { severity, message, fix, ruleId } of findings.slice(0, maxFindings))
    lines.push(`- **${severity}** ${markdownCode(message)} — ${markdownCode(fix)} (${ruleId})`);
  if (findings.length > maxFindings) lines.push(`- … and ${findings.length - maxFindings} more`);
  if (findings.length > 0) lines.push('');
  const ended = node.end === undefined ? node.state : `${node.state}, ${node.state === 'ended' ? 'since' : 'until'} ${node.end}`;
  lines.push(`Node.js ${markdownCode(node.version)}: ${ended}. npm: ${npm.packages.length} packages, ${npm.checked}.`, '');
  lines.push(
    `Advisories of ${posture.advisoryData.read} (${ageText(posture.advisoryData.ageDays)}), releases of the ${posture.releaseData.source} of ${posture.releaseData.read}.`,
  );
  for (const note of notes) lines.push('', `> ${markdownCode(note)}`);
  return `${lines.join('\n')}\n`;
}
