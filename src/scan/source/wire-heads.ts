// Goes over the fields of protobuf messages in a source, reading heads and passing over contents. Bounded: a file has so many steps.
import type { Source } from '../scan-context.ts';

/** One field of a message: where its content lies in the source. */
export interface Field {
  readonly number: number;
  readonly wireType: number;
  /** Of the content. */
  readonly start: number;
  readonly end: number;
}

const windowBytes = 64 * 1024;
const maxVarintBytes = 10;
/** Fields that are looked at in one file, all levels together. A graph of 5 million nodes has as many at the top. */
const maxFields = 8_000_000;
/** Of one file; `budget` is for all messages in it together. */
export class WireHeads {
  readonly #source: Source;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  budget = maxFields;

  constructor(source: Source) {
    this.#source = source;
  }

  #byte(position: number): number {
    const index = position - this.#windowStart;
    if (index < 0 || index >= this.#window.length) {
      this.#windowStart = position;
      this.#window = this.#source.read(position, Math.min(windowBytes, this.#source.sizeBytes - position));
      return this.#window[0];
    }
    return this.#window[index];
  }

  text(field: Field, maxBytes: number): string {
    return this.#source.read(field.start, Math.min(maxBytes, field.end - field.start)).toString('latin1');
  }

  /** The fields from `start` to `end`; ends with `false` where the bytes are no message. */
  *fields(start: number, end: number): Generator<Field, boolean> {
    let position = start;
    const varint = (): number | undefined => {
      let value = 0;
      let scale = 1;
      for (let length = 0; length < maxVarintBytes; length++) {
        if (position >= end) return undefined;
        const byte = this.#byte(position++);
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) return value;
        scale *= 128;
      }
      return undefined;
    };
    while (position < end) {
      if (--this.budget < 0) return false;
      const tag = varint();
      if (tag === undefined) return false;
      const number = Math.floor(tag / 8);
      const wireType = tag % 8;
      if (number < 1 || number > 0x1fff_ffff) return false;
      let length = 0;
      const contentStart = position;
      if (wireType === 0) {
        if (varint() === undefined) return false;
      } else if (wireType === 1) length = 8;
      else if (wireType === 5) length = 4;
      else if (wireType === 2) {
        const bytes = varint();
        if (bytes === undefined) return false;
        length = bytes;
      } else return false;
      if (position + length > end) return false;
      const from = wireType === 0 ? contentStart : position;
      position += length;
      yield { number, wireType, start: from, end: position };
    }
    return true;
  }

  /** The first fields of a message by number; undefined when it is none. */
  first(start: number, end: number, maxCount = 64): ReadonlyMap<number, Field> | undefined {
    const found = new Map<number, Field>();
    const fields = this.fields(start, end);
    for (let count = 0; count < maxCount; count++) {
      const next = fields.next();
      if (next.done === true) return next.value ? found : undefined;
      if (!found.has(next.value.number)) found.set(next.value.number, next.value);
    }
    return found;
  }
}
