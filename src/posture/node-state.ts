// Whether the Node.js that runs Airlock still gets fixes, by the schedule of its Release working group.
import { ageDays, dayMs, endOfDayMs } from './days.ts';
import { nodeReleases } from './releases.ts';

export interface NodeState {
  /** `20.20.2`. */
  readonly version: string;
  /** `unknown`: a line that the table does not have, or a version that is none. */
  readonly state: 'supported' | 'ended' | 'unknown';
  /** Whether the line has, or will have, long-term support; `YYYY-MM-DD` of its beginning. */
  readonly lts?: string;
  /** The last day on which it gets fixes. */
  readonly end?: string;
  /** Whole days until the end of that day; below 0 afterwards. */
  readonly daysLeft?: number;
  /** Of lines with long-term support that has begun and not ended: the newest. */
  readonly newestLts?: number;
  /** The day on which the table was read, and its age. */
  readonly read: string;
  readonly readDaysAgo: number;
}

export function nodeState(version: string, nowMs: number): NodeState {
  const { lines, read } = nodeReleases();
  const clean = version.replace(/^v/, '');
  const [, major] = /^(\d{1,4})\.\d{1,6}\.\d{1,6}/.exec(clean) ?? [];
  const line = lines.find((one) => one.line === Number(major));
  const newestLts = lines
    .filter(({ lts, end }) => lts !== undefined && ageMs(lts, nowMs) >= 0 && nowMs < (endOfDayMs(end) ?? 0))
    .map((one) => one.line)
    .at(-1);
  const about = {
    version: clean,
    ...(newestLts === undefined ? {} : { newestLts }),
    read,
    readDaysAgo: ageDays(read, nowMs) ?? 0,
  };
  const endMs = line === undefined ? undefined : endOfDayMs(line.end);
  if (line === undefined || endMs === undefined) return { ...about, state: 'unknown' };
  return {
    ...about,
    state: nowMs < endMs ? 'supported' : 'ended',
    ...(line.lts === undefined ? {} : { lts: line.lts }),
    end: line.end,
    daysLeft: Math.floor((endMs - nowMs) / dayMs),
  };
}

function ageMs(day: string, nowMs: number): number {
  return nowMs - (endOfDayMs(day) ?? Number.POSITIVE_INFINITY) + dayMs;
}
