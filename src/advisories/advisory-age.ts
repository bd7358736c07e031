// How old the data is, for whoever shows anything that was judged by it: vulnerabilities that were published since are not in it.
import type { AdvisoryInfo } from './advisory-types.ts';

const dayMs = 24 * 3_600_000;

/** From this age on data is called old, where no configuration says otherwise: 30 days. */
export const defaultMaxAdvisoryAgeMs = 30 * dayMs;

export interface AdvisoryAge {
  /** Whole days since the sources were read; 0 where the clock says before that. */
  readonly days: number;
  readonly isOld: boolean;
  /** For people, one sentence. */
  readonly text: string;
}

/** @param maxAgeMs Default 30 days. */
export function advisoryAge({ read, source }: AdvisoryInfo, now: Date, maxAgeMs: number = defaultMaxAdvisoryAgeMs): AdvisoryAge {
  const ageMs = Math.max(0, now.getTime() - Date.parse(`${read}T00:00:00Z`));
  const days = Math.floor(ageMs / dayMs);
  const isOld = ageMs > maxAgeMs;
  const origin = source === 'built-in' ? 'as Airlock came with them' : 'as of the last update';
  const advice = isOld ? ' What was published since is not in them: run airlock advisories update.' : '';
  return { days, isOld, text: `The advisories were read on ${read} (${days} days ago, ${origin}).${advice}` };
}
