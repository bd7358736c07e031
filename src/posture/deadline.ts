// Until when a vulnerability may stay: the period that the policy grants for its severity, counted from the day on which somebody here could first do
// something about it. All three have to be true by then: it was published, a release had the fix, and the data of this store named it.
import { type Advisory, compareVersions, isAffected } from '../advisories/index.ts';
import type { PatchWithin } from '../config/index.ts';
import type { Severity } from '../core/index.ts';
import { dayMs, endOfDayMs, latestDay } from './days.ts';
import { isFinal, type Release } from './releases.ts';

export interface Deadline {
  /** The day from which the period counts. */
  readonly countsFrom: string;
  /** The first millisecond at which it is too late. */
  readonly untilMs: number;
  /** Whole days until then, rounded down: 0 on the last day, below 0 once it has passed. */
  readonly daysLeft: number;
  readonly isOverdue: boolean;
}

export interface Fix {
  /** The lowest release with the fix. */
  readonly version: string;
  /** The day on which the first release with it came out; undefined where the table of releases has none of them. */
  readonly released?: string;
}

/**
 * How to get rid of an advisory from `version`: by a newer final release that nobody withdrew. A fix that the advisory names and the table of releases does
 * not have yet is believed: advisories come out with or after their release, and a table that lags must not move a deadline away.
 */
export function fixFor(version: string, advisory: Advisory, releases: readonly Release[]): Fix | undefined {
  if (advisory.basis === 'none' || advisory.affected.length === 0) return undefined;
  const newer = releases.filter((release) => isUsable(release, version) && !isAffected(release.version, advisory.affected));
  const [lowest] = newer;
  if (lowest !== undefined) return { version: lowest.version, released: newer.map(({ published }) => published).sort()[0] };
  const named = namedFixes(advisory).find(
    (fixed) =>
      (compareVersions(fixed, version) ?? -1) > 0 && !releases.some((release) => compareVersions(release.version, fixed) === 0),
  );
  return named === undefined ? undefined : { version: named };
}

function namedFixes({ fixed, affected }: Advisory): readonly string[] {
  const named = [...fixed, ...affected.flatMap((range) => (range.fixed === undefined ? [] : [range.fixed]))];
  return named.filter(isFinal).sort((a, b) => compareVersions(a, b) ?? 0);
}

/** A final release that is newer and was not withdrawn. */
export function isUsable(release: Release, version: string): boolean {
  return isFinal(release.version) && release.yanked === undefined && (compareVersions(release.version, version) ?? -1) > 0;
}

export interface DeadlineOf {
  readonly severity: Severity;
  /** `YYYY-MM-DD`. */
  readonly published: string | undefined;
  /** Undefined where there is none. */
  readonly fix: Fix | undefined;
  /** The day on which the data of this store first named it; undefined where it always did. */
  readonly knownSince: string | undefined;
}

/** Undefined where there is no fix, no day to count from, or no period for the severity: it is listed then, and nothing runs out. */
export function deadlineOf(of: DeadlineOf, patchWithin: PatchWithin, nowMs: number): Deadline | undefined {
  const withinMs = periodOf(of.severity, patchWithin);
  if (of.fix === undefined || withinMs === undefined) return undefined;
  const countsFrom = latestDay([of.published, of.fix.released, of.knownSince]);
  const fromMs = countsFrom === undefined ? undefined : endOfDayMs(countsFrom);
  if (countsFrom === undefined || fromMs === undefined) return undefined;
  const untilMs = fromMs + withinMs;
  return { countsFrom, untilMs, daysLeft: Math.floor((untilMs - nowMs) / dayMs), isOverdue: nowMs >= untilMs };
}

function periodOf(severity: Severity, { critical, high, medium, low }: PatchWithin): number | undefined {
  return { critical, high, medium, low, info: undefined }[severity];
}
