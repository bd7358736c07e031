// The door that a version of a signed model passes before anything of it is read: its signatures are judged by the trust policy, and what they
// name is staged, hashed while it is copied. From there on only the staged copy counts; the folder that it came from is never read again.
import type { VersionPolicy } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import type { Manifest, ModelStore, Trust, Verdict } from '../provenance/index.ts';

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
  /** For tests; a clock that nobody sets. */
  readonly nowMs?: () => number;
}

/** Waits before a version that was refused is judged again while its folder stays as it is; the last one from then on. */
const rejudgeDelaysMs = [0, 1_000, 2_000, 5_000, 10_000, 30_000];

/** Whoever makes and removes folders makes as many refusals; the oldest are forgotten. */
const maxRefusals = 1_000;

interface Refusal {
  readonly snapshotDigest: string;
  readonly error: AirlockError;
  readonly times: number;
  readonly atMs: number;
  /** How long it took to find out. */
  readonly costMs: number;
  /** Of the bundles that were accepted when the files were found to differ; those files are not hashed again before one of them changes. */
  readonly bundles?: string;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #refusals = new Map<bigint, Refusal>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Admits one version. `snapshotDigest` tells one state of its folder from another. A refusal is found out again, after a growing pause or
   * when the folder has changed: a signature may come later and lie elsewhere, a certificate may not count yet.
   * @throws MODEL_UNSIGNED, BUNDLE_INVALID, BUNDLE_UNSUPPORTED, SIGNER_UNTRUSTED, TRUST_REFUSED, MODEL_ROLLBACK, TRUST_INVALID for what the policy
   * does not let pass; MODEL_TAMPERED, naming each file, for files that are not as signed; STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL.
   */
  async admit(version: bigint, modelPath: string, snapshotDigest: string): Promise<AdmittedModel> {
    const before = this.#refusals.get(version);
    const last = before?.snapshotDigest === snapshotDigest ? before : undefined;
    if (last !== undefined && this.#now() - last.atMs < delayAfter(last)) throw last.error;
    const startedMs = this.#now();
    const bundles: string[] = [];
    try {
      const admitted = await this.#admitNow(version, modelPath, bundles, last);
      this.#refusals.delete(version);
      return admitted;
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      const times = (last?.times ?? 0) + 1;
      const differ = error.code === 'MODEL_TAMPERED' ? { bundles: bundles.join() } : {};
      const atMs = this.#now();
      this.#refusals.delete(version);
      this.#refusals.set(version, { snapshotDigest, error, times, atMs, costMs: atMs - startedMs, ...differ });
      const [oldest] = this.#refusals.keys();
      if (this.#refusals.size > maxRefusals) this.#refusals.delete(oldest);
      throw error;
    }
  }

  async #admitNow(version: bigint, modelPath: string, bundles: string[], last: Refusal | undefined): Promise<AdmittedModel> {
    const { trust, store, policy, model, versions, contractDigest } = this.#options;
    const contract = contractDigest === undefined ? {} : { contractDigest };
    const verdict = await trust.judge({ policy, model, version, modelPath, versions, ...contract });
    const { manifest, error, signers, attestations } = verdict;
    bundles.push(...verdict.bundles);
    if (!verdict.allowed || manifest === undefined) throw error ?? new AirlockError('INTERNAL');
    if (last?.bundles === bundles.join()) throw last.error;
    const staged = await store.stage(modelPath, manifest);
    const { root, identity } = manifest;
    return {
      directory: staged.directory,
      manifest,
      provenance: { policy, signers, attestations, root, identity, bundles },
      served: () => trust.recordServed({ model, version, identity, policy }),
      release: () => staged.release(),
    };
  }

  /** Removes copies that nobody needs any more. They are kept when a server ends: the next one will want them. */
  async collect(): Promise<void> {
    await this.#options.store.collect();
  }

  #now(): number {
    return this.#options.nowMs?.() ?? performance.now();
  }
}

/** A bundle that is made to take long is asked for so seldom that it takes no more than a hundredth of the time. */
function delayAfter({ times, costMs }: Refusal): number {
  return Math.max(rejudgeDelaysMs[Math.min(times, rejudgeDelaysMs.length - 1)], 100 * costMs);
}
