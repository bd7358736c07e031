// Whether the TensorFlow that serves should be replaced, and by which of those that may be installed. It only proposes: a rehearsal decides whether it may.
import { compareVersions } from '../advisories/index.ts';
import type { OpenAdvisory, SlotPosture } from './posture-types.ts';

export type UpdateDecision =
  | { readonly kind: 'stay'; readonly why: string }
  | { readonly kind: 'ask'; readonly why: string }
  | { readonly kind: 'update'; readonly to: string; readonly why: string };

/**
 * The lowest candidate that has none of the reasons for leaving, and nothing within reach that what serves does not have, with a fix or without one: the fewer
 * releases lie between, the less can change. `ask` when there is a reason and no
 * candidate without it: a person has to pin another release, or to decide to stay.
 *
 * @param candidates versions that are pinned, judged as if they were installed; those that are not newer are passed over.
 */
export function decideUpdate(serving: SlotPosture, candidates: readonly SlotPosture[]): UpdateDecision {
  const why = reasonsToLeave(serving);
  if (why.length === 0) return { kind: 'stay', why: `nothing that has a fix is within reach in TensorFlow ${serving.version}` };
  const newer = candidates
    .filter(({ version }) => (compareVersions(version, serving.version) ?? 0) > 0)
    .sort((a, b) => compareVersions(a.version, b.version) ?? 0);
  const known = new Set(serving.advisories.filter(isWithinReach).map(({ id }) => id));
  const isWorse = ({ advisories }: SlotPosture): boolean => advisories.some((one) => isWithinReach(one) && !known.has(one.id));
  const to = newer.find((candidate) => reasonsToLeave(candidate).length === 0 && !isWorse(candidate));
  if (to !== undefined) return { kind: 'update', to: to.version, why: why.join('; ') };
  const lacking =
    newer.length === 0
      ? 'no newer version is pinned'
      : `none of ${newer.map(({ version }) => version).join(', ')} is free of it and of anything new`;
  return { kind: 'ask', why: `${why.join('; ')}; ${lacking}` };
}

const isWithinReach = ({ reach }: OpenAdvisory): boolean => reach !== 'unreachable';

function reasonsToLeave({ advisories, support, isYanked, version }: SlotPosture): string[] {
  const reasons: string[] = [];
  const fixable = advisories.filter((one) => isWithinReach(one) && one.fix !== undefined);
  if (fixable.length > 0) {
    const named = fixable.slice(0, 3).map(({ cve, id }) => cve ?? id);
    const more = fixable.length > named.length ? ` and ${fixable.length - named.length} more` : '';
    reasons.push(`${named.join(', ')}${more} of TensorFlow ${version} can be reached and have a fix`);
  }
  if (isYanked) reasons.push(`TensorFlow ${version} was withdrawn`);
  if (support.newerPatch !== undefined) reasons.push(`TensorFlow ${support.newerPatch} is a newer patch of ${version}`);
  else if (support.state === 'unsupported') reasons.push(`TensorFlow ${version} gets no fixes any more`);
  return reasons;
}
