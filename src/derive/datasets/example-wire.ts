// A serialized tf.Example, read from its wire bytes into one list of values per feature (proto/tensorflow/example.proto). Stricter than
// protobuf: a feature that comes twice, a field that is not known, and bytes after a message are errors, because TensorFlow's two parsers
// of examples disagree on what they mean. Depth is fixed by the format, so nothing recurses.
import { type DatasetPlace, datasetError } from './dataset-error.ts';

export type FeatureValues =
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] }
  | { readonly kind: 'float'; readonly values: Float32Array }
  | { readonly kind: 'int64'; readonly values: BigInt64Array }
  /** A feature without any list: missing, and of no kind. */
  | { readonly kind: 'none' };

/** @throws DATASET_INVALID at `record`. At most `maxFeatures` features and `maxValues` values of each. */
export function readExample(
  bytes: Uint8Array,
  record: number,
  maxFeatures: number,
  maxValues: number,
): ReadonlyMap<string, FeatureValues> {
  const features = new Map<string, FeatureValues>();
  const example = new WireReader(bytes, { record });
  let seen = false;
  while (!example.done) {
    example.expectField(1, 2);
    if (seen) throw example.error('one list of features');
    seen = true;
    const list = example.message();
    while (!list.done) {
      list.expectField(1, 2);
      const [name, feature] = readEntry(list.message());
      if (features.has(name)) throw datasetError({ record, column: name }, 'each feature once', 'a second one');
      if (features.size === maxFeatures) throw list.error(`at most ${maxFeatures} features`);
      features.set(name, readFeature(feature, { record, column: name }, maxValues));
    }
  }
  return features;
}

function readEntry(entry: WireReader): readonly [string, Uint8Array] {
  let name: string | undefined;
  let feature: Uint8Array | undefined;
  while (!entry.done) {
    const tag = entry.varint32();
    if (tag === 0x0a && name === undefined) name = entry.text();
    else if (tag === 0x12 && feature === undefined) feature = entry.bytes();
    else throw entry.error('a name and a feature, once each');
  }
  return [name ?? '', feature ?? new Uint8Array(0)];
}

function readFeature(bytes: Uint8Array, place: DatasetPlace, maxValues: number): FeatureValues {
  const reader = new WireReader(bytes, place);
  if (reader.done) return { kind: 'none' };
  const tag = reader.varint32();
  const list = reader.message();
  if (!reader.done) throw reader.error('one list of values');
  if (tag === 0x0a) return bytesList(list, maxValues);
  if (tag === 0x12) return floatList(list, maxValues);
  if (tag === 0x1a) return int64List(list, maxValues);
  throw reader.error('a list of bytes, floats or integers');
}

function bytesList(list: WireReader, maxValues: number): FeatureValues {
  const values: Uint8Array[] = [];
  while (!list.done) {
    list.expectField(1, 2);
    if (values.length === maxValues) throw list.error(`at most ${maxValues} values`);
    values.push(list.bytes());
  }
  return { kind: 'bytes', values };
}

function floatList(list: WireReader, maxValues: number): FeatureValues {
  const parts: Uint8Array[] = [];
  let size = 0;
  while (!list.done) {
    const tag = list.varint32();
    // Packed, or one by one: writers of both exist.
    const part = tag === 0x0a ? list.bytes() : tag === 0x0d ? list.fixed(4) : undefined;
    if (part === undefined || part.length % 4 !== 0) throw list.error('floats of four bytes');
    size += part.length;
    if (size / 4 > maxValues) throw list.error(`at most ${maxValues} values`);
    parts.push(part);
  }
  const joined = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return { kind: 'float', values: new Float32Array(joined.buffer) };
}

function int64List(list: WireReader, maxValues: number): FeatureValues {
  const values: bigint[] = [];
  const add = (value: bigint, from: WireReader) => {
    if (values.length === maxValues) throw from.error(`at most ${maxValues} values`);
    values.push(value);
  };
  while (!list.done) {
    const tag = list.varint32();
    if (tag === 0x08) add(list.varint64(), list);
    else if (tag === 0x0a) {
      const packed = list.message();
      while (!packed.done) add(packed.varint64(), packed);
    } else throw list.error('integers');
  }
  return { kind: 'int64', values: BigInt64Array.from(values) };
}

class WireReader {
  readonly #bytes: Uint8Array;
  readonly #place: DatasetPlace;
  #at = 0;

  constructor(bytes: Uint8Array, place: DatasetPlace) {
    this.#bytes = bytes;
    this.#place = place;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  error(expected: string) {
    return datasetError(this.#place, `a tf.Example: ${expected}`, 'something else');
  }

  expectField(number: number, wireType: number): void {
    if (this.varint32() !== ((number << 3) | wireType)) throw this.error(`field ${number}`);
  }

  /** An unsigned varint of at most five bytes that fits 32 bits. */
  varint32(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break;
        return value;
      }
    }
    throw this.error('a number of 32 bits');
  }

  varint64(): bigint {
    let low = 0;
    let value = 0n;
    let shift = 0n;
    for (let length = 0; length < 10; length++) {
      const byte = this.#byte();
      // The first four groups fit a double's integers and are by far the most common.
      if (length < 4) low += (byte & 0x7f) * 128 ** length;
      else {
        if (length === 4) shift = 28n;
        value |= BigInt(byte & 0x7f) << shift;
        shift += 7n;
      }
      if (byte < 0x80) {
        if (length === 9 && byte > 1) break;
        return BigInt.asIntN(64, value + BigInt(low));
      }
    }
    throw this.error('a number of 64 bits');
  }

  bytes(): Uint8Array {
    return this.fixed(this.varint32());
  }

  fixed(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw this.error('lengths inside the message');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  message(): WireReader {
    return new WireReader(this.bytes(), this.#place);
  }

  text(): string {
    const bytes = this.bytes();
    try {
      return utf8.decode(bytes);
    } catch {
      throw this.error('names in UTF-8');
    }
  }

  #byte(): number {
    if (this.#at >= this.#bytes.length) throw this.error('whole numbers');
    return this.#bytes[this.#at++];
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
