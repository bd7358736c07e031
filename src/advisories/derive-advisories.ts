// What follows from the records of feeds, beside our own advisories: those that only feeds know, and what is published about those that we have corrected.
// A pure function of records in any order, so that updates in any order end in the same data.
import { compareSeverity } from '../core/index.ts';
import type { Advisory, PackageName, PublishedRecord } from './advisory-types.ts';
import { compareVersions, type VersionRange } from './version-range.ts';

const idRanks = ['GHSA', 'PYSEC', 'CVE'] as const;

/** GitHub's ids first: their records are reviewed. Then PyPA's, then the rest. */
export function byRank(a: string, b: string): number {
  const rank = (id: string): number => {
    const at = idRanks.findIndex((prefix) => id.startsWith(`${prefix}-`));
    return at === -1 ? idRanks.length : at;
  };
  return rank(a) - rank(b) || (a < b ? -1 : Number(a > b));
}

/** Every id by which an advisory is known. */
export function idsOf({ id, cve, aliases = [] }: Pick<Advisory, 'id' | 'cve' | 'aliases'>): string[] {
  return [id, ...(cve === undefined ? [] : [cve]), ...aliases];
}

/** Our own advisories of a package with what feeds say, then those that only feeds have. Every id of a record about the package is in one. */
export function deriveAdvisories(
  curated: readonly Advisory[],
  records: readonly PublishedRecord[],
  name: PackageName,
): readonly Advisory[] {
  const about = records.filter(({ affected }) => affected[name] !== undefined).sort((a, b) => byRank(a.id, b.id));
  if (about.length === 0) return curated;
  const ownerOf = new Map(curated.flatMap((advisory) => idsOf(advisory).map((id) => [id, advisory] as const)));
  const matched = new Map<Advisory, PublishedRecord[]>();
  const loose: PublishedRecord[] = [];
  for (const record of about) {
    const owners = new Set(idsOf(record).flatMap((id) => ownerOf.get(id) ?? []));
    if (owners.size === 0) loose.push(record);
    // A record may be about several of ours; none of them may hide what it says from the others.
    for (const owner of owners) matched.set(owner, [...(matched.get(owner) ?? []), record]);
  }
  return [
    ...curated.map((advisory) => withRecords(advisory, matched.get(advisory) ?? [], name)),
    ...groupsOf(loose).map((group) => feedAdvisory(group, name)),
  ];
}

/** Records that share an id, directly or through others. */
function groupsOf(records: readonly PublishedRecord[]): readonly (readonly PublishedRecord[])[] {
  const parent = new Map<string, string>();
  const rootOf = (id: string): string => {
    let root = id;
    for (let up = parent.get(root); up !== undefined && up !== root; up = parent.get(root)) root = up;
    // Long chains of aliases must not be walked again and again.
    for (let at = id; at !== root; ) {
      const up = parent.get(at) ?? root;
      parent.set(at, root);
      at = up;
    }
    return root;
  };
  for (const record of records) for (const id of idsOf(record)) parent.set(rootOf(id), rootOf(record.id));
  const groups = new Map<string, PublishedRecord[]>();
  for (const record of records) {
    const root = rootOf(record.id);
    const group = groups.get(root);
    if (group === undefined) groups.set(root, [record]);
    else group.push(record);
  }
  return [...groups.values()];
}

/** @param records At least one, by rank, all about the same. */
function feedAdvisory(records: readonly PublishedRecord[], name: PackageName): Advisory {
  const ids = [...new Set(records.flatMap(idsOf))];
  const [{ id, title }] = records;
  const cves = ids.filter((one) => one.startsWith('CVE-'));
  const cve = cves.length === 1 && cves[0] !== id ? cves[0] : undefined;
  const aliases = ids.filter((one) => one !== id && one !== cve).sort();
  const affected = unionOf(standing(records).flatMap((record) => record.affected[name] ?? []));
  const [severity = 'high'] = records.flatMap((record) => record.severity ?? []).sort((a, b) => compareSeverity(b, a));
  const [published] = records.flatMap((record) => record.published ?? []).sort();
  return {
    id,
    ...(cve === undefined ? {} : { cve }),
    ...(aliases.length === 0 ? {} : { aliases }),
    // What nobody has weighed is not taken lightly: high.
    severity,
    ...(published === undefined ? {} : { published }),
    title,
    ...withdrawnOf(records),
    affected,
    basis: affected.length === 0 ? 'none' : 'feed',
    fixed: fixesOf(affected),
    impact: [],
    trigger: 'both',
    records,
  };
}

/** Corrected ranges stay; what is published beside them is kept to be shown. @param records By rank. */
function withRecords(advisory: Advisory, records: readonly PublishedRecord[], name: PackageName): Advisory {
  if (records.length === 0) return advisory;
  const { asPublished: before, withdrawn: _, aliases: known = [], ...rest } = advisory;
  const aliases = [...new Set([...known, ...records.flatMap(idsOf)])].filter((one) => one !== rest.id && one !== rest.cve);
  // A feed that dates nothing names no ranges either (pypi-json.ts): what it is taken for is not what is published.
  const ranges = standing(records.filter(({ modified }) => modified !== ''))
    .map(({ affected }) => affected[name] ?? [])
    .find(({ length }) => length > 0);
  // What we have from the advisory alone is no better than what it says today.
  const isOurs = rest.basis !== 'published' && rest.basis !== 'none';
  const affected = isOurs || ranges === undefined ? rest.affected : ranges;
  const asPublished = ranges ?? before;
  const isSame = asPublished === undefined || JSON.stringify(asPublished) === JSON.stringify(affected);
  return {
    ...rest,
    ...(aliases.length === 0 ? {} : { aliases: aliases.sort() }),
    ...(advisory.withdrawn === undefined ? withdrawnOf(records) : { withdrawn: advisory.withdrawn }),
    affected,
    ...(isOurs || ranges === undefined ? {} : { basis: 'published', fixed: fixesOf(ranges) }),
    ...(isSame ? {} : { asPublished }),
    records,
  };
}

/** Records that were taken back say nothing where others stand. */
function standing(records: readonly PublishedRecord[]): readonly PublishedRecord[] {
  const left = records.filter(({ withdrawn }) => withdrawn === undefined);
  return left.length > 0 ? left : records;
}

/** The last day on which one was taken back, when all were. */
function withdrawnOf(records: readonly PublishedRecord[]): { readonly withdrawn?: string } {
  const days = records.flatMap(({ withdrawn }) => withdrawn ?? []).sort();
  return days.length < records.length ? {} : { withdrawn: days[days.length - 1] };
}

/** Each range once, by where it begins. */
function unionOf(ranges: readonly VersionRange[]): VersionRange[] {
  const each = new Map(ranges.map((range) => [`${range.introduced} ${range.fixed} ${range.lastAffected}`, range]));
  return [...each]
    .sort(([a, x], [b, y]) => (compareVersions(x.introduced, y.introduced) ?? 0) || (a < b ? -1 : 1))
    .map(([, range]) => range);
}

function fixesOf(ranges: readonly VersionRange[]): string[] {
  return [...new Set(ranges.flatMap(({ fixed }) => fixed ?? []))].sort((a, b) => compareVersions(a, b) ?? 0);
}
