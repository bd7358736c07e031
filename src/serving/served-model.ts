// One model: which of its versions are loaded, and which answers a request. A new version is loaded before an old one is dropped, and
// an old one stays while a new one fails, so a bad upload never takes a model away.
import type { VersionPolicy } from '../config/index.ts';
import { AirlockError, printable } from '../core/index.ts';
import type { MetaGraphInfo } from '../model/index.ts';
import { readEmbeddedContract, selectMetaGraph } from '../model/index.ts';
import type { Manifest } from '../provenance/index.ts';
import type { Signature } from '../tensor/index.ts';
import type { Admission, AdmittedModel } from './admission.ts';
import { ModelVersion } from './model-version.ts';
import { callableOf, type ModelContract, prepareContract } from './prepare-contract.ts';
import type { ScanGate, ScannedVersion } from './scan-gate.ts';
import type { ServingEvent } from './serving-event.ts';
import { type AspiredVersion, VersionSource } from './version-source.ts';
import type { VersionSteps } from './version-steps.ts';
import type { ViolationNotice } from './violation-notices.ts';
import type { SeatWorker } from './worker-seat.ts';
import type { ModelWorkerOptions } from './workers/model-worker-options.ts';
import { restartEvents } from './workers/restart-events.ts';
import type { WorkersChange } from './workers/worker-pool-options.ts';

export interface VersionToServe {
  readonly modelDirectory: string;
  /** Of a signed model. */
  readonly manifest?: Manifest | undefined;
  /** Of an unsigned model: what its files looked like when they were judged. */
  readonly snapshotDigest?: string | undefined;
  readonly tags: readonly string[];
  /** Those that can be called. */
  readonly signatures: readonly Signature[];
  readonly onStateChange: NonNullable<ModelWorkerOptions['onStateChange']>;
  readonly onWorkersChange: (change: WorkersChange) => void;
  /** The TensorFlow of the worker. */
  readonly tensorflow: string;
}

export interface ServedModelOptions {
  readonly name: string;
  readonly baseDirectory: string;
  readonly policy: VersionPolicy;
  readonly labels: Readonly<Record<string, bigint>>;
  readonly tags: readonly string[];
  /** A worker for one version; it is not started yet. */
  readonly createWorker: (version: VersionToServe) => SeatWorker;
  readonly onEvent: (event: ServingEvent) => void;
  /** The TensorFlow that a version is loaded with now. */
  readonly tensorflow: () => string;
  /** For all versions; one that it does not fit is not served. Default none. */
  readonly contract?: ModelContract | undefined;
  /** For a signed model; default none: its versions are read where they lie. */
  readonly admission?: Admission | undefined;
  /** Default none: versions are loaded without being scanned. */
  readonly scans?: ScanGate | undefined;
  /** What requests of a version pass between their contract and the worker. Default nothing. */
  readonly steps?: ((version: SteppedVersion) => VersionSteps) | undefined;
  /** For tests; see VersionSource. */
  readonly pollMs?: number;
  readonly settleMs?: number;
}

/** A version whose requests pass some steps before its worker. */
export interface SteppedVersion {
  readonly version: bigint;
  /** Those that can be called, in the worker's order. */
  readonly signatures: readonly Signature[];
  readonly scanned: ScannedVersion | undefined;
  /** What tells its content from any other. */
  readonly identity: string;
  /** Its first one, which is not started yet. */
  readonly worker: SeatWorker;
  /** The TensorFlow of that. */
  readonly tensorflow: string;
}

export interface VersionChoice {
  readonly version?: bigint;
  readonly label?: string;
}

/** Waits before a version that failed to load is tried again; the last one from then on: what was missing may be memory. */
const retryDelaysMs = [1_000, 5_000, 30_000, 300_000];
/** Ended versions that the status still lists. */
const rememberedEnds = 10;

