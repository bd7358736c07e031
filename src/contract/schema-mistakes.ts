// How the checks of a contract's meaning report: a place, what belongs there, and what is there.
import { describeValue, formatPath } from '../config/index.ts';
import type { Violation } from '../core/index.ts';

export type Place = readonly (string | number)[];

/** Reports one mistake below the place that the reporter stands at. */
export type Report = (path: Place, rule: string, expected: string, got: unknown) => void;

/** A reporter at `place` that writes to `violations`. */
export function reporterAt(place: Place, violations: Violation[]): Report {
  return (path, rule, expected, got) => {
    const shown = typeof got === 'bigint' ? String(got) : describeValue(got);
    violations.push({ path: formatPath([...place, ...path]), rule, expected, got: shown });
  };
}

/** A reporter that stands below another. */
export function below(report: Report, ...place: Place): Report {
  return (path, ...rest) => report([...place, ...path], ...rest);
}
