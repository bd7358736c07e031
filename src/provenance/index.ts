// The door of provenance: which bytes were signed, by whom, and whether the trust policy lets them be served. Holds public keys only; it signs
// nothing (src/signing does, and no server imports that). Pure TypeScript: bundles and model folders are hostile input.
export type {
  DecisionStep,
  Manifest,
  ManifestFile,
  SignedEnvelope,
  SignerEvidence,
  Statement,
  TreeDifference,
  TrustedSigner,
  Verdict,
} from './provenance-types.ts';
