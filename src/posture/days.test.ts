import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ageDays, dayMs, dayOf, endOfDayMs, latestDay, startOfDayMs } from './days.ts';

describe('days', () => {
  it('end at midnight in UTC, whatever the zone of the machine', () => {
    const before = process.env.TZ;
    try {
      for (const zone of ['UTC', 'Pacific/Kiritimati', 'America/Los_Angeles']) {
        process.env.TZ = zone;
        expect(new Date(endOfDayMs('2026-03-08') ?? 0).toISOString()).toBe('2026-03-09T00:00:00.000Z');
      }
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
  });

  it('know leap days', () => {
    expect(endOfDayMs('2028-02-28')).toBe(Date.parse('2028-02-29T00:00:00Z'));
    expect(endOfDayMs('2028-02-29')).toBe(Date.parse('2028-03-01T00:00:00Z'));
    expect(startOfDayMs('2027-02-29')).toBeUndefined();
    expect(startOfDayMs('2100-02-29')).toBeUndefined();
    expect(startOfDayMs('2026-02-30')).toBeUndefined();
  });

  it('are no days when they are something else', () => {
    for (const text of ['', '2026', '2026-1-1', '2026-13-01', '2026-01-01T00:00:00Z', ' 2026-01-01'])
      expect(startOfDayMs(text)).toBeUndefined();
    expect(ageDays('soon', 0)).toBeUndefined();
  });

  it('are as old as the days between', () => {
    expect(ageDays('2026-03-01', Date.parse('2026-03-01T23:59:59.999Z'))).toBe(0);
    expect(ageDays('2026-03-01', Date.parse('2026-03-02T00:00:00.000Z'))).toBe(1);
    expect(ageDays('2026-03-01', Date.parse('2025-01-01T00:00:00.000Z'))).toBe(0);
  });

  it('survive every time that a day can be written of', () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.parse('1970-01-01'), max: Date.parse('9999-12-31') }), (timeMs) => {
        const day = dayOf(timeMs);
        const startMs = startOfDayMs(day) ?? Number.NaN;
        expect(startMs <= timeMs && timeMs < startMs + dayMs).toBe(true);
        expect(endOfDayMs(day)).toBe(startMs + dayMs);
      }),
    );
  });

  it('have a latest one', () => {
    expect(latestDay(['2026-03-01', undefined, '2026-02-28', 'nonsense'])).toBe('2026-03-01');
    expect(latestDay([undefined, 'zzzz'])).toBeUndefined();
  });
});
