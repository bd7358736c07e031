// What metrics may say of a profile: a bounded list of shares whose names nobody could make up. A label that a model's author chooses is a series per name, and whoever
// scrapes it pays for that.
import type { OpProfile } from './op-profile.ts';

export interface OpShare {
  /** An operation of TensorFlow; `other` for all that are not listed. */
  readonly op: string;
  /** Of the time of all operations, 0 to 1. */
  readonly share: number;
  /** Own time in the traced runs. */
  readonly seconds: number;
}

export interface ProfileReport {
  readonly tracedRuns: number;
  /** Of the largest run, beside what the model keeps. */
  readonly peakBytes: number;
  /** Those that took most come first, `other` last; the shares add up to 1 when there was a run. */
  readonly ops: readonly OpShare[];
  /** Times that an operation or node was seen beyond its limit. */
  readonly overLimit: number;
}

const maxListed = 10;

/** @param isKnownOp whether TensorFlow has an operation of this name. */
export function profileReport(profile: OpProfile, overLimit: number, isKnownOp: (op: string) => boolean): ProfileReport {
  let allUs = 0;
  for (const { totalUs } of profile.ops.values()) allUs += totalUs;
  const known = [...profile.ops].filter(([op]) => isKnownOp(op)).sort(([, a], [, b]) => b.totalUs - a.totalUs);
  const listed = known.slice(0, maxListed);
  const share = (us: number): number => (allUs > 0 ? us / allUs : 0);
  const ops = listed.map(([op, { totalUs }]): OpShare => ({ op, share: share(totalUs), seconds: totalUs / 1e6 }));
  const otherUs = Math.max(0, allUs - listed.reduce((sum, [, { totalUs }]) => sum + totalUs, 0));
  ops.push({ op: 'other', share: share(otherUs), seconds: otherUs / 1e6 });
  return { tracedRuns: profile.runs, peakBytes: profile.peakBytes, ops, overLimit };
}
