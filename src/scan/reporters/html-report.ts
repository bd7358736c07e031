// The report as one HTML file that loads nothing: people look rather than read, so it begins with pictures: how many findings of which severity and
// category, and what was read. Every string is escaped, and a policy in the page forbids scripts and connections.
import { escapeHtml, type Severity, severities } from '../../core/index.ts';
import { countedFindings } from '../report/index.ts';
import type { Report, ReportedFinding, Rule } from '../scan-types.ts';

const colours: Readonly<Record<Severity, string>> = {
  critical: '#8b0a1a',
  high: '#c8452f',
  medium: '#d99a2b',
  low: '#5b8aa6',
  info: '#9aa5ab',
};

export function htmlReport(report: Report, rules: ReadonlyMap<string, Rule>): string {
  const counted = countedFindings(report);
  const suppressed = report.findings.filter((one) => one.suppressed !== undefined);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(report.target)}: ${report.verdict}</title><style>${style}</style></head><body>
<h1>${escapeHtml(report.target)} <span class="verdict ${report.verdict}">${report.verdict}</span></h1>
<p>Airlock ${escapeHtml(report.scanner.version)}, TensorFlow ${escapeHtml(report.tensorflow)}, ${escapeHtml(report.startedAt)}, ${report.durationMs} ms;
refuses at ${report.refuseAt}</p>
<section class="plots">${severityPlot(counted)}${categoryPlot(counted, rules)}${advisoryPlot(report)}</section>
${unreadableList(report)}
<h2>Findings</h2>
${counted.length === 0 ? '<p>None.</p>' : counted.map((one) => findingHtml(one, rules.get(one.ruleId))).join('\n')}
${suppressed.length === 0 ? '' : `<h2>Suppressed</h2>${suppressed.map((one) => findingHtml(one, rules.get(one.ruleId))).join('\n')}`}
<h2>What was read</h2><table><tr><th>file</th><th>format</th><th>bytes</th><th></th></tr>
${report.artifacts.map(({ file, format, bytes, facts }) => row(file || report.target, format, String(bytes), factsText(facts))).join('\n')}
</table></body></html>
`;
}

const style = `body{font:15px/1.45 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1d2327}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}.verdict{padding:.1em .6em;border-radius:.3em;color:#fff;background:#b5541c}
.verdict.clean{background:#2d7a46}.verdict.refused{background:#8b0a1a}code{background:#f0f2f3;padding:0 .25em;overflow-wrap:anywhere}
.plots{display:flex;flex-wrap:wrap;gap:2rem}figure{margin:0}figcaption{font-weight:600}text{font:12px system-ui,sans-serif}
details{border-left:.35rem solid;padding:.3rem .8rem;margin:.6rem 0;background:#fafbfb}summary{cursor:pointer}
ol{padding-left:1.2rem}table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}`;

interface Bar {
  readonly label: string;
  readonly value: number;
  readonly colour: string;
}

function barPlot(caption: string, bars: readonly Bar[]): string {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const rows = bars.map(({ label, value, colour }, index) => {
    const y = 10 + index * 22;
    const width = Math.round((value / most) * 180);
    return `<text x="110" y="${y + 12}" text-anchor="end">${escapeHtml(label)}</text><rect x="116" y="${y}" width="${width}" height="16" fill="${colour}"/><text x="${122 + width}" y="${y + 12}">${value}</text>`;
  });
  const height = 20 + bars.length * 22;
  return `<figure><figcaption>${escapeHtml(caption)}</figcaption><svg role="img" aria-label="${escapeHtml(caption)}" width="360" height="${height}">${rows.join('')}</svg></figure>`;
}

function severityPlot(findings: readonly ReportedFinding[]): string {
  const bars = [...severities].reverse().map((severity) => ({
    label: severity,
    value: findings.filter((one) => one.severity === severity).length,
    colour: colours[severity],
  }));
  return barPlot('By severity', bars);
}

function categoryPlot(findings: readonly ReportedFinding[], rules: ReadonlyMap<string, Rule>): string {
  const counts = new Map<string, number>();
  for (const { ruleId } of findings) {
    const category = rules.get(ruleId)?.category ?? ruleId.split('/')[0];
    counts.set(category, (counts.get(category) ?? 0) + 1);
  }
  if (counts.size === 0) return '';
  const bars = [...counts].sort((a, b) => b[1] - a[1]).map(([label, value]) => ({ label, value, colour: '#47606d' }));
  return barPlot('By category', bars);
}

function advisoryPlot({ advisories }: Report): string {
  if (advisories.length === 0) return '';
  const count = (status: string): number => advisories.filter((one) => one.status === status).length;
  return barPlot('Published vulnerabilities', [
    { label: 'within reach', value: count('affected'), colour: colours.high },
    { label: 'not known', value: count('under_investigation'), colour: colours.medium },
    { label: 'not affected', value: count('not_affected'), colour: '#2d7a46' },
  ]);
}

function unreadableList({ unreadable, target }: Report): string {
  if (unreadable.length === 0) return '';
  const items = unreadable.map(({ file, reason }) => `<li><code>${escapeHtml(file || target)}</code> ${escapeHtml(reason)}</li>`);
  return `<h2>Not judged</h2><ul>${items.join('')}</ul>`;
}

function findingHtml(finding: ReportedFinding, rule: Rule | undefined): string {
  const { severity, message, ruleId, location, chain, trigger, argument, fingerprint, suppressed } = finding;
  const place = [location.file, location.metaGraph, location.function, location.node ?? location.path]
    .filter((part) => part !== undefined && part !== '')
    .map((part) => `<code>${escapeHtml(String(part))}</code>`);
  const steps = chain.map(
    ({ via, function: name, node, op }) =>
      `<li>${escapeHtml(via)}${node === undefined ? '' : ` <code>${escapeHtml(node)}</code>`}${op === undefined ? '' : ` ${escapeHtml(op)}`}${name === undefined ? '' : ` in <code>${escapeHtml(name)}</code>`}</li>`,
  );
  const effect = finding.effect ?? rule?.effect;
  const fix = finding.fix ?? rule?.fix;
  return `<details style="border-color:${colours[severity]}"${severity === 'critical' || severity === 'high' ? ' open' : ''}><summary><strong>${severity}</strong> ${escapeHtml(message)}</summary>
<p>${place.join(' › ')}; trigger ${trigger}; rule <code>${escapeHtml(ruleId)}</code>${rule?.heuristic === true ? ' (heuristic)' : ''}; <code>${fingerprint}</code></p>
${argument?.value === undefined ? '' : `<p><code>${escapeHtml(argument.name)}</code> = <code>${escapeHtml(argument.value)}</code> ${escapeHtml(argument.origin ?? '')}</p>`}
${steps.length === 0 ? '' : `<ol>${steps.join('')}</ol>`}${effect === undefined ? '' : `<p>${escapeHtml(effect)}</p>`}${fix === undefined ? '' : `<p><em>Fix:</em> ${escapeHtml(fix)}</p>`}
${suppressed === undefined ? '' : `<p>Suppressed: ${escapeHtml(suppressed)}</p>`}</details>`;
}

function factsText(facts: Readonly<Record<string, string | number>>): string {
  return Object.entries(facts)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function row(...cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`;
}
