// The server's end of the socket to one worker: sends requests ahead of their answers, in one write per turn of the event loop, and
// matches answers to requests. Answers are hostile (worker-frame-reader, worker-answer). Knows no clock and starts nothing.
import type { Duplex } from 'node:stream';
import { AirlockError } from '../core/index.ts';
import {
  encodeJsonFrame,
  encodeTensorFrame,
  type FrameHeader,
  frameKinds,
  type Signature,
  type Tensor,
  type TensorHead,
} from '../tensor/index.ts';
import type { LoadRequest } from '../worker/index.ts';
import {
  maxJsonMetaBytes,
  maxResultMetaBytes,
  protocolViolation,
  readReady,
  readResultHeads,
  readResultTensors,
  readWorkerError,
} from './worker-answer.ts';
import { type FrameReceiver, WorkerFrameReader } from './worker-frame-reader.ts';

/** A request on its way through a worker. */
export interface WorkerCall {
  readonly signatureIndex: number;
  readonly inputs: readonly Tensor[];
  succeed(outputs: Tensor[]): void;
  fail(error: AirlockError): void;
}

export interface WorkerConnectionOptions {
  readonly socket: Duplex;
  readonly signatures: readonly Signature[];
  readonly maxOutputBytes: number;
  readonly onReady: (tensorflowVersion: string) => void;
  readonly onLoadError: (error: AirlockError) => void;
  /** A call was answered; there is room for another. */
  readonly onAnswer: () => void;
  /** The worker broke the protocol or the socket ended. Called once; nothing is called afterwards. */
  readonly onBroken: (error: AirlockError) => void;
}

/** Writes up to this size are joined into one buffer; larger ones go as they are. */
const joinBytes = 64 * 1024;

/** READY and ERROR have no tensors to describe. */
type Description = readonly TensorHead[] | Buffer;

interface InFlight<Call> {
  readonly id: number;
  readonly call: Call;
}

export class WorkerConnection<Call extends WorkerCall> implements FrameReceiver<Description> {
  readonly #options: WorkerConnectionOptions;
  readonly #inFlight: InFlight<Call>[] = [];
  #outgoing: Uint8Array[] = [];
  #nextId = 1;
  #loading = true;
  #broken = false;

  constructor(options: WorkerConnectionOptions) {
    this.#options = options;
    const { socket } = options;
    const reader = new WorkerFrameReader<Description>(options.maxOutputBytes, this);
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

  /** Sends the LOAD frame; `onReady` or `onLoadError` follows. */
  load(request: LoadRequest): void {
    this.#options.socket.write(encodeJsonFrame(frameKinds.load, 0, request));
  }

  /** The calls that wait for an answer, the one that the worker is at first. */
  get calls(): readonly Call[] {
    return this.#inFlight.map(({ call }) => call);
  }

  get inFlightCount(): number {
    return this.#inFlight.length;
  }

  /** The call that the worker is at. */
  get head(): Call | undefined {
    return this.#inFlight[0]?.call;
  }

  /** Sends a call; its signature and inputs have been checked. `timeoutMs` is what TensorFlow may take. */
  send(call: Call, timeoutMs: number): void {
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    this.#inFlight.push({ id, call });
    const tensors = call.inputs.map((tensor, index) => ({ index, tensor }));
    const pieces = encodeTensorFrame({ kind: frameKinds.run, id, argument: call.signatureIndex, timeoutMs }, tensors);
    // All requests of this turn leave together: a write is a system call and wakes the worker.
    if (this.#outgoing.length === 0) process.nextTick(() => this.#flush());
    this.#outgoing.push(...pieces);
  }

  #flush(): void {
    const pieces = this.#outgoing;
    this.#outgoing = [];
    const { socket } = this.#options;
    if (this.#broken || socket.destroyed) return;
    let total = 0;
    for (const piece of pieces) total += piece.byteLength;
    if (total <= joinBytes) {
      socket.write(Buffer.concat(pieces, total));
      return;
    }
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
  }

  acceptHeader({ kind, id, metaBytes, bodyBytes }: FrameHeader): void {
    if (kind === frameKinds.ready || (kind === frameKinds.error && this.#loading)) {
      if (!this.#loading || id !== 0) throw protocolViolation('READY or load error out of turn');
    } else {
      const signature = this.#signatureOf(id);
      if (kind === frameKinds.result) {
        if (metaBytes > maxResultMetaBytes(signature)) throw protocolViolation(`${metaBytes} bytes describe an answer`);
        return;
      }
      if (kind !== frameKinds.error) throw protocolViolation(`a frame of kind ${kind}`);
    }
    if (metaBytes > maxJsonMetaBytes || bodyBytes > 0) throw protocolViolation('a READY or ERROR frame is too large');
  }

  #signatureOf(id: number): Signature {
    const first = this.#inFlight[0];
    if (this.#loading || first === undefined || first.id !== id) throw protocolViolation(`an answer to request ${id}`);
    return this.#options.signatures[first.call.signatureIndex];
  }

  acceptMeta(header: FrameHeader, meta: Buffer): Description {
    return header.kind === frameKinds.result ? readResultHeads(header, meta, this.#signatureOf(header.id)) : meta;
  }

  receive({ kind }: FrameHeader, description: Description, body: Buffer): void {
    if (kind === frameKinds.ready || this.#loading) {
      this.#receiveLoaded(kind === frameKinds.ready, description as Buffer);
      return;
    }
    // Read before the call leaves the list: a violation must fail this call too.
    const outcome =
      kind === frameKinds.error
        ? readWorkerError(description as Buffer, 'run')
        : readResultTensors(description as readonly TensorHead[], body);
    const call = this.#inFlight.shift()?.call;
    if (Array.isArray(outcome)) call?.succeed(outcome);
    else call?.fail(outcome);
    this.#options.onAnswer();
  }

  #receiveLoaded(isReady: boolean, meta: Buffer): void {
    if (isReady) {
      const version = readReady(meta);
      this.#loading = false;
      this.#options.onReady(version);
    } else {
      this.#options.onLoadError(readWorkerError(meta, 'load'));
    }
  }

  /** Ends the worker in peace: it exits when it has answered what was sent. */
  end(): void {
    this.#flush();
    this.#options.socket.end();
  }

  /** Gives up: fails every call in flight with `error` and calls nothing any more. */
  abandon(error: AirlockError): void {
    this.#broken = true;
    for (const { call } of this.#inFlight.splice(0)) call.fail(error);
    this.#options.socket.destroy();
  }

  #break(error: AirlockError): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#options.onBroken(error);
  }
}
