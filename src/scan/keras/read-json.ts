// JSON of models: read once, by one parser, within bounds, with everything kept that two parsers may read differently. Python's json takes the
// last of two equal keys and other parsers the first, so both values stay for the judges. NaN and the infinities are taken because Python
// writes them. It never recurses: brackets cost one byte of memory a level.
import { AirlockError, printable } from '../../core/index.ts';
import { type Literal, nonFiniteNumbers, PushParser } from '../../tensor/index.ts';
import { jsonText } from './json-text.ts';
import { type JsonValue, pointerStep } from './json-types.ts';

export interface ReadJsonOptions {
  /** For messages. Default `the document`. */
  readonly name?: string;
  /** Default 256 MiB. */
  readonly maxBytes?: number;
  /** Open brackets at one time. Default 1000: Python gives up near that. */
  readonly maxDepth?: number;
  /** Keys, scalars, lists and objects together. Default 5,000,000. */
  readonly maxTokens?: number;
}

export interface ReadJson {
  readonly value: JsonValue;
  /** JSON pointers of keys that come more than once, at most 100. */
  readonly duplicateKeys: readonly string[];
  /** The values of such keys that are not in `value`, where the last one stands, at most 100. */
  readonly shadowed: readonly { readonly pointer: string; readonly value: JsonValue }[];
  /** The deepest nesting of brackets. */
  readonly depth: number;
  /** `utf-8`, or another one that Python would take. */
  readonly encoding: string;
}

const maxDuplicates = 100;
/** Python's integers have no bound; a number or key that is longer belongs to no model. */
const maxTokenChars = 4096;

interface OpenList {
  readonly list: JsonValue[];
}
interface OpenObject {
  readonly object: Record<string, JsonValue>;
  key: string;
}
type Open = OpenList | OpenObject;

class TreeParser extends PushParser {
  readonly duplicateKeys: string[] = [];
  readonly shadowed: { pointer: string; value: JsonValue }[] = [];
  deepest = 0;
  readonly #open: Open[] = [];
  #root: JsonValue = null;

  constructor(utf8: Buffer, maxDepth: number, maxTokens: number) {
    const limits = { maxBodyBytes: utf8.length, maxDepth, maxTokens, maxElements: maxTokens, maxNumberChars: maxTokenChars };
    super(limits, utf8.length);
  }

  read(utf8: Buffer): JsonValue {
    try {
      this.push(utf8);
      this.finishParse();
      return this.#root;
    } finally {
      this.release();
    }
  }

  #place(value: JsonValue): void {
    const top = this.#open.at(-1);
    if (top === undefined) this.#root = value;
    else if ('list' in top) top.list.push(value);
    else top.object[top.key] = value;
  }

  protected override onOpen(isObject: boolean): void {
    if (isObject) {
      const object: Record<string, JsonValue> = Object.create(null);
      this.#place(object);
      this.#open.push({ object, key: '' });
    } else {
      const list: JsonValue[] = [];
      this.#place(list);
      this.#open.push({ list });
    }
    if (this.#open.length > this.deepest) this.deepest = this.#open.length;
  }

  protected override onClose(): void {
    this.#open.pop();
  }

  protected override onKey(start: number, end: number, escaped: boolean): void {
    const top = this.#open.at(-1);
    if (top === undefined || 'list' in top) return;
    const key = this.text(start, end, escaped);
    if (key in top.object && this.duplicateKeys.length < maxDuplicates) {
      top.key = key;
      const pointer = this.path();
      this.duplicateKeys.push(pointer);
      this.shadowed.push({ pointer, value: top.object[key] });
    }
    top.key = key;
  }

  protected override onString(start: number, end: number, escaped: boolean): void {
    this.#place(this.text(start, end, escaped));
  }

  protected override onNumber(start: number, end: number): void {
    this.#place(Number(this.bytes.toString('latin1', start, end)));
  }

  protected override onLiteral(literal: Literal): void {
    if (literal === 'null') this.#place(null);
    else if (literal === 'true' || literal === 'false') this.#place(literal === 'true');
    else this.#place(nonFiniteNumbers[literal]);
  }

  protected override onNumbers(): boolean {
    return false;
  }

  /** Lone surrogates are text for Python, so they are here; the token's grammar ends at its quotes. */
  protected override text(start: number, end: number, escaped: boolean): string {
    if (!escaped) return super.text(start, end, escaped);
    try {
      return JSON.parse(this.bytes.toString('utf8', start - 1, end + 1));
    } catch {
      throw this.syntaxError('escapes that JSON knows', 'others');
    }
  }

  protected override path(): string {
    // An entry that is open itself stands in its list already.
    const last = this.#open.length - 1;
    const step = (open: Open, level: number) =>
      pointerStep('list' in open ? open.list.length - (level === last ? 0 : 1) : open.key);
    return this.#open.map(step).join('');
  }
}

/**
 * The value that `bytes` say, as Python's `json.loads` has it.
 * @throws MODEL_INVALID with the place, for anything else and beyond the limits; its violation's rule is `maxDepth` where it is too deep.
 */
export function readJson(bytes: Buffer, options: ReadJsonOptions = {}): ReadJson {
  const { name = 'the document', maxBytes = 256 * 1024 ** 2, maxDepth = 1000, maxTokens = 5_000_000 } = options;
  const shown = printable(name, 200);
  if (bytes.length > maxBytes) {
    throw new AirlockError('MODEL_INVALID', { message: `${shown} has more than ${maxBytes} bytes of JSON` });
  }
  const { utf8, encoding } = jsonText(bytes);
  const parser = new TreeParser(utf8, maxDepth, maxTokens);
  try {
    const value = parser.read(utf8);
    return { value, duplicateKeys: parser.duplicateKeys, shadowed: parser.shadowed, depth: parser.deepest, encoding };
  } catch (thrown) {
    const error = AirlockError.from(thrown);
    if (error.code === 'INTERNAL') throw thrown;
    const [violation] = error.violations;
    const why =
      violation === undefined
        ? 'it is empty'
        : `at "${printable(violation.path, 100)}" ${violation.expected} was expected, not ${violation.got}`;
    throw new AirlockError('MODEL_INVALID', { message: `${shown} is not valid JSON: ${why}`, violations: error.violations });
  }
}
