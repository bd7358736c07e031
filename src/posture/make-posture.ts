// The whole: every installed TensorFlow, worked out from facts that others collected. Pure: no network, no clock and no disk of its own.
import type { AdvisoryData, AdvisoryInfo } from '../advisories/index.ts';
import { compareVersions } from '../advisories/index.ts';
import { dayMs, startOfDayMs } from './days.ts';
import type { DataAge, Posture, PostureModel, SlotPosture } from './posture-types.ts';
import { judgeReach } from './reach.ts';
import { type PostureSlot, type SlotFacts, slotPosture } from './slot-posture.ts';

export interface PostureFacts extends Omit<SlotFacts, 'reached'> {
  /** What is served; none where nothing is known of it. */
  readonly models: readonly PostureModel[];
  readonly slots: readonly PostureSlot[];
  readonly releaseData: Posture['releaseData'];
  /** From this age on the advisory data is old. */
  readonly maxAdvisoryAgeMs: number;
}

export function makePosture(facts: PostureFacts): Posture {
  const { slots, models, data, nowMs, maxAdvisoryAgeMs, releaseData } = facts;
  const withReach = { ...facts, reached: judgeReach(models, data) };
  return {
    madeAt: new Date(nowMs).toISOString(),
    advisoryData: dataAge(data, nowMs, maxAdvisoryAgeMs),
    releaseData,
    models: models.map(({ name, version, uses }) => ({ name, version, isScanned: uses !== undefined })),
    slots: slots.map((slot) => slotPosture(slot, withReach)).sort(servingFirst),
  };
}

/** What cannot be dated is old. */
function dataAge({ info }: { readonly info: AdvisoryInfo } & AdvisoryData, nowMs: number, maxAgeMs: number): DataAge {
  const ageMs = nowMs - (startOfDayMs(info.read) ?? 0);
  return { ...info, ageDays: Math.max(0, Math.floor(ageMs / dayMs)), isOld: ageMs > maxAgeMs || ageMs < -dayMs };
}

function servingFirst(a: SlotPosture, b: SlotPosture): number {
  return Number(b.isServing) - Number(a.isServing) || (compareVersions(b.version, a.version) ?? 0);
}
