// What the statements about a model say, type by type; docs/attestations.md has the fields one by one. Fields that are not known are
// ignored, as in-toto asks of every consumer; a known one that is not what it must be makes the whole predicate unreadable.
import { z } from 'zod';
import { type AttestationType, schemaViolations } from '../../config/index.ts';
import { type Severity, severities, type Violation } from '../../core/index.ts';
import { anyObject, count, finite, flag, list, map, oneOf, scalars, sha256, text, time } from './fields.ts';

/** The worst severity among findings; undefined without any. */
export function worstSeverity(findings: readonly { readonly severity: Severity }[]): Severity | undefined {
  return severities[Math.max(-1, ...new Set(findings.map(({ severity }) => severities.indexOf(severity))))];
}

const fingerprint = z.object({ sha256: sha256() });

/** The TensorFlow that it was done with: its version, and the digest of its slot. */
const runtime = z.object({ version: text(32), digest: sha256() }).optional();

const slsa = z.object({
  buildDefinition: z.object({
    buildType: text(),
    externalParameters: anyObject(),
    internalParameters: anyObject().optional(),
    resolvedDependencies: list(z.object({ uri: text().optional(), digest: map(text()).optional() })).optional(),
  }),
  runDetails: z.object({
    builder: z.object({ id: text() }),
    metadata: z.object({ startedOn: time().optional(), finishedOn: time().optional() }).optional(),
  }),
});

const training = z.object({
  trainedAt: time(),
  data: list(z.object({ name: text(1_024), uri: text().optional(), digest: fingerprint, rows: count(0).optional() })),
  code: z.object({ uri: text().optional(), revision: text(), dirty: flag().optional() }),
  framework: z.object({ name: text(1_024), version: text(1_024) }),
  hyperparameters: map(scalars()),
  metrics: map(finite()).optional(),
});

const scan = z.object({
  scannedAt: time(),
  scanner: z.object({ name: text(1_024), version: text(1_024) }),
  verdict: oneOf(['passed', 'failed'] as const),
  findings: list(z.object({ id: text(1_024), severity: oneOf(severities), count: count(1) })),
  highestSeverity: oneOf(severities).optional(),
  runtime,
});

const contract = z.object({ contract: z.object({ id: text(1_024), revision: count(1), digest: sha256() }) });

const evaluation = z.object({
  evaluatedAt: time(),
  data: z.object({ name: text(1_024), uri: text().optional(), digest: fingerprint, rows: count(0).optional() }),
  metrics: map(finite()),
  runtime,
});

const schemas = { slsa, training, scan, contract, evaluation };

/** By type, what a predicate holds once it was read: times in milliseconds since 1970, maps as maps. */
export type Predicates = { readonly [Type in keyof typeof schemas]: z.infer<(typeof schemas)[Type]> };

/** The types whose predicate is more than a name; for `release` see release.ts. */
export type PredicateType = Exclude<AttestationType, 'release'>;

/** A predicate that could be read, or what is wrong with it; `violations` is not empty then. */
export type PredicateReading<T> =
  | { readonly predicate: T; readonly violations?: undefined }
  | { readonly predicate?: undefined; readonly violations: readonly Violation[] };

const readers: { readonly [Type in PredicateType]: z.ZodType<Predicates[Type]> } = schemas;

const maxViolations = 20;

/** Reads a predicate of a given type. Never throws on what `value` holds; of many mistakes it tells the first 20. */
export function readPredicate<Type extends PredicateType>(type: Type, value: unknown): PredicateReading<Predicates[Type]> {
  const result = readers[type].safeParse(value, { reportInput: true });
  if (result.success) return { predicate: result.data };
  return { violations: schemaViolations(result.error.issues.slice(0, maxViolations)) };
}

const times: { readonly [Type in PredicateType]: (predicate: Predicates[Type]) => number | undefined } = {
  slsa: ({ runDetails: { metadata } }) => metadata?.finishedOn ?? metadata?.startedOn,
  training: ({ trainedAt }) => trainedAt,
  scan: ({ scannedAt }) => scannedAt,
  contract: () => undefined,
  evaluation: ({ evaluatedAt }) => evaluatedAt,
};

/** When what a predicate tells was done, in milliseconds since 1970; undefined for contracts and for builds that do not say. */
export function timeOf<Type extends PredicateType>(type: Type, predicate: Predicates[Type]): number | undefined {
  return times[type](predicate);
}
