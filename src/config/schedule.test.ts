import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextTime, parseSchedule, type Schedule } from './schedule.ts';

function next(text: string, after: string): string | undefined {
  const schedule = parseSchedule(text);
  if (schedule === undefined || schedule === null) throw new Error(`no schedule: ${text}`);
  const timeMs = nextTime(schedule, Date.parse(after));
  return timeMs === undefined ? undefined : new Date(timeMs).toISOString();
}

describe('nextTime()', () => {
  it.each([
    ['@hourly', '2026-11-30T08:59:59Z', '2026-11-30T09:00:00.000Z'],
    ['@daily', '2026-11-30T03:00:00Z', '2026-12-01T03:00:00.000Z'],
    ['@weekly', '2026-11-30T03:00:00Z', '2026-12-06T03:00:00.000Z'],
    ['*/15 8-9 * * *', '2026-11-30T08:46:00Z', '2026-11-30T09:00:00.000Z'],
    ['*/15 8-9 * * *', '2026-11-30T09:45:00Z', '2026-12-01T08:00:00.000Z'],
    ['0 0 29 2 *', '2026-11-30T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    // Both days restricted: the 13th, and every Friday (crontab(5)).
    ['0 0 13 * 5', '2026-11-30T00:00:00Z', '2026-12-04T00:00:00.000Z'],
    ['0 0 13 * 5', '2026-12-12T00:00:00Z', '2026-12-13T00:00:00.000Z'],
    ['0 12 * * 7', '2026-11-30T00:00:00Z', '2026-12-06T12:00:00.000Z'],
    ['5,10-12 0 1 1,7 *', '2026-11-30T00:00:00Z', '2027-01-01T00:05:00.000Z'],
  ])('%s after %s is %s', (text, after, expected) => {
    expect(next(text, after)).toBe(expected);
  });

  it('is always later, and within the fields', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 59 }),
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 2e12 }),
        (m, h, at) => {
          const timeMs = nextTime(parseSchedule(`${m} ${h} * * *`) as Schedule, at) ?? 0;
          const date = new Date(timeMs);
          expect(timeMs).toBeGreaterThan(at);
          expect(timeMs - at).toBeLessThanOrEqual(86_400_000);
          expect([date.getUTCMinutes(), date.getUTCHours(), date.getUTCSeconds()]).toEqual([m, h, 0]);
        },
      ),
    );
  });
});

describe('parseSchedule()', () => {
  it('knows never', () => expect(parseSchedule('never')).toBeNull());

  it.each([
    '',
    '* * * *',
    '* * * * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '5/2 * * * *',
    '9-5 * * * *',
  ])('refuses %j', (text) => expect(parseSchedule(text)).toBeUndefined());

  it.each([
    '*/0 * * * *',
    'a * * * *',
    '1,,2 * * * *',
    '@yearly',
    '0 0 30 2 *',
    '-1 * * * *',
    `${' '.repeat(300)}* * * * *`,
    'toString',
  ])('refuses %j too', (text) => expect(parseSchedule(text)).toBeUndefined());
});
