// The door that a version of a signed model passes before anything of it is read: its signatures are judged by the trust policy, and what they
// name is staged, hashed while it is copied. From there on only the staged copy counts; the folder that it came from is never read again.
import type { VersionPolicy } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import type { Manifest, ModelStore, StagedModel, Trust, Verdict } from '../provenance/index.ts';

/** What was found out about a version that may be served; for the log and for the status. */
export interface Provenance {
  readonly policy: string;
  readonly signers: Verdict['signers'];
  readonly attestations: Verdict['attestations'];
  /** As the signature's statement has it, hex. */
  readonly root: string;
  /** Our identity of the content, hex. */
  readonly identity: string;
  /** SHA-256 of the bundles that were read, hex. */
  readonly bundles: readonly string[];
}

export interface AdmittedModel {
  /** The staged copy. */
  readonly directory: string;
  readonly manifest: Manifest;
  readonly provenance: Provenance;
  /** To be called when the version has become available: from now on no older one is served. */
  served(): Promise<void>;
  /** To be called when nothing needs the staged copy any more. */
  release(): Promise<void>;
}

export interface AdmissionOptions {
  readonly trust: Trust;
  readonly store: ModelStore;
  /** Name of the policy. */
  readonly policy: string;
  readonly model: string;
  readonly versions: VersionPolicy;
  readonly contractDigest: string | undefined;
}

/** Refusals that another look may lift without the model's folder changing: a signature may come later and lie elsewhere, time passes. */
const passing: ReadonlySet<string> = new Set([
  'MODEL_UNSIGNED',
  'BUNDLE_INVALID',
  'BUNDLE_UNSUPPORTED',
  'SIGNER_UNTRUSTED',
  'TRUST_REFUSED',
  'TRUST_INVALID',
  'MODEL_ROLLBACK',
  'MODEL_TAMPERED',
  'STORE_UNSAFE',
  'DISK_FULL',
]);

/** True for a refusal that has to be looked at again although the files of the version stay as they are. */
export function mayPass({ code }: AirlockError): boolean {
  return passing.has(code);
}

export class Admission {
  readonly #options: AdmissionOptions;
  /** What was found of files that are not as signed, by what was looked at: they are not hashed again every second. */
  readonly #tampered = new Map<bigint, { readonly key: string; readonly error: AirlockError }>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Admits one version. `snapshotDigest` tells one state of its folder from another.
   * @throws MODEL_UNSIGNED, BUNDLE_INVALID, BUNDLE_UNSUPPORTED, SIGNER_UNTRUSTED, TRUST_REFUSED, MODEL_ROLLBACK, TRUST_INVALID for what the policy
   * does not let pass; MODEL_TAMPERED, naming each file, for files that are not as signed; STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL.
   */
  async admit(version: bigint, modelPath: string, snapshotDigest: string): Promise<AdmittedModel> {
    const { trust, policy, model, versions, contractDigest } = this.#options;
    const verdict = await trust.judge({
      policy,
      model,
      version,
      modelPath,
      versions,
      ...(contractDigest === undefined ? {} : { contractDigest }),
    });
    const { manifest, error } = verdict;
    if (!verdict.allowed || manifest === undefined) throw error ?? new AirlockError('INTERNAL');
    const staged = await this.#stage(version, modelPath, manifest, `${snapshotDigest} ${verdict.bundles.join(' ')}`);
    const { signers, attestations, bundles } = verdict;
    const { root, identity } = manifest;
    return {
      directory: staged.directory,
      manifest,
      provenance: { policy, signers, attestations, root, identity, bundles },
      served: () => trust.recordServed({ model, version, identity, policy }),
      release: async () => {
        await staged.release();
        await this.#options.store.collect();
      },
    };
  }

  async #stage(version: bigint, modelPath: string, manifest: Manifest, key: string): Promise<StagedModel> {
    const known = this.#tampered.get(version);
    if (known?.key === key) throw known.error;
    try {
      const staged = await this.#options.store.stage(modelPath, manifest);
      this.#tampered.delete(version);
      return staged;
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      if (error.code === 'MODEL_TAMPERED') this.#tampered.set(version, { key, error });
      throw error;
    }
  }
}
