// The corrected ranges against every release, by a second implementation that shares nothing with the first; and each way in which published ranges are
// wrong, with a real vulnerability.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { advisoryData } from './advisory-data.ts';
import type { Advisory } from './advisory-types.ts';
import { openAdvisories } from './open-advisories.ts';
import { type Anomaly, rangeDifference } from './range-anomalies.ts';

const readJson = <T>(name: string): T => JSON.parse(readFileSync(new URL(`../../data/${name}`, import.meta.url), 'utf8')) as T;
const releases = readJson<{ packages: { tensorflow: { version: string }[] } }>(
  'tensorflow-releases.json',
).packages.tensorflow.map(({ version }) => version);

/** A number that grows with the version: releases and candidates only, which is all that the data has. */
function rank(version: string): number {
  const [, major = '0', minor = '0', patch = '0', kind, count = '0'] =
    /^(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:(rc|\.post)(\d+))?$/.exec(version) ?? [];
  const phase = kind === 'rc' ? Number(count) : kind === undefined ? 500 : 600 + Number(count);
  return ((Number(major) * 1000 + Number(minor)) * 1000 + Number(patch)) * 1000 + phase;
}

/** As OSV evaluates a timeline: the last event that is not after the version decides. */
function has(version: string, ranges: readonly { introduced: string; fixed?: string }[]): boolean {
  const events = ranges.flatMap(({ introduced, fixed }) => [
    { at: introduced === '0' ? -1 : rank(introduced), is: true },
    ...(fixed === undefined ? [] : [{ at: rank(fixed), is: false }]),
  ]);
  const past = events.filter(({ at }) => at <= rank(version)).sort((a, b) => a.at - b.at);
  return past.at(-1)?.is === true;
}

const names = (list: readonly Advisory[]): string[] => list.map(({ id }) => id).sort();
const { tensorflow } = advisoryData();
const by = (cve: string): Advisory => tensorflow.find((one) => one.cve === cve || one.id === cve) as Advisory;

describe('openAdvisories()', () => {
  const raw = readJson<{ advisories: (Advisory & { affected: { introduced: string; fixed?: string }[] })[] }>(
    'tensorflow-advisories.json',
  ).advisories;
  const wanted = releases.filter((version) => rank(version) >= rank('1.15.0'));

  it('knows every release from 1.15 to 2.21', () => {
    expect(wanted.length).toBeGreaterThan(100);
    for (const version of ['1.15.0', '2.4.2', '2.9.1', '2.12.0', '2.21.0']) expect(wanted).toContain(version);
  });

  it.each(wanted)('says of %s what a second implementation says', (version) => {
    const expected = raw.filter(({ affected }) => has(version, affected)).map(({ id }) => id);
    expect(names(openAdvisories(version, tensorflow).open)).toEqual(expected.sort());
    const published = raw
      .filter(({ affected, asPublished }) => has(version, (asPublished ?? affected) as never))
      .map(({ id }) => id);
    expect(names(openAdvisories(version, tensorflow, 'published').open)).toEqual(published.sort());
  });

  it('counts for 2.9.1 and others: advisories whose range has the version, corrected and as published', () => {
    const counts = (version: string): number[] =>
      (['corrected', 'published'] as const).map((view) => openAdvisories(version, tensorflow, view).open.length);
    expect(counts('2.9.1')).toEqual([106, 46]);
    expect(counts('2.12.0')).toEqual([2, 1]);
    expect(counts('2.21.0')).toEqual([0, 0]);
    expect(names(openAdvisories('2.21.0', tensorflow).unknown)).toEqual(['CVE-2025-0649']);
  });
});

describe('rangeDifference()', () => {
  it.each<[Anomaly, string, string[], string[]]>([
    // The fix is in 2.9.2.
    ['names-affected-as-fixed', 'CVE-2022-35934', ['2.7.2', '2.7.3', '2.8.1', '2.8.2', '2.9.1'], []],
    ['leaves-out-affected', 'CVE-2021-37635', ['2.5.0', '2.2.3', '1.15.0'], []],
    // The fault came in with 2.2.0.
    ['flags-before-fault', 'CVE-2020-15191', [], ['1.15.0', '2.1.0']],
    ['flags-fixed', 'CVE-2021-29513', [], ['2.1.4', '2.2.3', '2.3.3', '2.4.2']],
    ['flags-candidates', 'CVE-2021-41196', [], ['2.7.0rc0', '2.7.0rc1']],
    ['names-no-version', 'CVE-2023-27506', ['2.9.1'], []],
  ])('finds one that %s: %s', (anomaly, cve, missing, extra) => {
    const found = rangeDifference(by(cve), releases);
    expect(found?.anomalies).toEqual([anomaly]);
    expect(found?.missing).toEqual(expect.arrayContaining(missing));
    expect(found?.extra).toEqual(expect.arrayContaining(extra));
    for (const version of missing) expect(openAdvisories(version, [by(cve)]).open).toHaveLength(1);
    for (const version of missing) expect(openAdvisories(version, [by(cve)], 'published').open).toHaveLength(0);
    for (const version of extra) expect(openAdvisories(version, [by(cve)]).open).toHaveLength(0);
    for (const version of extra) expect(openAdvisories(version, [by(cve)], 'published').open).toHaveLength(1);
  });

  it('finds each kind as often as the data has it, and nothing where both say the same of all releases', () => {
    const counts: Partial<Record<Anomaly, number>> = {};
    const differing = tensorflow.flatMap((one) => rangeDifference(one, releases) ?? []);
    for (const { anomalies } of differing) for (const one of anomalies) counts[one] = (counts[one] ?? 0) + 1;
    expect([differing.length, counts]).toEqual([
      206,
      {
        'names-affected-as-fixed': 63,
        'leaves-out-affected': 58,
        'flags-before-fault': 15,
        'flags-fixed': 38,
        'flags-candidates': 32,
        'names-no-version': 2,
      },
    ]);
    expect(rangeDifference(by('CVE-2018-7575'), releases)).toBeUndefined();
    // Same releases in other words.
    expect(rangeDifference(by('CVE-2022-23592'), releases)).toBeUndefined();
  });
});
