// Walks the fields of a protobuf message in place. The bytes are a worker's, which is hostile: each length is compared with what is left before it is used, nothing is
// copied, and a number that JavaScript cannot hold exactly is refused. Knows no message.
import { AirlockError } from '../core/index.ts';

/** @returns PROFILE_INVALID, for the caller to throw. */
export function invalidProfile(detail: string): AirlockError {
  return new AirlockError('PROFILE_INVALID', { detail });
}

const twoTo32 = 0x1_0000_0000;

/** A cursor over all messages of one buffer: `next` moves to a field, and one of the readers takes its value. */
export class ProtoReader {
  readonly bytes: Buffer;
  at = 0;
  /** Where the message ends that is read now. */
  end: number;
  field = 0;
  /** The halves of the number that was read last, both unsigned. */
  low = 0;
  high = 0;
  /** Whether it was given up because there is too much: honest bytes may be so too. */
  isTooLong = false;
  #wireType = 0;
  #fieldsLeft: number;

  /** @param maxFields what is read takes time by its fields rather than by its bytes. */
  constructor(bytes: Buffer, maxFields: number) {
    this.bytes = bytes;
    this.end = bytes.length;
    this.#fieldsLeft = maxFields;
  }

  /** Moves to the next field of the message, its number in `field`; false at the end. @throws PROFILE_INVALID */
  next(): boolean {
    if (this.at >= this.end) return false;
    if (--this.#fieldsLeft < 0) throw this.tooLong('more fields than are read');
    this.#varint();
    if (this.high !== 0) throw invalidProfile('a field number is too large');
    this.field = this.low >>> 3;
    this.#wireType = this.low & 7;
    if (this.field === 0) throw invalidProfile('a field has number 0');
    return true;
  }

  /** @returns PROFILE_INVALID, for the caller to throw; from now on `isTooLong` says why. */
  tooLong(detail: string): AirlockError {
    this.isTooLong = true;
    return invalidProfile(detail);
  }

  #varint(): void {
    const { bytes, end } = this;
    let { at } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) throw invalidProfile('a number ends after its message');
      const byte = bytes[at++];
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= (bits & 1) << 31;
      if (byte < 0x80) {
        this.at = at;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw invalidProfile('a number has more than ten bytes');
  }

  /** The field as an int64, its halves also in `low` and `high`. @throws PROFILE_INVALID when it is no number. */
  number(): number {
    if (this.#wireType !== 0) throw invalidProfile(`field ${this.field} is no number`);
    this.#varint();
    return (this.high | 0) * twoTo32 + this.low;
  }

  /** The field as a number from `-max` to `max`. @throws PROFILE_INVALID */
  bounded(max: number): number {
    const value = this.number();
    if (!(value <= max && value >= -max)) throw invalidProfile(`field ${this.field} is ${value}`);
    return value;
  }

  /** The length of the field's bytes, which begin at `at`. @throws PROFILE_INVALID when it has none, or they do not fit. */
  length(): number {
    if (this.#wireType !== 2) throw invalidProfile(`field ${this.field} is no message`);
    this.#varint();
    if (this.high !== 0 || this.low > this.end - this.at) throw invalidProfile('a field ends after its message');
    return this.low;
  }

  /** Goes into the field's message: gives the end to be put back by `leave`. @throws as `length`. */
  enter(): number {
    const outer = this.end;
    const length = this.length();
    this.end = this.at + length;
    return outer;
  }

  /** Goes behind the message that was entered. */
  leave(outer: number): void {
    this.at = this.end;
    this.end = outer;
  }

  /** Passes over the field. @throws PROFILE_INVALID for groups, which no message of TensorFlow has. */
  skip(): void {
    switch (this.#wireType) {
      case 0:
        this.#varint();
        return;
      case 1:
        this.#pass(8);
        return;
      case 2:
        this.#pass(this.length());
        return;
      case 5:
        this.#pass(4);
        return;
      default:
        throw invalidProfile(`a field of type ${this.#wireType}`);
    }
  }

  #pass(byteLength: number): void {
    if (byteLength > this.end - this.at) throw invalidProfile('a field ends after its message');
    this.at += byteLength;
  }
}