export class ServedModel {
  readonly name: string;
  readonly #options: ServedModelOptions;
  readonly #source: VersionSource;
  readonly #versions = new Map<bigint, ModelVersion>();
  readonly #failures = new Map<bigint, number>();
  /** Whose staged copies are held: what is wanted, and what is still loaded. */
  readonly #held = new Set<AdmittedModel>();
  #reported: ReadonlySet<string> = new Set();
  #wanted: readonly AspiredVersion[] = [];
  #applying: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ServedModelOptions) {
    this.name = options.name;
    this.#options = options;
    const { admission, scans } = options;
    this.#source = new VersionSource({
      baseDirectory: options.baseDirectory,
      policy: options.policy,
      onChange: (aspired) => this.#want(aspired),
      onLook: () => this.#reportProblems(),
      admit:
        admission &&
        (async (version, directory, digest) => this.#admit(await admission.admit(version, directory, digest), version)),
      scan: scans && ((version, directory, digest) => this.#scan(scans, version, directory, digest)),
      ...(options.pollMs === undefined ? {} : { pollMs: options.pollMs }),
      ...(options.settleMs === undefined ? {} : { settleMs: options.settleMs }),
    });
  }

  /** Looks for versions once and waits until those that it found are loaded or have failed. */
  async start(): Promise<void> {
    await this.#source.start();
    await this.#applying;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#source.stop();
    // This ends a load that is under way, too; waiting for it could take minutes.
    await Promise.all([...this.#versions.values()].map((version) => version.unload()));
    await this.#applying;
    await Promise.all([...this.#held].map((admitted) => admitted.release()));
  }

  async #scan(scans: ScanGate, version: bigint, directory: string, contentDigest: string): Promise<ScannedVersion> {
    const scanned = await scans.admit({ model: this.name, version, directory, contentDigest });
    this.#options.onEvent({ kind: 'scanned', model: this.name, version, scanned });
    return scanned;
  }

  #admit(admitted: AdmittedModel, version: bigint): AdmittedModel {
    this.#options.onEvent({ kind: 'verified', model: this.name, version, provenance: admitted.provenance });
    return admitted;
  }

  /** True when a version can take a request now. */
  get ready(): boolean {
    return [...this.#versions.values()].some((version) => version.ready);
  }

  /**
   * The version that answers: the one named, the one that the label points to, or else the newest available.
   * @throws MODEL_VERSION_NOT_FOUND, MODEL_LABEL_NOT_FOUND, MODEL_NOT_AVAILABLE.
   */
  resolve(choice: VersionChoice): ModelVersion {
    const number = choice.label === undefined ? choice.version : this.#labelled(choice.label);
    if (number !== undefined) return this.#specific(number);
    let newest: ModelVersion | undefined;
    for (const version of this.#versions.values()) {
      if (version.state === 'AVAILABLE' && (newest === undefined || version.version > newest.version)) newest = version;
    }
    if (newest === undefined) throw new AirlockError('MODEL_NOT_AVAILABLE');
    return newest;
  }

  #labelled(label: string): bigint {
    const { labels } = this.#options;
    if (Object.hasOwn(labels, label)) return labels[label];
    throw new AirlockError('MODEL_LABEL_NOT_FOUND', { message: `Unrecognized servable version label: ${printable(label)}` });
  }

  #specific(number: bigint): ModelVersion {
    const version = this.#versions.get(number);
    if (version?.state === 'AVAILABLE') return version;
    if (version?.state === 'START' || version?.state === 'LOADING') throw new AirlockError('MODEL_NOT_AVAILABLE');
    throw new AirlockError('MODEL_VERSION_NOT_FOUND', {
      message: `Servable not found for request: Specific(${printable(this.name)}, ${number})`,
    });
  }

  /** The versions to report: all, or the chosen one. @throws MODEL_VERSION_NOT_FOUND, MODEL_LABEL_NOT_FOUND. */
  status(choice: VersionChoice): readonly ModelVersion[] {
    const number = choice.label === undefined ? choice.version : this.#labelled(choice.label);
    if (number === undefined) return [...this.#versions.values()].sort((a, b) => (a.version < b.version ? 1 : -1));
    const version = this.#versions.get(number);
    if (version === undefined)
      throw new AirlockError('MODEL_VERSION_NOT_FOUND', {
        message: `Could not find version ${number} of model ${printable(this.name)}`,
      });
    return [version];
  }

  /** Why versions that are in the folder are not served, by version. */
  get refused(): ReadonlyMap<bigint, AirlockError> {
    return this.#source.problems;
  }

  /** Each reason once, not once per look. */
  #reportProblems(): void {
    const base = this.#source.baseProblem;
    const problems = [...this.#source.problems].map(([version, error]) => ({ version, error }));
    const seen = new Set<string>();
    for (const { version, error } of base === undefined ? problems : [...problems, { version: undefined, error: base }]) {
      const key = `${version} ${error.code} ${error.message}`;
      seen.add(key);
      if (this.#reported.has(key)) continue;
      this.#options.onEvent({ kind: 'refused', model: this.name, ...(version === undefined ? {} : { version }), error });
    }
    this.#reported = seen;
    // What was kept because of a refusal goes when nothing lies there any more.
    const nothingLies = problems.every(({ error }) => error.code === 'MODEL_VERSION_NOT_FOUND');
    if (base === undefined && nothingLies && this.#wanted.length === 0 && this.ready) this.#apply();
  }

  #want(aspired: readonly AspiredVersion[]): void {
    this.#wanted = aspired;
    for (const { admitted } of aspired) if (admitted !== undefined) this.#held.add(admitted);
    this.#failures.clear();
    this.#apply();
  }

  #apply(): void {
    const before = this.#applying ?? Promise.resolve();
    const next = before.then(() => this.#applyNow());
    this.#applying = next;
  }

  async #applyNow(): Promise<void> {
    const wanted = this.#wanted;
    for (const one of wanted) {
      if (this.#closed || wanted !== this.#wanted) return;
      const state = this.#versions.get(one.version)?.state;
      if (state === undefined || state === 'END') await this.#load(one);
    }
    const isWanted = (number: bigint) => wanted.some((one) => one.version === number);
    // Nothing that is wanted and something that is refused: a bad upload, or a file that somebody put there, never takes a model away.
    // A version that is not there was taken away by who may.
    const refusals = [...this.#source.problems.values()].filter(({ code }) => code !== 'MODEL_VERSION_NOT_FOUND');
    const isRefused = wanted.length === 0 && refusals.length > 0;
    const allAvailable = !isRefused && wanted.every((one) => this.#versions.get(one.version)?.state === 'AVAILABLE');
    if (!allAvailable) this.#retryLater(wanted);
    else {
      const old = [...this.#versions.values()].filter((version) => !isWanted(version.version) && version.state === 'AVAILABLE');
      await Promise.all(old.map((version) => this.#unload(version)));
    }
    this.#forgetEnded(isWanted);
    // What cannot be removed now is removed by the next one who collects.
    await this.#releaseUnneeded().catch(() => undefined);
  }

  async #releaseUnneeded(): Promise<void> {
    // A restart of what is loaded reads the copy again, whatever is wanted now.
    const loaded = [...this.#versions.values()].filter(({ state }) => state !== 'END');
    const needed = new Set([...this.#wanted, ...loaded].map(({ admitted }) => admitted));
    const unneeded = [...this.#held].filter((admitted) => !needed.has(admitted));
    for (const admitted of unneeded) {
      this.#held.delete(admitted);
      await admitted.release();
    }
    if (unneeded.length > 0) await this.#options.admission?.collect();
  }

  async #load(one: AspiredVersion): Promise<void> {
    const failures = this.#failures.get(one.version) ?? 0;
    let error: AirlockError | undefined;
    try {
      const metaGraph = selectMetaGraph(one.savedModel, this.#options.tags);
      const version = this.#create(one, metaGraph);
      this.#versions.set(one.version, version);
      if (!(await version.load())) error = version.error ?? new AirlockError('INTERNAL');
    } catch (thrown) {
      error = AirlockError.from(thrown);
    }
    if (this.#closed) return;
    if (error === undefined) {
      this.#options.onEvent({ kind: 'available', model: this.name, version: one.version });
      if (this.#options.contract === undefined) void this.#noteUnusedContract(one);
    } else {
      // Neither the contract nor the files of a version change while this server runs.
      if (error.code !== 'CONTRACT_MISMATCH') this.#failures.set(one.version, failures + 1);
      this.#options.onEvent({ kind: 'failed', model: this.name, version: one.version, error });
    }
  }

  #create(one: AspiredVersion, metaGraph: MetaGraphInfo): ModelVersion {
    const { contract } = this.#options;
    const callable = callableOf(metaGraph, contract?.loaded);
    const about = { model: this.name, version: one.version };
    const createWorker = (tensorflow: string): SeatWorker =>
      this.#options.createWorker({
        modelDirectory: one.directory,
        manifest: one.admitted?.manifest,
        snapshotDigest: one.snapshotDigest,
        tags: metaGraph.tags,
        signatures: callable,
        tensorflow,
        onStateChange: restartEvents({
          onRestarting: (error) => this.#options.onEvent({ kind: 'restarting', ...about, error }),
          onRestarted: () => this.#options.onEvent({ kind: 'restarted', ...about }),
        }),
        onWorkersChange: (change) => this.#options.onEvent({ kind: 'workers', ...about, ...change }),
      });
    const tensorflow = this.#options.tensorflow();
    const worker = createWorker(tensorflow);
    const identity = one.admitted?.manifest.identity ?? one.snapshotDigest ?? '';
    const onNotice = (notice: ViolationNotice) => this.#options.onEvent({ kind: 'violations', ...about, ...notice });
    const safeguards = {
      prepareContract: contract && (() => prepareContract(contract, one.directory, metaGraph, onNotice)),
      admitted: one.admitted,
      steps: this.#options.steps?.({
        version: one.version,
        signatures: callable,
        scanned: one.scanned,
        identity,
        worker,
        tensorflow,
      }),
    };
    return new ModelVersion(one.version, metaGraph, worker, callable, safeguards, {
      tensorflow,
      createWorker,
      identity,
    });
  }

  /** Only a word to the operator, so that it never fails. */
  async #noteUnusedContract({ version, directory }: AspiredVersion): Promise<void> {
    const embedded = await readEmbeddedContract(directory).catch(() => undefined);
    if (embedded === undefined || this.#closed) return;
    const { id, revision } = embedded;
    this.#options.onEvent({ kind: 'contractUnused', model: this.name, version, contract: { id, revision } });
  }

  async #unload(version: ModelVersion): Promise<void> {
    await version.unload();
    this.#options.onEvent({ kind: 'unloaded', model: this.name, version: version.version });
  }

  #retryLater(wanted: readonly AspiredVersion[]): void {
    const failures = Math.min(...wanted.map((one) => this.#failures.get(one.version) ?? 0).filter((count) => count > 0));
    if (failures === Number.POSITIVE_INFINITY || this.#closed) return;
    const delay = retryDelaysMs[Math.min(failures, retryDelaysMs.length) - 1];
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#apply(), delay);
    this.#retry.unref();
  }

  #forgetEnded(isWanted: (number: bigint) => boolean): void {
    const ended = [...this.#versions.values()].filter((version) => version.state === 'END' && !isWanted(version.version));
    for (const version of ended.slice(0, -rememberedEnds)) this.#versions.delete(version.version);
  }
}
