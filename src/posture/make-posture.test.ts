import { describe, expect, it } from 'vitest';
import { type Advisory, type AdvisoryData, advisoryData } from '../advisories/index.ts';
import { defaultRuntimeConfig } from '../config/index.ts';
import type { Use } from '../scan/index.ts';
import { makePosture, type PostureFacts } from './make-posture.ts';
import { type Release, releases as realReleases } from './releases.ts';
import { patchDeadline } from './slot-posture.ts';

const table: readonly Release[] = [
  { version: '2.9.0', published: '2026-01-01' },
  { version: '2.9.1', published: '2026-01-10' },
  { version: '2.9.2', published: '2026-02-20' },
  { version: '2.10.0', published: '2026-02-26' },
  { version: '2.11.0rc0', published: '2026-02-27' },
];
const graph: Use = { kind: 'component', name: 'graph', trigger: 'load', location: { file: 'saved_model.pb' } };
const reshape: Use = {
  kind: 'tensorflow-op',
  name: 'Reshape',
  trigger: 'inference',
  location: { file: 'saved_model.pb' },
  isRequestControlled: true,
};

function advisory(more: Partial<Advisory> & { readonly published?: string } = {}): Advisory {
  return {
    id: 'GHSA-0000-0000-0001',
    title: 'made up',
    severity: 'high',
    affected: [{ introduced: '0', fixed: '2.9.2' }],
    basis: 'advisory',
    fixed: ['2.9.2'],
    ops: ['Reshape'],
    opsConfidence: 'high',
    component: 'kernel',
    impact: ['heap_oob'],
    trigger: 'both',
    published: '2026-02-25',
    ...more,
  } as Advisory;
}

function dataOf(...tensorflow: readonly Advisory[]): AdvisoryData {
  return { ...advisoryData(), tensorflow, keras: [] };
}

function posture(more: Partial<PostureFacts> = {}, now = '2026-03-01T12:00:00Z') {
  return makePosture({
    data: dataOf(advisory()),
    models: [{ name: 'm', version: '1', uses: [graph, reshape] }],
    releases: table,
    libraries: [],
    patchWithin: defaultRuntimeConfig.patchWithin,
    knownSince: new Map(),
    nowMs: Date.parse(now),
    maxAdvisoryAgeMs: defaultRuntimeConfig.maxAdvisoryAgeMs,
    releaseData: { source: 'data file', read: '2026-03-01' },
    slots: [{ version: '2.9.1', arch: 'x86_64', isInstalled: true, isServing: true }],
    ...more,
  });
}

const first = (...args: Parameters<typeof posture>) => posture(...args).slots[0];

