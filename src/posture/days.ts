// Days and times in UTC. The data knows days only, so a period that begins on a day begins when that day is over everywhere the data could have meant:
// at its end in UTC. Never the machine's own time zone: a deadline must not move with a server.

export const dayMs = 24 * 3_600_000;

/** The first millisecond after a day, or undefined for what is no day of the calendar (`2026-02-30`). */
export function endOfDayMs(day: string): number | undefined {
  const startMs = startOfDayMs(day);
  return startMs === undefined ? undefined : startMs + dayMs;
}

/** The first millisecond of a day, or undefined for what is no day of the calendar. */
export function startOfDayMs(day: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
  const startMs = Date.parse(`${day}T00:00:00.000Z`);
  // V8 reads 2026-02-30 as the second of March.
  return Number.isNaN(startMs) || dayOf(startMs) !== day ? undefined : startMs;
}

/** The day of a time in UTC, `YYYY-MM-DD`. */
export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** Whole days from a day until now, never below 0; undefined for what is no day. */
export function ageDays(day: string, nowMs: number): number | undefined {
  const startMs = startOfDayMs(day);
  return startMs === undefined ? undefined : Math.max(0, Math.floor((nowMs - startMs) / dayMs));
}

/** The later of some days; what is undefined or no day does not count. */
export function latestDay(days: readonly (string | undefined)[]): string | undefined {
  return days
    .filter((day): day is string => day !== undefined && startOfDayMs(day) !== undefined)
    .sort()
    .at(-1);
}

/** The last day that is not too late. @param deadline The first moment that is, ISO 8601. */
export function dueDay(deadline: string): string {
  return dayOf(Date.parse(deadline) - 1);
}
