// The supervisor of one model version's worker: starts it, and restarts it after whatever ended it. A crash, a hang, a broken protocol,
// too much memory take the same path, fail the requests in flight, and touch no other model: two ModelWorkers share nothing.
import { AirlockError } from '../../core/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { WorkerRunOptions } from '../runner.ts';
import { type ExecutableMemory, needsExecutableMemory } from './executable-memory.ts';
import { JailedWorker } from './jailed-worker.ts';
import type { MemoryNeed, MemoryShare } from './memory-share.ts';
import {
  defaultModelWorkerLimits,
  type ModelWorkerLimits,
  type ModelWorkerOptions,
  type ModelWorkerState,
} from './model-worker-options.ts';
import { RunPipeline, type StrandedRuns } from './run-pipeline.ts';
import { SpareWorker } from './spare-worker.ts';
import { newWorkerCounts, type WorkerCounts } from './worker-counts.ts';
import type { WorkerEnd } from './worker-process.ts';
import { WorkerRenewal } from './worker-renewal.ts';
import { type WorkerReport, workerReport } from './worker-report.ts';

const transitions: Readonly<Record<ModelWorkerState, readonly ModelWorkerState[]>> = {
  new: ['starting', 'closing'],
  starting: ['ready', 'failed', 'closing'],
  ready: ['restarting', 'closing'],
  restarting: ['ready', 'closing'],
  failed: ['starting', 'closing'],
  closing: ['closed'],
  closed: [],
};

/** Before there is a spare again after one took the place of a worker whose memory was needed. */
const renewedSparePauseMs = 30_000;

export class ModelWorker {
  readonly counts: WorkerCounts;
  readonly #options: ModelWorkerOptions;
  readonly #limits: ModelWorkerLimits;
  readonly #pipeline: RunPipeline;
  readonly #spare: SpareWorker | undefined;
  #state: ModelWorkerState = 'new';
  #worker: JailedWorker | undefined;
  #executableMemory: ExecutableMemory;
  #tensorflowVersion: string | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #failures = 0;
  #restarts = 0;
  #lastCause: AirlockError | undefined;
  #availableSinceMs = 0;
  #closed: Promise<void> | undefined;
  /** While the process is exchanged because its memory was needed. */
  #renewal: WorkerRenewal | undefined;