describe('the deadline', () => {
  it('counts from the later of publication and fix', () => {
    expect(first().advisories[0]).toMatchObject({
      reach: 'reachable',
      models: ['m 1'],
      fix: '2.9.2',
      countsFrom: '2026-02-25',
      deadline: '2026-03-05T00:00:00.000Z',
      daysLeft: 3,
      isOverdue: false,
    });
    // The fix came out on 2026-02-20, long after somebody told the world.
    const early = dataOf(advisory({ published: '2026-01-02' }));
    expect(first({ data: early }).advisories[0].countsFrom).toBe('2026-02-20');
  });

  it('passes with a millisecond', () => {
    expect(first({}, '2026-03-04T23:59:59.999Z')).toMatchObject({ daysLeft: 0, isOverdue: false });
    expect(first({}, '2026-03-05T00:00:00.000Z')).toMatchObject({ daysLeft: 0, isOverdue: true });
    expect(first({}, '2026-03-05T00:00:00.001Z')).toMatchObject({ daysLeft: -1, isOverdue: true });
  });

  it('counts a leap day', () => {
    const leap = table.map((release) => ({ ...release, published: release.published.replace('2026', '2028') }));
    const data = dataOf(advisory({ published: '2028-02-27', severity: 'critical' }));
    expect(first({ data, releases: leap }).deadline).toBe('2028-03-01T00:00:00.000Z');
  });

  it('begins when the data of this store knew it, and not before', () => {
    const knownSince = new Map([['GHSA-0000-0000-0001', '2026-06-01']]);
    expect(first({ knownSince }, '2026-06-02T00:00:00Z')).toMatchObject({
      deadline: '2026-06-09T00:00:00.000Z',
      isOverdue: false,
    });
  });

  it('is none without a fix, and the advisory is listed', () => {
    const data = dataOf(advisory({ affected: [{ introduced: '0' }], fixed: [] }));
    const slot = first({ data }, '2030-01-01T00:00:00Z');
    expect(slot.advisories).toHaveLength(1);
    expect(slot.advisories[0]).not.toHaveProperty('deadline');
    expect(slot.advisories[0]).not.toHaveProperty('fix');
    expect(slot).toMatchObject({ isOverdue: false, counts: { reachable: { high: 1 } } });
  });

  it('is none where nobody knows which versions are affected', () => {
    const slot = first({ data: dataOf(advisory({ basis: 'none', affected: [], fixed: [] })) }, '2030-01-01T00:00:00Z');
    expect(slot).toMatchObject({ isOverdue: false, counts: { undecided: { high: 1 } } });
  });

  it('does not take a candidate or a withdrawn release for a fix', () => {
    const data = dataOf(advisory({ affected: [{ introduced: '0', fixed: '2.11.0rc0' }], fixed: [] }));
    expect(first({ data }).advisories[0]).not.toHaveProperty('fix');
    const yanked = table.map((release) => (release.version === '2.9.2' ? { ...release, yanked: true as const } : release));
    expect(first({ releases: yanked }).advisories[0]).toMatchObject({ fix: '2.10.0', countsFrom: '2026-02-26' });
  });

  it('does not wait for a table of releases that lags behind the advisory', () => {
    const data = dataOf(advisory({ affected: [{ introduced: '0', fixed: '2.11.1' }], fixed: ['2.11.1'] }));
    expect(first({ data }).advisories[0]).toMatchObject({ fix: '2.11.1', countsFrom: '2026-02-25' });
  });

  it('is none for what no model reaches, and that is counted', () => {
    const models = [{ name: 'm', version: '1', uses: [graph] }];
    const slot = first({ models }, '2030-01-01T00:00:00Z');
    expect(slot.advisories[0]).toMatchObject({ reach: 'unreachable', justification: 'component_not_present', isOverdue: false });
    expect(slot).toMatchObject({ isOverdue: false, counts: { unreachable: { high: 1 }, reachable: { high: 0 } } });
    expect(slot).not.toHaveProperty('deadline');
  });

  it('is none for a severity without a period, and one where it has one', () => {
    const data = dataOf(advisory({ severity: 'low' }));
    expect(first({ data })).not.toHaveProperty('deadline');
    const patchWithin = { ...defaultRuntimeConfig.patchWithin, low: 24 * 3_600_000 };
    expect(first({ data, patchWithin }).deadline).toBe('2026-02-27T00:00:00.000Z');
  });

  it('of a slot is the nearest of all', () => {
    const data = dataOf(advisory(), advisory({ id: 'GHSA-0000-0000-0002', severity: 'critical' }));
    const slot = first({ data });
    expect(slot.deadline).toBe('2026-02-28T00:00:00.000Z');
    expect(slot.advisories.map(({ id, isOverdue }) => [id, isOverdue])).toEqual([
      ['GHSA-0000-0000-0002', true],
      ['GHSA-0000-0000-0001', false],
    ]);
  });
});

describe('what models reach', () => {
  it('is the worst of all of them', () => {
    const models = [
      { name: 'a', version: '1', uses: [graph] },
      { name: 'b', version: '2', uses: [graph, reshape] },
      { name: 'c', version: '3', uses: [graph, reshape] },
    ];
    expect(first({ models }).advisories[0]).toMatchObject({ reach: 'reachable', models: ['b 2', 'c 3'] });
    expect(first({ models: [models[0], { name: 'x', version: '9' }] }).advisories[0]).toMatchObject({
      reach: 'undecided',
      models: ['x 9'],
    });
  });

  it('is undecided without any model, except for what no model could reach', () => {
    const data = dataOf(
      advisory(),
      advisory({ id: 'GHSA-0000-0000-0002', component: 'python_api' }),
      advisory({ id: 'GHSA-0000-0000-0003', conditions: ['gpu_only'] }),
    );
    const slot = first({ data, models: [] }, '2030-01-01T00:00:00Z');
    expect(slot.counts).toMatchObject({ undecided: { high: 1 }, unreachable: { high: 2 } });
    expect(slot.isOverdue).toBe(true);
  });
});

