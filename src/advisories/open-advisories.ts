// Which published vulnerabilities a version has, whatever the model: by the corrected ranges, or as the databases publish them.
import type { Advisory } from './advisory-types.ts';
import { isAffected, type VersionRange } from './version-range.ts';

export interface OpenAdvisories {
  readonly open: readonly Advisory[];
  /** Nobody knows which versions have them. */
  readonly unknown: readonly Advisory[];
}

export function rangesOf({ affected, asPublished }: Advisory, view: 'corrected' | 'published'): readonly VersionRange[] {
  return view === 'corrected' ? affected : (asPublished ?? affected);
}

/**
 * Those that were taken back are in neither list, unless our own ranges say that the version has them.
 * @param view Default `corrected`.
 */
export function openAdvisories(
  version: string,
  advisories: readonly Advisory[],
  view: 'corrected' | 'published' = 'corrected',
): OpenAdvisories {
  const standing = advisories.filter((advisory) => !isTakenBack(advisory));
  return {
    open: standing.filter((advisory) => isAffected(version, rangesOf(advisory, view))),
    unknown: standing.filter(({ basis, affected }) => basis === 'none' && affected.length === 0),
  };
}

/** Withdrawn, and nobody but whoever withdrew it ever said which versions have it. */
export function isTakenBack({ withdrawn, basis }: Advisory): boolean {
  return withdrawn !== undefined && ['feed', 'published', 'none'].includes(basis);
}
