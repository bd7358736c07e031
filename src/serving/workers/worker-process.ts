// One life of one worker process: it is prepared, loads the model, answers, ends. Every way to end, a crash, a broken protocol, a kill,
// comes out of `ended` once, with all calls in flight failed. Starts nothing and restarts nothing; that is the supervisor's.
import { AirlockError, type ErrorCode, printable } from '../../core/index.ts';
import type { ModelChunk } from '../../model/index.ts';
import type { JailedProcess, ProcessExit } from '../../sandbox/index.ts';
import type { LoadRequest, PreparedAnswer, PrepareRequest, ReadyAnswer } from '../../worker/index.ts';
import { type WorkerCall, WorkerConnection } from './worker-connection.ts';

export interface WorkerProcessOptions {
  /** A process that was just started on the worker's entry; it belongs to this object from now on. */
  readonly process: JailedProcess;
  /** For `prepare` and for `load`, each. */
  readonly loadTimeoutMs: number;
  readonly onAnswer: () => void;
  /** The process is of no use any more; called once, at once, before `ended` settles. Not called after `close`. */
  readonly onBroken: (reason: AirlockError) => void;
}

export interface WorkerEnd {
  /** Why the process is of no use any more: the first reason, or how it died where that was its socket's end. */
  readonly reason: AirlockError;
  /** itself: it exited, or a signal came of what it did. server: it was killed from here. outside: by a SIGKILL of somebody else. */
  readonly by: 'itself' | 'server' | 'outside';
}

/** How long a worker may take to exit after its socket was closed. */
const exitTimeoutMs = 2000;
/** How long one may take that closed its socket itself, as the kernel does for a process that dies. */
const deathTimeoutMs = 500;

export class WorkerProcess<Call extends WorkerCall> {
  /** Settles when the process is gone; never rejects. */
  readonly ended: Promise<WorkerEnd>;
  readonly #process: JailedProcess;
  readonly #connection: WorkerConnection<Call>;
  readonly #options: WorkerProcessOptions;
  /** Why it ends; the first reason is the one that counts. */
  #reason: AirlockError | undefined;
  #wasKilled = false;
  #onPrepared: ((answer: PreparedAnswer) => void) | undefined;
  #onReady: ((answer: ReadyAnswer) => void) | undefined;

