// Which libraries inside a TensorFlow have published vulnerabilities that a later TensorFlow fixed by updating them. Release notes say in which releases;
// whether a model reaches such a library's fault is said by nobody, so these have no deadline and stand beside the rest.
import { compareVersions } from '../advisories/index.ts';
import type { OpenLibrary } from './posture-types.ts';

/** One update of a library, as the release notes tell it. */
export type LibraryFix = OpenLibrary;

/** Those that `version` does not have. */
export function openLibraries(version: string, fixes: readonly LibraryFix[]): readonly OpenLibrary[] {
  return fixes
    .filter((fix) => fix.cves.length > 0 && !hasFix(version, fix.fixedIn))
    .map(({ library, cves, fixedIn }) => ({ library, cves, fixedIn }));
}

/** A fix is in a branch from the release on that names it, and in every branch that is newer than all that are named. */
function hasFix(version: string, releases: readonly string[]): boolean {
  const sameBranch = releases.filter((release) => branchOf(release) === branchOf(version));
  const isNotOlder = (release: string): boolean => (compareVersions(version, release) ?? -1) >= 0;
  return sameBranch.length > 0 ? sameBranch.some(isNotOlder) : releases.length > 0 && releases.every(isNotOlder);
}

function branchOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
