// The base score of CVSS 3.0 and 3.1, since the records of OSV carry vectors only. By FIRST's specification, section 7.1; version 4 has no formula
// and is left to what the record says in words.
import type { Severity } from '../core/index.ts';

const weights: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  AV: { N: 0.85, A: 0.62, L: 0.55, P: 0.2 },
  AC: { L: 0.77, H: 0.44 },
  UI: { N: 0.85, R: 0.62 },
  C: { H: 0.56, L: 0.22, N: 0 },
  I: { H: 0.56, L: 0.22, N: 0 },
  A: { H: 0.56, L: 0.22, N: 0 },
};
/** Privileges weigh less where the scope changes. */
const privileges: Readonly<Record<string, readonly [unchanged: number, changed: number]>> = {
  N: [0.85, 0.85],
  L: [0.62, 0.68],
  H: [0.27, 0.5],
};

/** From 0 to 10 with one decimal; undefined for what is no vector of version 3. */
export function cvss3Score(vector: string): number | undefined {
  if (vector.length > 200 || !/^CVSS:3\.[01]\//.test(vector)) return undefined;
  const metrics = new Map(
    vector
      .split('/')
      .slice(1)
      .map((part) => part.split(':') as [string, string]),
  );
  const weightOf = (name: string): number => weights[name][metrics.get(name) ?? ''] ?? Number.NaN;
  const scope = metrics.get('S');
  const privilege = privileges[metrics.get('PR') ?? ''];
  if (privilege === undefined || (scope !== 'U' && scope !== 'C')) return undefined;
  const isChanged = scope === 'C';
  const base = 1 - (1 - weightOf('C')) * (1 - weightOf('I')) * (1 - weightOf('A'));
  const impact = isChanged ? 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 : 6.42 * base;
  const exploitability = 8.22 * weightOf('AV') * weightOf('AC') * privilege[isChanged ? 1 : 0] * weightOf('UI');
  const score = impact <= 0 ? 0 : roundUp(Math.min((isChanged ? 1.08 : 1) * (impact + exploitability), 10));
  return Number.isNaN(score + exploitability) ? undefined : score;
}

/** The specification's own rounding, which does not depend on how floating point falls. */
function roundUp(value: number): number {
  const whole = Math.round(value * 100_000);
  return whole % 10_000 === 0 ? whole / 100_000 : (Math.floor(whole / 10_000) + 1) / 10;
}

/** FIRST's qualitative scale. */
export function severityOfScore(score: number): Severity {
  if (score >= 9) return 'critical';
  if (score >= 7) return 'high';
  return score >= 4 ? 'medium' : 'low';
}