  constructor(options: WorkerProcessOptions) {
    this.#options = options;
    this.#process = options.process;
    this.#connection = new WorkerConnection<Call>({
      socket: options.process.socket,
      onPrepared: (answer) => this.#onPrepared?.(answer),
      onReady: (answer) => this.#onReady?.(answer),
      onLoadError: (error) => this.kill(error),
      onAnswer: options.onAnswer,
      onBroken: (error) => this.#breakOff(error),
    });
    this.ended = options.process.exited.then((exit) => this.#end(exit));
  }

  /**
   * Has the worker load TensorFlow and be sealed; it has seen nothing of the model then. The first call.
   * @throws RUNTIME_LOAD_FAILED as the worker says; WORKER_START_FAILED when it ends or takes longer than `loadTimeoutMs`;
   * WORKER_FORBIDDEN, WORKER_OUT_OF_MEMORY, WORKER_PROTOCOL_VIOLATION. The process has ended when this rejects.
   */
  prepare(request: PrepareRequest): Promise<PreparedAnswer> {
    const prepared = new Promise<PreparedAnswer>((resolve) => {
      this.#onPrepared = resolve;
    });
    this.#connection.prepare(request);
    return this.#step(prepared, 'it took too long to start');
  }

  /**
   * Gives the worker the model's files and has it load them. After `prepare`.
   * @throws MODEL_LOAD_FAILED, MODEL_INVALID as the worker says; what `content` throws; otherwise as `prepare`.
   */
  load(content: AsyncIterable<ModelChunk>, request: LoadRequest): Promise<ReadyAnswer> {
    const ready = new Promise<ReadyAnswer>((resolve) => {
      this.#onReady = resolve;
    });
    this.#connection.load(content, request).catch((thrown: unknown) => this.kill(AirlockError.from(thrown)));
    return this.#step(ready, 'the model took too long to load');
  }

  async #step<Answer extends object>(answered: Promise<Answer>, tooLong: string): Promise<Answer> {
    const timer = setTimeout(() => this.kill(startFailed(tooLong)), this.#options.loadTimeoutMs);
    const outcome = await Promise.race([answered, this.ended.then(() => undefined)]);
    clearTimeout(timer);
    // What follows the answer in the same chunk is read before this continues, and may have broken the protocol.
    if (outcome !== undefined && !this.isBroken) return outcome;
    throw await this.loadFailure();
  }

  /** What `load` throws when the process ended on its own; settles when it is gone. */
  async loadFailure(): Promise<AirlockError> {
    const { reason } = await this.ended;
    return reason.code === 'WORKER_CRASHED' ? startFailed(reason.detail) : reason;
  }

  /** True from the moment when it ends or is ended; no call is answered any more. */
  get isBroken(): boolean {
    return this.#reason !== undefined;
  }

  get inFlightCount(): number {
    return this.#connection.inFlightCount;
  }

  /** See WorkerConnection. */
  get answeredCount(): number {
    return this.#connection.answeredCount;
  }

  /** For a process that is broken: takes back what it had not begun, so that another can be asked. What it was at fails when it is gone. */
  takeUnbegun(): Call[] {
    return this.#connection.takeUnbegun();
  }

  get head(): Call | undefined {
    return this.#connection.head;
  }

  get calls(): readonly Call[] {
    return this.#connection.calls;
  }

  /** Sends a call, or fails it at once when the process is of no use any more: nothing would come to fail it later. */
  send(call: Call, timeoutMs: number): void {
    if (this.#reason !== undefined) call.fail(inFlightError(this.#reason, passedToAll));
    else this.#connection.send(call, timeoutMs);
  }

  /** Ends the process at once. The calls in flight fail with `reason`'s code where it says that the worker misbehaved. */
  kill(reason: AirlockError): void {
    this.#killProcess();
    this.#blame(reason);
    this.#abandonCalls(!blameless.has(reason.code));
  }

  #killProcess(): void {
    this.#wasKilled = true;
    this.#process.kill();
  }

  #blame(reason: AirlockError): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#options.onBroken(reason);
  }

  #abandonCalls(isHeads: boolean): void {
    const reason = this.#reason ?? new AirlockError('WORKER_CRASHED');
    this.#connection.abandon(inFlightError(reason, passedToHead), inFlightError(reason, passedToAll), isHeads);
  }

  /** Lets the worker answer what was sent, then ends it. */
  async close(): Promise<void> {
    this.#reason ??= new AirlockError('SERVER_STOPPING');
    this.#connection.end();
    const timer = setTimeout(() => this.#killProcess(), exitTimeoutMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** The socket ended or the worker lied. */
  #breakOff(error: AirlockError): void {
    if (error.code !== 'WORKER_CRASHED') {
      this.kill(error);
      return;
    }
    // A process that exits ends its socket first, and only its exit says why: the calls in flight wait for that. One that only closed
    // its socket is of no use and may not linger.
    const timer = setTimeout(() => this.#killProcess(), deathTimeoutMs);
    void this.ended.then(() => clearTimeout(timer));
    this.#blame(error);
  }

  #end(exit: ProcessExit): WorkerEnd {
    const death = crashed(exit);
    this.#blame(death);
    // That the socket ended is all that was known of a crash so far.
    if (this.#reason?.code === 'WORKER_CRASHED' && this.#reason.detail === undefined) this.#reason = death;
    const by = this.#endedBy(exit);
    this.#abandonCalls(by !== 'outside' || exit.outOfMemory);
    return { reason: this.#reason ?? death, by };
  }

  /** A process that was killed may have died of itself before. */
  #endedBy({ signal }: ProcessExit): WorkerEnd['by'] {
    if (signal !== 'SIGKILL') return 'itself';
    return this.#wasKilled ? 'server' : 'outside';
  }
}

function crashed({ code, signal, error, outOfMemory }: ProcessExit): AirlockError {
  if (error !== undefined) return startFailed(printable(error.message, 512));
  if (outOfMemory)
    return new AirlockError('WORKER_OUT_OF_MEMORY', { detail: 'the kernel ended it: its memory limit was reached' });
  if (signal === 'SIGSYS')
    return new AirlockError('WORKER_FORBIDDEN', { detail: 'the kernel ended it: it made a system call that it may not make' });
  return new AirlockError('WORKER_CRASHED', { detail: signal === null ? `exit code ${code}` : `signal ${signal}` });
}

function startFailed(detail: string | undefined): AirlockError {
  return new AirlockError('WORKER_START_FAILED', detail === undefined ? {} : { detail });
}

/** Reasons that every call in flight is told. */
const passedToAll: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['WORKER_PROTOCOL_VIOLATION', 'SERVER_STOPPING']);
/** Reasons that lie in the request that the worker was at, which must not be sent again. */
const passedToHead: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...passedToAll,
  'WORKER_OUT_OF_MEMORY',
  'WORKER_FORBIDDEN',
  'CPU_TIME_EXCEEDED',
]);

/** Ends of a worker that somebody wanted. */
const blameless: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['SERVER_STOPPING', 'MODEL_NOT_AVAILABLE']);

/** What a call is told: where its own request was not the reason, it must be an error that may be retried. */
function inFlightError(reason: AirlockError, passedOn: ReadonlySet<ErrorCode>): AirlockError {
  return new AirlockError(passedOn.has(reason.code) ? reason.code : 'WORKER_CRASHED');
}
