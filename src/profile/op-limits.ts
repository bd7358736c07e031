// Limits of operations and nodes: which of them a traced run went beyond, and which ones many runs suggest. Knows neither requests nor workers.
import type { OpLimits } from '../config/index.ts';
import { printable, printableJson } from '../core/index.ts';
import { type OpProfile, type OpStats, type RunSums, sumsOf } from './op-profile.ts';
import type { RunProfile } from './run-profile.ts';

const bytesPerMiB = 1024 * 1024;

export interface LimitedOps {
  readonly ops: Readonly<Record<string, OpLimits>>;
  readonly nodes: Readonly<Record<string, OpLimits>>;
}

/** Something that took more than it may. */
export interface OverLimit {
  readonly kind: 'op' | 'node';
  /** As the configuration names it. */
  readonly name: string;
  readonly what: 'milliseconds' | 'MiB';
  readonly allowed: number;
  readonly taken: number;
}

/** True when there is anything to be compared. */
export function limitsAnything({ ops, nodes }: LimitedOps): boolean {
  return Object.keys(ops).length > 0 || Object.keys(nodes).length > 0;
}

/** What in one traced run went beyond its limit; the worst, as a multiple of what is allowed, first. */
export function opsOverLimit(profile: RunProfile, limits: LimitedOps): readonly OverLimit[] {
  const sums = sumsOf(profile);
  return [...exceeding('op', sums.ops, limits.ops), ...exceeding('node', sums.nodes, limits.nodes)].sort(
    (a, b) => b.taken / b.allowed - a.taken / a.allowed,
  );
}

function exceeding(
  kind: OverLimit['kind'],
  sums: ReadonlyMap<string, RunSums>,
  limits: Readonly<Record<string, OpLimits>>,
): OverLimit[] {
  const found: OverLimit[] = [];
  for (const [name, { maxMs, maxMiB }] of Object.entries(limits)) {
    const sum = sums.get(name);
    if (sum === undefined) continue;
    if (maxMs !== undefined && sum.us > maxMs * 1000)
      found.push({ kind, name, what: 'milliseconds', allowed: maxMs, taken: sum.us / 1000 });
    if (maxMiB !== undefined && sum.peakBytes > maxMiB * bytesPerMiB)
      found.push({ kind, name, what: 'MiB', allowed: maxMiB, taken: sum.peakBytes / bytesPerMiB });
  }
  return found;
}

/** For a log: what went beyond its limit, the worst first; names are made printable. */
export function overLimitText(found: readonly OverLimit[]): string {
  const texts = found.slice(0, maxNamed).map(({ kind, name, what, allowed, taken }) => {
    const subject = kind === 'op' ? printable(name) : `node ${printable(name, 256)}`;
    return `${subject} took ${taken.toFixed(taken < 10 ? 1 : 0)} ${what}, allowed ${allowed}`;
  });
  const left = found.length - texts.length;
  return `${texts.join('; ')}${left > 0 ? `; and ${left} more` : ''}`;
}

const maxNamed = 5;

export interface SuggestOptions {
  /** Of the runs that were seen, so many stay below the limit, before it is multiplied. Default 0.999. */
  readonly quantile?: number;
  /** Room above that: another machine, a cold cache, a neighbour. Default 3. */
  readonly factor?: number;
  /** Types and nodes that take less than this share of the time and of the memory get no limit of their own: there would be nothing to gain. Default 0.02. */
  readonly minShare?: number;
}

/** Limits that the runs of a profile would have kept, with room. The fewer runs, the less they say: a maximum that was never seen cannot be learned. */
export function suggestLimits(profile: OpProfile, options: SuggestOptions = {}): LimitedOps {
  const { quantile = 0.999, factor = 3, minShare = 0.02 } = options;
  const suggest = (all: ReadonlyMap<string, OpStats>): Record<string, OpLimits> => {
    let allUs = 0;
    for (const { totalUs } of all.values()) allUs += totalUs;
    const limits: [string, OpLimits][] = [];
    for (const [name, { op, totalUs, timeUs, bytes, peakBytes }] of all) {
      // The executor's own nodes, and what was not told apart.
      if (name === '' || op === '' || op.startsWith('_')) continue;
      const isLong = totalUs >= minShare * allUs && totalUs > 0;
      const isLarge = peakBytes >= minShare * profile.peakBytes && peakBytes > 0;
      if (!isLong && !isLarge) continue;
      const maxMs = Math.ceil((timeUs.quantile(quantile) * factor) / 1000);
      const maxMiB = Math.ceil((bytes.quantile(quantile) * factor) / bytesPerMiB);
      limits.push([name, { ...(isLong && { maxMs: Math.max(1, maxMs) }), ...(isLarge && { maxMiB: Math.max(1, maxMiB) }) }]);
    }
    return Object.fromEntries(limits);
  };
  return { ops: suggest(profile.ops), nodes: suggest(profile.nodes) };
}

/** As lines of airlock.yaml, for the place below `models[].limits`. Names are quoted as JSON strings, which YAML reads: a model chose them. */
export function limitsAsYaml({ ops, nodes }: LimitedOps): string {
  const section = (title: string, limits: Readonly<Record<string, OpLimits>>): string[] => {
    const entries = Object.entries(limits);
    if (entries.length === 0) return [];
    return [
      `  ${title}:`,
      ...entries.map(([name, { maxMs, maxMiB }]) => {
        const fields = [
          ...(maxMs === undefined ? [] : [`maxMs: ${maxMs}`]),
          ...(maxMiB === undefined ? [] : [`maxMiB: ${maxMiB}`]),
        ];
        return `    ${printableJson(JSON.stringify(name))}: { ${fields.join(', ')} }`;
      }),
    ];
  };
  const lines = [...section('ops', ops), ...section('nodes', nodes)];
  return lines.length === 0 ? '' : `limits:\n${lines.join('\n')}\n`;
}
