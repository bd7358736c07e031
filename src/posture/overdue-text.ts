// The sentence about a deadline that has passed: for the refusal of a start, the warning in the log and the error of the check.
import { dueDay } from './days.ts';
import type { Posture } from './posture-types.ts';
import { servingSlots } from './serving-slots.ts';

/** Names the advisory that is due for longest and what to run instead; undefined while nothing is overdue. */
export function overdueText(posture: Posture): string | undefined {
  const slot = servingSlots(posture).find(({ isOverdue }) => isOverdue);
  const first = slot?.advisories.find(({ isOverdue }) => isOverdue);
  if (slot === undefined || first?.deadline === undefined) return undefined;
  const count = slot.advisories.filter(({ isOverdue }) => isOverdue).length;
  const more = count > 1 ? ` and ${count - 1} more` : '';
  const { cve, id, severity, deadline, reach, models, fix } = first;
  const who = reach === 'reachable' ? `${models.slice(0, 3).join(', ')} can reach it` : 'no scan rules it out';
  const newer = slot.updates.smallest ?? fix;
  return `TensorFlow ${slot.version}: ${cve ?? id} (${severity}) had to be gone by ${dueDay(deadline)}${more}, and ${who}; run TensorFlow ${newer} or newer (airlock runtime stage --version ${newer})`;
}
