// The supervisor of one model version's worker: queues requests, keeps their deadlines, and restarts the process after whatever
// ended it. A crash, a hang, a broken protocol take the same path, fail the requests in flight with an error that may be retried, and
// touch no other model: two ModelWorkers share nothing.
import { resolve as absolutePath } from 'node:path';
import { AirlockError } from '../core/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { type LoadRequest, workerEntry } from '../worker/index.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import {
  defaultModelWorkerLimits,
  type ModelWorkerLimits,
  type ModelWorkerOptions,
  type ModelWorkerState,
} from './model-worker-options.ts';
import { checkInputs, PendingRun } from './pending-run.ts';
import { RunQueue } from './run-queue.ts';
import { WorkerProcess } from './worker-process.ts';

const transitions: Readonly<Record<ModelWorkerState, readonly ModelWorkerState[]>> = {
  new: ['starting', 'closing'],
  starting: ['ready', 'failed', 'closing'],
  ready: ['restarting', 'closing'],
  restarting: ['ready', 'closing'],
  failed: ['starting', 'closing'],
  closing: ['closed'],
  closed: [],
};

/** See `fastPipelineDepth`. */
const fastServiceMs = 1;

export class ModelWorker {
  readonly #options: ModelWorkerOptions;
  readonly #limits: ModelWorkerLimits;
  readonly #queue = new RunQueue<PendingRun>();
  readonly #deadlines = new DeadlineTimer((nowMs) => this.#onDue(nowMs));
  #state: ModelWorkerState = 'new';
  #process: WorkerProcess<PendingRun> | undefined;
  #tensorflowVersion: string | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  /** A running mean of how long the worker takes for a request, and when it came to the one that it is at. */
  #serviceMs = fastServiceMs;
  #headSinceMs = 0;
  #failures = 0;
  #availableSinceMs = 0;
  #onDrained: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ModelWorkerOptions) {
    this.#options = options;
    this.#limits = { ...defaultModelWorkerLimits, ...options.limits };
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
    return this.#process?.processId;
  }

  /** Requests that wait or are in the worker. */
  get pendingCount(): number {
    return this.#queue.length + (this.#process?.inFlightCount ?? 0);
  }

  /**
   * Starts the process and loads the model. Not retried: whoever serves the model decides what a model that does not load means.
   * @throws what `beforeLoad` throws; MODEL_LOAD_FAILED, MODEL_INVALID, RUNTIME_LOAD_FAILED, WORKER_START_FAILED,
   * WORKER_PROTOCOL_VIOLATION; MODEL_NOT_AVAILABLE when it is closed meanwhile.
   */
  async start(): Promise<void> {
    this.#enter('starting');
    try {
      await this.#launch();
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
   * WORKER_PROTOCOL_VIOLATION when the worker ended meanwhile; SIGNATURE_NOT_FOUND, SIGNATURE_UNSUITABLE, INPUT_MISSING,
   * TENSOR_TYPE_MISMATCH, TENSOR_TOO_LARGE for what may not be sent; MODEL_OUTPUT_INVALID; a TENSORFLOW_ code.
   */
  run(signatureIndex: number, inputs: readonly Tensor[], options: { readonly deadlineMs?: number } = {}): Promise<Tensor[]> {
    return new Promise((resolve, reject) => {
      if (this.#state !== 'ready' || this.#process === undefined) throw new AirlockError('MODEL_NOT_AVAILABLE');
      checkInputs(this.#options.signatures, signatureIndex, inputs, this.#limits.maxInputBytes);
      const { timeoutMs, maxQueue } = this.#limits;
      const deadlineMs = Math.min(options.deadlineMs ?? timeoutMs, timeoutMs);
      // Not a number is refused too.
      if (!(deadlineMs > 0)) throw new AirlockError('DEADLINE_EXCEEDED');
      const deadlineAtMs = performance.now() + deadlineMs;
      const run = new PendingRun({ signatureIndex, inputs, deadlineAtMs }, resolve, reject);
      if (this.#process.inFlightCount < this.#depth) this.#send(this.#process, run, deadlineMs);
      else if (this.#queue.length < maxQueue) this.#queue.push(run);
      else throw new AirlockError('SERVER_OVERLOADED');
      this.#deadlines.arm(deadlineAtMs);
    });
  }

  /** Takes nothing new, lets what waits and runs be answered or pass its deadline, then ends the process. May be called twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const wasAvailable = this.#state === 'ready';
    this.#enter('closing');
    clearTimeout(this.#restartTimer);
    if (wasAvailable && this.pendingCount > 0) {
      const drained = new Promise<void>((resolve) => {
        this.#onDrained = resolve;
      });
      // A process that is gone answers nothing, so that nothing would call `drained`.
      await Promise.race([drained, this.#process?.ended]);
    }
    if (wasAvailable) await this.#process?.close();
    else this.#process?.kill(new AirlockError('MODEL_NOT_AVAILABLE'));
    await this.#process?.ended;
    this.#deadlines.clear();
    this.#enter('closed');
  }

  #enter(state: ModelWorkerState, cause?: AirlockError): void {
    if (!transitions[this.#state].includes(state)) {
      throw new AirlockError('INTERNAL', { detail: `a worker cannot go from ${this.#state} to ${state}` });
    }
    this.#state = state;
    this.#options.onStateChange?.(state, cause);
  }

  async #launch(): Promise<void> {
    await this.#options.beforeLoad?.();
    this.#assertWanted();
    const process: WorkerProcess<PendingRun> = new WorkerProcess<PendingRun>({
      entry: this.#options.entry ?? workerEntry,
      load: this.#loadRequest(),
      loadTimeoutMs: this.#limits.loadTimeoutMs,
      onLog: this.#options.onLog ?? (() => undefined),
      onAnswer: () => this.#onAnswer(process),
      onBroken: (reason) => this.#onBroken(process, reason),
    });
    this.#process = process;
    this.#tensorflowVersion = await process.load();
    this.#assertWanted();
    // onBroken comes once, and found nothing to restart when it came before this turn: such a process must never count as ready.
    if (process.isBroken) throw await process.loadFailure();
    this.#availableSinceMs = performance.now();
    this.#enter('ready');
  }

  /** It may be closed while a load waits; nothing may be started then. */
  #assertWanted(): void {
    if (this.#state === 'closing' || this.#state === 'closed') throw new AirlockError('MODEL_NOT_AVAILABLE');
  }

  #loadRequest(): LoadRequest {
    const { slot, modelDirectory, tags = ['serve'], signatures } = this.#options;
    const { intraOpThreads, interOpThreads, maxInputBytes, maxOutputBytes } = this.#limits;
    return {
      ccPath: absolutePath(slot.ccPath),
      frameworkPath: absolutePath(slot.frameworkPath),
      modelDirectory: absolutePath(modelDirectory),
      tags,
      intraOpThreads,
      interOpThreads,
      signatures,
      limits: { maxBodyBytes: maxInputBytes, maxOutputBytes },
    };
  }

  #send(process: WorkerProcess<PendingRun>, run: PendingRun, timeoutMs: number): void {
    process.send(run, Math.ceil(timeoutMs));
    if (process.head === run) this.#headSinceMs = performance.now();
  }

  /** A request in the pipe can no longer be taken back at its deadline, so only fast models get a deep one. */
  get #depth(): number {
    return this.#serviceMs < fastServiceMs ? this.#limits.fastPipelineDepth : this.#limits.pipelineDepth;
  }

  #onAnswer(process: WorkerProcess<PendingRun>): void {
    const nowMs = performance.now();
    this.#serviceMs += (nowMs - this.#headSinceMs - this.#serviceMs) / 16;
    this.#headSinceMs = nowMs;
    const { head } = process;
    if (head?.settled) this.#deadlines.arm(head.killAtMs(nowMs, this.#limits.graceMs));
    while (process.inFlightCount < this.#depth) {
      const run = this.#queue.take();
      if (run === undefined) break;
      if (run.deadlineAtMs <= nowMs) run.fail(new AirlockError('DEADLINE_EXCEEDED'));
      else this.#send(process, run, run.deadlineAtMs - nowMs);
    }
    if (this.pendingCount === 0) this.#onDrained?.();
  }

  #onDue(nowMs: number): void {
    for (const run of this.#queue.remove(({ deadlineAtMs }) => deadlineAtMs <= nowMs))
      run.fail(new AirlockError('DEADLINE_EXCEEDED'));
    const process = this.#process;
    const calls = process?.calls ?? [];
    for (const run of calls) {
      if (!run.settled && run.deadlineAtMs <= nowMs) run.fail(new AirlockError('DEADLINE_EXCEEDED'));
    }
    const killAtMs = process?.head?.killAtMs(this.#headSinceMs, this.#limits.graceMs);
    if (killAtMs !== undefined && killAtMs <= nowMs) {
      process?.kill(new AirlockError('WORKER_CRASHED', { detail: 'killed: a request ran past its deadline and the grace time' }));
      return;
    }
    if (killAtMs !== undefined) this.#deadlines.arm(killAtMs);
    for (const run of [...calls, ...this.#queue]) if (!run.settled) this.#deadlines.arm(run.deadlineAtMs);
  }

  /** Also called while a process loads; then `load` rejects as well, and that is what counts. */
  #onBroken(process: WorkerProcess<PendingRun>, reason: AirlockError): void {
    for (const run of this.#queue.remove(() => true)) run.fail(new AirlockError('MODEL_NOT_AVAILABLE'));
    this.#deadlines.clear();
    this.#onDrained?.();
    if (this.#state !== 'ready') return;
    if (performance.now() - this.#availableSinceMs >= (this.#options.healthyMs ?? 30_000)) this.#failures = 0;
    this.#enter('restarting', reason);
    void process.ended.then((finalReason) => {
      if (this.#state !== 'restarting') return;
      // Only the exit says how a process died whose socket ended.
      if (finalReason !== reason) this.#options.onStateChange?.('restarting', finalReason);
      // Not before the old process is gone: two copies of a large model may not fit.
      this.#restartLater();
    });
  }

  #restartLater(): void {
    if (this.#state !== 'restarting') return;
    const { backoffMs = 100, maxBackoffMs = 30_000 } = this.#options;
    const pauseMs = Math.min(backoffMs * 2 ** this.#failures, maxBackoffMs);
    this.#failures++;
    this.#restartTimer = setTimeout(() => {
      this.#launch().catch((thrown: unknown) => {
        if (this.#state !== 'restarting') return;
        this.#options.onStateChange?.('restarting', AirlockError.from(thrown));
        this.#restartLater();
      });
    }, pauseMs);
  }
}
