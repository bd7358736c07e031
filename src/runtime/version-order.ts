// The order of versions of three numbers, as slots and pins have them.

/** Below 0 when `a` is older. */
export function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
