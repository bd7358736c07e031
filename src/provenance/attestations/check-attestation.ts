// Whether one statement is what a policy demands beside a model. It judges what the statement says, never who said it: whoever calls this
// has checked the signature. A statement that lacks what is asked for is refused, as is one that cannot be read to the end.
import type { AttestationDemand } from '../../config/index.ts';
import { compareSeverity, printable } from '../../core/index.ts';
import type { Manifest, Statement } from '../provenance-types.ts';
import { attestationTypeOf } from './predicate-types.ts';
import { type Predicates, type PredicateType, readPredicate, timeOf, worstSeverity } from './predicates.ts';
import { subjectMatches } from './subject.ts';

export interface AttestationContext {
  /** Of the model that is about to be served. */
  readonly manifest: Manifest;
  /** SHA-256 of the contract that it is served with, hex; undefined without one. */
  readonly contractDigest: string | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** Clocks of two machines differ; a statement that is more than this ahead of ours was not made when it says. */
export const maxClockSkewMs = 5 * 60_000;

/**
 * Undefined when `statement` meets `demand`; otherwise why not, printable. `signers` and `threshold` of the demand are not looked at. A
 * `maxAgeMs` is met only by a statement that says its time, is not older, and is not more than five minutes in the future.
 */
export function checkAttestation(
  demand: AttestationDemand,
  statement: Statement,
  context: AttestationContext,
): string | undefined {
  const type = attestationTypeOf(statement.predicateType);
  if (type !== demand.type) return `it is a statement of the type ${type ?? printable(statement.predicateType, 128)}`;
  if (!subjectMatches(statement, context.manifest)) return 'its subject is not the content of this model';
  return checkPredicate(demand.type, demand, statement.predicate, context);
}

function checkPredicate<Type extends PredicateType>(
  type: Type,
  demand: AttestationDemand,
  value: unknown,
  context: AttestationContext,
): string | undefined {
  const { predicate, violations } = readPredicate(type, value);
  if (violations !== undefined) {
    const [{ path, expected, got }] = violations;
    return `its predicate cannot be read${path === '' ? '' : ` at ${path}`}: expected ${expected}, got ${got}`;
  }
  return checkAge(demand, timeOf(type, predicate), context.nowMs) ?? checks[type](predicate, demand, context);
}

function checkAge({ maxAgeMs }: AttestationDemand, madeAtMs: number | undefined, nowMs: number): string | undefined {
  if (maxAgeMs === undefined) return undefined;
  if (madeAtMs === undefined) return 'it does not say when it was made';
  if (madeAtMs > nowMs + maxClockSkewMs) return `it says that it was made in the future, at ${timeText(madeAtMs)}`;
  return nowMs - madeAtMs > maxAgeMs ? `it is too old: it was made at ${timeText(madeAtMs)}` : undefined;
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

type Check<Type extends PredicateType> = (
  predicate: Predicates[Type],
  demand: AttestationDemand,
  context: AttestationContext,
) => string | undefined;

const checks: { readonly [Type in PredicateType]: Check<Type> } = {
  slsa({ buildDefinition, runDetails }, { builder, buildType, materials }) {
    const { id } = runDetails.builder;
    if (builder !== undefined && id !== builder) return `the builder is ${printable(id, 256)}`;
    const { buildType: builtAs, resolvedDependencies = [] } = buildDefinition;
    if (buildType !== undefined && builtAs !== buildType) return `the build type is ${printable(builtAs, 256)}`;
    return checkMaterials(
      materials,
      resolvedDependencies.map(({ digest }) => digest?.get('sha256')),
    );
  },
  training({ data }, { materials }) {
    return checkMaterials(
      materials,
      data.map(({ digest }) => digest.sha256),
    );
  },
  scan({ verdict, findings, highestSeverity }, { maxSeverity = 'low' }) {
    if (verdict === 'failed') return 'the scan failed';
    // Ours, from the findings; what the scanner says about itself may only agree.
    const worst = worstSeverity(findings);
    if (highestSeverity !== undefined && highestSeverity !== worst)
      return `it says that its highest severity is ${highestSeverity}, and its findings say ${worst ?? 'none'}`;
    const isTooBad = worst !== undefined && compareSeverity(worst, maxSeverity) > 0;
    return isTooBad ? `a finding has the severity ${worst}` : undefined;
  },
  contract({ contract }, _demand, { contractDigest }) {
    if (contractDigest === undefined) return 'the model is served without a contract';
    return contract.digest === contractDigest ? undefined : `it is about another contract, ${contract.digest.slice(0, 12)}`;
  },
  evaluation({ metrics }, { metrics: bounds = {} }) {
    for (const [name, { min = -Infinity, max = Infinity }] of Object.entries(bounds)) {
      const value = metrics.get(name);
      if (value === undefined) return `it has no metric ${printable(name)}`;
      if (value < min || value > max) return `the metric ${printable(name)} is ${value}`;
    }
    return undefined;
  },
};

function checkMaterials(wanted: readonly string[] = [], stated: readonly (string | undefined)[]): string | undefined {
  const known = new Set(stated);
  const missing = wanted.find((digest) => !known.has(digest));
  return missing === undefined ? undefined : `the material ${missing.slice(0, 12)} is not among those that it names`;
}
