// One version of one model on its way through TensorFlow Serving's states: START, LOADING, AVAILABLE, UNLOADING, END. It owns the
// worker and never goes backwards; a version that failed is loaded again as a new object.
import { AirlockError } from '../core/index.ts';
import type { MetaGraphInfo } from '../model/index.ts';
import type { Signature, Tensor } from '../tensor/index.ts';
import type { AdmittedModel } from './admission.ts';
import type { ContractGuard } from './contract-guard.ts';
import { passesContract } from './cost/cost-calibration.ts';
import { ownContext, type RunContext, type Runner } from './runner.ts';
import type { Trial, TrialRules } from './trial.ts';
import type { VersionSteps } from './version-steps.ts';
import { type SeatWorker, WorkerSeat } from './worker-seat.ts';
import type { WorkerCounts } from './workers/worker-counts.ts';
import type { WorkerReport } from './workers/worker-report.ts';

export type VersionState = 'START' | 'LOADING' | 'AVAILABLE' | 'UNLOADING' | 'END';

/** States that may follow each state. */
const transitions: Readonly<Record<VersionState, readonly VersionState[]>> = {
  START: ['LOADING', 'END'],
  LOADING: ['AVAILABLE', 'END'],
  AVAILABLE: ['UNLOADING'],
  UNLOADING: ['END'],
  END: [],
};

export interface VersionSafeguards {
  /** For a model with a contract; the version ends with what it throws, and its worker is not started. */
  readonly prepareContract?: (() => Promise<ContractGuard>) | undefined;
  /** For a signed model; a version that cannot be recorded as served does not become available. */
  readonly admitted?: AdmittedModel | undefined;
  /** What requests pass between their contract and the worker. Default nothing. */
  readonly steps?: VersionSteps | undefined;
}

/** For a version whose TensorFlow can be replaced while it serves. */
export interface VersionRuntime {
  /** What its first worker runs on. */
  readonly tensorflow: string;
  /** What tells its content from any other: the identity of a signed manifest, else the digest of its folder's snapshot. */
  readonly identity: string;
  /** Another worker for it, not started yet, on another TensorFlow. */
  readonly createWorker: (tensorflow: string) => SeatWorker;
}

export class ModelVersion {
  readonly version: bigint;
  readonly metaGraph: MetaGraphInfo;
  /** Who signed it, and the copy that it is loaded from; undefined for a model that is served unsigned. */
  readonly admitted: AdmittedModel | undefined;
  readonly steps: VersionSteps | undefined;
  readonly #seat: WorkerSeat;
  readonly #runner: Runner;
  readonly #runtime: VersionRuntime | undefined;
  readonly #signatures: ReadonlyMap<string, { readonly signature: Signature; readonly index: number }>;
  readonly #prepareContract: (() => Promise<ContractGuard>) | undefined;
  #contract: ContractGuard | undefined;
  #state: VersionState = 'START';
  #error: AirlockError | undefined;
  #users = 0;
  #onUnused: (() => void) | undefined;
  #unloaded: Promise<void> | undefined;

  /**
   * @param callable the signatures that the worker was told of, in its order.
   * @param runtime without it the version keeps the worker that it has.
   */
  constructor(
    version: bigint,
    metaGraph: MetaGraphInfo,
    worker: SeatWorker,
    callable: readonly Signature[],
    { prepareContract, admitted, steps }: VersionSafeguards = {},
    runtime?: VersionRuntime,
  ) {
    this.#prepareContract = prepareContract;
    this.admitted = admitted;
    this.version = version;
    this.metaGraph = metaGraph;
    this.#seat = new WorkerSeat({ worker, tensorflow: runtime?.tensorflow ?? 'unknown' }, callable);
    this.#runner = steps?.before(this.#seat) ?? this.#seat;
    this.steps = steps;
    this.#runtime = runtime;
    this.#signatures = new Map(callable.map((signature, index) => [signature.name, { signature, index }]));
  }

  get state(): VersionState {
    return this.#state;
  }

  /** Why the version ended, if it did not end because it was asked to. */
  get error(): AirlockError | undefined {
    return this.#error;
  }

  /** True when a client may name a signature other than the one that counts when it names none. */
  get hasNamedSignatures(): boolean {
    return this.#signatures.size > (this.#signatures.has('serving_default') ? 1 : 0);
  }

  /** What requests have to pass; undefined for a model without a contract, and before a load. */
  get contract(): ContractGuard | undefined {
    return this.#contract;
  }

