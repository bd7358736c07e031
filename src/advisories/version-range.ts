// Versions of TensorFlow and Keras in ranges, ordered as PEP 440 orders releases and release candidates; nothing else is published by them.

/** Introduced and last affected are affected, fixed is not. */
export interface VersionRange {
  readonly introduced: string;
  readonly fixed?: string;
  readonly lastAffected?: string;
}

/** Numbers, and the candidate's number; a release sorts after its candidates. Undefined when it is not a version. */
function partsOf(version: string): number[] | undefined {
  const [, release, candidate] = /^(\d{1,6}(?:\.\d{1,6}){0,2})(?:-?rc\.?(\d{1,4}))?$/.exec(version) ?? [];
  if (release === undefined) return undefined;
  const numbers = release.split('.').map(Number);
  while (numbers.length < 3) numbers.push(0);
  return [...numbers, candidate === undefined ? Number.POSITIVE_INFINITY : Number(candidate)];
}

/** Below 0 when `a` is older. Undefined when one is not a version. */
export function compareVersions(a: string, b: string): number | undefined {
  const [left, right] = [partsOf(a), partsOf(b)];
  if (left === undefined || right === undefined) return undefined;
  const index = left.findIndex((part, at) => part !== right[at]);
  return index === -1 ? 0 : left[index] < right[index] ? -1 : 1;
}

/** Fails closed: a version or bound that cannot be read is affected. */
export function isAffected(version: string, ranges: readonly VersionRange[]): boolean {
  return ranges.some(({ introduced, fixed, lastAffected }) => {
    if ((compareVersions(version, introduced) ?? 0) < 0) return false;
    if (fixed !== undefined && (compareVersions(version, fixed) ?? -1) >= 0) return false;
    return lastAffected === undefined || (compareVersions(version, lastAffected) ?? 0) <= 0;
  });
}
