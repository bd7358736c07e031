// All rules with what they mean, for people who want to know what a scan looks for; docs/scan-rules.md is made of this.
import type { Rule } from '../scan-types.ts';

export function rulesMarkdown(rules: readonly Rule[]): string {
  const lines = ['# What a scan looks for', '', `Made by \`airlock scan --rules --format markdown\`: ${rules.length} rules.`, ''];
  const categories = [...new Set(rules.map(({ category }) => category))].sort();
  for (const category of categories) {
    lines.push(`## ${category}`, '');
    for (const rule of rules.filter((one) => one.category === category)) {
      const { id, title, severity, effect, fix, sources = [], heuristic } = rule;
      lines.push(
        `### \`${id}\``,
        '',
        `${title}. *${severity}*${heuristic === true ? ', heuristic' : ''}.`,
        '',
        effect,
        '',
        `Fix: ${fix}`,
      );
      if (sources.length > 0) lines.push('', `From: ${sources.join('; ')}.`);
      lines.push('');
    }
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

export function rulesText(rules: readonly Rule[]): string {
  return rules
    .map(
      ({ id, title, severity, effect, fix, heuristic }) =>
        `${id}  ${severity}${heuristic === true ? ' (heuristic)' : ''}\n  ${title}\n  effect  ${effect}\n  fix     ${fix}\n`,
    )
    .join('\n');
}