  #enter(state: VersionState): void {
    if (!transitions[this.#state].includes(state)) throw new TypeError(`A version cannot go from ${this.#state} to ${state}`);
    this.#state = state;
  }

  /** Starts the worker and loads the model; true when the version is available. Never throws: the reason is in `error`. */
  async load(): Promise<boolean> {
    this.#enter('LOADING');
    try {
      if (this.#prepareContract !== undefined) {
        this.#contract = await this.#prepareContract();
        // Unloaded meanwhile.
        if (this.#state !== 'LOADING') throw new AirlockError('MODEL_NOT_AVAILABLE');
      }
      await this.#seat.worker.start();
      await this.admitted?.served();
      this.#enter('AVAILABLE');
      this.steps?.begin(this.#seat.worker, (signature, inputs) => passesContract(this.#contract, signature, inputs));
      return true;
    } catch (thrown) {
      this.#error = AirlockError.from(thrown);
      // It has ended already when it was unloaded meanwhile.
      if (this.#state === 'LOADING') this.#enter('END');
      this.steps?.end();
      await this.#seat.close();
      return false;
    }
  }

  /**
   * Keeps the version's worker until `release` was called as often: a request that was given this version before a newer one came may still be
   * on its way, and must be answered all the same.
   */
  hold(): void {
    this.#users++;
  }

  release(): void {
    this.#users--;
    if (this.#users === 0) this.#onUnused?.();
  }

  /** Takes no new requests, lets those in flight finish, and stops the worker. Ends a load that is under way. May be called twice. */
  unload(): Promise<void> {
    this.#unloaded ??= this.#unload();
    return this.#unloaded;
  }

  async #unload(): Promise<void> {
    if (this.#state === 'END') return;
    this.#enter(this.#state === 'AVAILABLE' ? 'UNLOADING' : 'END');
    this.steps?.end();
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#onUnused = resolve;
      });
    }
    await this.#seat.close();
    if (this.#state === 'UNLOADING') this.#enter('END');
  }

  /**
   * The signature that a client named.
   * @throws SIGNATURE_NOT_FOUND, or SIGNATURE_UNSUITABLE when it is there but cannot be called.
   */
  signature(name: string): Signature {
    const found = this.#signatures.get(name);
    if (found !== undefined) return found.signature;
    const listed = this.metaGraph.signatures.find((signature) => signature.name === name);
    if (listed?.unsupported !== undefined)
      throw new AirlockError('SIGNATURE_UNSUITABLE', { message: `The signature cannot be called: ${listed.unsupported}` });
    // What nobody has said anything about is closed.
    if (listed !== undefined && this.#prepareContract !== undefined)
      throw new AirlockError('SIGNATURE_UNSUITABLE', {
        message: 'The signature cannot be called: the contract of the model has no rules for it',
      });
    throw new AirlockError('SIGNATURE_NOT_FOUND', {
      message: 'Serving signature name not found in signature def',
      violations: [
        {
          path: 'signature_name',
          rule: 'signature',
          expected: [...this.#signatures.keys()].join(', ') || 'none',
          got: 'another name',
        },
      ],
    });
  }

  /** Runs one request. `inputs` are in the order of `signature.inputs`, the answer in the order of `signature.outputs`. */
  run(signature: Signature, inputs: readonly Tensor[], context: RunContext = ownContext): Promise<readonly Tensor[]> {
    const found = this.#signatures.get(signature.name);
    if (found === undefined || this.#state === 'END') return Promise.reject(new AirlockError('MODEL_NOT_AVAILABLE'));
    return this.#runner.run(found.index, inputs, context);
  }

  /** What holds the worker, and how it fares; of all of them together where there may be several. */
  get workerReport(): WorkerReport {
    return this.#seat.worker.report;
  }

  /** One for each process; undefined where there is never more than one. */
  get workerReports(): readonly WorkerReport[] | undefined {
    return this.#seat.worker.reports;
  }

  /** What happened to its workers so far. */
  get workerCounts(): Readonly<WorkerCounts> | undefined {
    return this.#seat.worker.counts;
  }

  /** True while the worker can take a request; false for the moments in which it is being restarted. */
  get ready(): boolean {
    return this.#state === 'AVAILABLE' && this.#seat.ready;
  }

  /** What tells its content from any other; empty where nobody said. */
  get identity(): string {
    return this.#runtime?.identity ?? '';
  }

  /** The TensorFlow that answers. */
  get tensorflow(): string {
    return this.#seat.tensorflow;
  }

  /** The TensorFlow that answered before and can be gone back to at once. */
  get keptTensorflow(): string | undefined {
    return this.#seat.keptTensorflow;
  }

  /** What was seen since another TensorFlow answers; undefined when nothing is on trial. */
  get trial(): Trial | undefined {
    return this.#seat.trial;
  }

  /** Why the TensorFlow that answers must go; undefined while nothing speaks against it. */
  get verdict(): string | undefined {
    return this.#seat.verdict;
  }

  /**
   * Gives the version a worker on another TensorFlow, while it serves; see WorkerSeat.change for how it is tried. What answered before stays until `goBack` or `letGo`.
   * @throws what starting and trying it throws; MODEL_NOT_AVAILABLE for a version that does not serve.
   */
  async moveTo(tensorflow: string, rules: TrialRules, signal: AbortSignal): Promise<void> {
    if (this.#runtime === undefined || this.#state !== 'AVAILABLE') throw new AirlockError('MODEL_NOT_AVAILABLE');
    await this.#seat.change({ worker: this.#runtime.createWorker(tensorflow), tensorflow }, rules, signal);
  }

  /** What answered before answers again; false when there is none. */
  goBack(): boolean {
    return this.#seat.goBack();
  }

  /** The TensorFlow that answers stays; settles when what answered before is gone. */
  letGo(): Promise<void> {
    return this.#seat.letGo();
  }

  /** Settles when no worker that was sent away lives any more. */
  left(): Promise<void> {
    return this.#seat.left();
  }
}
