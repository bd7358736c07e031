// Walks over the untrusted bytes of a checkpoint's index: LevelDB's tables and their Snappy blocks, which have varints but no fields (protobuf is for
// the WireReader of core). Every step is checked against the end before it is taken, and a length that does not fit the rest is an error,
// never a shorter read.
import { type AirlockError, damagedFile } from '../core/index.ts';

/** Fails with MODEL_INVALID; `name` is the file's name as a client may read it. */
export class ByteCursor {
  readonly bytes: Buffer;
  readonly #name: string;
  readonly #end: number;
  position: number;

  constructor(name: string, bytes: Buffer, position = 0, end = bytes.length) {
    this.#name = name;
    this.bytes = bytes;
    this.position = position;
    this.#end = end;
  }

  get remaining(): number {
    return this.#end - this.position;
  }

  damaged(text: string): AirlockError {
    return damagedFile(this.#name, text);
  }

  /** An unsigned varint that fits 2^53. The format itself allows 64 bits, but nothing that is counted or measured here may need them. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let length = 0; length < 8; length++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
      scale *= 128;
    }
    throw this.damaged('a number is too large');
  }

  byte(): number {
    if (this.position >= this.#end) throw this.damaged('it ends too early');
    return this.bytes[this.position++];
  }

  uint32(): number {
    const start = this.position;
    this.skip(4);
    return this.bytes.readUInt32LE(start);
  }

  skip(length: number): void {
    if (length > this.remaining) throw this.damaged('it ends too early');
    this.position += length;
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Buffer {
    const start = this.position;
    this.skip(length);
    return this.bytes.subarray(start, start + length);
  }
}
