// One life of one worker process: start, load the model, answer, end. Every way to end, a crash, a broken protocol, a kill, comes out
// of `ended` once, with all calls in flight failed. Never restarts anything; that is the supervisor's.
import { AirlockError, type ErrorCode, printable } from '../core/index.ts';
import { type LogLine, type SpawnedWorker, spawnWorker, type WorkerExit } from '../sandbox/index.ts';
import type { LoadRequest } from '../worker/index.ts';
import { type WorkerCall, WorkerConnection } from './worker-connection.ts';

export interface WorkerProcessOptions {
  readonly entry: string;
  readonly execArgv?: readonly string[];
  readonly load: LoadRequest;
  readonly loadTimeoutMs: number;
  readonly onLog: (line: LogLine) => void;
  readonly onAnswer: () => void;
  /** The process is of no use any more; called once, at once, before `ended` settles. Not called after `close`. */
  readonly onBroken: (reason: AirlockError) => void;
}

/** How long a worker may take to exit after its socket was closed. */
const exitTimeoutMs = 2000;

export class WorkerProcess<Call extends WorkerCall> {
  /** Settles when the process is gone, with why; never rejects. */
  readonly ended: Promise<AirlockError>;
  readonly processId: number | undefined;
  readonly #worker: SpawnedWorker;
  readonly #connection: WorkerConnection<Call>;
  readonly #options: WorkerProcessOptions;
  /** Why it ends; the first reason is the one that counts. */
  #reason: AirlockError | undefined;
  #onLoaded: ((version: string) => void) | undefined;

  /** Starts the process. @throws WORKER_START_FAILED when there is no room for one. */
  constructor(options: WorkerProcessOptions) {
    const { entry, execArgv, load, onLog, onAnswer } = options;
    this.#options = options;
    this.#worker = spawnWorker({ entry, onLog, ...(execArgv === undefined ? {} : { execArgv }) });
    this.processId = this.#worker.processId;
    this.#connection = new WorkerConnection<Call>({
      socket: this.#worker.socket,
      signatures: load.signatures,
      maxOutputBytes: load.limits.maxOutputBytes,
      onReady: (version) => this.#onLoaded?.(version),
      onLoadError: (error) => this.kill(error),
      onAnswer,
      onBroken: (error) => this.#breakOff(error),
    });
    this.ended = this.#worker.exited.then((exit) => this.#end(exit));
  }

  /**
   * Loads the model; gives TensorFlow's version.
   * @throws MODEL_LOAD_FAILED, MODEL_INVALID, RUNTIME_LOAD_FAILED as the worker says; WORKER_START_FAILED when it ends or takes
   * longer than `loadTimeoutMs`; WORKER_PROTOCOL_VIOLATION. The process has ended, or is about to, when this rejects.
   */
  async load(): Promise<string> {
    const timer = setTimeout(() => this.kill(startFailed('the model took too long to load')), this.#options.loadTimeoutMs);
    const loaded = new Promise<string>((resolve) => {
      this.#onLoaded = resolve;
    });
    this.#connection.load(this.#options.load);
    const outcome = await Promise.race([loaded, this.ended]);
    clearTimeout(timer);
    // What follows READY in the same chunk is read before this continues, and may have broken the protocol.
    if (typeof outcome === 'string' && !this.isBroken) return outcome;
    throw await this.loadFailure();
  }

  /** What `load` throws when the process ended on its own; settles when it is gone. */
  async loadFailure(): Promise<AirlockError> {
    const reason = await this.ended;
    return reason.code === 'WORKER_CRASHED' ? startFailed(reason.detail) : reason;
  }

  /** True from the moment when it ends or is ended; no call is answered any more. */
  get isBroken(): boolean {
    return this.#reason !== undefined;
  }

  get inFlightCount(): number {
    return this.#connection.inFlightCount;
  }

  get head(): Call | undefined {
    return this.#connection.head;
  }

  get calls(): readonly Call[] {
    return this.#connection.calls;
  }

  /** Sends a call, or fails it at once when the process is of no use any more: nothing would come to fail it later. */
  send(call: Call, timeoutMs: number): void {
    if (this.#reason !== undefined) call.fail(inFlightError(this.#reason));
    else this.#connection.send(call, timeoutMs);
  }

  /** Ends the process at once. The calls in flight fail with `reason`'s code where it says that the worker misbehaved. */
  kill(reason: AirlockError): void {
    this.#worker.kill();
    this.#giveUp(reason);
  }

  #giveUp(reason: AirlockError): void {
    const isFirst = this.#reason === undefined;
    this.#reason ??= reason;
    this.#connection.abandon(inFlightError(this.#reason));
    if (isFirst) this.#options.onBroken(this.#reason);
  }

  /** Lets the worker answer what was sent, then ends it. */
  async close(): Promise<void> {
    this.#reason ??= new AirlockError('SERVER_STOPPING');
    this.#connection.end();
    const timer = setTimeout(() => this.#worker.kill(), exitTimeoutMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** The socket ended or the worker lied. */
  #breakOff(error: AirlockError): void {
    if (error.code !== 'WORKER_CRASHED') {
      this.kill(error);
      return;
    }
    this.#giveUp(error);
    // A process that exits ends its socket first; one that only closed it is of no use and may not linger.
    const timer = setTimeout(() => this.#worker.kill(), exitTimeoutMs);
    void this.ended.then(() => clearTimeout(timer));
  }

  #end(exit: WorkerExit): AirlockError {
    this.#giveUp(crashed(exit));
    const reason = this.#reason ?? crashed(exit);
    // That the socket ended is all that was known of a crash so far.
    return reason.code === 'WORKER_CRASHED' && reason.detail === undefined ? crashed(exit) : reason;
  }
}

function crashed({ code, signal, error }: WorkerExit): AirlockError {
  if (error !== undefined) return startFailed(printable(error.message, 512));
  return new AirlockError('WORKER_CRASHED', { detail: signal === null ? `exit code ${code}` : `signal ${signal}` });
}

function startFailed(detail: string | undefined): AirlockError {
  return new AirlockError('WORKER_START_FAILED', detail === undefined ? {} : { detail });
}

const passedOn: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['WORKER_PROTOCOL_VIOLATION', 'SERVER_STOPPING']);

/** What the calls in flight are told: their own request was not the reason, so it must be one that may be retried. */
function inFlightError(reason: AirlockError): AirlockError {
  return new AirlockError(passedOn.has(reason.code) ? reason.code : 'WORKER_CRASHED');
}
