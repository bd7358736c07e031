// A JSON parser (RFC 8259, nothing more) that is fed bytes as they arrive and builds no objects: it walks the grammar with an explicit
// stack and tells a subclass what it meets. A nest of brackets costs one byte of memory per level, never a stack frame.
// It must never look at a byte twice because of how the body was cut: a token that is cut is resumed, or its length is bounded.
import { isUtf8 } from 'node:buffer';
import { AirlockError, type ErrorCode, printable, violationError } from '../../core/index.ts';
import { decodeBase64 } from './base64.ts';
import { returnBodyMemory, takeBodyMemory } from './body-memory.ts';
import type { JsonLimits } from './limits.ts';

export const expects = { value: 0, valueOrClose: 1, key: 2, keyOrClose: 3, colon: 4, separator: 5, nothing: 6 } as const;

/** The scalars that are words. NaN and the infinities are not JSON; they are recognised so that a refusal can name them. */
export type Literal = 'true' | 'false' | 'null' | 'NaN' | 'Infinity' | '-Infinity';

/** The numbers among the words. */
export const nonFiniteNumbers: Readonly<Record<'NaN' | 'Infinity' | '-Infinity', number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

const words: readonly (readonly [string, Literal])[] = [
  ['true', 'true'],
  ['false', 'false'],
  ['null', 'null'],
  ['NaN', 'NaN'],
  ['Infinity', 'Infinity'],
  ['-Infinity', '-Infinity'],
  ['Inf', 'Infinity'],
  ['-Inf', '-Infinity'],
];

const objectMark = 1;
/** Bytes that are parsed again in one go, see `behind`. */
const sliceBytes = 128 * 1024;

export abstract class PushParser {
  protected readonly limits: JsonLimits;
  /** The bytes to parse, from 0 to `length`; the byte at `length` is 0, so that a scan stops there by itself. */
  protected bytes: Buffer;
  protected length = 0;
  /** Bytes that have arrived; more than `length` only while a body is parsed again. */
  #arrived = 0;
  /** The byte that the 0 at `length` stands in for. */
  #covered = 0;
  protected position = 0;
  protected depth = 0;
  protected tokens = 0;
  protected expect: number = expects.value;
  readonly #containers: Uint8Array;
  // Where the scan of a string that was cut goes on, and what it has seen; 0 when no string is open.
  #stringResume = 0;
  #stringEscaped = false;
  #stringHigh = false;

  /** @param sizeHint bytes that are likely to come (Content-Length); trusted up to 4 MiB, which the kernel does not hand out before they are written. */
  constructor(limits: JsonLimits, sizeHint: number) {
    this.limits = limits;
    this.bytes = takeBodyMemory(Math.max(64, Math.min(sizeHint, limits.maxBodyBytes, 4 * 1024 * 1024) + 1));
    this.#containers = new Uint8Array(limits.maxDepth + 1);
  }

