// The server's end of the socket to one worker: has it prepared, gives it the model, then sends requests ahead of their answers and
// matches answers to requests. Answers are hostile (worker-frame-reader, worker-answer). Knows no clock and starts nothing.
import type { Duplex } from 'node:stream';
import { AirlockError } from '../../core/index.ts';
import type { ModelChunk } from '../../model/index.ts';
import {
  encodeJsonFrame,
  encodeTensorFrame,
  type FrameHeader,
  type FrameKind,
  frameKinds,
  maxTraceBytes,
  type Signature,
  type Tensor,
  type TensorHead,
} from '../../tensor/index.ts';
import type { LoadRequest, PreparedAnswer, PrepareRequest, ReadyAnswer } from '../../worker/index.ts';
import {
  maxJsonMetaBytes,
  maxResultMetaBytes,
  protocolViolation,
  readPrepared,
  readReady,
  readResultHeads,
  readResultTensors,
  readWorkerError,
} from './worker-answer.ts';
import { type FrameReceiver, WorkerFrameReader } from './worker-frame-reader.ts';
import { WorkerFrameWriter } from './worker-frame-writer.ts';

/** A request on its way through a worker. */
export interface WorkerCall {
  readonly signatureIndex: number;
  readonly inputs: readonly Tensor[];
  /** Runs with TensorFlow's tracing; `takeTrace` gets its RunMetadata, which is as hostile as its worker, before `succeed`. @throws PROFILE_INVALID */
  readonly isTraced?: boolean;
  takeTrace?(trace: Buffer): void;
  succeed(outputs: Tensor[]): void;
  fail(error: AirlockError): void;
  /** The worker ended, by itself or because it had to be, while it was at this call. Before `fail`. */
  blame?(error: AirlockError): void;
}

export interface WorkerConnectionOptions {
  readonly socket: Duplex;
  readonly onPrepared: (answer: PreparedAnswer) => void;
  readonly onReady: (answer: ReadyAnswer) => void;
  /** A step before the first request failed, as the worker says. */
  readonly onLoadError: (error: AirlockError) => void;
  /** A call was answered; there is room for another. */
  readonly onAnswer: () => void;
  /** The worker broke the protocol or the socket ended. Called once; nothing is called afterwards. */
  readonly onBroken: (error: AirlockError) => void;
}

/** What stands between a frame's header and its body; PREPARED, READY and ERROR have no tensors to describe. */
type Description =
  | { readonly kind: 'tensors'; readonly heads: readonly TensorHead[] }
  | { readonly kind: 'json'; readonly meta: Buffer }
  | { readonly kind: 'trace' };

const traceDescription: Description = { kind: 'trace' };

/** What the server has asked for last; `waiting`: nothing, and nothing may come. */
type Stage = 'waiting' | 'preparing' | 'sending' | 'loading' | 'serving';

/** The frames that may come at each stage; those of a load carry the number 0. */
const expected: Readonly<Record<Stage, readonly FrameKind[]>> = {
  waiting: [],
  preparing: [frameKinds.prepared, frameKinds.error],
  sending: [frameKinds.error],
  loading: [frameKinds.ready, frameKinds.error],
  serving: [frameKinds.result, frameKinds.error, frameKinds.trace],
};

interface InFlight<Call> {
  readonly id: number;
  readonly call: Call;
}

export class WorkerConnection<Call extends WorkerCall> implements FrameReceiver<Description> {
  readonly #options: WorkerConnectionOptions;
  readonly #writer: WorkerFrameWriter;
  readonly #inFlight: InFlight<Call>[] = [];
  #signatures: readonly Signature[] = [];
  #maxOutputBytes = 0;
  #executableMemory: LoadRequest['executableMemory'] = 'allowed';
  #nextId = 1;
  #stage: Stage = 'waiting';
  #broken = false;
  /** Of the call that is answered next. */
  #isTraceHere = false;
  #answeredCount = 0;

