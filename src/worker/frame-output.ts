// Writes answers to a blocking socket: small ones are gathered in one buffer, large tensors go out of TensorFlow's memory uncopied.
// Whoever adds an answer must see to it that `flush` is called before waiting for anything.
import { writeSync } from 'node:fs';
import type { Output } from '../native/index.ts';
import {
  dtypes,
  encodeJsonFrame,
  type FrameKind,
  frameHeaderBytes,
  frameKinds,
  writeFrameHeader,
  writeTensorHead,
} from '../tensor/index.ts';

const bufferBytes = 64 * 1024;
/** The fixed part of a tensor's description in a frame. */
const tensorHeadBytes = 16;

export class FrameOutput {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes);
  #used = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Adds a RESULT frame; one that does not fit the buffer is written at once, after what the buffer holds. */
  addResult(id: number, outputs: readonly Output[]): void {
    let metaBytes = 0;
    let bodyBytes = 0;
    for (const { shape, bodyBytes: bytes } of outputs) {
      metaBytes += tensorHeadBytes + shape.length * 8;
      bodyBytes += bytes;
    }
    const headBytes = frameHeaderBytes + metaBytes;
    if (this.#used + headBytes + bodyBytes > bufferBytes) this.flush();
    const fits = headBytes + bodyBytes <= bufferBytes;
    const head = headBytes <= bufferBytes ? this.#buffer.subarray(this.#used) : Buffer.allocUnsafe(headBytes);
    const tensorCount = outputs.length;
    writeFrameHeader(head, 0, { kind: frameKinds.result, tensorCount, id, metaBytes, bodyBytes, argument: 0, timeoutMs: 0 });
    let at = frameHeaderBytes;
    outputs.forEach(({ dtype, shape, bodyBytes: bytes }, index) => {
      at = writeTensorHead(head, at, { index, dtypeCode: dtypes[dtype].code, shape, bodyBytes: bytes });
    });
    if (!fits) {
      this.#write(head.subarray(0, headBytes));
      for (const output of outputs) output.writeTo(this.#fd);
      return;
    }
    for (const output of outputs) {
      output.copyTo(head, at);
      at += output.bodyBytes;
    }
    this.#used += at;
  }

  /** Writes a TRACE frame, after what the buffer holds; an empty one for a trace that was too large. */
  sendTrace(id: number, trace: Uint8Array | undefined): void {
    this.flush();
    const head = Buffer.allocUnsafe(frameHeaderBytes);
    const bodyBytes = trace?.byteLength ?? 0;
    writeFrameHeader(head, 0, { kind: frameKinds.trace, tensorCount: 0, id, metaBytes: 0, bodyBytes, argument: 0, timeoutMs: 0 });
    this.#write(head);
    if (trace !== undefined) this.#write(trace);
  }

  /** Writes a PREPARED, READY or ERROR frame, after what the buffer holds. */
  sendJson(kind: FrameKind, id: number, value: unknown): void {
    this.flush();
    this.#write(encodeJsonFrame(kind, id, value));
  }

  /** Writes what was gathered. */
  flush(): void {
    const used = this.#used;
    if (used === 0) return;
    this.#used = 0;
    this.#write(this.#buffer.subarray(0, used));
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at, bytes.length - at);
  }
}