  /** Takes the next bytes of the body and parses as far as they go. @throws the first thing that is wrong. */
  push(chunk: Uint8Array): void {
    const length = this.#arrived + chunk.length;
    if (length > this.limits.maxBodyBytes) {
      throw new AirlockError('REQUEST_TOO_LARGE', {
        violations: [
          { path: '', rule: 'maxBodyBytes', expected: `at most ${this.limits.maxBodyBytes} bytes`, got: `at least ${length}` },
        ],
      });
    }
    if (length >= this.bytes.length) {
      const grown = takeBodyMemory(Math.min(Math.max(length, this.bytes.length * 2), this.limits.maxBodyBytes) + 1);
      this.bytes.copy(grown, 0, 0, Math.max(this.#arrived, this.length + 1));
      returnBodyMemory(this.bytes);
      this.bytes = grown;
    }
    const { behind } = this;
    this.bytes.set(chunk, this.#arrived);
    this.#arrived = length;
    if (behind) return;
    this.length = length;
    this.bytes[length] = 0;
    this.advance(false);
  }

  /**
   * True while a body that is parsed again is not parsed as far as it has arrived. Whoever feeds the parser should then call `catchUp`
   * between other work: all at once, a large body would hold up every other client.
   */
  get behind(): boolean {
    return this.length < this.#arrived;
  }

  /** Parses the next slice of a body that is parsed again. */
  catchUp(): void {
    this.#show(this.length + sliceBytes);
    this.advance(false);
  }

  /** Lets the parser see `length` bytes of those that have arrived. */
  #show(length: number): void {
    if (this.behind) this.bytes[this.length] = this.#covered;
    this.length = Math.min(length, this.#arrived);
    this.#covered = this.bytes[this.length];
    this.bytes[this.length] = 0;
  }

  /** Says that the body is complete. @throws JSON_EMPTY, or JSON_SYNTAX when the value is not complete. */
  protected finishParse(): void {
    this.advance(true);
    if (this.expect === expects.nothing) return;
    if (this.depth === 0) throw new AirlockError('JSON_EMPTY');
    throw this.syntaxError('the rest of the JSON value', 'the end of the body');
  }

  /** Gives the body's memory back; the parser cannot be used any more. */
  protected release(): void {
    returnBodyMemory(this.bytes);
    this.bytes = Buffer.alloc(1);
    this.length = 0;
    this.#arrived = 0;
  }

  /** Starts over at the first byte, in slices. */
  protected rewind(): void {
    this.#show(sliceBytes);
    this.position = 0;
    this.depth = 0;
    this.tokens = 0;
    this.expect = expects.value;
    this.#stringResume = 0;
  }

  protected advance(final: boolean): void {
    for (;;) {
      let c = this.bytes[this.position];
      while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = this.bytes[++this.position];
      if (this.position >= this.length) return;
      switch (this.expect) {
        case expects.valueOrClose:
          if (c === 0x5d) {
            this.#close(false);
            break;
          }
          if (!this.#value(c, final)) return;
          break;
        case expects.value:
          if (!this.#value(c, final)) return;
          break;
        case expects.keyOrClose:
          if (c === 0x7d) {
            this.#close(true);
            break;
          }
          if (!this.#key(c)) return;
          break;
        case expects.key:
          if (!this.#key(c)) return;
          break;
        case expects.colon:
          if (c !== 0x3a) throw this.#unexpected('a colon');
          this.position++;
          this.expect = expects.value;
          break;
        case expects.separator:
          this.#separator(c);
          break;
        default:
          throw new AirlockError('JSON_TRAILING_DATA', {
            violations: [
              { path: '', rule: 'json', expected: 'the end of the body', got: `more bytes at offset ${this.position}` },
            ],
          });
      }
    }
  }

  /** Parses a value that begins with `c`; false when its bytes have not all arrived. */
  #value(c: number, final: boolean): boolean {
    if (c === 0x7b || c === 0x5b) {
      this.#open(c === 0x7b);
      return true;
    }
    if (c === 0x22) {
      const end = this.#stringEnd();
      if (end < 0) return false;
      const start = this.position + 1;
      this.#scalar(end + 1);
      this.onString(start, end, this.#stringEscaped);
      return true;
    }
    if ((c >= 0x30 && c <= 0x39) || (c === 0x2d && this.bytes[this.position + 1] !== 0x49)) {
      if (this.onNumbers(final)) return true;
      const end = this.numberEnd(this.position, final);
      if (end < 0) return false;
      const start = this.position;
      this.#scalar(end);
      this.onNumber(start, end);
      return true;
    }
    return this.#word(final);
  }

  #scalar(end: number): void {
    this.countToken();
    this.position = end;
    this.expect = this.depth === 0 ? expects.nothing : expects.separator;
  }

  protected countToken(): void {
    if (++this.tokens > this.limits.maxTokens)
      throw this.limitError('JSON_TOO_MANY_TOKENS', 'maxTokens', this.limits.maxTokens, 'tokens');
  }

  #open(isObject: boolean): void {
    this.countToken();
    if (this.depth >= this.limits.maxDepth) throw this.limitError('JSON_TOO_DEEP', 'maxDepth', this.limits.maxDepth, 'levels');
    this.#containers[++this.depth] = isObject ? objectMark : 0;
    this.position++;
    this.expect = isObject ? expects.keyOrClose : expects.valueOrClose;
    this.onOpen(isObject);
  }

  #close(isObject: boolean): void {
    this.position++;
    this.depth--;
    this.expect = this.depth === 0 ? expects.nothing : expects.separator;
    this.onClose(isObject);
  }

  #separator(c: number): void {
    const inObject = this.#containers[this.depth] === objectMark;
    if (c === 0x2c) {
      this.position++;
      this.expect = inObject ? expects.key : expects.value;
    } else if (c === (inObject ? 0x7d : 0x5d)) {
      this.#close(inObject);
    } else {
      throw this.#unexpected(inObject ? 'a comma or }' : 'a comma or ]');
    }
  }

  #key(c: number): boolean {
    if (c !== 0x22) throw this.#unexpected('a key in double quotes');
    const end = this.#stringEnd();
    if (end < 0) return false;
    const start = this.position + 1;
    if (end - start > this.limits.maxNumberChars)
      throw this.limitError('JSON_TOKEN_TOO_LONG', 'maxNumberChars', this.limits.maxNumberChars, 'characters of a key');
    this.countToken();
    this.position = end + 1;
    this.expect = expects.colon;
    this.onKey(start, end, this.#stringEscaped);
    return true;
  }

  #word(final: boolean): boolean {
    for (const [word, literal] of words) {
      const have = Math.min(word.length, this.length - this.position);
      if (this.bytes.toString('latin1', this.position, this.position + have) !== word.slice(0, have)) continue;
      if (have < word.length && !final) return false;
      if (have < word.length) continue;
      this.#scalar(this.position + word.length);
      this.onLiteral(literal);
      return true;
    }
    throw this.#unexpected('a value');
  }

  /**
   * The place of the closing quote of the string that begins at `position`, or -1 when it has not arrived.
   * Checks as it goes: raw control characters are not JSON, and bytes above 0x7f must be UTF-8.
   */
  #stringEnd(): number {
    let at = this.#stringResume;
    if (at === 0) {
      at = this.position + 1;
      this.#stringEscaped = false;
      this.#stringHigh = false;
    }
    const { bytes, length } = this;
    for (;;) {
      const c = bytes[at];
      if (c === 0x22) break;
      if (c >= 0x80) this.#stringHigh = true;
      else if (c === 0x5c) {
        this.#stringEscaped = true;
        if (at + 1 >= length) {
          this.#stringResume = at;
          return -1;
        }
        at++;
      } else if (c < 0x20) {
        if (at < length)
          throw this.syntaxError('no control character in a string', `byte 0x${c.toString(16).padStart(2, '0')} at offset ${at}`);
        this.#stringResume = at;
        return -1;
      }
      at++;
    }
    this.#stringResume = 0;
    if (this.#stringHigh && !isUtf8(bytes.subarray(this.position + 1, at))) {
      throw violationError('JSON_INVALID_UTF8', { path: this.path(), rule: 'utf8', expected: 'UTF-8', got: 'other bytes' });
    }
    return at;
  }

  /** The end of the number that begins at `start`, or -1 when it has not all arrived. Never longer than maxNumberChars. */
  protected numberEnd(start: number, final: boolean): number {
    const { bytes } = this;
    let at = start;
    if (bytes[at] === 0x2d) at++;
    if (bytes[at] === 0x30) at++;
    else at = this.#digits(at);
    if (bytes[at] === 0x2e) at = this.#digits(at + 1);
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      at++;
      if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
      at = this.#digits(at);
    }
    // The end of what has arrived decides before the grammar does: `1.` may still become `1.5`.
    const reached = Math.abs(at);
    if (reached - start > this.limits.maxNumberChars) {
      throw this.limitError('JSON_TOKEN_TOO_LONG', 'maxNumberChars', this.limits.maxNumberChars, 'characters of a number');
    }
    if (reached >= this.length && !final) return -1;
    if (at < 0 || (bytes[at] >= 0x30 && bytes[at] <= 0x39)) {
      throw this.syntaxError('a JSON number', printable(bytes.toString('latin1', start, Math.min(reached + 1, this.length)), 40));
    }
    return at;
  }

