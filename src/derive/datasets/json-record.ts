// One line of JSON as one record: an object whose values are scalars or lists of scalars of one shape. It reads with the server's own
// parser, so a number is its digits (2^53 + 1 stays what it is), a key that comes twice is an error, and brackets cost no stack.
import { type Literal, PushParser } from '../../tensor/index.ts';
import type { JsonType, TextColumnBuilder } from './column-builder.ts';
import { datasetError } from './dataset-error.ts';
import { type DatasetLimits, jsonTypes } from './dataset-types.ts';

const maxRank = 8;
const maxNumberChars = 1024;

/** Where the values of a record go. */
export interface RecordSink {
  /** The column of this name, or undefined when nobody wants it. @throws DATASET_INVALID past the limit of columns. */
  column(name: string): TextColumnBuilder | undefined;
}

type Place = 'outside' | 'record' | 'list' | 'base64';

export class JsonRecordParser extends PushParser {
  readonly #record: number;
  readonly #sink: RecordSink;
  readonly #maxValues: number;
  readonly #names = new Set<string>();
  #place: Place = 'outside';
  #name = '';
  #column: TextColumnBuilder | undefined;
  #isNull = false;
  #values = 0;
  /** Entries of the open lists so far, outermost first; and the sizes that the first list of each level had. */
  #counts: number[] = [];
  #sizes: number[] = [];
  /** The level at which scalars stand; -1 until the first one came. */
  #leafLevel = -1;
  #base64Done = false;

  constructor(record: number, sink: RecordSink, limits: DatasetLimits, lineBytes: number) {
    super(
      {
        maxBodyBytes: limits.maxRecordBytes,
        maxDepth: maxRank + 2,
        maxTokens: limits.maxValues * 2,
        maxElements: limits.maxValues,
        maxNumberChars,
      },
      lineBytes,
    );
    this.#record = record;
    this.#sink = sink;
    this.#maxValues = limits.maxValues;
  }

  /** Reads the whole line. @throws DATASET_INVALID, or the parser's own errors. */
  read(line: Uint8Array): void {
    this.push(line);
    this.finishParse();
    this.release();
  }

  protected override onOpen(isObject: boolean): void {
    if (this.#place === 'outside') {
      if (!isObject) throw this.#error('an object per line', 'a list');
      this.#place = 'record';
      return;
    }
    if (isObject) {
      if (this.#place === 'base64') throw this.#error('text in b64', 'an object');
      this.#leaf();
      this.#place = 'base64';
      this.#base64Done = false;
      return;
    }
    if (this.#place === 'base64') throw this.#error('text in b64', 'a list');
    const level = this.#counts.length;
    if (level === maxRank) throw this.#error(`at most ${maxRank} dimensions`, 'more');
    if (this.#leafLevel >= 0 && level >= this.#leafLevel) throw this.#error('lists of one depth', 'another depth');
    if (level > 0) this.#counts[level - 1]++;
    this.#counts.push(0);
    this.#place = 'list';
  }

  protected override onClose(isObject: boolean): void {
    if (this.#place === 'base64') {
      if (!this.#base64Done) throw this.#error('an object with the key b64', 'an empty object');
      this.#place = this.#counts.length > 0 ? 'list' : 'record';
      if (this.#place === 'record') this.#endValue();
      return;
    }
    if (isObject) return;
    const count = this.#counts.pop() ?? 0;
    const level = this.#counts.length;
    if (count === 0 && this.#leafLevel < 0) this.#leafLevel = level + 1;
    if (this.#sizes[level] === undefined) this.#sizes[level] = count;
    else if (this.#sizes[level] !== count) throw this.#error('lists of one length', `${this.#sizes[level]} and ${count} entries`);
    if (level > 0) return;
    this.#place = 'record';
    this.#endValue();
  }

  #endValue(): void {
    if (this.#isNull) this.#column?.missing();
    // `[[], []]` has no scalar; its shape is what its lists say.
    else this.#column?.endRecord(this.#sizes.slice(0, Math.max(this.#leafLevel, 0)));
    this.#column = undefined;
  }

  protected override onKey(start: number, end: number, escaped: boolean): void {
    const key = this.text(start, end, escaped);
    if (this.#place === 'base64') {
      if (key !== 'b64' || this.#base64Done) throw this.#error('an object with only the key b64', 'another key');
      return;
    }
    this.#name = key;
    if (this.#names.has(key)) throw this.#error('each key once', 'it twice');
    this.#names.add(key);
    this.#column = this.#sink.column(key);
    this.#isNull = false;
    this.#counts = [];
    this.#sizes = [];
    this.#leafLevel = -1;
  }

  /** A scalar comes: all scalars of a value stand at one level. */
  #leaf(): void {
    if (this.#place === 'outside') throw this.#error('an object per line', 'a value');
    const level = this.#counts.length;
    if (this.#leafLevel < 0) this.#leafLevel = level;
    else if (this.#leafLevel !== level) throw this.#error('lists of one depth', 'another depth');
    if (level > 0) this.#counts[level - 1]++;
    if (++this.#values > this.#maxValues) throw this.#error(`at most ${this.#maxValues} values`, 'more');
  }

  #scalar(text: string, type: JsonType): void {
    this.#leaf();
    this.#column?.value(text, type);
    if (this.#place === 'record') this.#endValue();
  }

  protected override onString(start: number, end: number, escaped: boolean): void {
    if (this.#place !== 'base64') {
      this.#scalar(this.text(start, end, escaped), jsonTypes.string);
      return;
    }
    const text = escaped ? this.unescape(start, end) : this.bytes.subarray(start, end);
    this.#base64Done = true;
    this.#column?.value(this.base64(text).toString('latin1'), jsonTypes.bytes);
  }

  protected override onNumber(start: number, end: number): void {
    if (this.#place === 'base64') throw this.#error('text in b64', 'a number');
    this.#scalar(this.bytes.toString('latin1', start, end), jsonTypes.number);
  }

  protected override onLiteral(literal: Literal): void {
    if (this.#place === 'base64') throw this.#error('text in b64', literal);
    if (literal === 'null') {
      if (this.#place !== 'record') throw this.#error('a value', 'null');
      this.#isNull = true;
      this.#endValue();
      return;
    }
    this.#scalar(literal, literal === 'true' || literal === 'false' ? jsonTypes.boolean : jsonTypes.nonFinite);
  }

  protected override onNumbers(): boolean {
    return false;
  }

  #error(expected: string, got: string) {
    return datasetError({ record: this.#record, column: this.#name === '' ? undefined : this.#name }, expected, got);
  }

  protected override path(): string {
    return this.#name;
  }
}
