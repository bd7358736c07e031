// Walks over the values of one feature, whose bytes example-index.ts has found to be well-formed. One walker at a time over a list; a
// value is a number, a bigint, or a range of bytes, and no object is made for it.
import type { FeaturePlace } from './example-index.ts';

/** Visits one feature's values from the first to the last. */
export class FeatureValues {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  /** Bytes of a tag before each value. */
  readonly #tagBytes: number;
  #position: number;
  /** Of the value of kind bytes that `nextBytes` came to. */
  start = 0;
  end = 0;

  constructor(bytes: Uint8Array, { start, end, isPacked }: FeaturePlace) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = start;
    this.#end = end;
    this.#tagBytes = isPacked ? 0 : 1;
  }

  get isDone(): boolean {
    return this.#position >= this.#end;
  }

  nextFloat(): number {
    const at = this.#position + this.#tagBytes;
    this.#position = at + 4;
    return this.#view.getFloat32(at, true);
  }

  /** A number when it is exact, else a bigint. */
  nextInt64(): number | bigint {
    const bytes = this.#bytes;
    let at = this.#position + this.#tagBytes;
    // Three parts, because bits beyond 32 need arithmetic: 28, 28 and 8 of them.
    let byte = bytes[at++];
    let low = byte & 0x7f;
    for (let shift = 7; byte >= 0x80 && shift < 28; shift += 7) {
      byte = bytes[at++];
      low |= (byte & 0x7f) << shift;
    }
    let middle = 0;
    for (let shift = 0; byte >= 0x80 && shift < 28; shift += 7) {
      byte = bytes[at++];
      middle |= (byte & 0x7f) << shift;
    }
    let high = 0;
    for (let shift = 0; byte >= 0x80 && shift < 14; shift += 7) {
      byte = bytes[at++];
      high |= (byte & 0x7f) << shift;
    }
    this.#position = at;
    const lowWord = (low | (middle << 28)) >>> 0;
    const highWord = (middle >>> 4) | (high << 24);
    const value = highWord * 0x1_0000_0000 + lowWord;
    return Number.isSafeInteger(value) ? value : (BigInt(highWord) << 32n) | BigInt(lowWord);
  }

  /** Sets `start` and `end`. */
  nextBytes(): void {
    const bytes = this.#bytes;
    let at = this.#position + 1;
    let length = 0;
    let scale = 1;
    let byte: number;
    do {
      byte = bytes[at++];
      length += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80);
    this.start = at;
    this.end = at + length;
    this.#position = this.end;
  }
}
