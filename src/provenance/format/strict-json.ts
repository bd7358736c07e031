// JSON for things that are signed: one meaning per text, or none. JSON.parse keeps the last of two equal keys and another parser
// the first, so a bundle could show one manifest to a reviewer and another one to the server; here it is an error. It reads with
// the server's own parser, so brackets cost no stack, UTF-8 is checked, and lone surrogates, NaN and text after the value are
// refused. The result must never be looked up through a prototype: objects have none, and `__proto__` is a key like any other.
import { AirlockError, type ErrorCode, printable, violationError } from '../../core/index.ts';
import { type Literal, PushParser } from '../../tensor/index.ts';

/** What one text may cost; what is not given has the default. */
export interface StrictJsonLimits {
  /** Default 32 MiB. */
  readonly maxBytes?: number;
  /** Open brackets at one time. Default 32. */
  readonly maxDepth?: number;
  /**
   * Keys, scalars, lists and objects together. Default 1,500,000: a manifest of 100,000 files has 700,000, one of the old form
   * 1,100,000.
   */
  readonly maxTokens?: number;
  /** Keys of one object. Default 4,096. */
  readonly maxKeys?: number;
  /** The code of the errors. Default BUNDLE_INVALID. */
  readonly code?: ErrorCode;
}

const maxKeyChars = 256;

interface OpenList {
  readonly list: unknown[];
}
interface OpenObject {
  readonly object: Record<string, unknown>;
  key: string;
  keys: number;
}

class StrictJsonParser extends PushParser {
  readonly #maxKeys: number;
  readonly #code: ErrorCode;
  readonly #open: (OpenList | OpenObject)[] = [];
  #root: unknown;

  constructor(limits: StrictJsonLimits, bytes: Buffer) {
    const { maxBytes = 32 * 1024 * 1024, maxDepth = 32, maxTokens = 1_500_000, maxKeys = 4096, code = 'BUNDLE_INVALID' } = limits;
    super({ maxBodyBytes: maxBytes, maxDepth, maxTokens, maxElements: maxTokens, maxNumberChars: maxKeyChars }, bytes.length);
    this.#maxKeys = maxKeys;
    this.#code = code;
  }

  read(bytes: Buffer): unknown {
    try {
      this.push(bytes);
      this.finishParse();
      return this.#root;
    } catch (thrown) {
      // The parser's codes are about requests; only an empty text comes without a violation.
      const nothing = { path: '', rule: 'json', expected: 'a JSON value', got: 'nothing' };
      throw violationError(this.#code, AirlockError.from(thrown).violations[0] ?? nothing);
    } finally {
      this.release();
    }
  }

  #place(value: unknown): void {
    const top = this.#open.at(-1);
    if (top === undefined) this.#root = value;
    else if ('list' in top) top.list.push(value);
    else top.object[top.key] = value;
  }

  protected override onOpen(isObject: boolean): void {
    if (isObject) {
      const object: Record<string, unknown> = Object.create(null);
      this.#place(object);
      this.#open.push({ object, key: '', keys: 0 });
    } else {
      const list: unknown[] = [];
      this.#place(list);
      this.#open.push({ list });
    }
  }

  protected override onClose(): void {
    this.#open.pop();
  }

  protected override onKey(start: number, end: number, escaped: boolean): void {
    const top = this.#open.at(-1) as OpenObject;
    top.key = this.text(start, end, escaped);
    if (top.key in top.object) throw this.#error('uniqueKey', 'each key once', 'it twice');
    if (++top.keys > this.#maxKeys) throw this.#error('maxKeys', `at most ${this.#maxKeys} keys`, 'more');
  }

  protected override onString(start: number, end: number, escaped: boolean): void {
    this.#place(this.text(start, end, escaped));
  }

  protected override onNumber(start: number, end: number): void {
    const text = this.bytes.toString('latin1', start, end);
    const value = Number(text);
    if (!Number.isFinite(value)) throw this.#error('number', 'a number that a double can hold', printable(text));
    this.#place(value);
  }

  protected override onLiteral(literal: Literal): void {
    if (literal === 'null') this.#place(null);
    else if (literal === 'true' || literal === 'false') this.#place(literal === 'true');
    else throw this.#error('json', 'a JSON value', literal);
  }

  protected override onNumbers(): boolean {
    return false;
  }

  /** The parser undoes escapes one by one, which for a text of nothing else takes seconds; this token's grammar ends at its quotes. */
  protected override text(start: number, end: number, escaped: boolean): string {
    if (!escaped) return super.text(start, end, escaped);
    let text: string;
    try {
      text = JSON.parse(this.bytes.toString('utf8', start - 1, end + 1));
    } catch {
      throw this.#error('json', 'escapes that JSON knows', 'others');
    }
    if (/\p{Surrogate}/u.test(text)) throw this.#error('surrogate', 'pairs of surrogates', 'one alone');
    return text;
  }

  #error(rule: string, expected: string, got: string): AirlockError {
    return violationError(this.#code, { path: this.path(), rule, expected, got });
  }

  protected override path(): string {
    // An entry that is open itself stands in its list already.
    const index = ({ list }: OpenList, level: number) => (level === this.#open.length - 1 ? list.length : list.length - 1);
    const parts = this.#open.map((open, level) => ('list' in open ? `[${index(open, level)}]` : `.${printable(open.key, 32)}`));
    return parts.join('').replace(/^\./, '');
  }
}

/**
 * The value that `bytes` say, with objects that have no prototype. One parse of one buffer: whoever needs the value again keeps
 * it.
 * @throws BUNDLE_INVALID (or `limits.code`), with the place, for anything that is not plain JSON within the limits.
 */
export function parseStrictJson(bytes: Buffer, limits: StrictJsonLimits = {}): unknown {
  return new StrictJsonParser(limits, bytes).read(bytes);
}
