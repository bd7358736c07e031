// The words of protobuf's text format, read from untrusted bytes: one pass, nothing copied that is not asked for, no recursion.
// It follows the C++ tokenizer that TensorFlow uses, and is stricter where that one forgives.
import { AirlockError } from '../core/index.ts';

const maxWordBytes = 256;

const code = (character: string): number => character.charCodeAt(0);
const newline = code('\n');
const backslash = code('\\');
const hash = code('#');
const minus = code('-');
const doubleQuote = code('"');
const singleQuote = code("'");

const simpleEscapes: ReadonlyMap<number, number> = new Map(
  Object.entries({ a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '\\': 92, "'": 39, '"': 34, '?': 63 }).map(([name, byte]) => [
    code(name),
    byte,
  ]),
);

function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 9 && byte <= 13);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isWordStart(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a) || byte === 0x5f;
}

/** Reads tokens from `bytes`. Every error is MODEL_INVALID and says the line. */
export class TextTokens {
  readonly #name: string;
  readonly #bytes: Buffer;
  #position = 0;

  constructor(name: string, bytes: Buffer) {
    this.#name = name;
    this.#bytes = bytes;
  }

  error(text: string): AirlockError {
    let line = 1;
    for (let at = this.#bytes.indexOf(newline); at !== -1 && at < this.#position; at = this.#bytes.indexOf(newline, at + 1))
      line++;
    return new AirlockError('MODEL_INVALID', { message: `${this.#name} line ${line}: ${text}` });
  }

  /** The next byte that is neither space nor comment, not consumed; -1 at the end. */
  peek(): number {
    while (this.#position < this.#bytes.length) {
      const byte = this.#bytes[this.#position];
      if (byte === hash) {
        const end = this.#bytes.indexOf(newline, this.#position);
        this.#position = end === -1 ? this.#bytes.length : end;
      } else if (isSpace(byte)) this.#position++;
      else return byte;
    }
    return -1;
  }

  /** Consumes `character` if it comes next. */
  take(character: number): boolean {
    if (this.peek() !== character) return false;
    this.#position++;
    return true;
  }

  /** The name of a field. */
  fieldName(): string {
    if (!isWordStart(this.peek())) throw this.error('expected the name of a field');
    return this.#word(false);
  }

  /** The name in brackets of an extension or of the type in an Any; the opening bracket is consumed. */
  skipBracketedName(): void {
    const start = this.#position;
    while (this.peek() !== code(']')) {
      const byte = this.peek();
      const allowed = isWordStart(byte) || isDigit(byte) || byte === code('.') || byte === code('/') || byte === minus;
      if (!allowed || this.#position - start > maxWordBytes) throw this.error('expected the name of a type');
      this.#position++;
    }
    this.#position++;
  }

  /** A number, or a word such as an enum's value, `true` or `inf`, with its sign. */
  scalar(): string {
    const negative = this.take(minus);
    const byte = this.peek();
    const isNumber = isDigit(byte) || byte === code('.');
    if (!isNumber && !isWordStart(byte)) throw this.error('expected a value');
    const word = this.#word(isNumber);
    return negative ? `-${word}` : word;
  }

  #word(isNumber: boolean): string {
    const start = this.#position;
    while (this.#position < this.#bytes.length) {
      const byte = this.#bytes[this.#position];
      const last = this.#bytes[this.#position - 1];
      const inNumber =
        isNumber && (byte === code('.') || ((byte === minus || byte === code('+')) && (last | 0x20) === code('e')));
      if (!isWordStart(byte) && !isDigit(byte) && !inNumber) break;
      this.#position++;
    }
    if (this.#position - start > maxWordBytes) throw this.error('a word is too long');
    return this.#bytes.toString('latin1', start, this.#position);
  }

  isString(): boolean {
    const byte = this.peek();
    return byte === doubleQuote || byte === singleQuote;
  }

  /** One string literal or several side by side, as bytes. */
  string(): Buffer {
    const parts: Buffer[] = [];
    while (this.isString()) {
      const { start, end, escaped } = this.#passLiteral();
      parts.push(escaped ? this.#unescape(start, end) : this.#bytes.subarray(start, end));
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  /** Passes what `string` would read, without making it. */
  skipString(): void {
    while (this.isString()) this.#passLiteral();
  }

  #passLiteral(): { start: number; end: number; escaped: boolean } {
    const quote = this.#bytes[this.#position++];
    const start = this.#position;
    let escaped = false;
    while (this.#position < this.#bytes.length) {
      const byte = this.#bytes[this.#position];
      if (byte === quote) return { start, end: this.#position++, escaped };
      if (byte === newline) break;
      if (byte === backslash) {
        escaped = true;
        this.#position++;
        if (this.#bytes[this.#position] === newline) break;
      }
      this.#position++;
    }
    throw this.error('a string does not end on its line');
  }

  #unescape(start: number, end: number): Buffer {
    // No escape is shorter than what it stands for.
    const result = Buffer.allocUnsafe(end - start);
    let length = 0;
    for (let at = start; at < end; ) {
      const byte = this.#bytes[at++];
      if (byte !== backslash) {
        result[length++] = byte;
        continue;
      }
      const simple = simpleEscapes.get(this.#bytes[at]);
      if (simple !== undefined) {
        result[length++] = simple;
        at++;
        continue;
      }
      const long = this.#longEscape(this.#bytes.toString('latin1', at, Math.min(end, at + 15)));
      length += result.write(long.bytes, length, long.encoding);
      at += long.length;
    }
    return result.subarray(0, length);
  }

  /** Octal, hexadecimal and Unicode escapes; `text` begins after the backslash. */
  #longEscape(text: string): { bytes: string; encoding: BufferEncoding; length: number } {
    const octal = /^[0-7]{1,3}/.exec(text)?.[0];
    const hex = /^[xX]([0-9a-fA-F]{1,2})/.exec(text)?.[1];
    if (octal !== undefined || hex !== undefined) {
      const value = octal === undefined ? Number.parseInt(hex ?? '', 16) : Number.parseInt(octal, 8);
      if (value > 255) throw this.error('an octal escape is larger than a byte');
      return { bytes: String.fromCharCode(value), encoding: 'latin1', length: octal?.length ?? (hex?.length ?? 0) + 1 };
    }
    // A character outside the basic plane may be written as its two UTF-16 halves, as in JSON.
    const pair = /^u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})/.exec(text);
    const single = /^(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(text);
    const units = pair === null ? [] : [Number.parseInt(pair[1], 16), Number.parseInt(pair[2], 16)];
    const point = Number.parseInt(single?.[1] ?? single?.[2] ?? 'f0000000', 16);
    const isHalf = point >= 0xd800 && point <= 0xdfff;
    if (pair === null && (isHalf || point > 0x10_ffff)) throw this.error('an escape in a string is not valid');
    const character = pair === null ? String.fromCodePoint(point) : String.fromCharCode(...units);
    return { bytes: character, encoding: 'utf8', length: (pair ?? single)?.[0].length ?? 0 };
  }
}
