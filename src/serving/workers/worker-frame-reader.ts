// Cuts the stream of bytes that a worker sends into frames. The worker is hostile: a header is checked before its description is
// kept, and the description before memory for the body is taken, so that what a worker claims costs nothing until it fits the request
// that it answers. Never looks into a body.
import { type FrameHeader, frameHeaderBytes, readFrameHeader } from '../../tensor/index.ts';

/** What the reader asks of its owner; each may throw WORKER_PROTOCOL_VIOLATION, which passes through `push`. */
export interface FrameReceiver<Description> {
  /** Called at the first byte of each frame, which may come long before the rest: must refuse it when no frame may come. */
  acceptStart(): void;
  /** Must refuse a header that is not expected now, and bound `metaBytes` and `bodyBytes`; called once per frame, before anything is kept. */
  acceptHeader(header: FrameHeader): void;
  /** Must refuse a description that does not fit; `meta` is gone after the call. */
  acceptMeta(header: FrameHeader, meta: Buffer): Description;
  /** `body` belongs to the receiver; it may be part of a larger buffer. */
  receive(header: FrameHeader, description: Description, body: Buffer): void;
}

const nothing = Buffer.alloc(0);

export class WorkerFrameReader<Description> {
  readonly #receiver: FrameReceiver<Description>;
  readonly #headerBuffer = Buffer.alloc(frameHeaderBytes);
  /** What is being filled: the header's buffer, then one for the description, then one for the body. */
  #target: Buffer = this.#headerBuffer;
  #filled = 0;
  #header: FrameHeader | undefined;
  #description: { readonly value: Description } | undefined;

  constructor(receiver: FrameReceiver<Description>) {
    this.#receiver = receiver;
  }

  /** @throws WORKER_PROTOCOL_VIOLATION; nothing may be pushed afterwards. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      const isStart = this.#header === undefined && this.#filled === 0;
      if (isStart) this.#receiver.acceptStart();
      const whole = isStart ? this.#takeWhole(chunk, at) : 0;
      if (whole > 0) {
        at += whole;
        continue;
      }
      const count = Math.min(this.#target.length - this.#filled, chunk.length - at);
      chunk.copy(this.#target, this.#filled, at, at + count);
      this.#filled += count;
      at += count;
      while (this.#filled === this.#target.length) this.#advance();
    }
  }

  /** A frame that lies whole in the chunk is not copied: the common case of a small answer. Gives its length, or 0. */
  #takeWhole(chunk: Buffer, at: number): number {
    if (chunk.length - at < frameHeaderBytes) return 0;
    const header = readFrameHeader(chunk, at, Number.MAX_SAFE_INTEGER);
    const metaAt = at + frameHeaderBytes;
    const bodyAt = metaAt + header.metaBytes;
    const end = bodyAt + header.bodyBytes;
    if (end > chunk.length) return 0;
    this.#receiver.acceptHeader(header);
    const description = this.#receiver.acceptMeta(header, chunk.subarray(metaAt, bodyAt));
    this.#receiver.receive(header, description, chunk.subarray(bodyAt, end));
    return end - at;
  }

  /** The target is full: makes the next one. */
  #advance(): void {
    const full = this.#target;
    this.#filled = 0;
    if (this.#header === undefined) {
      const header = readFrameHeader(full, 0, Number.MAX_SAFE_INTEGER);
      this.#receiver.acceptHeader(header);
      this.#header = header;
      this.#target = header.metaBytes === 0 ? nothing : Buffer.allocUnsafe(header.metaBytes);
    } else if (this.#description === undefined) {
      this.#description = { value: this.#receiver.acceptMeta(this.#header, full) };
      // A buffer of its own: a large answer must not hold a shared one.
      this.#target = Buffer.allocUnsafeSlow(this.#header.bodyBytes);
    } else {
      const header = this.#header;
      const description = this.#description.value;
      this.#header = undefined;
      this.#description = undefined;
      this.#target = this.#headerBuffer;
      this.#receiver.receive(header, description, full);
    }
  }
}
