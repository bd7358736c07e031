// `airlock advisories list`: which published vulnerabilities there are, or which of them one TensorFlow has: by the corrected ranges, or by what the
// databases say, with the difference and its kinds.
import type { Command } from 'commander';
import {
  type Advisory,
  type AdvisoryData,
  type Anomaly,
  advisoryAge,
  advisoryData,
  anomalyTexts,
  compareVersions,
  openAdvisories,
  type RangeDifference,
  rangeDifference,
} from '../../../advisories/index.ts';
import { AirlockError, printable } from '../../../core/index.ts';
import { openLibraries, releases } from '../../../posture/index.ts';
import type { Io } from '../../io.ts';
import { warnWhenOld, withStore, writeJson } from './shared.ts';

interface ListOptions {
  readonly store: string;
  readonly json?: boolean;
  readonly tensorflow?: string;
  readonly asPublished?: boolean;
}

interface Row {
  readonly advisory: Advisory;
  /** With --as-published: where the published ranges are wrong. */
  readonly difference?: RangeDifference;
}

export function addListCommand(advisories: Command, io: Io): void {
  withStore(advisories.command('list').description('list the advisories of TensorFlow, or those that one version has'))
    .option('--tensorflow <version>', 'only those that this version has, as 2.9.1')
    .option('--as-published', 'judge by the ranges as the databases publish them, and say where those are wrong')
    .addHelpText(
      'after',
      '\nExamples:\n  airlock advisories list --tensorflow 2.12.0\n  airlock advisories list --tensorflow 2.9.1 --as-published --json',
    )
    .action((options: ListOptions) => list(options, io));
}

function list(options: ListOptions, io: Io): void {
  const { store, tensorflow: version } = options;
  if (version !== undefined && compareVersions(version, '0') === undefined)
    throw new AirlockError('USAGE', { message: `${printable(version)} is no version: --tensorflow wants one such as 2.21.0` });
  const data = advisoryData(store);
  const view = options.asPublished === true ? 'published' : 'corrected';
  const judged = version === undefined ? { open: data.tensorflow, unknown: [] } : openAdvisories(version, data.tensorflow, view);
  const versions = releases().map((release) => release.version);
  const rows = judged.open.map((advisory): Row => {
    const difference = options.asPublished === true ? rangeDifference(advisory, versions) : undefined;
    return { advisory, ...(difference === undefined ? {} : { difference }) };
  });
  const summary = options.asPublished === true ? comparison(data, version, versions) : undefined;
  if (options.json === true) writeJson(io, jsonOf(data, options, rows, judged.unknown, summary));
  else io.stdout.write(textOf(data, options, rows, judged.unknown, summary));
  warnWhenOld(data.info, io);
}

/** What the published ranges get wrong: over all releases by kind, and for one version by name. */
interface Comparison {
  readonly anomalies: Readonly<Partial<Record<Anomaly, number>>>;
  readonly differing: number;
  readonly version?: {
    readonly corrected: number;
    readonly published: number;
    /** It has them, and the databases do not say so. */
    readonly missing: readonly string[];
    /** The databases say that it has them, and it has not. */
    readonly extra: readonly string[];
  };
}

function comparison({ tensorflow }: AdvisoryData, version: string | undefined, versions: readonly string[]): Comparison {
  const counts = new Map<Anomaly, number>();
  const differences = tensorflow.flatMap((advisory) => rangeDifference(advisory, versions) ?? []);
  for (const { anomalies } of differences) for (const one of anomalies) counts.set(one, (counts.get(one) ?? 0) + 1);
  const whole = { anomalies: Object.fromEntries(counts), differing: differences.length };
  if (version === undefined) return whole;
  const [corrected, published] = (['corrected', 'published'] as const).map(
    (view) => openAdvisories(version, tensorflow, view).open,
  );
  const without = (these: readonly Advisory[], those: readonly Advisory[]): string[] =>
    these.filter((one) => !those.includes(one)).map(nameOf);
  return {
    ...whole,
    version: {
      corrected: corrected.length,
      published: published.length,
      missing: without(corrected, published),
      extra: without(published, corrected),
    },
  };
}

