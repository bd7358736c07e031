// The check for people: what serves first, then what is due, with a bar of the time that is left. Strings in it are safe to show already; nothing is decided here.
import type { Severity } from '../core/index.ts';
import type { CheckReport, CheckVerdict } from './check-report.ts';
import { ageText, supportText } from './check-words.ts';
import { dayMs, dueDay, endOfDayMs } from './days.ts';
import type { OpenAdvisory, SlotPosture } from './posture-types.ts';
import { sumOf } from './slot-posture.ts';

export interface CheckTextOptions {
  /** Colours of a terminal. Default none. */
  readonly colours?: boolean;
}

type Paint = (text: string, code: string) => string;

const colourOf: Readonly<Record<Severity, string>> = { critical: '1;31', high: '31', medium: '33', low: '36', info: '2' };
const verdictWords: Readonly<Record<CheckVerdict, readonly [text: string, colour: string]>> = {
  clean: ['clean', '1;32'],
  vulnerable: ['vulnerable', '1;33'],
  overdue: ['overdue', '1;31'],
};
const barWidth = 20;
/** Advisories that are drawn of what serves, and of another version; --format json has them all. */
const maxOfServing = 20;
const maxOfOther = 5;

export function checkText(report: CheckReport, { colours = false }: CheckTextOptions = {}): string {
  const paint: Paint = (text, code) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  const { posture } = report;
  const [word, colour] = verdictWords[report.verdict];
  const lines = [`TensorFlow: ${paint(word, colour)}`, '', ...table(posture.slots, paint)];
  for (const slot of posture.slots) lines.push(...slotLines(slot, posture.madeAt, paint));
  lines.push('', ...aroundLines(report, paint));
  for (const note of report.notes) lines.push(paint(`note        ${note}`, '2'));
  return `${lines.join('\n')}\n`;
}

