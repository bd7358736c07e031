import { describe, expect, it } from 'vitest';
import type { OpenAdvisory, SlotPosture } from './posture-types.ts';
import { decideUpdate } from './update-decision.ts';

const none = { info: 0, low: 0, medium: 0, high: 0, critical: 0 };
const advisory = (over: Partial<OpenAdvisory>): OpenAdvisory => ({
  id: 'GHSA-aaaa-bbbb-cccc',
  cve: 'CVE-2026-0001',
  title: 'a fault',
  severity: 'high',
  reach: 'reachable',
  why: 'the model has it',
  models: ['digits 1'],
  fix: '2.20.0',
  isOverdue: false,
  ...over,
});
const slot = (version: string, over: Partial<SlotPosture> = {}): SlotPosture => ({
  version,
  arch: 'x86_64',
  isInstalled: false,
  isServing: false,
  isYanked: false,
  support: { state: 'newest' },
  advisories: [],
  counts: { reachable: none, undecided: none, unreachable: none },
  libraries: [],
  isOverdue: false,
  updates: { count: 0 },
  ...over,
});

describe('decideUpdate()', () => {
  it('stays where nothing is wrong, however many newer versions there are', () => {
    expect(decideUpdate(slot('2.20.0'), [slot('2.21.0')])).toMatchObject({ kind: 'stay' });
  });

  it('stays with what cannot be reached, and with what has no fix', () => {
    const advisories = [advisory({ reach: 'unreachable' }), { ...advisory({}), fix: undefined } as unknown as OpenAdvisory];
    expect(decideUpdate(slot('2.20.0', { advisories }), [slot('2.21.0')])).toMatchObject({ kind: 'stay' });
  });

  it.each([
    ['a fault within reach', { advisories: [advisory({})] }, 'CVE-2026-0001'],
    ['a fault of which nobody knows', { advisories: [advisory({ reach: 'undecided' })] }, 'CVE-2026-0001'],
    ['a version without fixes', { support: { state: 'unsupported' } }, 'no fixes'],
    ['a newer patch', { support: { state: 'newest', newerPatch: '2.20.1' } }, '2.20.1'],
    ['a withdrawn version', { isYanked: true }, 'withdrawn'],
  ] as const)('leaves for %s, to the lowest version that is free of it', (_name, over, why) => {
    const candidates = [slot('2.21.0'), slot('2.20.2'), slot('2.20.1', over), slot('2.19.0')];
    const decision = decideUpdate(slot('2.20.0', over), candidates);
    expect(decision).toMatchObject({ kind: 'update', to: '2.20.2' });
    expect(decision.why).toContain(why);
  });

  it('orders versions as numbers', () => {
    const bad = { advisories: [advisory({})] };
    expect(decideUpdate(slot('2.9.1', bad), [slot('2.12.1'), slot('2.10.0', bad), slot('2.2.0')])).toMatchObject({
      to: '2.12.1',
    });
  });

  it('does not change one fault for another that nobody has fixed yet', () => {
    const { fix: _, ...unfixed } = advisory({ id: 'GHSA-dddd-eeee-ffff' });
    const bad = { advisories: [advisory({})] };
    const candidates = [slot('2.20.1', { advisories: [unfixed] }), slot('2.21.0')];
    expect(decideUpdate(slot('2.20.0', bad), candidates)).toMatchObject({ kind: 'update', to: '2.21.0' });
    expect(decideUpdate(slot('2.20.0', bad), candidates.slice(0, 1))).toMatchObject({ kind: 'ask' });
    const both = { advisories: [advisory({}), unfixed] };
    expect(decideUpdate(slot('2.20.0', both), candidates)).toMatchObject({ kind: 'update', to: '2.20.1' });
  });

  it('asks where nothing that is pinned helps', () => {
    const bad = { advisories: [advisory({}), advisory({}), advisory({}), advisory({})] };
    const nothing = decideUpdate(slot('2.20.0', bad), [slot('2.19.0')]);
    expect(nothing).toMatchObject({ kind: 'ask' });
    expect(nothing.why).toContain('and 1 more');
    expect(nothing.why).toContain('no newer version is pinned');
    expect(decideUpdate(slot('2.20.0', bad), [slot('2.21.0', bad)]).why).toContain('none of 2.21.0 is free of it and');
  });
});
