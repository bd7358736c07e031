// The weights of a TensorFlow.js model: what the manifest declares, where each weight lies in the shards, and the contents of small ones. It
// opens files by plain names beside model.json only, whatever the manifest says, and allocates nothing by a declared shape.
import { AirlockError } from '../../core/index.ts';
import { isJsonObject, type JsonValue } from '../keras/index.ts';
import type { Source } from '../scan-context.ts';
import { fieldOf, listOf, numberOf, objectOf, stringOf } from './json-fields.ts';

export interface Quantization {
  readonly dtype: string;
  readonly scale: number;
  readonly min: number;
}

export interface WeightEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly quantization: Quantization | undefined;
  /** JSON pointer. */
  readonly pointer: string;
}

export interface WeightGroup {
  readonly pointer: string;
  readonly paths: readonly string[];
  readonly weights: readonly WeightEntry[];
}

/** Where a weight lies in the bytes of its group. */
export interface PlacedWeight extends WeightEntry {
  readonly offset: number;
  /** Undefined when the shards end before it does or its type is unknown. */
  readonly sizeBytes: number | undefined;
}

/** Bytes of one element in a shard. */
export const elementBytes: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  bool: 1,
  complex64: 8,
  float16: 2,
  uint8: 1,
  uint16: 2,
  int8: 1,
  int16: 2,
};

const maxWeights = 1_000_000;

function readEntry(value: JsonValue, pointer: string): WeightEntry {
  const entry = objectOf(value);
  const quantization = entry.quantization;
  return {
    name: stringOf(entry.name),
    dtype: stringOf(entry.dtype),
    shape: listOf(entry.shape).map(numberOf),
    quantization: isJsonObject(quantization)
      ? { dtype: stringOf(quantization.dtype), scale: numberOf(quantization.scale ?? 1), min: numberOf(quantization.min ?? 0) }
      : undefined,
    pointer,
  };
}

/** Groups of a `weightsManifest`. @throws MODEL_INVALID beyond a million weights. */
export function readManifest(value: JsonValue | undefined, pointer: string): readonly WeightGroup[] {
  let count = 0;
  return listOf(value).map((item, at) => {
    const group = objectOf(item);
    const weights = listOf(group.weights);
    count += weights.length;
    if (count > maxWeights)
      throw new AirlockError('MODEL_INVALID', { message: `its manifest has more than ${maxWeights} weights` });
    return {
      pointer: `${pointer}/${at}`,
      paths: listOf(fieldOf(group, 'paths')).map(stringOf),
      weights: weights.map((weight, index) => readEntry(weight, `${pointer}/${at}/weights/${index}`)),
    };
  });
}

export function elementsOf(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

/** The last part that begins at `offset` or before; there may be 50,000 of them, and as many weights that are read from them. */
function partAt(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (starts[middle] <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Several sources as one, in order. */
export function joinSources(name: string, parts: readonly Source[]): Source {
  if (parts.length === 1) return parts[0];
  const starts: number[] = [];
  let sizeBytes = 0;
  for (const part of parts) {
    starts.push(sizeBytes);
    sizeBytes += part.sizeBytes;
  }
  return {
    name,
    sizeBytes,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > sizeBytes) {
        throw new AirlockError('MODEL_INCOMPLETE', { message: `${name} ends before byte ${offset + length}` });
      }
      const pieces: Buffer[] = [];
      for (let index = partAt(starts, offset); index < parts.length && starts[index] < offset + length; index++) {
        const from = Math.max(offset, starts[index]);
        const to = Math.min(offset + length, starts[index] + parts[index].sizeBytes);
        if (from < to) pieces.push(parts[index].read(from - starts[index], to - from));
      }
      return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    },
  };
}

/** Bytes of a string weight: for each element its length in four bytes and its text. Undefined when they end before it does. */
function stringBytes(source: Source, offset: number, count: number): number | undefined {
  let at = offset;
  for (let index = 0; index < count; index++) {
    if (at + 4 > source.sizeBytes) return undefined;
    at += 4 + source.read(at, 4).readUInt32LE(0);
    if (at > source.sizeBytes) return undefined;
  }
  return at - offset;
}

/** Lays the weights of a group over its bytes, one after the other, as loaders do. */
export function placeWeights(group: WeightGroup, source: Source): readonly PlacedWeight[] {
  let offset = 0;
  let isLost = false;
  return group.weights.map((weight) => {
    const count = elementsOf(weight.shape);
    const width = elementBytes[weight.quantization?.dtype ?? weight.dtype];
    const isSane = Number.isSafeInteger(count) && count >= 0;
    let sizeBytes: number | undefined;
    if (!isLost && isSane && weight.dtype === 'string') sizeBytes = stringBytes(source, offset, count);
    else if (!isLost && isSane && width !== undefined) sizeBytes = count * width;
    const placed = { ...weight, offset, sizeBytes };
    if (sizeBytes === undefined || offset + sizeBytes > source.sizeBytes) isLost = true;
    offset += sizeBytes ?? 0;
    return isLost ? { ...placed, sizeBytes: undefined } : placed;
  });
}
