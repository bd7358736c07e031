// The audit for a terminal: a bar of severities per file, then each finding with its place, its reason and the line to write.
import { compareSeverity, type Severity, severities } from '../../core/index.ts';
import type { ReportedFinding, SupplyChainReport } from '../supply-chain-types.ts';

const colours: Readonly<Record<Severity, string>> = { info: '2', low: '36', medium: '33', high: '31', critical: '1;31' };
const maxBar = 24;

export interface TextOptions {
  readonly colours: boolean;
  /** Default `low`. */
  readonly showFrom?: Severity;
}

export function textReport(report: SupplyChainReport, { colours: inColour, showFrom = 'low' }: TextOptions): string {
  const paint = (text: string, severity: Severity): string => (inColour ? `\u001b[${colours[severity]}m${text}\u001b[0m` : text);
  const counted = report.findings.filter(({ suppressed }) => suppressed === undefined);
  const lines = [`${report.target}: ${verdictText(report)}`, ''];
  lines.push(...bars(report, counted, paint));
  for (const finding of counted.filter(({ severity }) => compareSeverity(severity, showFrom) >= 0))
    lines.push(...findingLines(finding, paint));
  for (const { file, line, reason } of report.unreadable) lines.push(`${file || report.target}:${line}  NOT JUDGED  ${reason}`);
  if (report.unreadable.length > 0) lines.push('');
  const hidden = counted.filter(({ severity }) => compareSeverity(severity, showFrom) < 0).length;
  if (hidden > 0) lines.push(`${hidden} below ${showFrom} not shown (--show info).`);
  const suppressed = report.findings.length - counted.length;
  if (suppressed > 0) lines.push(`${suppressed} suppressed.`);
  const { advisories, tensorflow, keras } = report.data;
  lines.push(`Advisories read on ${advisories}; newest releases known: TensorFlow ${tensorflow}, Keras ${keras}.`);
  return `${lines.join('\n')}\n`;
}

function verdictText({ verdict, refuseAt, files }: SupplyChainReport): string {
  const count = `${files.length} file${files.length === 1 ? '' : 's'}`;
  if (verdict === 'clean') return `clean: nothing at ${refuseAt} or above in ${count}`;
  return verdict === 'refused'
    ? `refused: findings at ${refuseAt} or above`
    : `not judged: something in ${count} could not be read`;
}

/** One line per file that has something to say: a letter per finding, worst first. */
function bars(
  report: SupplyChainReport,
  counted: readonly ReportedFinding[],
  paint: (text: string, severity: Severity) => string,
): string[] {
  const shown = report.files.filter(({ file, uses }) => uses > 0 || counted.some(({ place }) => place.file === file));
  const width = Math.min(48, Math.max(0, ...shown.map(({ file }) => file.length)));
  const lines = shown.map(({ file, format }) => {
    const own = counted.filter(({ place }) => place.file === file);
    const per = severities
      .toReversed()
      .map((severity) => [severity, own.filter((finding) => finding.severity === severity).length] as const)
      .filter(([, count]) => count > 0);
    const scale = Math.max(1, own.length / maxBar);
    const bar = per.map(([severity, count]) => paint('■'.repeat(Math.max(1, Math.round(count / scale))), severity)).join('');
    const counts = per.map(([severity, count]) => `${count} ${severity}`).join(', ') || 'no finding';
    return `  ${file.padEnd(width)}  ${bar}${bar === '' ? '' : ' '}${counts}  (${format})`;
  });
  return lines.length === 0 ? ['  No file of it names TensorFlow or Keras.', ''] : [...lines, ''];
}

function findingLines(finding: ReportedFinding, paint: (text: string, severity: Severity) => string): string[] {
  const { place, severity, message, why, fix, ruleId, fingerprint } = finding;
  return [
    `${place.file}:${place.line}  ${paint(severity.toUpperCase(), severity)}  ${message}`,
    `    why  ${why}`,
    `    fix  ${fix}`,
    `    ${ruleId} ${fingerprint}`,
    '',
  ];
}
