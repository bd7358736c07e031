// Cron expressions: minute, hour, day of the month, month, day of the week, all in UTC, so that a server does the same thing everywhere and
// daylight saving neither skips nor repeats a run. Only what crontab(5) has in common everywhere: numbers, `*`, lists, ranges and steps.

/** For each field the values at which it fires. */
export interface Schedule {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>;
  /** As crontab has it: when both days are restricted, either is enough. */
  readonly isEitherDay: boolean;
}

const names: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 3 * * *',
  '@weekly': '0 3 * * 0',
};

const bounds = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;

/** Undefined when it is not one; `null` for `never`. */
export function parseSchedule(text: string): Schedule | null | undefined {
  if (text === 'never') return null;
  const fields = (Object.hasOwn(names, text) ? names[text] : text).trim().split(/ +/);
  if (fields.length !== bounds.length || text.length > 256) return undefined;
  const sets = bounds.map(([min, max], index) => parseField(fields[index], min, max));
  const [minutes, hours, days, months, weekdays] = sets;
  if (!minutes || !hours || !days || !months || !weekdays) return undefined;
  const schedule = {
    minutes,
    hours,
    days,
    months,
    weekdays: new Set([...weekdays].map((day) => day % 7)),
    isEitherDay: fields[2] !== '*' && fields[4] !== '*',
  };
  // 30 February never comes.
  return nextTime(schedule, Date.UTC(2024, 0, 1)) === undefined ? undefined : schedule;
}

function parseField(field: string, min: number, max: number): Set<number> | undefined {
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const [, star, from, to, step] = /^(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
    if (star === undefined && from === undefined) return undefined;
    if (step !== undefined && star === undefined && to === undefined) return undefined;
    const first = star === undefined ? Number(from) : min;
    const last = star === undefined ? Number(to ?? from) : max;
    const by = Number(step ?? 1);
    if (first < min || last > max || first > last || by < 1) return undefined;
    for (let value = first; value <= last; value += by) values.add(value);
  }
  return values;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** 29 February on one weekday comes at least every 40 years. */
const maxDays = 41 * 366;

/** The first time after `afterMs`, in milliseconds since 1970; undefined when there is none. */
export function nextTime(schedule: Schedule, afterMs: number): number | undefined {
  const startMs = Math.floor(afterMs / minuteMs) * minuteMs + minuteMs;
  let dayStartMs = Math.floor(startMs / dayMs) * dayMs;
  for (let count = 0; count < maxDays; count++, dayStartMs += dayMs) {
    if (!firesOn(schedule, new Date(dayStartMs))) continue;
    for (const hour of [...schedule.hours].sort((a, b) => a - b)) {
      for (const minute of [...schedule.minutes].sort((a, b) => a - b)) {
        const timeMs = dayStartMs + (hour * 60 + minute) * minuteMs;
        if (timeMs >= startMs) return timeMs;
      }
    }
  }
  return undefined;
}

function firesOn({ days, months, weekdays, isEitherDay }: Schedule, date: Date): boolean {
  if (!months.has(date.getUTCMonth() + 1)) return false;
  const [day, weekday] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())];
  return isEitherDay ? day || weekday : day && weekday;
}
