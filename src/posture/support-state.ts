// Whether a version of TensorFlow still gets fixes. TensorFlow promises no window any more: fixes are batched with the quarterly release, and a patch
// release is made for few minors (the newest SECURITY.md that we know, of 2023 or later; that of 2022 still promised a year). So what is neither of the newest
// nor of the second newest minor counts as unsupported.
import { compareVersions } from '../advisories/index.ts';
import type { SupportState } from './posture-types.ts';
import { isFinal, type Release } from './releases.ts';

/** @param releases Sorted by version. Withdrawn ones and candidates make no minor. */
export function supportState(version: string, releases: readonly Release[]): SupportState {
  const finals = releases.filter((release) => isFinal(release.version) && release.yanked === undefined);
  const minors = firstOfEachMinor(finals);
  const at = minors.findIndex(({ minor }) => minor === minorOf(version));
  if (at === -1) return { state: 'unknown' };
  const newerPatch = finals.findLast(
    (release) => minorOf(release.version) === minorOf(version) && (compareVersions(release.version, version) ?? 0) > 0,
  )?.version;
  const patch = newerPatch === undefined ? {} : { newerPatch };
  if (at >= minors.length - 2) return { state: at === minors.length - 1 ? 'newest' : 'previous', ...patch };
  // A patch of an old minor may come out after the next minors: their own days decide, and not the order of versions.
  const since = minors
    .slice(at + 1)
    .map(({ published }) => published)
    .sort()[1];
  return { state: 'unsupported', since, ...patch };
}

interface Minor {
  readonly minor: string;
  /** The day of its first release. */
  readonly published: string;
}

function firstOfEachMinor(finals: readonly Release[]): readonly Minor[] {
  const found: Minor[] = [];
  for (const { version, published } of finals) {
    const minor = minorOf(version);
    if (found.at(-1)?.minor !== minor) found.push({ minor, published });
  }
  return found;
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
