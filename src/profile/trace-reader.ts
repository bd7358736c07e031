// What reading a worker's trace asks of core's WireReader beyond the format: an end to the number of fields, and numbers and messages that are what they should
// be. A trace has one writer, so a known field of another type is refused, where readers of models pass over it as decoders do. Knows no message.
import { AirlockError, bytesType, varintType, WireReader } from '../core/index.ts';

/** @returns PROFILE_INVALID, for the caller to throw. */
export function invalidProfile(detail: string): AirlockError {
  return new AirlockError('PROFILE_INVALID', { detail });
}

const twoTo32 = 0x1_0000_0000;

/** Throws PROFILE_INVALID for all that is wrong with the bytes. */
export class TraceReader extends WireReader {
  /** Whether it was given up because there is too much: honest bytes may be so too. */
  isTooLong = false;
  #fieldsLeft: number;

  /** @param maxFields what is read takes time by its fields rather than by its bytes. */
  constructor(bytes: Buffer, maxFields: number) {
    super(bytes, 'the trace');
    this.#fieldsLeft = maxFields;
  }

  override damaged(text: string): AirlockError {
    return invalidProfile(text);
  }

  override next(): boolean {
    if (!super.next()) return false;
    if (--this.#fieldsLeft < 0) throw this.tooLong('more fields than are read');
    return true;
  }

  /** @returns PROFILE_INVALID, for the caller to throw; from now on `isTooLong` says why. */
  tooLong(detail: string): AirlockError {
    this.isTooLong = true;
    return invalidProfile(detail);
  }

  /** The field as an int64, rounded as JavaScript does; exact in `low` and `high`. @throws PROFILE_INVALID when it is no number. */
  number(): number {
    if (this.wireType !== varintType) throw invalidProfile(`field ${this.field} is no number`);
    return (this.high | 0) * twoTo32 + this.low;
  }

  /** The field as a number from `-max` to `max`. @throws PROFILE_INVALID */
  bounded(max: number): number {
    const value = this.number();
    if (!(value <= max && value >= -max)) throw invalidProfile(`field ${this.field} is ${value}`);
    return value;
  }

  /** @throws PROFILE_INVALID when the field has no bytes. */
  length(): number {
    if (this.wireType !== bytesType) throw invalidProfile(`field ${this.field} is no message`);
    return this.end - this.start;
  }

  /** @throws PROFILE_INVALID when the field is no message. */
  override enterField(): number {
    this.length();
    return super.enterField();
  }
}
