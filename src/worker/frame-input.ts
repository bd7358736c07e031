// Reads frames from a blocking socket: small ones many at a time through one buffer, large tensors straight into TensorFlow's memory.
// Everything that it gives out lies in that buffer and is gone with the next read.
import { readSync } from 'node:fs';
import { type FrameHeader, frameHeaderBytes, readFrameHeader } from '../tensor/index.ts';

/** Large enough for several requests per read, small enough that a large body is hardly copied twice. */
const bufferBytes = 64 * 1024;

export class FrameInput {
  readonly fd: number;
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes);
  #start = 0;
  #end = 0;

  constructor(fd: number) {
    this.fd = fd;
  }

  /**
   * The next frame's header, or undefined when the server has closed the socket.
   * @throws WORKER_PROTOCOL_VIOLATION when it is not one.
   */
  readHeader(maxBodyBytes: number): FrameHeader | undefined {
    if (!this.#fill(frameHeaderBytes)) return undefined;
    const header = readFrameHeader(this.#buffer, this.#start, maxBodyBytes);
    this.#start += frameHeaderBytes;
    return header;
  }

  /** True when the next frame is here whole, so that reading it will not wait. */
  hasFrame(maxBodyBytes: number): boolean {
    const available = this.#end - this.#start;
    if (available < frameHeaderBytes) return false;
    const header = readFrameHeader(this.#buffer, this.#start, maxBodyBytes);
    return frameHeaderBytes + header.metaBytes + header.bodyBytes <= available;
  }

  /** The next `byteLength` bytes; undefined when the socket ends first. */
  readBytes(byteLength: number): Buffer | undefined {
    if (byteLength <= bufferBytes) {
      if (!this.#fill(byteLength)) return undefined;
      this.#start += byteLength;
      return this.#buffer.subarray(this.#start - byteLength, this.#start);
    }
    const bytes = Buffer.allocUnsafeSlow(byteLength);
    const head = this.takeBuffered(byteLength);
    bytes.set(head);
    for (let at = head.length; at < byteLength; ) {
      const count = readSync(this.fd, bytes, at, byteLength - at, null);
      if (count === 0) return undefined;
      at += count;
    }
    return bytes;
  }

  /** The JSON of a frame whose header was read; undefined when the socket ends first. The server is believed about its type. */
  readJson<Value>({ metaBytes }: FrameHeader): Value | undefined {
    const json = this.readBytes(metaBytes);
    return json && (JSON.parse(json.toString('utf8')) as Value);
  }

  /** What is here already of the next `byteLength` bytes; the rest is for the caller to read from `fd`. */
  takeBuffered(byteLength: number): Buffer {
    const end = Math.min(this.#end, this.#start + byteLength);
    const head = this.#buffer.subarray(this.#start, end);
    this.#start = end;
    return head;
  }

  /** Drops the next `byteLength` bytes; false when the socket ends first. */
  skip(byteLength: number): boolean {
    for (let left = byteLength; left > 0; ) {
      if (!this.#fill(1)) return false;
      left -= this.takeBuffered(left).length;
    }
    return true;
  }

  /** Drops everything that comes until the socket ends. */
  skipAll(): void {
    while (this.#fill(1)) this.takeBuffered(bufferBytes);
  }

  /** Makes sure of `byteLength` bytes at #start, at most the buffer's size; reads as much as there is. */
  #fill(byteLength: number): boolean {
    if (this.#end - this.#start >= byteLength) return true;
    if (this.#start + byteLength > bufferBytes || this.#start === this.#end) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    while (this.#end - this.#start < byteLength) {
      const count = readSync(this.fd, this.#buffer, this.#end, bufferBytes - this.#end, null);
      if (count === 0) return false;
      this.#end += count;
    }
    return true;
  }
}