function table(slots: readonly SlotPosture[], paint: Paint): string[] {
  if (slots.length === 0) return ['No TensorFlow is installed; airlock runtime install installs one.'];
  const head = ['version', '', 'released', 'age', 'support', 'reachable', 'undecided', 'out of reach', 'due'];
  const rows = slots.map((slot) => [
    slot.version,
    slot.isServing ? (slot.isInstalled ? 'serves' : 'not installed') : '',
    slot.published ?? 'unknown',
    slot.ageDays === undefined ? '' : ageText(slot.ageDays),
    supportText(slot.support),
    ...(['reachable', 'undecided', 'unreachable'] as const).map((reach) => String(sumOf(slot.counts[reach]))),
    slot.deadline === undefined ? '–' : dueDay(slot.deadline),
  ]);
  const widths = head.map((text, column) => Math.max(text.length, ...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd();
  return [
    paint(line(head), '2'),
    ...rows.map((row, index) =>
      slots[index].isOverdue ? paint(line(row), '1;31') : slots[index].isServing ? paint(line(row), '1') : line(row),
    ),
  ];
}

function slotLines(slot: SlotPosture, madeAt: string, paint: Paint): string[] {
  const { version, updates, libraries, isYanked, advisories } = slot;
  const shown = advisories.filter(({ reach }) => reach !== 'unreachable');
  const max = slot.isServing ? maxOfServing : maxOfOther;
  const lines = shown.slice(0, max).flatMap((one) => advisoryLines(one, madeAt, paint));
  if (shown.length > max) lines.push(`  … and ${shown.length - max} more; --format json has them`);
  if (isYanked) lines.push(`  ${paint('withdrawn by its publisher', '1;31')}`);
  const cves = libraries.reduce((sum, library) => sum + library.cves.length, 0);
  if (cves > 0) {
    const names = [...new Set(libraries.map(({ library }) => library))].join(', ');
    lines.push(
      `  in libraries inside it, later releases fixed ${cves === 1 ? '1 CVE' : `${cves} CVEs`} (${names}); who reaches them is not known`,
    );
  }
  if (updates.smallest !== undefined)
    lines.push(`  smallest release without these: ${updates.smallest}; airlock runtime stage --version ${updates.smallest}`);
  if (updates.newest !== undefined && updates.newest !== updates.smallest) lines.push(`  newest release: ${updates.newest}`);
  return lines.length === 0 ? [] : ['', `${version}${slot.isServing ? ', which serves' : ''}`, ...lines];
}

function advisoryLines(one: OpenAdvisory, madeAt: string, paint: Paint): string[] {
  const { id, cve, title, disputed, severity, reach, why, models, fix } = one;
  const named = models.length > 3 ? `${models.slice(0, 3).join(', ')} and ${models.length - 3} more` : models.join(', ');
  return [
    `  ${paint(severity.toUpperCase().padEnd(8), colourOf[severity])}  ${(cve ?? id).padEnd(19)}  ${reach.padEnd(9)}  ${timeText(one, madeAt, paint)}`,
    `            ${title}${disputed === true ? ' (disputed)' : ''}: ${why} (${named})${fix === undefined ? '' : `; fixed in ${fix}`}`,
  ];
}

/** `█████░░░░░  12 of 30 days left, due 2026-12-12`: the bar is the time that is used up. */
function timeText({ deadline, countsFrom, daysLeft = 0, isOverdue, fix }: OpenAdvisory, madeAt: string, paint: Paint): string {
  if (deadline === undefined) return fix === undefined ? 'no fix is known' : 'no deadline for this severity';
  const fromMs = endOfDayMs(countsFrom ?? '') ?? 0;
  const untilMs = Date.parse(deadline);
  const used = Math.min(1, Math.max(0, (Date.parse(madeAt) - fromMs) / (untilMs - fromMs || 1)));
  const full = isOverdue ? barWidth : Math.min(barWidth - 1, Math.floor(used * barWidth));
  const bar = paint(`${'█'.repeat(full)}${'░'.repeat(barWidth - full)}`, isOverdue ? '31' : used > 0.75 ? '33' : '32');
  const allDays = Math.round((untilMs - fromMs) / dayMs);
  const text = isOverdue
    ? paint(`overdue since ${dueDay(deadline)}`, '1;31')
    : daysLeft === 0
      ? `due today (${dueDay(deadline)})`
      : `${daysLeft} of ${ageText(allDays)} left, due ${dueDay(deadline)}`;
  return `${bar}  ${text}`;
}

function aroundLines({ posture, node, npm }: CheckReport, paint: Paint): string[] {
  const { advisoryData: data, releaseData, models } = posture;
  const old = data.isOld ? paint('old; airlock advisories update', '1;33') : '';
  const scanned = models.filter(({ isScanned }) => isScanned).length;
  const lines = [
    `advisories  ${data.count} of ${data.read} (${data.source}, ${ageText(data.ageDays)}) ${old}`.trimEnd(),
    `releases    ${releaseData.source} of ${releaseData.read}`,
    `models      ${models.length === 0 ? 'none was looked at: what some model could reach counts as undecided' : `${scanned} of ${models.length} scanned`}`,
    `node        ${nodeText(node, paint)}`,
    `npm         ${npmText(npm, paint)}`,
  ];
  return lines;
}

function nodeText({ version, state, end, daysLeft = 0, newestLts }: CheckReport['node'], paint: Paint): string {
  if (state === 'unknown') return `${version}, which the table of Node.js lines does not have`;
  const other = newestLts === undefined ? '' : `; Node.js ${newestLts} gets them`;
  return state === 'ended'
    ? `${version}, ${paint(`no fixes since ${end}`, '1;33')}${other}`
    : `${version}, fixes until ${end} (${ageText(daysLeft)})`;
}

function npmText({ packages, advisories, checked }: CheckReport['npm'], paint: Paint): string {
  const unhashed = packages.filter(({ hasIntegrity }) => !hasIntegrity).length;
  const digests =
    packages.length === 0 ? '' : unhashed === 0 ? ', each with a digest' : paint(`, ${unhashed} without a digest`, '1;33');
  const found =
    advisories === undefined
      ? ''
      : advisories.length === 0
        ? ', no published vulnerability'
        : paint(`, ${advisories.length} published vulnerabilities`, '1;31');
  return `${packages.length} package${packages.length === 1 ? '' : 's'}${digests}${found} (${checked})`;
}
