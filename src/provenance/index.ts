// The door of provenance: which bytes were signed, by whom, and whether the trust policy lets them be served. Holds public keys only; it signs
// nothing (src/signing does, and no server imports that). Pure TypeScript: bundles and model folders are hostile input.
export { openTrust, type Trust, type TrustRequest } from './policy/index.ts';
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
export {
  assertPrivate,
  compareTree,
  type ModelStore,
  openModelStore,
  type StagedModel,
  type TreeComparison,
  verifiedContent,
} from './store/index.ts';
