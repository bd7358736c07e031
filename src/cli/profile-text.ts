// What `airlock profile` prints: tables for people, one object for machines. Names come from the model and are made printable here.
import { printable } from '../core/index.ts';
import {
  formatMemory,
  formatUs,
  type LimitedOps,
  limitsAsYaml,
  type OpProfile,
  type OpStats,
  type ProfiledSignature,
} from '../profile/index.ts';

const nameColumn = 52;
const maxNameChars = 200;

export function profileText(signatures: readonly ProfiledSignature[], top: number, limits: LimitedOps): string {
  const yaml = limitsAsYaml(limits);
  const advice =
    yaml === '' ? '' : `Limits that these runs would have kept, with room, for the model in airlock.yaml:\n\n${yaml}`;
  return `${signatures.map((signature) => signatureText(signature, top)).join('\n')}\n${advice}`;
}

function signatureText({ name, profile }: ProfiledSignature, top: number): string {
  const { runs, totalUs, peakBytes } = profile;
  const mean = formatUs(totalUs / Math.max(1, runs));
  const head = `${printable(name, maxNameChars)}: ${runs} traced runs, ${mean} each, at most ${formatMemory(peakBytes)} at one time`;
  return [head, '', ...table('operation', profile.ops, runs, top), '', ...table('node', profile.nodes, runs, top), ''].join('\n');
}

function table(what: string, all: ReadonlyMap<string, OpStats>, runs: number, top: number): string[] {
  let allUs = 0;
  for (const { totalUs } of all.values()) allUs += totalUs;
  const row = (name: string, ...cells: readonly string[]): string =>
    `  ${shortened(name)}${cells.map((cell) => cell.padStart(10)).join('')}`;
  const rows = [...all]
    .sort(([, a], [, b]) => b.totalUs - a.totalUs)
    .slice(0, top)
    .map(([name, { times, totalUs, maxUs, peakBytes }]) => {
      const share = allUs > 0 ? `${((totalUs / allUs) * 100).toFixed(1)} %` : '';
      const label = name === '' ? 'others' : printable(name, maxNameChars);
      const each = Math.max(1, runs);
      return row(label, share, formatUs(totalUs / each), formatUs(maxUs), (times / each).toFixed(1), formatMemory(peakBytes));
    });
  return [row(what, 'share', 'per run', 'longest', 'times', 'memory'), ...rows];
}

/** The end of a name says more than its beginning. */
function shortened(name: string): string {
  return (name.length <= nameColumn ? name : `…${name.slice(name.length - nameColumn + 1)}`).padEnd(nameColumn);
}

function statsJson(all: ReadonlyMap<string, OpStats>): readonly object[] {
  return [...all]
    .sort(([, a], [, b]) => b.totalUs - a.totalUs)
    .map(([name, { op, runs, times, totalUs, maxUs, peakBytes, timeUs }]) => ({
      name,
      op,
      runs,
      times,
      totalUs,
      maxUs,
      p50Us: timeUs.quantile(0.5),
      p99Us: timeUs.quantile(0.99),
      peakBytes,
    }));
}

export function profileJson(signatures: readonly ProfiledSignature[], limits: LimitedOps): object {
  const json = (profile: OpProfile): object => ({
    runs: profile.runs,
    totalUs: profile.totalUs,
    peakBytes: profile.peakBytes,
    ops: statsJson(profile.ops),
    nodes: statsJson(profile.nodes),
  });
  return { signatures: signatures.map(({ name, profile }) => ({ name, ...json(profile) })), limits };
}