  constructor(options: WorkerConnectionOptions) {
    this.#options = options;
    const { socket } = options;
    this.#writer = new WorkerFrameWriter(socket);
    const reader = new WorkerFrameReader<Description>(this);
    socket.on('data', (chunk: Buffer) => {
      if (this.#broken) return;
      try {
        reader.push(chunk);
      } catch (thrown) {
        this.#break(AirlockError.from(thrown));
      }
    });
    const onEnd = (): void => this.#break(new AirlockError('WORKER_CRASHED'));
    socket.on('end', onEnd);
    socket.on('error', onEnd);
    socket.on('close', onEnd);
  }

  /** Sends the PREPARE frame; `onPrepared` or `onLoadError` follows. */
  prepare(request: PrepareRequest): void {
    this.#stage = 'preparing';
    this.#writer.write(encodeJsonFrame(frameKinds.prepare, 0, request));
  }

  /**
   * Sends the model's files, then the LOAD frame; `onReady` or `onLoadError` follows. Resolves when all is sent, or the connection is
   * broken. @throws what `content` throws; MODEL_INVALID for a name that cannot be used.
   */
  async load(content: AsyncIterable<ModelChunk>, request: LoadRequest): Promise<void> {
    this.#signatures = request.signatures;
    this.#maxOutputBytes = request.limits.maxOutputBytes;
    this.#executableMemory = request.executableMemory;
    this.#stage = 'sending';
    if (!(await this.#writer.writeModel(content))) return;
    this.#stage = 'loading';
    this.#writer.write(encodeJsonFrame(frameKinds.load, 0, request));
  }

  /** The calls that wait for an answer, the one that the worker is at first. */
  get calls(): readonly Call[] {
    return this.#inFlight.map(({ call }) => call);
  }

  get inFlightCount(): number {
    return this.#inFlight.length;
  }

  /** Calls that were answered so far; tells one call that the worker is at from the next. */
  get answeredCount(): number {
    return this.#answeredCount;
  }

  /** The call that the worker is at. */
  get head(): Call | undefined {
    return this.#inFlight[0]?.call;
  }

  /** Sends a call; its signature and inputs have been checked. `timeoutMs` is what TensorFlow may take. */
  send(call: Call, timeoutMs: number): void {
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    const isBusy = this.#inFlight.length > 0;
    this.#inFlight.push({ id, call });
    const tensors = call.inputs.map((tensor, index) => ({ index, tensor }));
    const kind = call.isTraced === true ? frameKinds.runTraced : frameKinds.run;
    this.#writer.queue(encodeTensorFrame({ kind, id, argument: call.signatureIndex, timeoutMs }, tensors), isBusy);
  }

  /** Not one byte may come unasked: the watchdog takes what comes for a sign that a request was answered. */
  acceptStart(): void {
    const mayCome = this.#stage === 'serving' ? this.#inFlight.length > 0 : expected[this.#stage].length > 0;
    if (!mayCome) throw protocolViolation(`a frame that nothing had asked for, while ${this.#stage}`);
  }

  acceptHeader({ kind, id, metaBytes, bodyBytes }: FrameHeader): void {
    if (!expected[this.#stage].includes(kind)) throw protocolViolation(`a frame of kind ${kind} while ${this.#stage}`);
    if (this.#stage === 'serving') {
      const signature = this.#signatureOf(id);
      if (kind === frameKinds.result) {
        if (bodyBytes > this.#maxOutputBytes) throw protocolViolation(`an answer of ${bodyBytes} bytes`);
        if (metaBytes > maxResultMetaBytes(signature)) throw protocolViolation(`${metaBytes} bytes describe an answer`);
        return;
      }
      if (kind === frameKinds.trace) {
        if (this.#inFlight[0].call.isTraced !== true || this.#isTraceHere)
          throw protocolViolation('a trace that nothing had asked for');
        if (metaBytes > 0 || bodyBytes > maxTraceBytes) throw protocolViolation(`a trace of ${bodyBytes} bytes`);
        return;
      }
    } else if (id !== 0) {
      throw protocolViolation(`a frame with number ${id} while ${this.#stage}`);
    }
    if (metaBytes > maxJsonMetaBytes || bodyBytes > 0) throw protocolViolation('a frame of JSON is too large');
  }

  /** The signature of the call that must be answered next. */
  #signatureOf(id: number): Signature {
    const first = this.#inFlight[0];
    if (first === undefined || first.id !== id) throw protocolViolation(`an answer to request ${id}`);
    return this.#signatures[first.call.signatureIndex];
  }

  acceptMeta(header: FrameHeader, meta: Buffer): Description {
    if (header.kind === frameKinds.trace) return traceDescription;
    if (header.kind !== frameKinds.result) return { kind: 'json', meta };
    return { kind: 'tensors', heads: readResultHeads(header, meta, this.#signatureOf(header.id)) };
  }

  receive({ kind }: FrameHeader, description: Description, body: Buffer): void {
    if (description.kind === 'trace') {
      this.#isTraceHere = true;
      this.#takeTrace(body);
      return;
    }
    this.#isTraceHere = false;
    // What is read is read before the call leaves the list: a violation must fail this call too.
    if (this.#stage === 'serving') this.#answeredCount++;
    if (description.kind === 'tensors') {
      const outputs = readResultTensors(description.heads, body);
      this.#inFlight.shift()?.call.succeed(outputs);
    } else if (this.#stage === 'serving') {
      const error = readWorkerError(description.meta, 'run');
      this.#inFlight.shift()?.call.fail(error);
    } else {
      this.#receiveStep(kind, description.meta);
      return;
    }
    this.#options.onAnswer();
  }

  #takeTrace(trace: Buffer): void {
    try {
      this.#inFlight[0]?.call.takeTrace?.(trace);
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      throw error.code === 'PROFILE_INVALID' ? protocolViolation(`a trace that cannot be read: ${error.detail ?? ''}`) : error;
    }
  }

  #receiveStep(kind: FrameKind, meta: Buffer): void {
    const { onPrepared, onReady, onLoadError } = this.#options;
    if (kind === frameKinds.error) {
      onLoadError(readWorkerError(meta, 'load'));
    } else if (kind === frameKinds.prepared) {
      const answer = readPrepared(meta);
      this.#stage = 'waiting';
      onPrepared(answer);
    } else {
      const answer = readReady(meta, this.#executableMemory);
      this.#stage = 'serving';
      onReady(answer);
    }
  }

  /** Ends the worker in peace: it exits when it has answered what was sent. */
  end(): void {
    this.#writer.end();
  }

  /** Takes back the calls that the worker has not come to, in order: it reads one only when it has answered the one before. Only for a worker that is to answer nothing more. */
  takeUnbegun(): Call[] {
    this.#broken = true;
    return this.#inFlight.splice(1).map(({ call }) => call);
  }

  /**
   * Gives up: fails the call that the worker is at with `headError`, every other with `error`, and calls nothing any more.
   * @param isHeads whether it may have been that call that ended the worker.
   */
  abandon(headError: AirlockError, error: AirlockError, isHeads: boolean): void {
    this.#broken = true;
    const [head, ...others] = this.#inFlight.splice(0);
    if (isHeads) head?.call.blame?.(headError);
    head?.call.fail(headError);
    for (const { call } of others) call.fail(error);
    this.#writer.stop();
    this.#options.socket.destroy();
  }

  #break(error: AirlockError): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#writer.stop();
    this.#options.onBroken(error);
  }
}