describe('updates', () => {
  it('name the smallest version that is free of what has a fix, and the newest', () => {
    expect(first().updates).toEqual({ smallest: '2.9.2', newest: '2.10.0', count: 2 });
    const data = dataOf(
      advisory(),
      advisory({ id: 'GHSA-0000-0000-0002', affected: [{ introduced: '2.9.2', fixed: '2.10.0' }] }),
    );
    expect(first({ data }).updates.smallest).toBe('2.10.0');
  });

  it('ask for nothing where nothing is open that a model reaches', () => {
    expect(first({ models: [{ name: 'm', version: '1', uses: [graph] }] }).updates).toEqual({ newest: '2.10.0', count: 2 });
  });
});

describe('the data', () => {
  it('is old after its time, and when its day is still to come', () => {
    const data = dataOf();
    const info = { ...data.info, read: '2026-03-01' };
    const age = (now: string) => posture({ data: { ...data, info } }, now).advisoryData;
    expect(age('2026-03-31T00:00:00Z')).toMatchObject({ ageDays: 30, isOld: false });
    expect(age('2026-03-31T00:00:00.001Z')).toMatchObject({ ageDays: 30, isOld: true });
    expect(age('2026-02-20T00:00:00Z')).toMatchObject({ ageDays: 0, isOld: true });
  });

  it('gives the real versions real numbers', () => {
    const slots = ['2.9.1', '2.12.0', '2.21.0'].map((version) => ({
      version,
      arch: 'x86_64',
      isInstalled: true,
      isServing: version === '2.21.0',
    }));
    const all = posture({ data: advisoryData(), slots, models: [], releases: realReleases() }, '2026-11-30T00:00:00Z').slots;
    expect(all.map(({ version }) => version)).toEqual(['2.21.0', '2.12.0', '2.9.1']);
    expect(all[0].counts.reachable).toEqual({ info: 0, low: 0, medium: 0, high: 0, critical: 0 });
    expect(all[0].isOverdue).toBe(false);
    expect(all[1].advisories.find(({ cve }) => cve === 'CVE-2023-33976')?.reach).toBe('undecided');
    expect(all[2].advisories.length).toBeGreaterThan(100);
  });
});

describe('bundled libraries', () => {
  const libraries = [
    { library: 'curl', cves: ['CVE-2022-27774'], fixedIn: ['2.9.0', '2.8.1'] },
    { library: 'giflib', cves: ['CVE-2022-28506'], fixedIn: ['2.11.0'] },
    { library: 'zlib', cves: [], fixedIn: ['2.11.0'] },
  ];
  const open = (version: string) =>
    first({ libraries, slots: [{ version, arch: 'x86_64', isInstalled: true, isServing: true }] }).libraries.map(
      ({ library }) => library,
    );

  it('are open until the branch, or every named branch, has the fix', () => {
    expect(open('2.8.0')).toEqual(['curl', 'giflib']);
    expect(open('2.8.1')).toEqual(['giflib']);
    expect(open('2.9.1')).toEqual(['giflib']);
    expect(open('2.10.1')).toEqual(['giflib']);
    expect(open('2.11.0')).toEqual([]);
    expect(open('2.21.0')).toEqual([]);
  });
});

describe('patchDeadline()', () => {
  const facts = (more: Partial<Advisory> = {}) => ({
    data: dataOf(advisory(more)),
    releases: table,
    knownSince: new Map<string, string>(),
    patchWithin: defaultRuntimeConfig.patchWithin,
    nowMs: Date.parse('2026-03-01T12:00:00Z'),
  });
  const id = 'GHSA-0000-0000-0001';

  it('is the same whether a model reaches the advisory or not', () => {
    const [{ advisories }] = posture().slots;
    const { deadline } = advisories.find((one) => one.id === id) ?? {};
    expect(deadline).toBeDefined();
    expect(patchDeadline('2.9.1', id, facts())).toBe(Date.parse(deadline ?? ''));
  });

  it('is none where nothing has the fix, and where the version does not have the fault', () => {
    expect(patchDeadline('2.9.1', id, facts({ affected: [{ introduced: '0' }], fixed: [] }))).toBeUndefined();
    expect(patchDeadline('2.9.2', id, facts())).toBeUndefined();
    expect(patchDeadline('2.9.1', 'GHSA-0000-0000-0002', facts())).toBeUndefined();
  });
});
