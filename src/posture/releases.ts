// When releases came out: those of TensorFlow and Keras on the package index, and the lines of Node.js. Data that is part of the package, and the one
// place that adds what an index says now. Reaches no network.
import { readFileSync } from 'node:fs';
import { compareVersions } from '../advisories/index.ts';

/** One release, final or candidate. */
export interface Release {
  /** `2.21.0`, `2.22.0rc0`. */
  readonly version: string;
  /** The day of its upload, `YYYY-MM-DD` in UTC. */
  readonly published: string;
  /** Withdrawn by its publisher: never something to change to. */
  readonly yanked?: true;
}

interface ReleaseFile {
  readonly read: string;
  readonly packages: Readonly<Record<'tensorflow' | 'keras', readonly Release[]>>;
}

/** A line of Node.js, by the schedule of its Release working group. */
export interface NodeLine {
  /** Major version. */
  readonly line: number;
  /** Day of its first release. */
  readonly start: string;
  /** Since when it has long-term support; odd lines never had it. */
  readonly lts?: string;
  /** From this day on it gets no fixes. */
  readonly end: string;
}

interface NodeFile {
  readonly read: string;
  readonly lines: readonly NodeLine[];
}

let known: { readonly releases: ReleaseFile; readonly node: NodeFile } | undefined;

function files(): { readonly releases: ReleaseFile; readonly node: NodeFile } {
  known ??= { releases: readData<ReleaseFile>('tensorflow-releases.json'), node: readData<NodeFile>('node-releases.json') };
  return known;
}

function readData<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../data/${name}`, import.meta.url), 'utf8')) as T;
}

/** Releases that the package's own data knows, candidates among them, oldest version first. Default TensorFlow's. */
export function releases(name: 'tensorflow' | 'keras' = 'tensorflow'): readonly Release[] {
  return sorted(files().releases.packages[name]);
}

/** The day on which that data was read. */
export function releasesRead(): string {
  return files().releases.read;
}

/** Lines of Node.js, and the day on which their dates were read. */
export function nodeReleases(): NodeFile {
  return files().node;
}

/** True for `2.21.0`, false for `2.22.0rc0` and for what is no version. */
export function isFinal(version: string): boolean {
  return /^\d{1,6}\.\d{1,6}(?:\.\d{1,6})?$/.test(version);
}

/** What an index says of one release; dates may be absent (PEP 700 added them to PEP 691). */
export interface IndexRelease {
  readonly version: string;
  /** An ISO 8601 time or day. */
  readonly published?: string | undefined;
  /** Why it was withdrawn, or true where no reason is given (PEP 592). */
  readonly yanked?: string | true | undefined;
}

/**
 * The releases of an index, with the days of our data where it names none. What the index has no more stays known: an installed release does not lose
 * its age because it was deleted. A release without any day is left out, because no deadline could be worked out from it.
 */
export function withIndex(own: readonly Release[], index: readonly IndexRelease[]): readonly Release[] {
  const byVersion = new Map(own.map((release) => [release.version, release]));
  for (const { version, published, yanked } of index) {
    if (compareVersions(version, version) === undefined) continue;
    const day = byVersion.get(version)?.published ?? dayOf(published);
    if (day === undefined) continue;
    byVersion.set(version, { version, published: day, ...(yanked === undefined ? {} : { yanked: true }) });
  }
  return sorted([...byVersion.values()]);
}

function dayOf(text: string | undefined): string | undefined {
  if (text === undefined || !/^\d{4}-\d{2}-\d{2}(?:T|$)/.test(text)) return undefined;
  const timeMs = Date.parse(text);
  return Number.isNaN(timeMs) ? undefined : new Date(timeMs).toISOString().slice(0, 10);
}

/** What is ordered by nobody (alphas and betas of the first years) is nothing that anybody installs. */
function sorted(list: readonly Release[]): readonly Release[] {
  return list
    .filter(({ version }) => compareVersions(version, version) !== undefined)
    .sort((a, b) => compareVersions(a.version, b.version) ?? 0);
}
