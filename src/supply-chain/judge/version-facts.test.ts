// What follows from releases and advisories, on made-up ones: the lines that get fixes, and versions in forms that ranges of advisories do not name.
import { describe, expect, it } from 'vitest';
import { advisoryData } from '../../advisories/index.ts';
import { parseSpecifiers } from '../python/index.ts';
import { VersionFacts } from './version-facts.ts';

const releases = ['2.9.1', '2.18.0', '2.18.1', '2.19.0', '2.20.0', '2.20.1', '2.21.0', '2.22.0rc0'].map((version) => ({
  version,
  published: '2026-01-01',
}));
const facts = new VersionFacts(advisoryData(), {
  tensorflow: [...releases, { version: '2.23.0', published: '2026-01-01', yanked: true }],
  keras: [],
});

describe('VersionFacts', () => {
  it('takes a candidate and a withdrawn release for no newest one', () => {
    expect(facts.newest('tensorflow')).toBe('2.21.0');
    expect(facts.newestAllowed('tensorflow', parseSpecifiers('>=2.16') ?? [])).toBe('2.21.0');
    expect(facts.newestAllowed('tensorflow', parseSpecifiers('>=2.22.0rc0') ?? [])).toBe('2.22.0rc0');
  });

  it.each([
    ['2.21.0', false],
    ['2.20.0', false],
    ['2.20.0+local', false],
    ['2.22.0rc0', false],
    ['2.19.5', true],
    ['2.18.1', true],
    ['1.15.5', true],
  ])('%s is outdated: %s', (version, expected) => expect(facts.isOutdated('tensorflow', version)).toBe(expected));

  it('judges suffixes and labels as the release, and what is no version as the worst', () => {
    const of = (version: string) => facts.openIn('tensorflow', version)?.ids.length ?? 0;
    expect(of('2.9.1')).toBeGreaterThan(100);
    for (const same of ['2.9.1.post1', '2.9.1+nv22.6', 'v2.9.1']) expect([same, of(same)]).toEqual([same, of('2.9.1')]);
    expect(of('2.9.1.dev20220601')).toBeGreaterThanOrEqual(of('2.9.1'));
    expect(of('2.9')).toBe(of('2.9.0'));
    expect(of('latest')).toBeGreaterThan(of('2.9.1'));
  });
});
