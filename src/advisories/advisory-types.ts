// What is known about one vulnerability, and the document that holds all of them. Plain data: the document crosses into networks that have no other way
// to hear of anything.
import type { Severity } from '../core/index.ts';
import type { VersionRange } from './version-range.ts';

/** Packages whose vulnerabilities are kept. */
export const packages = ['tensorflow', 'keras'] as const;
export type PackageName = (typeof packages)[number];

export const advisoryTriggers = ['both', 'untrusted_model', 'untrusted_input', 'api_only', 'local_user'] as const;
export const advisoryConditions = ['eager_only', 'xla_jit', 'gpu_only', 'mkl_onednn_build'] as const;

export interface Advisory {
  readonly id: string;
  readonly cve?: string;
  /** Further ids under which feeds have it, sorted. */
  readonly aliases?: readonly string[];
  readonly severity: Severity;
  /** `2026-11-23`. */
  readonly published?: string;
  /** One line. In our own words, or as a feed has it: then it is safe to show. */
  readonly title: string;
  /** TensorFlow itself does not call it a vulnerability. */
  readonly disputed?: true;
  /** The day on which whoever published it took it back. */
  readonly withdrawn?: string;
  readonly affected: readonly VersionRange[];
  /** What the databases say, where that is something else; empty when they name no version. */
  readonly asPublished?: readonly VersionRange[];
  /**
   * Where `affected` comes from. `none`: which versions are affected is not known. `published`: only what the advisory itself says. `feed`: all of it
   * is as a feed has it, and nobody has looked at which operations reach it. Any other: corrected, and no feed changes it.
   */
  readonly basis: string;
  readonly fixed: readonly string[];
  /** Operations of graphs that reach it. */
  readonly ops?: readonly string[];
  /** `high`: no other operation reaches it. */
  readonly opsConfidence?: 'high' | 'medium' | 'low';
  readonly tfliteOps?: readonly string[];
  readonly component?: string;
  /** Of Keras: what a model file must have. */
  readonly features?: readonly string[];
  readonly formats?: readonly string[];
  readonly impact: readonly string[];
  readonly trigger: (typeof advisoryTriggers)[number];
  readonly conditions?: readonly (typeof advisoryConditions)[number][];
  /** What feeds say about it. Never in a document, which has all records beside its advisories. */
  readonly records?: readonly PublishedRecord[];
}

/** One record of a feed, as much of it as is used. */
export interface PublishedRecord {
  readonly id: string;
  /** Other ids of the same vulnerability, sorted. */
  readonly aliases: readonly string[];
  /** When it was changed last, ISO 8601 in UTC; of two with one id the later counts. Empty where a feed does not say. */
  readonly modified: string;
  readonly published?: string;
  readonly withdrawn?: string;
  /** Absent where the feed does not say. */
  readonly severity?: Severity;
  readonly title: string;
  /** Per package the affected ranges; a package without any is affected in versions that are not known. */
  readonly affected: Readonly<Partial<Record<PackageName, readonly VersionRange[]>>>;
}

/** A library inside TensorFlow's wheel that was updated because of its own vulnerabilities. */
export interface BundledLibrary {
  readonly library: string;
  readonly updatedTo?: string;
  readonly cves: readonly string[];
  /** TensorFlow's releases that have the update first, one for each branch. */
  readonly fixedIn: readonly string[];
}

export interface AdvisoryDocument {
  readonly format: 1;
  /** The day on which everything was read last, by us or from feeds, UTC. */
  readonly read: string;
  /** The day of our own part: the advisories and libraries. */
  readonly curated: string;
  readonly sources: string;
  readonly tensorflow: readonly Advisory[];
  readonly keras: readonly Advisory[];
  readonly libraries: readonly BundledLibrary[];
  /** What feeds say, each id once, sorted by id. What follows from them is made anew each time (derive-advisories.ts). */
  readonly records: readonly PublishedRecord[];
}

/** Which data it is, and how old. */
export interface AdvisoryInfo {
  /** The day on which its sources were read, UTC: `2026-11-23`. */
  readonly read: string;
  /** `built-in`: what this Airlock came with; `update`: with what `airlock advisories update` has put into the store. */
  readonly source: 'built-in' | 'update';
  /** SHA-256, hex. */
  readonly digest: string;
  /** Advisories, of TensorFlow and of Keras. */
  readonly count: number;
}

export interface AdvisoryData extends Pick<AdvisoryDocument, 'tensorflow' | 'keras' | 'libraries'> {
  readonly info: AdvisoryInfo;
}
