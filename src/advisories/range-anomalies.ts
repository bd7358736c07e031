// How published ranges differ from the corrected ones, over real releases, and in which way. Each kind misleads whoever believes a scanner: some say that a
// vulnerable TensorFlow is safe, some raise an alarm about one that is fixed.
import type { Advisory } from './advisory-types.ts';
import { compareVersions, isAffected, type VersionRange } from './version-range.ts';

export const anomalyTexts = {
  'names-affected-as-fixed': 'names a release as fixed that still has the fault',
  'leaves-out-affected': 'leaves out releases that have the fault',
  'flags-before-fault': 'flags releases from before the fault came in',
  'flags-fixed': 'flags releases that have the fix',
  'flags-candidates': 'flags release candidates that have the fix',
  'names-no-version': 'names no version at all',
} as const;
export type Anomaly = keyof typeof anomalyTexts;

export interface RangeDifference {
  readonly anomalies: readonly Anomaly[];
  /** Releases that have the fault and are not published as having it, oldest first. */
  readonly missing: readonly string[];
  /** Releases that are published as having the fault and do not have it. */
  readonly extra: readonly string[];
}

/** @param releases All that exist, oldest first. Undefined when no release is judged differently. */
export function rangeDifference({ affected, asPublished }: Advisory, releases: readonly string[]): RangeDifference | undefined {
  if (asPublished === undefined) return undefined;
  const missing = releases.filter((one) => isAffected(one, affected) && !isAffected(one, asPublished));
  const extra = releases.filter((one) => !isAffected(one, affected) && isAffected(one, asPublished));
  if (missing.length + extra.length === 0) return undefined;
  const found = new Set<Anomaly>();
  if (asPublished.length === 0) found.add('names-no-version');
  else
    for (const version of missing)
      found.add(isAfterFalseFix(version, affected, asPublished) ? 'names-affected-as-fixed' : 'leaves-out-affected');
  const late = extra.filter((version) => affected.some(({ introduced }) => isAtLeast(version, introduced)));
  if (late.length < extra.length) found.add('flags-before-fault');
  if (late.length > 0) found.add(late.every((version) => version.includes('rc')) ? 'flags-candidates' : 'flags-fixed');
  return { anomalies: [...found].sort(), missing, extra };
}

/** Whether the last fix that is published before a version is none. */
function isAfterFalseFix(version: string, affected: readonly VersionRange[], asPublished: readonly VersionRange[]): boolean {
  const [last] = asPublished
    .flatMap(({ fixed }) => fixed ?? [])
    .filter((fix) => isAtLeast(version, fix))
    .sort((a, b) => compareVersions(b, a) ?? 0);
  return last !== undefined && isAffected(last, affected);
}

function isAtLeast(version: string, bound: string): boolean {
  return (compareVersions(version, bound) ?? 0) >= 0;
}
