// Writes serialized tf.Example messages as their values arrive. No object is kept per value: a body of a few kilobytes of gzip can hold
// millions of values, and an object for each would be gigabytes. The same features give the same bytes, in the order of their names.

export type FeatureKind = 'bytes' | 'float' | 'int64';

/** A field with a length: number 1 of Example, Features, each list and the map's entries (its key). */
const first = 0x0a;
/** Field 2 of the map's entries: the value. */
const second = 0x12;
/** The fields of Feature. */
const listTags: Readonly<Record<FeatureKind, number>> = { bytes: 0x0a, float: 0x12, int64: 0x1a };

interface Place {
  readonly kind: FeatureKind;
  readonly start: number;
  readonly end: number;
}

export class ExampleWriter {
  /** The list of the feature that is open. */
  readonly #list = new Bytes();
  /** The lists of the features of the example that is open, one after the other. */
  readonly #lists = new Bytes();
  #places = new Map<string, Place>();
  readonly #examples = new Bytes();
  readonly #ends: number[] = [];

  /** Where each example ends in `bytes`. */
  get ends(): readonly number[] {
    return this.#ends;
  }

  /** All examples, one after the other; a view that is good until more is written. */
  get bytes(): Buffer {
    return this.#examples.view();
  }

  /** Features of the example that is open. */
  get featureCount(): number {
    return this.#places.size;
  }

  hasFeature(name: string): boolean {
    return this.#places.has(name);
  }

  addBytes(value: Uint8Array): void {
    this.#list.field(first, value);
  }

  /** Rounds to 32 bits. */
  addFloat(value: number): void {
    this.#list.float(value);
  }

  /** `value` must be exact and fit 64 bits. */
  addInt64(value: number | bigint): void {
    this.#list.varint(value);
  }

  /** Makes the values added since the last feature one of this name, which the example must not have yet; it may have none. */
  endFeature(name: string, kind: FeatureKind): void {
    const start = this.#lists.length;
    const values = this.#list.view();
    // Numbers are packed into one field of the list; strings are fields of their own already.
    if (kind === 'bytes') this.#lists.raw(values);
    else if (values.length > 0) this.#lists.field(first, values);
    this.#places.set(name, { kind, start, end: this.#lists.length });
    this.#list.clear();
  }

  /** Makes the features added since the last example one. */
  endExample(): void {
    const entries = [...this.#places].sort(([a], [b]) => (a < b ? -1 : 1));
    let featuresBytes = 0;
    for (const [name, place] of entries) featuresBytes += fieldBytes(entryBytes(name, place));
    this.#examples.tag(first, featuresBytes);
    for (const [name, place] of entries) {
      const listBytes = place.end - place.start;
      this.#examples.tag(first, entryBytes(name, place));
      this.#examples.tag(first, Buffer.byteLength(name));
      this.#examples.text(name);
      this.#examples.tag(second, fieldBytes(listBytes));
      this.#examples.tag(listTags[place.kind], listBytes);
      this.#examples.raw(this.#lists.view(place.start, place.end));
    }
    this.#ends.push(this.#examples.length);
    this.#places = new Map();
    this.#lists.clear();
  }
}

function entryBytes(name: string, { start, end }: Place): number {
  return fieldBytes(Buffer.byteLength(name)) + fieldBytes(fieldBytes(end - start));
}

/** A field's bytes with its tag and length. */
function fieldBytes(contentBytes: number): number {
  let bytes = 2 + contentBytes;
  for (let rest = contentBytes; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Bytes that grow, as protobuf writes them. */
class Bytes {
  #bytes = Buffer.allocUnsafe(64);
  length = 0;

  view(start = 0, end = this.length): Buffer {
    return this.#bytes.subarray(start, end);
  }

  clear(): void {
    this.length = 0;
  }

  #room(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.length);
    this.#bytes = grown;
  }

  raw(content: Uint8Array): void {
    this.#room(content.length);
    this.#bytes.set(content, this.length);
    this.length += content.length;
  }

  text(content: string): void {
    this.#room(content.length * 3);
    this.length += this.#bytes.write(content, this.length);
  }

  field(tag: number, content: Uint8Array): void {
    this.tag(tag, content.length);
    this.raw(content);
  }

  /** The tag and the length of a field whose content follows. */
  tag(tag: number, contentBytes: number): void {
    this.#room(1);
    this.#bytes[this.length++] = tag;
    this.varint(contentBytes);
  }

  float(value: number): void {
    this.#room(4);
    this.length = this.#bytes.writeFloatLE(value, this.length);
  }

  varint(value: number | bigint): void {
    this.#room(10);
    if (typeof value === 'number' && value >= 0) {
      let rest = value;
      for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) this.#bytes[this.length++] = (rest % 0x80) | 0x80;
      this.#bytes[this.length++] = rest;
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.length++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.length++] = Number(rest);
  }
}
