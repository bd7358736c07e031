// The predicate types that Airlock knows, and what it calls them. The URI inside a statement is signed, so it alone says what the
// statement is; names of files say nothing.
import type { AttestationType } from '../../config/index.ts';

/** What a maker writes, per type. */
export const predicateTypes: Readonly<Record<AttestationType, string>> = {
  release: 'https://in-toto.io/attestation/release/v0.1',
  slsa: 'https://slsa.dev/provenance/v1',
  training: 'https://tf-airlock/training/v1',
  scan: 'https://tf-airlock/scan/v1',
  contract: 'https://tf-airlock/contract/v1',
  evaluation: 'https://tf-airlock/evaluation/v1',
};

const types: ReadonlyMap<string, AttestationType> = new Map<string, AttestationType>([
  ['https://in-toto.io/attestation/release/v0.1', 'release'],
  // It only renames a field that is not read here.
  ['https://in-toto.io/attestation/release/v0.2', 'release'],
  ['https://slsa.dev/provenance/v1', 'slsa'],
  ['https://tf-airlock/training/v1', 'training'],
  ['https://tf-airlock/scan/v1', 'scan'],
  ['https://tf-airlock/contract/v1', 'contract'],
  ['https://tf-airlock/evaluation/v1', 'evaluation'],
]);

/** Compared exactly: another version of a type may mean something else. Undefined for a type that is not known, model signatures included. */
export function attestationTypeOf(predicateType: string): AttestationType | undefined {
  return types.get(predicateType);
}
