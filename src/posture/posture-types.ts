// What is known about each installed TensorFlow at one moment: plain data, the same for the command, the metrics and the status.
import type { AdvisoryInfo } from '../advisories/index.ts';
import type { Severity } from '../core/index.ts';
import type { AdvisoryVerdict, Use } from '../scan/index.ts';

/** Whether what is served can reach a fault: it does, nobody knows, or there is a reason why it cannot. */
export const reaches = ['reachable', 'undecided', 'unreachable'] as const;
export type Reach = (typeof reaches)[number];

/** One version of a model that is served, and what a scan found it uses. */
export interface PostureModel {
  readonly name: string;
  readonly version: string;
  /** Undefined where no scan says it: everything that some model could reach counts as undecided then. */
  readonly uses?: readonly Use[] | undefined;
}

/** One published vulnerability of one installed version. */
export interface OpenAdvisory {
  readonly id: string;
  readonly cve?: string;
  /** One line. */
  readonly title: string;
  /** TensorFlow itself does not call it a vulnerability. */
  readonly disputed?: true;
  readonly severity: Severity;
  /** `YYYY-MM-DD`. */
  readonly published?: string;
  readonly reach: Reach;
  /** Why, in one sentence. */
  readonly why: string;
  /** VEX; of those that cannot be reached. */
  readonly justification?: AdvisoryVerdict['justification'];
  /** Models that reach it, or of which nobody knows: `digits 1`. */
  readonly models: readonly string[];
  /** The lowest release that has the fix and is newer than this one; undefined where none is known. */
  readonly fix?: string;
  /** The day from which the period of `patchWithin` counts; undefined where there is no deadline. */
  readonly countsFrom?: string;
  /** The first moment at which it is too late, ISO 8601 in UTC. Absent for what cannot be reached, has no fix, or has no period. */
  readonly deadline?: string;
  /** Whole days until then; below 0 once it has passed. */
  readonly daysLeft?: number;
  readonly isOverdue: boolean;
}

/**
 * `newest` and `previous` minor get fixes with the next patch release; anything older is `unsupported`. `unknown`: a version that the table of releases does
 * not have.
 */
export interface SupportState {
  readonly state: 'newest' | 'previous' | 'unsupported' | 'unknown';
  /** Of `unsupported`: the day on which the second newer minor came out. */
  readonly since?: string;
  /** A newer patch of the same minor. */
  readonly newerPatch?: string;
}

/** A library inside the wheel whose published vulnerabilities a later release fixed. Whether a model reaches them is not known. */
export interface OpenLibrary {
  readonly library: string;
  readonly cves: readonly string[];
  /** Releases that have the fix, one of each branch. */
  readonly fixedIn: readonly string[];
}

/** Newer final releases that nobody withdrew. */
export interface Updates {
  /** The lowest one in which nothing is open that has a fix and that a model reaches or may reach. Absent when this version is such a one itself. */
  readonly smallest?: string;
  readonly newest?: string;
  /** How many there are. */
  readonly count: number;
}

export type SeverityCounts = Readonly<Record<Severity, number>>;

/** How one installed TensorFlow stands. */
export interface SlotPosture {
  readonly version: string;
  readonly arch: string;
  /** False for what would serve and is not there. */
  readonly isInstalled: boolean;
  /** Whether it answers requests now, or would after a start. */
  readonly isServing: boolean;
  /** `YYYY-MM-DD`; undefined for a version that the table of releases does not have. */
  readonly published?: string;
  readonly ageDays?: number;
  /** Its publisher has withdrawn it. */
  readonly isYanked: boolean;
  readonly support: SupportState;
  /** What is overdue first, then by deadline. */
  readonly advisories: readonly OpenAdvisory[];
  readonly counts: Readonly<Record<Reach, SeverityCounts>>;
  readonly libraries: readonly OpenLibrary[];
  /** The nearest deadline. */
  readonly deadline?: string;
  /** Whole days until then; below 0 once it has passed. */
  readonly daysLeft?: number;
  readonly isOverdue: boolean;
  readonly updates: Updates;
}

/** How old the data is that all of this was worked out from. */
export interface DataAge extends AdvisoryInfo {
  readonly ageDays: number;
  /** Older than `maxAdvisoryAgeMs`, or from a day that is still to come. */
  readonly isOld: boolean;
}

export interface Posture {
  /** ISO 8601. */
  readonly madeAt: string;
  readonly advisoryData: DataAge;
  /** Where the table of releases comes from, and of which day it is. */
  readonly releaseData: { readonly source: 'data file' | 'package index'; readonly read: string };
  readonly models: readonly { readonly name: string; readonly version: string; readonly isScanned: boolean }[];
  /** Those that serve first, then newest first. */
  readonly slots: readonly SlotPosture[];
}
