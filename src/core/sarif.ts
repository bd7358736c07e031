// What every report of ours in SARIF 2.1.0 (OASIS Standard, 27 March 2020) has in common: the frame of a log with one run, and how severities are said in it.
import type { Severity } from './severity.ts';

export const sarifLevels: Readonly<Record<Severity, 'note' | 'warning' | 'error'>> = {
  info: 'note',
  low: 'note',
  medium: 'warning',
  high: 'error',
  critical: 'error',
};

/** The property `security-severity` of a rule, by which GitHub sorts: 0 to 10. */
export const sarifSecuritySeverities: Readonly<Record<Severity, string>> = {
  info: '0.0',
  low: '3.0',
  medium: '5.5',
  high: '8.0',
  critical: '9.5',
};

/** A rule's `name`: `advisory/reachable` becomes `AdvisoryReachable`. */
export function sarifRuleName(id: string): string {
  return id.replace(/(^|[-/])(\w)/g, (_, __, letter: string) => letter.toUpperCase());
}

/** A log with one run, as text that ends with a line feed. @param run an object as section 3.14 of the standard has it. */
export function sarifText(run: object): string {
  const log = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [run],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}
