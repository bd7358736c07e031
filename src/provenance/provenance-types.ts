// The words that the parts of this folder share: what a bundle holds, who signed it, which files it names, what was decided.
import type { LegacyForm } from '../config/index.ts';
import type { AirlockError } from '../core/index.ts';

/** A bundle after its one parse: a signature over bytes, and a hint about who made it. Nothing of it is trusted yet. */
export interface SignedEnvelope {
  readonly material:
    | {
        readonly kind: 'publicKey';
        /** Which key, in hex; unsigned, so it selects and proves nothing. Undefined in an old form. */
        readonly hint: string | undefined;
        /** The old form: a whole PEM text instead of a hint. */
        readonly rawPem: string | undefined;
      }
    | {
        readonly kind: 'certificates';
        /** DER, the leaf first. */
        readonly certificates: readonly Buffer[];
        /** RFC 3161 time stamps over the signature, DER. */
        readonly timestamps: readonly Buffer[];
      }
    | { readonly kind: 'sigstore' };
  readonly payloadType: string;
  /** The very bytes that were signed. */
  readonly payload: Buffer;
  /** As the bundle has it: DER for ECDSA. Malleable, so never an identity. */
  readonly signature: Buffer;
  /** The bundle as the strict parse gave it, for the library that checks keyless ones. */
  readonly json: unknown;
  /** Of the whole bundle, hex; for logs only. */
  readonly sha256: string;
}

/** An in-toto Statement, v1. */
export interface Statement {
  readonly predicateType: string;
  readonly subjects: readonly { readonly name: string; readonly digest: Readonly<Record<string, string>> }[];
  /** A plain object of JSON; the reader of a predicate checks its own. */
  readonly predicate: Readonly<Record<string, unknown>>;
}

export interface ManifestFile {
  /** Relative to the model's folder, with `/`; `.` where the model is one file. Canonical, see format/manifest.ts. */
  readonly name: string;
  /** Lowercase hex. */
  readonly digest: string;
}

/** Which files a model signature names. */
export interface Manifest {
  readonly hashType: 'sha256' | 'blake2b';
  /** In the order of the statement, which the root depends on; at least one, no name twice. */
  readonly files: readonly ManifestFile[];
  /** Paths that the signer left out: unsigned, so they are never copied and never loaded. */
  readonly ignored: readonly string[];
  /** SHA-256 over the raw digests in that order, hex: what the statement calls its subject. It does not cover names. */
  readonly root: string;
  /** Our own identity of the content: SHA-256 over names, algorithm and digests, in one fixed order, hex. */
  readonly identity: string;
}

/** Who made a signature, after it was checked. */
export interface SignerEvidence {
  /** The name in the trust section. */
  readonly signer: string;
  readonly kind: 'key' | 'certificate' | 'sigstore';
  /** SHA-256 of the SubjectPublicKeyInfo (DER) that made the signature, hex. For keyless ones of the identity and its issuer: their keys last minutes. */
  readonly keyId: string;
  /** For people: a subject or identity, printable. */
  readonly subject?: string;
  /** When it was signed, where somebody trusted says so; milliseconds since 1970. */
  readonly signedAtMs?: number;
  /** The old form that was accepted for this signer: then the statement has that form too, and no other. */
  readonly legacy?: LegacyForm;
}

/** A signer of the trust section with its keys read. */
export interface TrustedSigner {
  readonly name: string;
  readonly kind: SignerEvidence['kind'];
  readonly accept: readonly LegacyForm[];
  /**
   * Checks that this signer made the signature in `envelope` over its payload.
   * @throws SIGNER_UNTRUSTED with what did not fit; BUNDLE_UNSUPPORTED for an old form that this signer may not use.
   */
  verify(envelope: SignedEnvelope, nowMs: number): SignerEvidence;
}

/** One file or folder that is not as it was signed. */
export interface TreeDifference {
  /** Relative name, printable. */
  readonly name: string;
  readonly kind: 'missing' | 'modified' | 'extra' | 'link' | 'special' | 'unreadable';
}

/** One thing that was looked at on the way to a decision, in order. */
export interface DecisionStep {
  /** A stable name: `policy`, `denied.models`, `bundle`, `signer`, `threshold`, `binding`, `attestation.slsa`, `rollback`, `files`, … */
  readonly rule: string;
  readonly outcome: 'passed' | 'refused' | 'skipped';
  /** For people, printable, without paths of this machine. */
  readonly text: string;
}

/** What was found out about the signatures of one version of a model, before its files are read. */
export interface Verdict {
  readonly policy: string;
  readonly allowed: boolean;
  readonly steps: readonly DecisionStep[];
  /** The last step: the one that refused, or the last that had to pass. */
  readonly decidedBy: string;
  /** Undefined when no bundle could be accepted. */
  readonly manifest: Manifest | undefined;
  readonly signers: readonly SignerEvidence[];
  readonly attestations: readonly { readonly type: string; readonly signers: readonly string[] }[];
  /** Of the bundles that were read, hex. */
  readonly bundles: readonly string[];
  /** Why not; undefined when allowed. */
  readonly error: AirlockError | undefined;
}
