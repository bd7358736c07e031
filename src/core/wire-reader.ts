// The one reader of protobuf's wire format for all who read hostile messages without a schema, or before a schema's decoder sees them. It steps over fields in
// place: nothing is copied and no object is made per field, so that one reader goes through a graph of millions. It takes what TensorFlow's decoder takes and
// refuses the rest; it must never read past the message that it is in, and knows no message.
import { AirlockError } from './errors.ts';

export const varintType = 0;
export const fixed64Type = 1;
export const bytesType = 2;
export const fixed32Type = 5;

const maxVarintBytes = 10;
/** TensorFlow 2.21 (protobuf 6) refuses a tag or a length of six bytes even when it is small; a number may have ten. */
const maxHeadBytes = 5;
const twoTo32 = 2 ** 32;

/** MODEL_INVALID, for the caller to throw; `name` is the file's name as a client may read it. */
export function damagedFile(name: string, text: string): AirlockError {
  return new AirlockError('MODEL_INVALID', { message: `${name} is damaged: ${text}` });
}

/** Who reads something else than a model's file overrides `damaged`, and so gives the error that all methods throw. */
export class WireReader {
  readonly bytes: Buffer;
  readonly name: string;
  /** Of the field that `next` found: number, wire type, and where its content lies. */
  field = 0;
  wireType = 0;
  start = 0;
  end = 0;
  /** Of a varint: the halves of its 64 bits, both unsigned. Bits beyond are dropped, as decoders do. */
  low = 0;
  high = 0;
  #position = 0;
  #limit: number;

  constructor(bytes: Buffer, name: string) {
    this.bytes = bytes;
    this.name = name;
    this.#limit = bytes.length;
  }

  /** The error for something wrong with the bytes, for the caller to throw: MODEL_INVALID here. */
  damaged(text: string): AirlockError {
    return damagedFile(this.name, text);
  }

  /**
   * Reads the fields between the two from now on. `end` may lie behind the buffer when the caller sees to it that each field's head (15 bytes
   * at most) is in it: contents of type 2, 1 and 5 are not touched.
   */
  enter(start: number, end: number): this {
    this.#position = start;
    this.#limit = end;
    return this;
  }

  /** Goes into the message that the current field is. Gives what `leave` wants, so that one reader follows any nesting. */
  enterField(): number {
    const outer = this.#limit;
    this.#position = this.start;
    this.#limit = this.end;
    return outer;
  }

  /** Goes behind the message that was entered. */
  leave(outer: number): void {
    this.#position = this.#limit;
    this.#limit = outer;
  }

  /** False at the end of the message. @throws `damaged` for what no decoder accepts, and for groups, which TensorFlow never writes. */
  next(): boolean {
    if (this.#position >= this.#limit) return false;
    const tag = this.#head();
    const wireType = tag & 7;
    this.field = Math.floor(tag / 8);
    this.wireType = wireType;
    if (this.field === 0 || tag >= twoTo32) throw this.damaged('a field has no valid number');
    if (wireType === bytesType) {
      const length = this.#head();
      this.start = this.#position;
      if (length > this.#limit - this.#position) throw this.damaged('a field is longer than what holds it');
      this.#position += length;
    } else if (wireType === varintType) {
      this.start = this.#position;
      this.#varint();
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

  /** A tag or a length: 35 bits at most, so exact. */
  #head(): number {
    const { bytes } = this;
    let value = 0;
    let scale = 1;
    for (let length = 0; length < maxHeadBytes; length++) {
      if (this.#position >= this.#limit) throw this.damaged('it ends too early');
      const byte = bytes[this.#position++];
      if (byte < 0x80) return value + byte * scale;
      value += (byte & 0x7f) * scale;
      scale *= 128;
    }
    throw this.damaged('a number is too long');
  }

  #varint(): void {
    const { bytes } = this;
    const limit = Math.min(this.#limit, this.#position + maxVarintBytes);
    let at = this.#position;
    let low = 0;
    let high = 0;
    for (let shift = 0; at < limit; shift += 7) {
      const byte = bytes[at++];
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= (bits & 1) << 31;
      if (byte < 0x80) {
        this.#position = at;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw this.damaged(at < this.#limit ? 'a number is too long' : 'it ends too early');
  }

  /** The varint that the current field is, as the unsigned 64 bits that decoders keep. */
  varint(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }
}

/** An unsigned varint of 64 bits in bytes that `next` passed; bits beyond are dropped, as decoders do. */
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
