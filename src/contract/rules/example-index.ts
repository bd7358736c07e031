// Finds the features in the bytes of a serialized tf.Example, and refuses whatever two readers could take for two different things.
// TensorFlow's own fast parser reads the first list of a feature and the first packed block of a list, and knows tags by one byte; protobuf
// libraries join repeated parts and skip unknown ones (tensorflow/core/util/example_proto_fast_parsing.cc). What this accepts, all of
// them read alike. No recursion; nothing is made per value; never throws.
import type { FeatureKind } from '../contract-types.ts';
import { invalidUtf8At, utf8Text } from './utf8.ts';

/** Features of one message, as for JSON bodies: names must differ, so they are kept. */
export const maxIndexedFeatures = 100_000;

/** Where a feature lies in its message. */
export interface FeaturePlace {
  readonly name: string;
  /** Undefined for a feature that has no list at all; TensorFlow takes it for missing. */
  readonly kind: FeatureKind | undefined;
  /** Values. */
  readonly count: number;
  /** The list's fields, or the packed values alone. */
  readonly start: number;
  readonly end: number;
  readonly isPacked: boolean;
  /** The entry of the map with its tag and length. */
  readonly entryStart: number;
  readonly entryEnd: number;
}

const first = 0x0a;
const second = 0x12;
const kinds: Readonly<Record<number, FeatureKind>> = { 10: 'bytes', 18: 'float', 26: 'int64' };
/** Field 1 of a list that is not packed. */
const valueTags: Readonly<Record<FeatureKind, number>> = { bytes: 0x0a, float: 0x0d, int64: 0x08 };

/** Reused for one message after the other. */
export class ExampleIndex {
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;
  #keep = 0;
  #features = 0;
  #places = new Map<string, FeaturePlace>();
  #problem = '';

  /** By name, in the order of the message; at most as many as `read` was told to keep. */
  get places(): ReadonlyMap<string, FeaturePlace> {
    return this.#places;
  }

  /** All features, kept or not. */
  get features(): number {
    return this.#features;
  }

  /** Why the last `read` was false: no text of the message but a feature's name, which still has to pass `printable`. */
  get problem(): string {
    return this.#problem;
  }

