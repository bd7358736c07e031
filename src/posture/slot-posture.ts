// How one installed TensorFlow stands: its age, whether it still gets fixes, what is open in it and until when, and what to change to. Pure: the same facts
// and the same moment give the same answer.
import { type Advisory, type AdvisoryData, compareVersions, isAffected } from '../advisories/index.ts';
import type { PatchWithin } from '../config/index.ts';
import { compareSeverity, severities } from '../core/index.ts';
import { ageDays } from './days.ts';
import { type Deadline, deadlineOf, fixFor, isUsable } from './deadline.ts';
import { type LibraryFix, openLibraries } from './open-libraries.ts';
import type { OpenAdvisory, Reach, SeverityCounts, SlotPosture, Updates } from './posture-types.ts';
import { reaches } from './posture-types.ts';
import type { Reached } from './reach.ts';
import type { Release } from './releases.ts';
import { supportState } from './support-state.ts';

/** An installed TensorFlow. */
export interface PostureSlot {
  readonly version: string;
  readonly arch: string;
  /** False for what would serve and is not there. */
  readonly isInstalled: boolean;
  readonly isServing: boolean;
}

export interface SlotFacts {
  readonly data: AdvisoryData;
  /** Sorted by version. */
  readonly releases: readonly Release[];
  readonly libraries: readonly LibraryFix[];
  /** By advisory, what all that is served can reach; those that are missing are no vulnerabilities any more. */
  readonly reached: ReadonlyMap<string, Reached>;
  readonly patchWithin: PatchWithin;
  /** By advisory, the day on which the data of this store first named it, where it did not from the beginning. */
  readonly knownSince: ReadonlyMap<string, string>;
  readonly nowMs: number;
}

export function slotPosture({ version, arch, isInstalled, isServing }: PostureSlot, facts: SlotFacts): SlotPosture {
  const { data, releases, reached, nowMs } = facts;
  const advisories = data.tensorflow
    .filter((advisory) => isOpen(version, advisory))
    .flatMap((advisory) => {
      const one = reached.get(advisory.id);
      return one === undefined ? [] : [openAdvisory(version, advisory, one, facts)];
    })
    .sort(mostUrgentFirst);
  const release = releases.find((one) => compareVersions(one.version, version) === 0);
  const age = release && ageDays(release.published, nowMs);
  // Sorted by urgency: the first one that has a deadline has the nearest.
  const first = advisories.find(({ deadline }) => deadline !== undefined);
  return {
    version,
    arch,
    isInstalled,
    isServing,
    ...(release === undefined ? {} : { published: release.published }),
    ...(age === undefined ? {} : { ageDays: age }),
    isYanked: release?.yanked === true,
    support: supportState(version, releases),
    advisories,
    counts: countsOf(advisories),
    libraries: openLibraries(version, facts.libraries),
    ...(first?.deadline === undefined ? {} : { deadline: first.deadline, daysLeft: first.daysLeft }),
    isOverdue: advisories.some((one) => one.isOverdue),
    updates: updatesFor(version, advisories, facts),
  };
}

function openAdvisory(
  version: string,
  advisory: Advisory,
  { verdict, reach, why, models }: Reached,
  facts: SlotFacts,
): OpenAdvisory {
  const { id, cve, title, severity, published, disputed } = advisory;
  const fix = fixFor(version, advisory, facts.releases);
  // What cannot be reached has no deadline: the statement that says so is VEX, and it is counted all the same.
  const deadline =
    reach === 'unreachable'
      ? undefined
      : deadlineOf({ severity, published, fix, knownSince: facts.knownSince.get(id) }, facts.patchWithin, facts.nowMs);
  return {
    id,
    ...(cve === undefined ? {} : { cve }),
    title,
    severity,
    ...(disputed === undefined ? {} : { disputed }),
    ...(published === undefined ? {} : { published }),
    reach,
    why,
    ...(verdict.justification === undefined || reach !== 'unreachable' ? {} : { justification: verdict.justification }),
    models,
    ...(fix === undefined ? {} : { fix: fix.version }),
    ...deadlineFields(deadline),
  };
}

function deadlineFields(
  deadline: Deadline | undefined,
): Pick<OpenAdvisory, 'countsFrom' | 'deadline' | 'daysLeft' | 'isOverdue'> {
  if (deadline === undefined) return { isOverdue: false };
  const { countsFrom, untilMs, daysLeft, isOverdue } = deadline;
  return { countsFrom, deadline: new Date(untilMs).toISOString(), daysLeft, isOverdue };
}

function mostUrgentFirst(a: OpenAdvisory, b: OpenAdvisory): number {
  const [left, right] = [a.deadline ?? '~', b.deadline ?? '~'];
  if (left !== right) return left < right ? -1 : 1;
  const reach = reaches.indexOf(a.reach) - reaches.indexOf(b.reach);
  if (reach !== 0) return reach;
  const severity = compareSeverity(b.severity, a.severity);
  if (severity !== 0) return severity;
  return a.id < b.id ? -1 : Number(a.id > b.id);
}

function countsOf(advisories: readonly OpenAdvisory[]): Readonly<Record<Reach, SeverityCounts>> {
  const of = (reach: Reach): SeverityCounts => {
    const counts = { info: 0, low: 0, medium: 0, high: 0, critical: 0 };
    for (const one of advisories) if (one.reach === reach) counts[one.severity] += 1;
    return counts;
  };
  return { reachable: of('reachable'), undecided: of('undecided'), unreachable: of('unreachable') };
}

/**
 * Until when an advisory may stay in a version whose models reach it, in milliseconds since 1970; undefined where it is not one of that version, or nothing
 * runs out.
 */
export function patchDeadline(
  version: string,
  id: string,
  { data, releases, knownSince, patchWithin, nowMs }: Omit<SlotFacts, 'reached' | 'libraries'>,
): number | undefined {
  const advisory = data.tensorflow.find((one) => one.id === id && isOpen(version, one));
  if (advisory === undefined) return undefined;
  const { severity, published } = advisory;
  const fix = fixFor(version, advisory, releases);
  return deadlineOf({ severity, published, fix, knownSince: knownSince.get(id) }, patchWithin, nowMs)?.untilMs;
}

/** All of them together. */
export function sumOf(counts: SeverityCounts): number {
  return severities.reduce((sum, severity) => sum + counts[severity], 0);
}

function updatesFor(version: string, advisories: readonly OpenAdvisory[], facts: SlotFacts): Updates {
  const newer = facts.releases.filter((release) => isUsable(release, version)).map((release) => release.version);
  const newest = newer.at(-1);
  const mustGo = advisories.some(({ reach, fix }) => reach !== 'unreachable' && fix !== undefined);
  const smallest = mustGo ? newer.find((candidate) => !hasFixable(candidate, facts)) : undefined;
  return {
    ...(smallest === undefined ? {} : { smallest }),
    ...(newest === undefined ? {} : { newest }),
    count: newer.length,
  };
}

/** Whether something is open in a version that has a fix in a later one, and that a model reaches or may reach. */
function hasFixable(version: string, { data, reached, releases }: SlotFacts): boolean {
  return data.tensorflow.some((advisory) => {
    const reach = reached.get(advisory.id)?.reach ?? 'unreachable';
    return reach !== 'unreachable' && isOpen(version, advisory) && fixFor(version, advisory, releases) !== undefined;
  });
}

/** One of which nobody knows the versions is open in all. */
function isOpen(version: string, { basis, affected }: Advisory): boolean {
  return basis === 'none' || isAffected(version, affected);
}
