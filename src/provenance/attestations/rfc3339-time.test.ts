// The reader of times: everything that RFC 3339 has, and nothing that a lenient reader would guess.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTime } from './rfc3339-time.ts';

describe('parseTime()', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2026-01-31T12:30:45Z', Date.UTC(2026, 0, 31, 12, 30, 45)],
    ['2026-01-31T12:30:45.5Z', Date.UTC(2026, 0, 31, 12, 30, 45, 500)],
    ['2026-01-31T12:30:45.123456789Z', Date.UTC(2026, 0, 31, 12, 30, 45, 123)],
    ['2026-01-31T12:30:45+02:30', Date.UTC(2026, 0, 31, 10, 0, 45)],
    ['2026-01-31T12:30:45-02:30', Date.UTC(2026, 0, 31, 15, 0, 45)],
    ['2024-02-29T00:00:00-00:00', Date.UTC(2024, 1, 29)],
    ['0050-01-01T00:00:00Z', new Date('0050-01-01T00:00:00.000Z').getTime()],
  ])('reads %s', (text, timeMs) => expect(parseTime(text)).toBe(timeMs));

  it.each([
    ['2026-02-30T00:00:00Z', 'a day that February lacks'],
    ['2023-02-29T00:00:00Z', 'a leap day of no leap year'],
    ['2026-13-01T00:00:00Z', 'a thirteenth month'],
    ['2026-00-01T00:00:00Z', 'a month 0'],
    ['2026-01-00T00:00:00Z', 'a day 0'],
    ['2026-01-31T24:00:00Z', 'hour 24'],
    ['2026-01-31T12:60:00Z', 'minute 60'],
    ['2016-12-31T23:59:60Z', 'a leap second'],
    ['2026-01-31T12:00:00+24:00', 'an offset of a day'],
    ['2026-01-31T12:00:00+01:60', 'an offset with 60 minutes'],
    ['2026-01-31T12:00:00', 'no zone'],
    ['2026-01-31t12:00:00z', 'small letters'],
    ['2026-01-31 12:00:00Z', 'a space'],
    ['2026-01-31', 'a date alone'],
    ['2026-01-31T12:00:00.Z', 'a fraction without digits'],
    ['2026-01-31T12:00:00.1234567890Z', 'ten digits of a second'],
    ['2026-01-31T12:00:00Z\n', 'a newline after it'],
    ['+12026-01-31T12:00:00Z', 'a year of five digits'],
    ['1767225600', 'seconds'],
    ['', 'nothing'],
  ])('refuses %j: %s', (text) => expect(parseTime(text)).toBeUndefined());

  it('reads back every moment that JavaScript writes', () => {
    const moments = fc.date({
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(moments, (date) => {
        expect(parseTime(date.toISOString())).toBe(date.getTime());
      }),
    );
  });

  it('never throws, and says a time only for text of the form', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)), (text) => {
        const timeMs = parseTime(text);
        if (timeMs !== undefined) expect(new Date(timeMs).toISOString().slice(0, 19)).toBe(text.slice(0, 19));
      }),
    );
  });
});
