// What `npm audit --json` says of the packages in a lock file, read strictly: the registry's answer goes through npm, and is still text that others chose.
import { z } from 'zod';
import { jsonOrUndefined, printable, type Severity } from '../core/index.ts';

/** A published vulnerability of an npm package. */
export interface NpmAdvisory {
  readonly package: string;
  readonly severity: Severity;
  readonly title: string;
  /** Versions that have it, as npm writes ranges. */
  readonly range: string;
  /** `GHSA-…` where the answer names one. */
  readonly id?: string;
}

const maxAdvisories = 10_000;
const severity = z.enum(['info', 'low', 'moderate', 'high', 'critical']);
const via = z.union([
  z.string(),
  z.object({
    title: z.string().optional(),
    url: z.string().optional(),
    severity: severity.optional(),
    range: z.string().optional(),
  }),
]);
const audit = z.object({
  auditReportVersion: z.literal(2),
  metadata: z.object({ dependencies: z.object({ prod: z.number() }) }),
  vulnerabilities: z.record(z.string(), z.object({ name: z.string(), severity, range: z.string(), via: z.array(via) })),
});

/**
 * Worst first; undefined for what is no answer of `npm audit` (npm 7 and later), as when the registry cannot be reached, and for an answer about nothing:
 * npm calls a lock file clean none of whose packages it looked at.
 */
export function npmAdvisories(text: string): readonly NpmAdvisory[] | undefined {
  const parsed = audit.safeParse(jsonOrUndefined(text));
  // The project itself is one of them.
  if (!parsed.success || parsed.data.metadata.dependencies.prod < 2) return undefined;
  const found: NpmAdvisory[] = [];
  for (const one of Object.values(parsed.data.vulnerabilities)) {
    for (const cause of one.via) {
      // A name says that another package of the answer is the cause.
      if (typeof cause === 'string' || found.length >= maxAdvisories) continue;
      const [id] = /GHSA(?:-[0-9a-z]{4}){3}/.exec(cause.url ?? '') ?? [];
      found.push({
        package: printable(one.name, 214),
        severity: severityOf(cause.severity ?? one.severity),
        title: printable(cause.title ?? 'a published vulnerability', 200),
        range: printable(cause.range ?? one.range, 200),
        ...(id === undefined ? {} : { id }),
      });
    }
  }
  return found.sort((a, b) => order.indexOf(b.severity) - order.indexOf(a.severity));
}

const order: readonly Severity[] = ['info', 'low', 'medium', 'high', 'critical'];

function severityOf(word: z.infer<typeof severity>): Severity {
  return word === 'moderate' ? 'medium' : word;
}
