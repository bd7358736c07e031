// What the trust section of airlock.yaml says, after it was checked: whose signatures count, for which models, and what must be stated
// beside them. Only trust-schema.ts makes one; paths are absolute, digests are lowercase hex. docs/trust.md has the keys one by one.
import type { Severity } from '../core/index.ts';

/** The `trust` section. What it does not allow is refused. */
export interface TrustConfig {
  /** By the names that policies use. */
  readonly signers: Readonly<Record<string, SignerConfig>>;
  /** By the names that models use. */
  readonly policies: Readonly<Record<string, PolicyConfig>>;
  readonly denied: DeniedConfig;
}

/** What a signer's entry may accept besides the current form of bundles, see docs/trust.md. */
export type LegacyForm = 'v0.2' | 'raw-public-key';

interface AnySigner {
  /** Signatures count no longer after this moment, in milliseconds since 1970. Default for ever. */
  readonly notAfterMs?: number;
  /** Old forms of bundles that this signer may still use; default none. */
  readonly accept: readonly LegacyForm[];
}

export interface KeySigner extends AnySigner {
  readonly kind: 'key';
  /** A PEM file with a public key on P-256, P-384 or P-521. */
  readonly publicKey: string;
}

/** Who the leaf certificate must be for: compared exactly, never as a pattern. At least one is there, and all that are must match. */
export interface CertificateIdentity {
  /** A subject alternative name. */
  readonly email?: string;
  readonly uri?: string;
  readonly dns?: string;
  /** SHA-256 of the leaf's SubjectPublicKeyInfo (DER), hex. */
  readonly spkiSha256?: string;
}

export interface CertificateSigner extends AnySigner {
  readonly kind: 'certificate';
  /** PEM files; nothing else is an anchor, and never the system's list. */
  readonly roots: readonly string[];
  /** PEM files with intermediates that bundles leave out; they are not trusted by themselves. */
  readonly intermediates: readonly string[];
  readonly identity: CertificateIdentity;
  /** PEM or DER files. Where there is one, every certificate below the root must be covered by a current list. */
  readonly crls: readonly string[];
  /** PEM files of authorities whose RFC 3161 time stamps say when a signature was made. Default none: the time is now. */
  readonly timestampAuthorities: readonly string[];
}

export interface SigstoreSigner extends AnySigner {
  readonly kind: 'sigstore';
  /** A trusted_root.json; nothing is fetched. */
  readonly trustedRoot: string;
  /** SHA-256 of that file, hex; default not pinned. */
  readonly trustedRootSha256?: string;
  /** The certificate's subject alternative name, and who vouched for it; both compared exactly. */
  readonly identity: string;
  readonly issuer: string;
}

export type SignerConfig = KeySigner | CertificateSigner | SigstoreSigner;

export interface PolicyConfig {
  /** Names, or beginnings of names followed by `*`. A model that none fits may not use the policy. */
  readonly models: readonly string[];
  /** Names of signers. */
  readonly signers: readonly string[];
  /** How many different ones of them must have signed. Default 1. */
  readonly threshold: number;
  /** Versions outside are refused. Default 0 and no end. */
  readonly minVersion: bigint;
  readonly maxVersion?: bigint;
  /** `required`, the default: a release attestation of the same signers must say that these files are this model in this version. */
  readonly binding: 'required' | 'unsafeNone';
  /** `refuse`, the default: no version below those that were served before; see src/provenance/policy/version-ledger.ts. */
  readonly rollback: 'refuse' | 'unsafeAllow';
  /** A folder that holds `MODEL/VERSION/` with the bundles; default beside the model. */
  readonly signatures?: string;
  /** Statements that must be there. Default none. */
  readonly attestations: readonly AttestationDemand[];
}

export type AttestationType = 'release' | 'slsa' | 'training' | 'scan' | 'contract' | 'evaluation';

export interface AttestationDemand {
  readonly type: Exclude<AttestationType, 'release'>;
  /** Names of signers; default those of the policy. */
  readonly signers?: readonly string[];
  /** Default 1. */
  readonly threshold: number;
  /** The statement's own time must not be older. Default any age. */
  readonly maxAgeMs?: number;
  /** slsa: exact `builder.id`. */
  readonly builder?: string;
  /** slsa: exact `buildType`. */
  readonly buildType?: string;
  /** training, slsa: digests (SHA-256, hex) that must be among the data sets or resolved dependencies. */
  readonly materials?: readonly string[];
  /** scan: findings above this severity refuse. Default low. */
  readonly maxSeverity?: Severity;
  /** evaluation: bounds per metric, inclusive. */
  readonly metrics?: Readonly<Record<string, { readonly min?: number; readonly max?: number }>>;
}

export interface DeniedConfig {
  /** Names of signers, or key identities (SHA-256 of the SubjectPublicKeyInfo in DER, hex). */
  readonly signers: readonly string[];
  /** Digests of models: the root that a bundle states, or our own identity of a manifest, hex. */
  readonly digests: readonly string[];
  /** `name` for all versions of a model, or `name@version`. */
  readonly models: readonly string[];
}
