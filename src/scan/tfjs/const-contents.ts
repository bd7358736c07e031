// The contents of small weights, for the Const nodes that they came from: strings and integers decide what an operation opens or how large a
// tensor becomes. It reads at most 64 KiB of a weight and 16 MiB of all.
import type { Source } from '../scan-context.ts';
import type { ConstContent } from './graph-from-json.ts';
import type { PlacedGroup } from './judge-weights-manifest.ts';
import { elementsOf, type PlacedWeight } from './weights-manifest.ts';

const maxBytes = 64 * 1024;
const maxTotalBytes = 16 * 1024 * 1024;
const maxElements = 4096;

function readStrings(bytes: Buffer, count: number): readonly Buffer[] {
  const strings: Buffer[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    const length = bytes.readUInt32LE(at);
    strings.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
}

function readNumbers(bytes: Buffer, dtype: string, count: number): readonly number[] | undefined {
  const readers: Readonly<Record<string, (index: number) => number>> = {
    float32: (index) => bytes.readFloatLE(index * 4),
    int32: (index) => bytes.readInt32LE(index * 4),
    bool: (index) => bytes.readUInt8(index),
    uint8: (index) => bytes.readUInt8(index),
    uint16: (index) => bytes.readUInt16LE(index * 2),
    int8: (index) => bytes.readInt8(index),
    int16: (index) => bytes.readInt16LE(index * 2),
  };
  const read = readers[dtype];
  return read === undefined ? undefined : Array.from({ length: count }, (_, index) => read(index));
}

function contentOfWeight(source: Source, weight: PlacedWeight, left: { bytes: number }): ConstContent {
  const { shape, sizeBytes, offset, quantization } = weight;
  const count = elementsOf(shape);
  const isSmall = sizeBytes !== undefined && sizeBytes <= Math.min(maxBytes, left.bytes) && count <= maxElements;
  if (sizeBytes === undefined || !isSmall) return { kind: 'large', shape: shape.filter((size) => Number.isSafeInteger(size)) };
  left.bytes -= sizeBytes;
  const bytes = source.read(offset, sizeBytes);
  if (weight.dtype === 'string') return { kind: 'strings', strings: readStrings(bytes, count), shape };
  const numbers = readNumbers(bytes, quantization?.dtype ?? weight.dtype, count);
  if (numbers === undefined) return { kind: 'large', shape };
  if (quantization === undefined) return { kind: 'numbers', numbers, shape };
  const { scale, min } = quantization;
  if (!Number.isFinite(scale) || !Number.isFinite(min)) return { kind: 'large', shape };
  const values = numbers.map((number) => number * scale + min);
  return { kind: 'numbers', numbers: weight.dtype === 'int32' ? values.map(Math.round) : values, shape };
}

export class ConstContents {
  readonly #weights = new Map<string, readonly [Source | undefined, PlacedWeight]>();
  readonly #asked = new Set<string>();
  readonly #left = { bytes: maxTotalBytes };

  /** @param unplaced weights whose files are not there. */
  constructor(groups: readonly PlacedGroup[], unplaced: readonly PlacedWeight[]) {
    for (const weight of unplaced) this.#weights.set(weight.name, [undefined, weight]);
    for (const { source, weights } of groups) for (const weight of weights) this.#weights.set(weight.name, [source, weight]);
  }

  of(name: string): ConstContent | undefined {
    this.#asked.add(name);
    const found = this.#weights.get(name);
    if (found === undefined) return undefined;
    const [source, weight] = found;
    return source === undefined ? { kind: 'large', shape: weight.shape } : contentOfWeight(source, weight, this.#left);
  }

  /** Names of weights that nothing has asked for. */
  unused(): readonly string[] {
    return [...this.#weights.keys()].filter((name) => !this.#asked.has(name));
  }
}
