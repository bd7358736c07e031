// Which of the versions in a posture decide its verdict.
import type { Posture, SlotPosture } from './posture-types.ts';

/** What serves; where nothing that serves is known, everything. */
export function servingSlots({ slots }: Posture): readonly SlotPosture[] {
  const serving = slots.filter(({ isServing }) => isServing);
  return serving.length > 0 ? serving : slots;
}