  /** The place after the digits at `at`; its negative when there is none, as a NaN would poison the comparisons above. */
  #digits(at: number): number {
    const { bytes } = this;
    let end = Math.abs(at);
    const begin = end;
    while (bytes[end] >= 0x30 && bytes[end] <= 0x39) end++;
    return end === begin || at < 0 ? -end : end;
  }

  /** The bytes of a string between its quotes with the escapes undone. @throws JSON_SYNTAX, JSON_LONE_SURROGATE. */
  protected unescape(start: number, end: number): Buffer {
    const { bytes } = this;
    const target = Buffer.allocUnsafe(end - start);
    let size = 0;
    for (let at = start; at < end; at++) {
      const c = bytes[at];
      if (c !== 0x5c) {
        target[size++] = c;
        continue;
      }
      const letter = bytes[++at];
      if (letter !== 0x75) {
        const plain = simpleEscapes.get(letter);
        if (plain === undefined)
          throw this.syntaxError('an escape that JSON knows', `\\${printable(String.fromCharCode(letter))}`);
        target[size++] = plain;
        continue;
      }
      let unit = this.#hex4(at + 1, end);
      at += 4;
      if (unit >= 0xd800 && unit <= 0xdfff) {
        const low = unit < 0xdc00 && bytes[at + 1] === 0x5c && bytes[at + 2] === 0x75 ? this.#hex4(at + 3, end) : 0;
        if (low < 0xdc00 || low > 0xdfff) {
          throw violationError('JSON_LONE_SURROGATE', {
            path: this.path(),
            rule: 'surrogate',
            expected: 'a pair of surrogates',
            got: `\\u${unit.toString(16)} alone`,
          });
        }
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
      }
      // An escape of six characters is never shorter than its UTF-8, so the target is long enough.
      size += target.write(String.fromCodePoint(unit), size, 'utf8');
    }
    return target.subarray(0, size);
  }

  #hex4(start: number, end: number): number {
    const text = this.bytes.toString('latin1', start, Math.min(start + 4, end));
    if (!/^[0-9a-fA-F]{4}$/.test(text)) throw this.syntaxError('four hexadecimal digits after \\u', printable(text));
    return Number.parseInt(text, 16);
  }

  /** The text of a key or string, for the few that become JavaScript strings. */
  protected text(start: number, end: number, escaped: boolean): string {
    return escaped ? this.unescape(start, end).toString('utf8') : this.bytes.toString('utf8', start, end);
  }

  /** The bytes of the string of a `{"b64": "…"}`. @throws TENSOR_BASE64_INVALID */
  protected base64(text: Buffer): Buffer {
    const decoded = decodeBase64(text);
    if (decoded !== undefined) return decoded;
    throw violationError('TENSOR_BASE64_INVALID', {
      path: this.path(),
      rule: 'base64',
      expected: 'RFC 4648 base64 with padding',
      got: 'something else',
    });
  }

  protected syntaxError(expected: string, got: string): AirlockError {
    return violationError('JSON_SYNTAX', { path: this.path(), rule: 'json', expected, got });
  }

  #unexpected(expected: string): AirlockError {
    const c = this.bytes[this.position];
    const shown = c > 0x20 && c < 0x7f ? `'${String.fromCharCode(c)}'` : `byte 0x${c.toString(16).padStart(2, '0')}`;
    return this.syntaxError(expected, `${shown} at offset ${this.position}`);
  }

  protected limitError(code: ErrorCode, rule: string, limit: number, unit: string): AirlockError {
    return violationError(code, { path: this.path(), rule, expected: `at most ${limit} ${unit}`, got: 'more' });
  }

  /** Where in the input the parser is, in the client's terms. */
  protected abstract path(): string;
  protected abstract onOpen(isObject: boolean): void;
  protected abstract onClose(isObject: boolean): void;
  protected abstract onKey(start: number, end: number, escaped: boolean): void;
  protected abstract onString(start: number, end: number, escaped: boolean): void;
  /** A number of valid grammar, as its text. */
  protected abstract onNumber(start: number, end: number): void;
  protected abstract onLiteral(literal: Literal): void;
  /** May take numbers from `position` on by itself and leave the parser in a consistent state; false when it took none. */
  protected abstract onNumbers(final: boolean): boolean;
}

const simpleEscapes: ReadonlyMap<number, number> = new Map([
  [0x22, 0x22],
  [0x5c, 0x5c],
  [0x2f, 0x2f],
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
]);
