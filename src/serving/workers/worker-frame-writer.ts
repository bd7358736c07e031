// The writing half of the socket to one worker. Requests of one turn of the event loop leave in one write; a model's files leave no
// faster than the worker takes them, so that the server never holds more than a piece of a model.
import type { Duplex } from 'node:stream';
import type { ModelChunk } from '../../model/index.ts';
import { encodeFileHead } from '../../tensor/index.ts';

/** Writes up to this size are joined into one buffer; larger ones go as they are. */
const joinBytes = 64 * 1024;

export class WorkerFrameWriter {
  readonly #socket: Duplex;
  #outgoing: Uint8Array[] = [];
  #stopped = false;
  #onDrain: (() => void) | undefined;

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on('drain', () => this.#onDrain?.());
  }

  /** Writes a frame now. */
  write(frame: Uint8Array): void {
    this.#socket.write(frame);
  }

  /**
   * Writes a frame together with others: a write is a system call and wakes the worker. `isBusy` says that the worker has work already, so that
   * the frame may wait for those of all the sockets that Node has something to read from now.
   */
  queue(pieces: readonly Uint8Array[], isBusy: boolean): void {
    if (this.#outgoing.length === 0) {
      if (isBusy) setImmediate(this.#flush);
      else process.nextTick(this.#flush);
    }
    for (const piece of pieces) this.#outgoing.push(piece);
  }

  readonly #flush = (): void => {
    const pieces = this.#outgoing;
    if (pieces.length === 0) return;
    this.#outgoing = [];
    const socket = this.#socket;
    if (this.#stopped || socket.destroyed) return;
    let total = 0;
    for (const piece of pieces) total += piece.byteLength;
    if (total <= joinBytes) {
      socket.write(Buffer.concat(pieces, total));
      return;
    }
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
  };

  /**
   * Writes a model as FILE frames; false when it was stopped before the end.
   * @throws what `content` throws; MODEL_INVALID for a name that cannot be used.
   */
  async writeModel(content: AsyncIterable<ModelChunk>): Promise<boolean> {
    for await (const { name, chunk } of content) {
      if (this.#stopped) return false;
      this.#socket.write(encodeFileHead(name, chunk.byteLength));
      if (!this.#socket.write(chunk)) await this.#drained();
    }
    return !this.#stopped;
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stopped) resolve();
      else this.#onDrain = resolve;
    });
  }

  /** Writes what is queued and closes this half. */
  end(): void {
    this.#flush();
    this.#socket.end();
  }

  /** Writes nothing any more; a model that is under way is given up, also when its worker reads nothing. */
  stop(): void {
    this.#stopped = true;
    this.#onDrain?.();
  }
}
