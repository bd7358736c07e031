// How bad a finding is: one scale for scans, statements about scans and what policies accept.

/** From harmless to worst. */
export const severities = ['info', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof severities)[number];

/** Below 0 when `a` is less severe, 0 when they are the same. */
export function compareSeverity(a: Severity, b: Severity): number {
  return severities.indexOf(a) - severities.indexOf(b);
}

/** So many levels down, never below `info`. */
export function lowered(severity: Severity, steps = 1): Severity {
  return severities[Math.max(0, severities.indexOf(severity) - steps)];
}