  constructor(options: ModelWorkerOptions) {
    this.#options = options;
    this.counts = options.counts ?? newWorkerCounts();
    this.#limits = { ...defaultModelWorkerLimits, ...options.limits };
    this.#pipeline = new RunPipeline(options.signatures, this.#limits);
    this.#executableMemory = options.executableMemory ?? { setting: 'allowed', why: 'nothing was decided' };
    if (options.spare === true)
      this.#spare = new SpareWorker(
        async () => this.#startWorker(await this.#admit('spare', false)),
        (worker) => worker.prepare(),
      );
    else if (options.spare === 'loaded')
      this.#spare = new SpareWorker(
        async () => this.#startWorker(await this.#admit('spare', true)),
        async (worker) => {
          await worker.prepare();
          await worker.load(options.content);
        },
      );
  }

  get state(): ModelWorkerState {
    return this.#state;
  }

  /** What the runtime says it is; undefined before the first load. */
  get tensorflowVersion(): string | undefined {
    return this.#tensorflowVersion;
  }

  /** Undefined while no process runs. */
  get processId(): number | undefined {
    return this.#worker?.processId;
  }

  /** Requests that wait or are in the worker. */
  get pendingCount(): number {
    return this.#pipeline.pendingCount + (this.#renewal?.waitingCount ?? 0);
  }

  /** True while requests wait for a process that takes the place of one that kept too much memory. */
  get isRenewing(): boolean {
    return this.#renewal !== undefined;
  }

  /** How many requests it takes without one of them waiting long. */
  get depth(): number {
    return this.#pipeline.depth;
  }

  /** Gives away the last `count` of the requests that wait and were not sent. */
  takeWaiting(count: number): StrandedRuns {
    return this.#pipeline.takeWaiting(count);
  }

  /** Takes over requests that another worker of the same model left behind; they fail where this one is not available. */
  adopt(stranded: StrandedRuns): void {
    this.#pipeline.adopt(stranded, this.#onRunFailure);
  }

  /** Ends a spare process to have its memory; settles when it is gone, undefined when there is none. */
  giveUpSpare(): Promise<unknown> | undefined {
    return this.#spare?.giveUp();
  }

  /** Begins anew where nothing is to be done and the process kept much memory of an earlier request; settles when that is free, undefined where it is not so. */
  giveUpGrowth(): Promise<unknown> | undefined {
    const worker = this.#worker;
    if (this.#state !== 'ready' || worker === undefined || this.pendingCount > 0) return undefined;
    const keptMiB = Math.round(worker.keptBytes / (1024 * 1024));
    if (keptMiB === 0) return undefined;
    this.#renewal = new WorkerRenewal(this.#limits);
    worker.leave();
    worker.kill(new AirlockError('MEMORY_BUDGET_EXCEEDED', { detail: `begun anew: it kept ${keptMiB} MiB that others need` }));
    return worker.process.ended;
  }

  /** What holds the worker and how it fares, for an operator. */
  get report(): WorkerReport {
    return workerReport({
      state: this.#state,
      worker: this.#worker,
      executableMemory: this.#executableMemory,
      spare: this.#spare,
      restarts: this.#restarts,
      lastCause: this.#lastCause,
    });
  }

  /**
   * Starts the process and loads the model. Not retried: whoever serves the model decides what a model that does not load means.
   * @throws what `beforeStart` and `content` throw; MODEL_LOAD_FAILED, MODEL_INVALID, RUNTIME_LOAD_FAILED, WORKER_START_FAILED,
   * WORKER_PROTOCOL_VIOLATION, WORKER_OUT_OF_MEMORY, WORKER_FORBIDDEN; MODEL_NOT_AVAILABLE when it is closed meanwhile.
   */
  async start(): Promise<void> {
    this.#enter('starting');
    try {
      await this.#launch().catch((thrown: unknown) => this.#launchWithExecutableMemory(thrown));
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      if (this.#state === 'starting') this.#enter('failed', error);
      throw error;
    }
  }

  /**
   * Runs a signature. `inputs` are in the order of the signature's inputs, and so are the outputs; their bytes start at a multiple
   * of 8. `deadlineMs`, from now and including the time that it waits, is at most the limit `timeoutMs`, which is also the default.
   * @throws MODEL_NOT_AVAILABLE when not available; SERVER_OVERLOADED when the queue is full; DEADLINE_EXCEEDED; WORKER_CRASHED and
   * WORKER_PROTOCOL_VIOLATION when the worker ended meanwhile; WORKER_OUT_OF_MEMORY and WORKER_FORBIDDEN when it ended because of this
   * request; SIGNATURE_NOT_FOUND, SIGNATURE_UNSUITABLE, INPUT_MISSING, TENSOR_TYPE_MISMATCH, TENSOR_TOO_LARGE for what may not be
   * sent; MODEL_OUTPUT_INVALID; a TENSORFLOW_ code.
   */
  run(signatureIndex: number, inputs: readonly Tensor[], options: WorkerRunOptions = {}): Promise<Tensor[]> {
    if (this.#state !== 'ready') {
      if (this.#renewal === undefined) return Promise.reject(new AirlockError('MODEL_NOT_AVAILABLE'));
      return this.#runRenewed(this.#renewal, signatureIndex, inputs, options);
    }
    return this.#pipeline.run(
      signatureIndex,
      inputs,
      options.deadlineMs,
      this.#onRunFailure,
      options.onBlamed,
      options.onProfile,
    );
  }

  async #runRenewed(
    renewal: WorkerRenewal,
    signatureIndex: number,
    inputs: readonly Tensor[],
    options: WorkerRunOptions,
  ): Promise<Tensor[]> {
    const deadlineMs = await renewal.pass(options.deadlineMs);
    return this.run(signatureIndex, inputs, { ...options, deadlineMs });
  }

  #endRenewal(error?: AirlockError): void {
    this.#renewal?.end(error);
    this.#renewal = undefined;
  }

  /** Takes nothing new, lets what waits and runs be answered or pass its deadline, then ends the process. May be called twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const wasAvailable = this.#state === 'ready';
    this.#enter('closing');
    if (this.pendingCount === 0) this.#worker?.leave();
    clearTimeout(this.#restartTimer);
    const spareClosed = this.#spare?.close();
    if (wasAvailable) {
      await this.#pipeline.drained();
      await this.#worker?.process.close();
    } else {
      this.#worker?.kill(new AirlockError('MODEL_NOT_AVAILABLE'));
    }
    await this.#worker?.process.ended;
    await spareClosed;
    this.#pipeline.detach();
    this.#enter('closed');
  }

  #enter(state: ModelWorkerState, cause?: AirlockError): void {
    if (!transitions[this.#state].includes(state)) {
      throw new AirlockError('INTERNAL', { detail: `a worker cannot go from ${this.#state} to ${state}` });
    }
    this.#state = state;
    if (state === 'ready') this.#endRenewal();
    else if (state === 'closing') this.#endRenewal(new AirlockError('MODEL_NOT_AVAILABLE'));
    this.#tell(state, cause);
  }

  #tell(state: ModelWorkerState, cause: AirlockError | undefined): void {
    if (cause !== undefined) this.#lastCause = cause;
    this.#options.onStateChange?.(state, cause);
  }

  async #launch(): Promise<void> {
    this.#worker = undefined;
    let worker = this.#spare?.take();
    if (worker === undefined) {
      const share = await this.#admit(this.#options.need ?? 'needed', true);
      worker = this.#startWorker(share);
    }
    this.#worker = worker;
    const { tensorflowVersion } = await worker.prepare();
    this.#tensorflowVersion = tensorflowVersion;
    await worker.load(this.#options.content);
    this.#assertWanted();
    // onBroken comes once, and found nothing to restart when it came before this turn: such a process must never count as ready.
    if (worker.process.isBroken) throw await worker.process.loadFailure();
    this.#serveWith(worker);
    this.#spare?.fill();
  }

  #serveWith(worker: JailedWorker): void {
    this.#worker = worker;
    this.#availableSinceMs = performance.now();
    this.#pipeline.attach(worker.process);
    this.#enter('ready');
  }

  /** A model that cannot even warm up without it gets a second start. @throws `thrown` when that is not what was wrong. */
  async #launchWithExecutableMemory(thrown: unknown): Promise<void> {
    const end = await this.#worker?.process.ended;
    if (this.#executableMemory.setting === 'allowed' || this.#state !== 'starting') throw thrown;
    if (end === undefined || !isOwnCrash(end)) throw thrown;
    this.#allowExecutableMemory(`a worker without it ended by ${end.reason.detail} while it loaded`);
    await this.#launch();
  }

  /** What a process needs before it may be started. */
  async #admit(need: MemoryNeed, withModel: boolean): Promise<MemoryShare | undefined> {
    await this.#options.beforeStart?.();
    return this.#options.reserve?.(need, withModel);
  }

  /** Not asynchronous: `close` must find each process that was started. */
  #startWorker(share: MemoryShare | undefined): JailedWorker {
    try {
      this.#assertWanted();
      return this.#startJailed(share);
    } catch (thrown) {
      share?.release();
      throw thrown;
    }
  }

  #startJailed(share: MemoryShare | undefined): JailedWorker {
    const { jail, watchdog, slot, signatures, tags = ['serve'], entry, onLog } = this.#options;
    return new JailedWorker({
      jail,
      watchdog,
      slot,
      signatures,
      tags,
      limits: this.#limits,
      executableMemory: this.#executableMemory.setting,
      share,
      entry,
      onLog: onLog ?? (() => undefined),
      onAnswer: ({ process }) => this.#pipeline.onAnswer(process),
      onBroken: (worker, reason) => this.#onBroken(worker, reason),
    });
  }

  /** It may be closed while a load waits; nothing may be started then. */
  #assertWanted(): void {
    if (this.#state === 'closing' || this.#state === 'closed') throw new AirlockError('MODEL_NOT_AVAILABLE');
  }

  /** Also called while a process loads; then `load` rejects as well, and that is what counts. A spare one has its own keeper. */
  #onBroken(worker: JailedWorker, reason: AirlockError): void {
    if (worker !== this.#worker) return;
    const { onStranded, spare } = this.#options;
    const isServing = this.#state === 'ready';
    const stranded = isServing && (onStranded !== undefined || spare === 'loaded') ? this.#pipeline.takeUnbegun() : undefined;
    this.#pipeline.detach();
    if (!isServing) return;
    if (performance.now() - this.#availableSinceMs >= (this.#options.healthyMs ?? 30_000)) this.#failures = 0;
    this.#enter('restarting', reason);
    void worker.process.ended.then((end) => {
      const { ends } = this.counts;
      ends[end.reason.code] = (ends[end.reason.code] ?? 0) + 1;
    });
    const loaded = spare === 'loaded' ? this.#spare?.takeReady() : undefined;
    if (loaded !== undefined) {
      this.#takeOver(worker, reason, loaded);
      if (stranded === undefined) return;
      this.counts.moved += stranded.runs.length;
      this.adopt(stranded);
      return;
    }
    if (onStranded !== undefined && stranded !== undefined) onStranded(stranded);
    else for (const run of stranded?.runs ?? []) run.fail(new AirlockError('WORKER_CRASHED'));
    void worker.process.ended.then((end) => {
      if (this.#state !== 'restarting') return;
      // Only the exit says how a process died whose socket ended.
      if (end.reason !== reason) this.#tell('restarting', end.reason);
      if (isOwnCrash(end)) this.#allowExecutableMemory(`a worker without it ended by ${end.reason.detail}`);
      // Not before the old process is gone: two copies of a large model may not fit. One that was not at fault has nothing to wait for.
      this.#restartLater(this.#renewal === undefined ? this.#nextPauseMs() : 0);
    });
  }

  /** A loaded spare serves from this moment on. The next one is loaded when the process that ended is gone, after the pause of a restart. */
  #takeOver(ended: JailedWorker, reason: AirlockError, loaded: JailedWorker): void {
    // Not at fault, and the next spare would take the memory that it was ended for.
    const pauseMs = this.#renewal === undefined ? this.#nextPauseMs() : renewedSparePauseMs;
    this.#serveWith(loaded);
    void ended.process.ended.then((end) => {
      if (end.reason !== reason) {
        this.#tell('restarting', end.reason);
        if (this.#state === 'ready') this.#tell('ready', undefined);
      }
      if (isOwnCrash(end)) this.#allowExecutableMemory(`a worker without it ended by ${end.reason.detail}`);
      this.#spare?.fillLater(pauseMs);
    });
  }

  #nextPauseMs(): number {
    const { backoffMs = 100, maxBackoffMs = 30_000 } = this.#options;
    const pauseMs = Math.min(backoffMs * 2 ** this.#failures, maxBackoffMs);
    this.#failures++;
    this.#restarts++;
    return pauseMs;
  }

  #restartLater(pauseMs: number): void {
    this.#restartTimer = setTimeout(() => {
      this.#launch().catch((thrown: unknown) => {
        if (this.#state !== 'restarting') return;
        this.#tell('restarting', AirlockError.from(thrown));
        this.#endRenewal(new AirlockError('MODEL_NOT_AVAILABLE'));
        this.#restartLater(this.#nextPauseMs());
      });
    }, pauseMs);
  }

  readonly #onRunFailure = (error: AirlockError): AirlockError => {
    if (this.#executableMemory.setting === 'allowed' || !needsExecutableMemory(error.message)) return error;
    this.#allowExecutableMemory('the model met a shape that its warm-up had not met');
    const reason = new AirlockError('WORKER_CRASHED', { detail: 'killed: it needs executable memory, and comes back with it' });
    const worker = this.#worker;
    // Not from within the connection that is handing out this failure.
    setImmediate(() => worker?.kill(reason));
    // The request was fine: it may be sent again.
    return new AirlockError('WORKER_CRASHED', { cause: error });
  };

  /** For all processes that are started from now on. */
  #allowExecutableMemory(why: string): void {
    if (this.#executableMemory.setting === 'allowed') return;
    this.#executableMemory = { setting: 'allowed', why };
    this.#spare?.discard();
  }
}

/** True for a process that died by itself, and not by what it may not do. */
function isOwnCrash({ reason, by }: WorkerEnd): boolean {
  return by === 'itself' && reason.code === 'WORKER_CRASHED';
}
