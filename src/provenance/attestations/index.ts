// The door of attestations: statements about a model that lie beside its signature. Reads and judges them; who signed them is for policy/.
export { type AttestationContext, checkAttestation, maxClockSkewMs } from './check-attestation.ts';
export type { Scalar, Scalars } from './fields.ts';
export { attestationTypeOf, predicateTypes } from './predicate-types.ts';
export {
  type PredicateReading,
  type Predicates,
  type PredicateType,
  readPredicate,
  timeOf,
  worstSeverity,
} from './predicates.ts';
export { type Release, releaseOf, releasePurl } from './release.ts';
export { parseTime } from './rfc3339-time.ts';
export { subjectMatches, subjectOf } from './subject.ts';