function nameOf({ id, cve }: Advisory): string {
  return cve ?? id;
}

function jsonOf(
  { info, libraries }: AdvisoryData,
  { tensorflow, asPublished }: ListOptions,
  rows: readonly Row[],
  unknown: readonly Advisory[],
  summary: Comparison | undefined,
): object {
  return {
    advisoryData: { ...info, ...ageOf(info) },
    ...(tensorflow === undefined ? {} : { tensorflow }),
    view: asPublished === true ? 'published' : 'corrected',
    advisories: rows.map(({ advisory: { records: _, ...advisory }, difference }) => ({
      ...advisory,
      ...(difference === undefined ? {} : { difference }),
    })),
    unknown: unknown.map(nameOf),
    libraries: tensorflow === undefined ? libraries : openLibraries(tensorflow, libraries),
    ...(summary === undefined ? {} : { comparison: summary }),
  };
}

function ageOf(info: AdvisoryData['info']): object {
  const { days, isOld } = advisoryAge(info, new Date());
  return { ageDays: days, isOld };
}

function textOf(
  { info, libraries }: AdvisoryData,
  { tensorflow }: ListOptions,
  rows: readonly Row[],
  unknown: readonly Advisory[],
  summary: Comparison | undefined,
): string {
  const lines = rows.map(({ advisory, difference }) => {
    const { severity, title, withdrawn, disputed, basis } = advisory;
    const marks = [withdrawn && `withdrawn on ${withdrawn}`, disputed && 'disputed', basis === 'feed' && 'not studied'].filter(
      Boolean,
    );
    const why = difference?.anomalies.map((one) => anomalyTexts[one]).join('; ');
    return [
      `${nameOf(advisory).padEnd(19)}  ${severity.padEnd(8)}  ${title}${marks.length === 0 ? '' : ` (${marks.join(', ')})`}`,
      ...(why === undefined ? [] : [`${' '.repeat(21)}the published range ${why}`]),
    ].join('\n');
  });
  const whose = tensorflow === undefined ? 'TensorFlow' : `TensorFlow ${tensorflow}`;
  lines.push(
    '',
    `${rows.length} ${rows.length === 1 ? 'advisory' : 'advisories'} of ${whose}${summary === undefined ? '' : ' as published'}.`,
  );
  if (unknown.length > 0) lines.push(`Which versions have them is not known: ${unknown.map(nameOf).join(', ')}.`);
  const old = tensorflow === undefined ? [] : openLibraries(tensorflow, libraries);
  if (old.length > 0) {
    const names = [...new Set(old.map(({ library }) => library))].join(', ');
    lines.push(`Libraries inside it have ${old.flatMap(({ cves }) => cves).length} of their own: ${names}.`);
  }
  if (summary !== undefined) lines.push(...comparisonLines(summary));
  lines.push(advisoryAge(info, new Date()).text);
  return `${lines.join('\n')}\n`;
}

function comparisonLines({ anomalies, differing, version }: Comparison): string[] {
  const kinds = Object.entries(anomalies).map(
    ([kind, count]) => `  ${String(count).padStart(4)}  ${anomalyTexts[kind as Anomaly]}`,
  );
  const lines = [`The published range is wrong for ${differing} advisories:`, ...kinds];
  if (version === undefined) return lines;
  const named = (ids: readonly string[]): string => `${ids.slice(0, 8).join(', ')}${ids.length > 8 ? ', …' : ''}`;
  lines.push(`For this version: ${version.corrected} corrected, ${version.published} as published.`);
  if (version.missing.length > 0)
    lines.push(`  ${version.missing.length} that it has are not published for it: ${named(version.missing)}`);
  if (version.extra.length > 0)
    lines.push(`  ${version.extra.length} are published for it that it has not: ${named(version.extra)}`);
  return lines;
}
