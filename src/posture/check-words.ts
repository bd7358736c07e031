// Words that every form of the check uses.
import type { SupportState } from './posture-types.ts';

export function supportText({ state, since, newerPatch }: SupportState): string {
  const patch = newerPatch === undefined ? '' : `, ${newerPatch} is newer`;
  switch (state) {
    case 'newest':
      return `newest minor${patch}`;
    case 'previous':
      return `second newest minor${patch}`;
    case 'unsupported':
      return `unsupported since ${since}`;
    case 'unknown':
      return 'not in the table of releases';
  }
}

/** `today`, `1 day`, `269 days`. */
export function ageText(days: number): string {
  return days === 0 ? 'today' : days === 1 ? '1 day' : `${days} days`;
}
