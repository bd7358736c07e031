// `airlock advisories show`: all that is known about one vulnerability: where it is, what reaches it, which releases have it, and what feeds say.
import type { Command } from 'commander';
import { type Advisory, advisoryData, anomalyTexts, idsOf, rangeDifference } from '../../../advisories/index.ts';
import { AirlockError, printable } from '../../../core/index.ts';
import { releases } from '../../../posture/index.ts';
import type { Io } from '../../io.ts';
import { rangesText, warnWhenOld, withStore, writeJson } from './shared.ts';

interface ShowOptions {
  readonly store: string;
  readonly json?: boolean;
}

export function addShowCommand(advisories: Command, io: Io): void {
  withStore(advisories.command('show').description('show one advisory').argument('<id>', 'CVE, GHSA or PYSEC id'))
    .addHelpText('after', '\nExample:\n  airlock advisories show CVE-2022-35971')
    .action((id: string, options: ShowOptions) => show(id, options, io));
}

function show(id: string, { store, json }: ShowOptions, io: Io): void {
  const data = advisoryData(store);
  const wanted = id.toUpperCase();
  const found = (['tensorflow', 'keras'] as const).flatMap((name) =>
    data[name]
      .filter((one) => idsOf(one).some((known) => known.toUpperCase() === wanted))
      .map((advisory) => ({ name, advisory })),
  );
  if (found.length === 0) throw new AirlockError('USAGE', { message: `No advisory is known as ${printable(id)}` });
  const versions = releases().map(({ version }) => version);
  const shown = found.map(({ name, advisory }) => {
    const difference = name === 'tensorflow' ? rangeDifference(advisory, versions) : undefined;
    return { package: name, ...advisory, ...(difference === undefined ? {} : { difference }) };
  });
  if (json === true) writeJson(io, { advisoryData: data.info, advisories: shown });
  else io.stdout.write(shown.map(textOf).join('\n'));
  warnWhenOld(data.info, io);
}

function textOf(
  advisory: Advisory & { readonly package: string; readonly difference?: ReturnType<typeof rangeDifference> },
): string {
  const { difference, asPublished, records = [], ops = [], tfliteOps = [], features = [], conditions = [], impact } = advisory;
  const list = (values: readonly string[]): string =>
    `${values.slice(0, 12).join(', ')}${values.length > 12 ? `, … (${values.length})` : ''}`;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['ids', idsOf(advisory).join(', ')],
    ['package', advisory.package],
    ['severity', advisory.severity],
    ['published', advisory.published],
    ['withdrawn', advisory.withdrawn],
    ['disputed', advisory.disputed === true ? 'TensorFlow does not call it a vulnerability' : undefined],
    ['affected', advisory.basis === 'none' ? 'not known' : `${rangesText(advisory.affected)}  (${advisory.basis})`],
    ['as published', asPublished === undefined ? undefined : rangesText(asPublished)],
    ['', difference === undefined ? undefined : difference.anomalies.map((one) => anomalyTexts[one]).join('; ')],
    ['', difference === undefined || difference.missing.length === 0 ? undefined : `not published: ${list(difference.missing)}`],
    ['', difference === undefined || difference.extra.length === 0 ? undefined : `published in vain: ${list(difference.extra)}`],
    ['fixed in', advisory.fixed.length === 0 ? undefined : advisory.fixed.join(', ')],
    ['operations', ops.length + tfliteOps.length === 0 ? undefined : list([...ops, ...tfliteOps])],
    ['features', features.length === 0 ? undefined : list(features)],
    ['part', advisory.component?.replaceAll('_', ' ')],
    ['impact', impact.length === 0 ? undefined : impact.map((word) => word.replaceAll('_', ' ')).join(', ')],
    ['trigger', advisory.trigger.replaceAll('_', ' ')],
    ['only with', conditions.length === 0 ? undefined : conditions.map((one) => one.replaceAll('_', ' ')).join(', ')],
    [
      'records',
      records.length === 0
        ? undefined
        : records.map(({ id, modified }) => `${id}${modified === '' ? '' : ` of ${modified.slice(0, 10)}`}`).join(', '),
    ],
  ];
  const lines = rows
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([label, value]) => `  ${label.padEnd(13)}${value}`);
  return `${advisory.title}\n${lines.join('\n')}\n`;
}
