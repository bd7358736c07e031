// Steps over the fields of protobuf messages without making objects of them. It is the hot path of reading graphs, so one reader is used for
// millions of messages. It accepts what TensorFlow's decoder accepts: unknown fields are passed over, a length never leaves its message.
import { AirlockError } from '../../core/index.ts';

export const varintType = 0;
export const fixed64Type = 1;
export const bytesType = 2;
export const fixed32Type = 5;

/** Where a message or string lies in the file. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const twoTo32 = 2 ** 32;

export class WireReader {
  readonly bytes: Buffer;
  readonly file: string;
  /** Of the field that `next` found: number, wire type, and where its content lies. */
  field = 0;
  wireType = 0;
  start = 0;
  end = 0;
  #position = 0;
  #limit = 0;

  constructor(bytes: Buffer, file: string) {
    this.bytes = bytes;
    this.file = file;
    this.#limit = bytes.length;
  }

  damaged(text: string): AirlockError {
    return new AirlockError('MODEL_INVALID', { message: `${this.file} is damaged: ${text}` });
  }

  /** Reads the fields between the two from now on. */
  enter(start: number, end: number): this {
    this.#position = start;
    this.#limit = end;
    return this;
  }

  /** False at the end of the message. @throws MODEL_INVALID for what no decoder accepts, and for groups, which TensorFlow never writes. */
  next(): boolean {
    if (this.#position >= this.#limit) return false;
    const tag = this.#varint(5);
    const wireType = tag & 7;
    this.field = Math.floor(tag / 8);
    this.wireType = wireType;
    if (this.field === 0 || tag >= twoTo32) throw this.damaged('a field has no valid number');
    if (wireType === bytesType) {
      const length = this.#varint(10);
      this.start = this.#position;
      if (length > this.#limit - this.#position) throw this.damaged('a field is longer than what holds it');
      this.#position += length;
    } else if (wireType === varintType) {
      this.start = this.#position;
      this.#varint(10);
    } else if (wireType === fixed32Type) this.#fixed(4);
    else if (wireType === fixed64Type) this.#fixed(8);
    else throw this.damaged('a field has an unknown wire type');
    this.end = this.#position;
    return true;
  }

  #fixed(length: number): void {
    this.start = this.#position;
    if (length > this.#limit - this.#position) throw this.damaged('it ends too early');
    this.#position += length;
  }

  /** Exact up to 2^53; larger ones, which only whole 64-bit values need, are read again with `varintAt`. */
  #varint(maxLength: number): number {
    const { bytes } = this;
    let value = 0;
    let scale = 1;
    for (let length = 0; length < maxLength; length++) {
      if (this.#position >= this.#limit) throw this.damaged('it ends too early');
      const byte = bytes[this.#position++];
      if (byte < 0x80) return value + byte * scale;
      value += (byte & 0x7f) * scale;
      scale *= 128;
    }
    throw this.damaged('a number is too long');
  }

  /** The varint that the current field is, as the unsigned 64 bits that decoders keep. */
  varint(): bigint {
    return varintAt(this.bytes, this.start, this.end);
  }
}

/** An unsigned varint of 64 bits; bits beyond are dropped, as decoders do. */
export function varintAt(bytes: Buffer, start: number, end: number): bigint {
  let low = 0;
  for (let at = start; at < end && at < start + 4; at++) {
    low += (bytes[at] & 0x7f) * 128 ** (at - start);
    if (bytes[at] < 0x80) return BigInt(low);
  }
  let value = BigInt(low);
  for (let at = start + 4; at < end; at++) {
    value |= BigInt(bytes[at] & 0x7f) << BigInt(7 * (at - start));
    if (bytes[at] < 0x80) break;
  }
  return BigInt.asUintN(64, value);
}