  /**
   * Reads bytes[start … end]; false when it is not a message that every reader understands in the same way. Names of features beyond
   * `keep` are not looked at.
   */
  read(bytes: Uint8Array, start: number, end: number, keep: number): boolean {
    this.#bytes = bytes;
    this.#position = start;
    this.#keep = Math.min(keep, maxIndexedFeatures);
    this.#features = 0;
    this.#places = new Map();
    this.#problem = '';
    // Messages that were joined read as one: the server itself puts the context of a request before each of its examples.
    while (this.#position < end) {
      const featuresEnd = this.#field(first, end, 'features');
      if (featuresEnd < 0) return false;
      while (this.#position < featuresEnd) if (!this.#entry(featuresEnd)) return false;
    }
    return true;
  }

  /** An entry of the map: a key and a value, each once, in any order. */
  #entry(limit: number): boolean {
    const entryStart = this.#position;
    const entryEnd = this.#field(first, limit, 'an entry of the map');
    if (entryEnd < 0) return false;
    let nameStart = -1;
    let nameEnd = -1;
    let valueStart = -1;
    let valueEnd = -1;
    while (this.#position < entryEnd) {
      const isKey = this.#bytes[this.#position] === first;
      if (isKey ? nameEnd >= 0 : valueEnd >= 0) return this.#fail('an entry of the map has a part twice, or one that is unknown');
      const partEnd = this.#field(isKey ? first : second, entryEnd, 'a feature');
      if (partEnd < 0) return false;
      if (isKey) [nameStart, nameEnd] = [this.#position, partEnd];
      else [valueStart, valueEnd] = [this.#position, partEnd];
      this.#position = partEnd;
    }
    if (nameEnd < 0 || valueEnd < 0) return this.#fail('an entry of the map has no key or no value');
    if (++this.#features > this.#keep) {
      if (this.#features > maxIndexedFeatures) return this.#fail(`more than ${maxIndexedFeatures} features`);
      return this.#feature('', valueStart, valueEnd, entryStart, entryEnd);
    }
    if (invalidUtf8At(this.#bytes, nameStart, nameEnd) >= 0) return this.#fail('a name that is not valid UTF-8');
    const name = utf8Text(this.#bytes, nameStart, nameEnd);
    if (this.#places.has(name)) return this.#fail(`the feature ${name.slice(0, 40)} twice`);
    return this.#feature(name, valueStart, valueEnd, entryStart, entryEnd);
  }

  /** One list of one kind, or nothing. Ends at the end of the entry. */
  #feature(name: string, start: number, end: number, entryStart: number, entryEnd: number): boolean {
    this.#position = start;
    let kind: FeatureKind | undefined;
    let isPacked = false;
    let count = 0;
    let listStart = start;
    if (start < end) {
      const tag = this.#bytes[start];
      kind = kinds[tag];
      if (kind === undefined) return this.#fail('a feature of an unknown kind');
      const listEnd = this.#field(tag, end, 'a list of values');
      if (listEnd < 0) return false;
      if (listEnd !== end) return this.#fail('a feature with a second list');
      listStart = this.#position;
      isPacked = kind !== 'bytes' && listStart < end && this.#bytes[listStart] === first;
      if (isPacked) {
        const packedEnd = this.#field(first, end, 'packed values');
        if (packedEnd < 0) return false;
        if (packedEnd !== end) return this.#fail('a list with something after its packed values');
        listStart = this.#position;
      }
      count = this.#values(kind, isPacked, end);
      if (count < 0) return false;
    }
    this.#position = entryEnd;
    if (this.#features <= this.#keep) {
      this.#places.set(name, { name, kind, count, start: listStart, end, isPacked, entryStart, entryEnd });
    }
    return true;
  }

  /** Passes the values up to `end`; how many they are, or -1. */
  #values(kind: FeatureKind, isPacked: boolean, end: number): number {
    if (isPacked && kind === 'float') {
      const bytes = end - this.#position;
      return bytes % 4 === 0 ? bytes / 4 : this.#failed('packed floats that are not a multiple of 4 bytes');
    }
    let count = 0;
    while (this.#position < end) {
      if (kind === 'bytes') {
        const valueEnd = this.#field(first, end, 'a value');
        if (valueEnd < 0) return -1;
        this.#position = valueEnd;
      } else {
        if (!isPacked && this.#bytes[this.#position++] !== valueTags[kind]) return this.#failed('a value of another wire type');
        if (!(kind === 'float' ? this.#passFloat(end) : this.#passInt64(end))) return -1;
      }
      count++;
    }
    return count;
  }

  #passFloat(end: number): boolean {
    if (end - this.#position < 4) return this.#fail('a float that ends too early');
    this.#position += 4;
    return true;
  }

  /** A varint of at most ten bytes that fits 64 bits: what is above, some readers drop and others refuse. */
  #passInt64(end: number): boolean {
    const start = this.#position;
    let at = start;
    while (at < end && this.#bytes[at] >= 0x80) at++;
    const length = at - start + 1;
    if (at >= end) return this.#fail('an integer that ends too early');
    if (length > 10 || (length === 10 && this.#bytes[at] > 1)) return this.#fail('an integer of more than 64 bits');
    this.#position = at + 1;
    return true;
  }

  /** Passes a tag, which must be this one, and a length; the end of what follows, or -1. */
  #field(tag: number, limit: number, what: string): number {
    const at = this.#position;
    if (this.#bytes[at] !== tag) return this.#failed(`an unknown field in the place of ${what}`);
    let length = 0;
    let scale = 1;
    for (let next = at + 1; next < limit && next <= at + 5; next++) {
      const byte = this.#bytes[next];
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#position = next + 1;
        return length <= limit - this.#position ? this.#position + length : this.#failed(`${what} that runs over its end`);
      }
      scale *= 128;
    }
    return this.#failed(`${what} without a length`);
  }

  #fail(problem: string): false {
    this.#problem = problem;
    return false;
  }

  #failed(problem: string): -1 {
    this.#problem = problem;
    return -1;
  }
}
