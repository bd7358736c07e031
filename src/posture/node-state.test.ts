import { describe, expect, it } from 'vitest';
import { nodeState } from './node-state.ts';

const at = (time: string) => Date.parse(time);

describe('nodeState()', () => {
  it('counts the last day, and none after it', () => {
    expect(nodeState('v20.20.2', at('2026-04-30T23:59:59.999Z'))).toMatchObject({
      state: 'supported',
      end: '2026-04-30',
      daysLeft: 0,
    });
    expect(nodeState('v20.20.2', at('2026-05-01T00:00:00Z'))).toMatchObject({ state: 'ended', daysLeft: 0 });
    expect(nodeState('v20.20.2', at('2026-05-01T00:00:00.001Z'))).toMatchObject({ state: 'ended', daysLeft: -1 });
  });

  it('names the newest line whose long-term support has begun', () => {
    expect(nodeState('22.1.0', at('2026-10-27T12:00:00Z')).newestLts).toBe(24);
    expect(nodeState('22.1.0', at('2026-10-28T00:00:00Z')).newestLts).toBe(26);
    expect(nodeState('22.1.0', at('2031-01-01T00:00:00Z'))).not.toHaveProperty('newestLts');
  });

  it('does not know what is not in the table', () => {
    for (const version of ['v99.0.0', 'v7', '', 'nightly', '20'])
      expect(nodeState(version, at('2026-11-30'))).toMatchObject({ state: 'unknown' });
  });
});
