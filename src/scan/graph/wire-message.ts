// One small protobuf message with random access to its fields, read without a schema: signatures, savers, collections, object graphs. Never for
// graphs, whose nodes would become objects. Pieces of a message are read as one, as every decoder merges them, and that is noted.
import { bytesType, varintAt, varintType, WireReader } from '../../core/index.ts';
import type { Notes } from './notes.ts';
import { readName } from './read-name.ts';

/** Where a message or string lies in the file. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

interface FieldSpan extends Span {
  readonly wireType: number;
}

export class WireMessage {
  readonly #bytes: Buffer;
  readonly #file: string;
  readonly #notes: Notes;
  /** What it is, for notes: `the signature serving_default`. */
  readonly #what: string;
  readonly #fields = new Map<number, FieldSpan[]>();

  constructor(bytes: Buffer, file: string, spans: readonly Span[], notes: Notes, what: string) {
    this.#bytes = bytes;
    this.#file = file;
    this.#notes = notes;
    this.#what = what;
    const reader = new WireReader(bytes, file);
    for (const { start, end } of spans) {
      reader.enter(start, end);
      while (reader.next()) {
        const found = { start: reader.start, end: reader.end, wireType: reader.wireType };
        const list = this.#fields.get(reader.field);
        if (list === undefined) this.#fields.set(reader.field, [found]);
        else list.push(found);
      }
    }
  }

  #all(number: number, wireType: number): readonly FieldSpan[] {
    const found = this.#fields.get(number) ?? [];
    const right = found.filter((one) => one.wireType === wireType);
    if (right.length < found.length)
      this.#notes.add(`${this.#what} has field ${number} with a wire type that decoders pass over`);
    return right;
  }

  #last(number: number, wireType: number): FieldSpan | undefined {
    const all = this.#all(number, wireType);
    if (all.length > 1) this.#notes.add(`${this.#what} has field ${number}, which is given once, ${all.length} times`);
    return all[all.length - 1];
  }

  has(number: number): boolean {
    return this.#fields.has(number);
  }

  spans(number: number): readonly Span[] {
    return this.#all(number, bytesType);
  }

  /** A name; empty when it is not there. @throws MODEL_INVALID when it is longer than names may be. */
  string(number: number): string {
    const span = this.#last(number, bytesType);
    return span === undefined ? '' : readName(this.#bytes, span.start, span.end);
  }

  /** Text of any length, which is no key of a map. */
  text(number: number): string {
    const span = this.#last(number, bytesType);
    return span === undefined ? '' : this.#bytes.toString('utf8', span.start, span.end);
  }

  /** Names. @throws MODEL_INVALID when one is longer than names may be. */
  strings(number: number): readonly string[] {
    return this.spans(number).map(({ start, end }) => readName(this.#bytes, start, end));
  }

  buffers(number: number): readonly Buffer[] {
    return this.spans(number).map(({ start, end }) => this.#bytes.subarray(start, end));
  }

  /** 0 when it is not there. As a signed 64-bit value; exact up to 2^53. */
  number(number: number): number {
    const span = this.#last(number, varintType);
    return span === undefined ? 0 : Number(BigInt.asIntN(64, varintAt(this.#bytes, span.start, span.end)));
  }

  /** A repeated number, packed or not. */
  numbers(number: number): readonly number[] {
    const values: number[] = [];
    for (const { start, end, wireType } of this.#fields.get(number) ?? []) {
      if (wireType !== varintType && wireType !== bytesType) continue;
      for (let at = start; at < end; at++) {
        values.push(Number(BigInt.asIntN(64, varintAt(this.#bytes, at, end))));
        while (at < end - 1 && this.#bytes[at] >= 0x80) at++;
      }
    }
    return values;
  }

  messages(number: number, what: string): readonly WireMessage[] {
    return this.spans(number).map((span) => new WireMessage(this.#bytes, this.#file, [span], this.#notes, what));
  }

  /** A message that is given once, its pieces taken together; undefined when it is not there. */
  message(number: number, what: string): WireMessage | undefined {
    const spans = this.spans(number);
    if (spans.length === 0) return undefined;
    if (spans.length > 1) this.#notes.add(`${what} comes in ${spans.length} pieces, which are merged`);
    return new WireMessage(this.#bytes, this.#file, spans, this.#notes, what);
  }

  /** A map from strings to messages. The last of two equal keys stays, as in every decoder; that there were two is noted. */
  map(number: number, what: string): ReadonlyMap<string, WireMessage> {
    const entries = new Map<string, WireMessage>();
    for (const entry of this.messages(number, `an entry of ${what}s`)) {
      const key = entry.string(1);
      const where = `${what} ${key.slice(0, 100)}`;
      if (entries.has(key)) this.#notes.add(`there are two of the ${what}`, key);
      entries.set(key, entry.message(2, where) ?? new WireMessage(this.#bytes, this.#file, [], this.#notes, where));
    }
    return entries;
  }
}
