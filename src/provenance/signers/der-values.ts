// The values that certificates, revocation lists and time stamps are made of, read from DER elements, and a cursor over the
// parts of one structure. Every reader refuses what is not the one encoding of a value: two texts for one number have hidden a
// forged one before.
import { childrenOf, type DerElement, derError, tags } from './der.ts';

const maxOidBytes = 64;

/** The parts of a SEQUENCE or SET, taken in order. Every method throws KEY_INVALID. */
export class DerParts {
  readonly #parts: readonly DerElement[];
  #at = 0;

  constructor(element: DerElement) {
    this.#parts = childrenOf(element);
  }

  /** The next part, which must be there and have this tag. */
  next(tag: number): DerElement {
    const part = this.optional(tag);
    if (part === undefined) {
      throw derError(`expected a part with the tag ${tag}`);
    }
    return part;
  }

  /** The next part when it has this tag. */
  optional(tag: number): DerElement | undefined {
    const part = this.#parts[this.#at];
    if (part?.tag !== tag) {
      return undefined;
    }
    this.#at += 1;
    return part;
  }

  /** Every part that is left has this tag. */
  rest(tag: number): DerElement[] {
    const rest = [];
    while (this.#at < this.#parts.length) {
      rest.push(this.next(tag));
    }
    return rest;
  }

  /** Nothing may be left. */
  end(): void {
    if (this.#at !== this.#parts.length) {
      throw derError('it has more parts than it may have');
    }
  }
}

/** In dots: `2.5.29.15`. At most 64 bytes. */
export function readOid(element: DerElement): string {
  const bytes = element.content;
  if (bytes.length === 0 || bytes.length > maxOidBytes) {
    throw derError('an object identifier is too short or too long');
  }
  const arcs: bigint[] = [];
  let value = 0n;
  let fresh = true;
  for (const byte of bytes) {
    if (fresh && byte === 0x80) {
      throw derError('an object identifier is longer than needed');
    }
    value = value * 128n + BigInt(byte & 0x7f);
    fresh = byte < 0x80;
    if (fresh) {
      arcs.push(value);
      value = 0n;
    }
  }
  const [first = 0n, ...others] = arcs;
  if (!fresh) {
    throw derError('an object identifier ends early');
  }
  const top = first < 80n ? first / 40n : 2n;
  return [top, first - top * 40n, ...others].join('.');
}

export function readBoolean(element: DerElement): boolean {
  if (element.content.length !== 1 || (element.content[0] !== 0 && element.content[0] !== 0xff)) {
    throw derError('a boolean is neither true nor false');
  }
  return element.content[0] === 0xff;
}

/** From 0 to 2^31-1: versions, path lengths, states. */
export function readSmallInteger(element: DerElement): number {
  const bytes = checkInteger(element);
  if (bytes.length > 4 || bytes[0] >= 0x80) {
    throw derError('a number is negative or too large');
  }
  return bytes.readUIntBE(0, bytes.length);
}

/** The bytes of an INTEGER, without a sign byte that is not needed: serial numbers are compared, not computed with. */
export function checkInteger({ content }: DerElement): Buffer {
  const [first, second = 0] = content;
  const padded = content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
  if (first === undefined || padded) {
    throw derError('a number is empty or longer than needed');
  }
  return content;
}

/** The bytes of a BIT STRING that has whole bytes: signatures, keys. */
export function readBytes({ content }: DerElement): Buffer {
  if (content[0] !== 0 || content.length < 2) {
    throw derError('a bit string does not consist of bytes');
  }
  return content.subarray(1);
}

/** Whether bits are set, by their numbers, in a BIT STRING of named bits: trailing zeros are left out, and there is a bit. */
export function readBits({ content }: DerElement): (bit: number) => boolean {
  const unused = content[0];
  const last = content[content.length - 1];
  if (content.length < 2 || unused > 7 || (last & ((2 << unused) - 1)) !== 1 << unused) {
    throw derError('a bit string has no bits, or bits that are not used');
  }
  return (bit) => ((content[1 + (bit >> 3)] >> (7 - (bit & 7))) & 1) === 1;
}

const shortTime = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const longTime = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{0,8}[1-9]))?Z$/;

/**
 * A UTCTime or GeneralizedTime in UTC with seconds, in milliseconds since 1970; fractions only in time stamps, cut to
 * milliseconds.
 */
export function readTime(element: DerElement): number {
  const text = element.content.toString('latin1');
  const short = element.tag === tags.utcTime;
  const match = short ? shortTime.exec(text) : longTime.exec(text);
  if (match === null || (!short && element.tag !== tags.generalizedTime)) {
    throw derError('a time cannot be read');
  }
  const [year = 0, month = 0, ...rest] = match.slice(1, 7).map(Number);
  const fullYear = short ? year + (year < 50 ? 2_000 : 1_900) : year;
  const [day = 0, hour = 0, minute = 0, second = 0] = rest;
  const date = new Date(0);
  date.setUTCFullYear(fullYear, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const written = [date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
  if (written.some((value, index) => value !== [month, day, hour, minute, second][index])) {
    throw derError('a time does not exist');
  }
  return date.getTime() + Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
}
