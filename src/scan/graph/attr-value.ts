// Reads attributes of nodes: finds one by name without touching the others, and decodes it. Most are a type or a small number, for which the general
// decoder would be a hundred times too slow.
import { bytesType, isAirlockError, varintAt, WireReader } from '../../core/index.ts';
import { type AttrValue, AttrValueSchema, type DataType, decodeMessage } from '../../model/index.ts';
import { graphLimits } from './graph-limits.ts';

/** An entry of a map from names to attributes: where its key lies, and the pieces of its value, which decoders merge. Nearly always one. */
export interface AttrEntrySpan {
  keyStart: number;
  keyEnd: number;
  /** Starts and ends in turn. */
  readonly values: number[];
}

export const newAttrEntry = (): AttrEntrySpan => ({ keyStart: 0, keyEnd: 0, values: [] });

/** Reads the entry between the two into `into`. */
export function readAttrEntry(reader: WireReader, start: number, end: number, into: AttrEntrySpan): void {
  into.keyStart = into.keyEnd = end;
  into.values.length = 0;
  reader.enter(start, end);
  while (reader.next()) {
    if (reader.wireType !== bytesType) continue;
    if (reader.field === 1) {
      into.keyStart = reader.start;
      into.keyEnd = reader.end;
      if (reader.end - reader.start > graphLimits.maxNameBytes) throw reader.damaged('the name of an attribute is too long');
    } else if (reader.field === 2) into.values.push(reader.start, reader.end);
  }
}

/** Finds attributes in messages that have them as field `number` (5 in NodeDef). Holds no state between calls. */
export class AttrFinder {
  readonly #outer: WireReader;
  readonly #inner: WireReader;
  readonly #entry = newAttrEntry();

  constructor(bytes: Buffer, file: string) {
    this.#outer = new WireReader(bytes, file);
    this.#inner = new WireReader(bytes, file);
  }

  /** The encoded AttrValue of the last one with this name, as every decoder of maps has it. */
  find(start: number, end: number, number: number, name: Buffer): Buffer | undefined {
    let found: Buffer | undefined;
    const { bytes } = this.#outer;
    this.#outer.enter(start, end);
    while (this.#outer.next()) {
      if (this.#outer.field !== number || this.#outer.wireType !== bytesType) continue;
      readAttrEntry(this.#inner, this.#outer.start, this.#outer.end, this.#entry);
      const { keyStart, keyEnd, values } = this.#entry;
      if (keyEnd - keyStart !== name.length || bytes.compare(name, 0, name.length, keyStart, keyEnd) !== 0) continue;
      found = values.length === 2 ? bytes.subarray(values[0], values[1]) : joinPieces(bytes, values);
    }
    return found;
  }

  /** In the order in which they are there, each once. */
  names(start: number, end: number, number: number): readonly string[] {
    const names = new Set<string>();
    this.#outer.enter(start, end);
    while (this.#outer.next()) {
      if (this.#outer.field !== number || this.#outer.wireType !== bytesType) continue;
      readAttrEntry(this.#inner, this.#outer.start, this.#outer.end, this.#entry);
      names.add(this.#outer.bytes.toString('utf8', this.#entry.keyStart, this.#entry.keyEnd));
    }
    return [...names];
  }
}

/** Messages in pieces mean the same as the pieces one after the other. */
function joinPieces(bytes: Buffer, values: readonly number[]): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < values.length; at += 2) pieces.push(bytes.subarray(values[at], values[at + 1]));
  return Buffer.concat(pieces);
}

const decodeLimits = { maxMessages: 100_000, maxElements: 16_000_000, maxDepth: 100, keepUnknown: false } as const;

function quickly(bytes: Buffer): AttrValue['value'] | undefined {
  if (bytes.length < 2) return undefined;
  const content = 1;
  switch (bytes[0]) {
    case 0x12:
      // A string shorter than 128 bytes that is all there is.
      if (bytes[1] !== bytes.length - 2 || bytes[1] >= 0x80) return undefined;
      return { case: 's', value: bytes.subarray(2) };
    case 0x18:
    case 0x28:
    case 0x30: {
      if (bytes.length > 11 || bytes[bytes.length - 1] >= 0x80) return undefined;
      for (let at = content; at < bytes.length - 1; at++) if (bytes[at] < 0x80) return undefined;
      const value = BigInt.asIntN(64, varintAt(bytes, content, bytes.length));
      if (bytes[0] === 0x18) return { case: 'i', value };
      if (bytes[0] === 0x28) return { case: 'b', value: value !== 0n };
      // An open enum: numbers that have no name stay what they are.
      return { case: 'type', value: Number(BigInt.asIntN(32, value)) as DataType };
    }
    case 0x25:
      return bytes.length === 5 ? { case: 'f', value: bytes.readFloatLE(content) } : undefined;
    default:
      return undefined;
  }
}

/** Undefined when it cannot be decoded, or would become too large (16 million elements): `fail` is told why. */
export function decodeAttr(bytes: Buffer, fail: (reason: string) => void): AttrValue['value'] | undefined {
  const quick = quickly(bytes);
  if (quick !== undefined) return quick;
  try {
    return decodeMessage(AttrValueSchema, bytes, 'an attribute', decodeLimits).value;
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    fail(thrown.message);
    return undefined;
  }
}
