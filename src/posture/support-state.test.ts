import { describe, expect, it } from 'vitest';
import { type Release, releases, withIndex } from './releases.ts';
import { supportState } from './support-state.ts';

const list: readonly Release[] = [
  { version: '2.18.0', published: '2024-10-01' },
  { version: '2.18.1', published: '2025-09-01' },
  { version: '2.19.0', published: '2025-03-01' },
  { version: '2.20.0', published: '2025-08-01' },
  { version: '2.21.0', published: '2026-03-01' },
  { version: '2.22.0rc0', published: '2026-09-01' },
];

describe('supportState()', () => {
  it('counts two minors, and tells since when the others have none', () => {
    expect(supportState('2.21.0', list)).toEqual({ state: 'newest' });
    expect(supportState('2.20.0', list)).toEqual({ state: 'previous' });
    expect(supportState('2.19.0', list)).toEqual({ state: 'unsupported', since: '2026-03-01' });
    // The day of the second newer minor, and not that of a patch.
    expect(supportState('2.18.1', list)).toEqual({ state: 'unsupported', since: '2025-08-01' });
    expect(supportState('2.18.0', list)).toMatchObject({ newerPatch: '2.18.1' });
  });

  it('is not moved by candidates and withdrawn releases', () => {
    const more = [...list.slice(0, 5), { version: '2.22.0', published: '2026-09-02', yanked: true as const }];
    expect(supportState('2.20.0', more)).toEqual({ state: 'previous' });
  });

  it('does not know what the table does not have', () => {
    expect(supportState('2.30.0', list)).toEqual({ state: 'unknown' });
    expect(supportState('nightly', list)).toEqual({ state: 'unknown' });
  });

  it('knows the real releases', () => {
    expect(supportState('2.9.1', releases())).toEqual({ state: 'unsupported', since: '2022-11-18', newerPatch: '2.9.3' });
    expect(supportState('2.19.1', releases())).toEqual({ state: 'unsupported', since: '2026-03-06' });
  });
});

describe('withIndex()', () => {
  it('adds what is new, keeps our days, and takes withdrawals over', () => {
    const merged = withIndex(list, [
      { version: '2.22.0', published: '2026-11-20T08:00:00.000000Z' },
      { version: '2.21.0', published: '1999-01-01T00:00:00Z', yanked: 'broken' },
      { version: '2.23.0' },
      { version: 'not a version', published: '2026-11-20' },
      { version: '2.24.0', published: 'yesterday' },
    ]);
    expect(merged.map(({ version }) => version)).toEqual([...list.map(({ version }) => version), '2.22.0']);
    expect(merged.at(-1)?.published).toBe('2026-11-20');
    expect(merged.find(({ version }) => version === '2.21.0')).toEqual({
      version: '2.21.0',
      published: '2026-03-01',
      yanked: true,
    });
    expect(supportState('2.22.0', merged).state).toBe('newest');
  });
});
