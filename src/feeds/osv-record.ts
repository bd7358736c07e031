// One record in the OSV format, from whoever sent it, to what of it is used. What does not fit is refused and never repaired: a record that says less than
// it says would be an advisory that is missing. Text becomes one line that is safe to show.
import { z } from 'zod';
import {
  compareVersions,
  idPattern,
  isAffected,
  maxTitleChars,
  type PackageName,
  type PublishedRecord,
  type RangeEvent,
  rangesOfEvents,
  type VersionRange,
} from '../advisories/index.ts';
import { printable, type Severity } from '../core/index.ts';
import { cvss3Score, severityOfScore } from './cvss.ts';

const ecosystem = 'PyPI';
/** The same code under the names of its builds; the first that a record has is the one that counts. */
const namesOf: Readonly<Record<PackageName, readonly string[]>> = {
  tensorflow: ['tensorflow', 'tensorflow-cpu', 'tensorflow-gpu'],
  keras: ['keras'],
};
/** What is asked for. */
export const osvPackages: readonly string[] = Object.values(namesOf).flat();

const maxVersions = 1000;
/** Of one package in one record; a document of ours holds no more. */
const maxRanges = 1000;
const id = z.string().regex(idPattern);
const text = z.string().max(60);

const event = z.union([
  z.looseObject({ introduced: text }),
  z.looseObject({ fixed: text }),
  z.looseObject({ last_affected: text }),
  // A limit says how far a range was looked at; it ends none.
  z.looseObject({ limit: text }),
]);

const affected = z.looseObject({
  package: z.looseObject({ ecosystem: z.string().max(100), name: z.string().max(200) }).optional(),
  ranges: z
    .array(z.looseObject({ type: z.string().max(20), events: z.array(z.unknown()).max(1000) }))
    .max(200)
    .nullish(),
  versions: z.array(text).max(maxVersions).nullish(),
});

const record = z.looseObject({
  id,
  modified: z.iso.datetime({ offset: true }),
  published: z.iso.datetime({ offset: true }).nullish(),
  withdrawn: z.iso.datetime({ offset: true }).nullish(),
  aliases: z.array(z.string().max(60)).max(64).nullish(),
  summary: z.string().max(2000).nullish(),
  details: z.string().max(1_000_000).nullish(),
  severity: z
    .array(z.looseObject({ type: z.string().max(40), score: z.string().max(300) }))
    .max(20)
    .nullish(),
  affected: z.array(affected).max(2000).nullish(),
  database_specific: z.looseObject({ severity: z.string().max(40).nullish() }).nullish(),
});

type OsvRecord = z.infer<typeof record>;

/** Undefined for a record about other packages; a string says why it is none that can be used. */
export function readOsvRecord(value: unknown): PublishedRecord | string | undefined {
  const parsed = record.safeParse(value);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    return printable(`${path.join('.')}: ${message}`, 200);
  }
  const found: Partial<Record<PackageName, readonly VersionRange[]>> = {};
  for (const name of Object.keys(namesOf) as PackageName[]) {
    const ranges = rangesFor(parsed.data, name);
    if (typeof ranges === 'string') return ranges;
    if (ranges !== undefined) found[name] = ranges;
  }
  if (Object.keys(found).length === 0) return undefined;
  const { modified, published, withdrawn, aliases, summary, details } = parsed.data;
  const severity = severityOf(parsed.data);
  const day = (time: string): string => new Date(time).toISOString().slice(0, 10);
  return {
    id: parsed.data.id,
    aliases: [...new Set((aliases ?? []).filter((one) => idPattern.test(one) && one !== parsed.data.id))].sort(),
    modified: new Date(modified).toISOString(),
    ...(published == null ? {} : { published: day(published) }),
    ...(withdrawn == null ? {} : { withdrawn: day(withdrawn) }),
    ...(severity === undefined ? {} : { severity }),
    title: titleOf(summary ?? '', details ?? '', parsed.data.id),
    affected: found,
  };
}

/** The first line that says anything. */
export function titleOf(summary: string, details: string, fallback: string): string {
  const line = [summary, ...details.slice(0, 4000).split('\n')]
    .map((one) => one.replace(/^[#\s]+/, '').trim())
    .find((one) => one !== '');
  // What is escaped is longer than it was, and a document holds no longer titles.
  return printable(line ?? fallback, 200).slice(0, maxTitleChars);
}

function rangesFor({ affected: list }: OsvRecord, name: PackageName): readonly VersionRange[] | string | undefined {
  for (const packageName of namesOf[name]) {
    const own = (list ?? []).filter((one) => one.package?.ecosystem === ecosystem && normal(one.package.name) === packageName);
    if (own.length === 0) continue;
    const all: VersionRange[] = [];
    for (const { ranges, versions } of own) {
      const found: VersionRange[] = [];
      // Commits of a repository say nothing about releases.
      for (const range of (ranges ?? []).filter(({ type }) => type !== 'GIT')) {
        const events = eventsOf(range.events);
        if (typeof events === 'string') return events;
        found.push(...rangesOfEvents(events));
      }
      if (all.length + found.length > maxRanges) return 'it has too many ranges';
      // A version counts that either names (OSV schema, "Evaluation").
      all.push(...found, ...singly((versions ?? []).filter((version) => !isAffected(version, found))));
    }
    return all.length > maxRanges ? 'it has too many ranges' : distinct(all);
  }
  return undefined;
}

function eventsOf(list: readonly unknown[]): readonly RangeEvent[] | string {
  const events: RangeEvent[] = [];
  for (const value of list) {
    const parsed = event.safeParse(value);
    if (!parsed.success) return 'a range has an event that no version of OSV knows';
    const one: Readonly<Record<string, unknown>> = parsed.data;
    if (typeof one.introduced === 'string') events.push({ kind: 'introduced', version: one.introduced });
    else if (typeof one.fixed === 'string') events.push({ kind: 'fixed', version: one.fixed });
    else if (typeof one.last_affected === 'string') events.push({ kind: 'lastAffected', version: one.last_affected });
  }
  return events;
}

/** A list of versions names each alone; one that cannot be read is none that anybody runs. */
function singly(versions: readonly string[]): VersionRange[] {
  return versions
    .filter((version) => compareVersions(version, '0') !== undefined)
    .map((version) => ({ introduced: version, lastAffected: version }));
}

function distinct(ranges: readonly VersionRange[]): VersionRange[] {
  return [...new Map(ranges.map((range) => [JSON.stringify(range), range])).values()];
}

/** PEP 503. */
function normal(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** In words where the database has weighed it, else by its score; undefined where nobody has. */
function severityOf({ database_specific: own, severity }: OsvRecord): Severity | undefined {
  const word = own?.severity?.toLowerCase();
  if (word === 'critical' || word === 'high' || word === 'low') return word;
  if (word === 'moderate' || word === 'medium') return 'medium';
  const scores = (severity ?? []).flatMap(({ score }) => cvss3Score(score) ?? []);
  return scores.length === 0 ? undefined : severityOfScore(Math.max(...scores));
}
