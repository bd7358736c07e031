// Single values of protobuf's text format: which words and numbers a field takes, and where its range ends.
import { type DescEnum, type DescField, ScalarType } from '@bufbuild/protobuf';
import type { TextTokens } from './text-tokens.ts';

interface IntegerRange {
  readonly min: bigint;
  readonly max: bigint;
  readonly is64Bit: boolean;
}

const int32: IntegerRange = { min: -(2n ** 31n), max: 2n ** 31n - 1n, is64Bit: false };
const uint32: IntegerRange = { min: 0n, max: 2n ** 32n - 1n, is64Bit: false };
const int64: IntegerRange = { min: -(2n ** 63n), max: 2n ** 63n - 1n, is64Bit: true };
const uint64: IntegerRange = { min: 0n, max: 2n ** 64n - 1n, is64Bit: true };

const integers: ReadonlyMap<ScalarType, IntegerRange> = new Map([
  [ScalarType.INT32, int32],
  [ScalarType.SINT32, int32],
  [ScalarType.SFIXED32, int32],
  [ScalarType.UINT32, uint32],
  [ScalarType.FIXED32, uint32],
  [ScalarType.INT64, int64],
  [ScalarType.SINT64, int64],
  [ScalarType.SFIXED64, int64],
  [ScalarType.UINT64, uint64],
  [ScalarType.FIXED64, uint64],
]);

const truths: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'True', 't', '1'].map((word) => [word, true] as const),
  ...['false', 'False', 'f', '0'].map((word) => [word, false] as const),
]);

const integerPattern = /^-?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/;
const floatPattern = /^-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?$/;

function readInteger(tokens: TextTokens, range: IntegerRange): bigint {
  const word = tokens.scalar();
  if (!integerPattern.test(word)) throw tokens.error('expected an integer');
  const digits = word.replace('-', '');
  // A leading zero means octal, as in C.
  const size = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const value = word.startsWith('-') ? -size : size;
  if (value < range.min || value > range.max) throw tokens.error('an integer is out of range');
  return value;
}

function readFloat(tokens: TextTokens): number {
  const word = tokens.scalar();
  if (floatPattern.test(word)) return Number(word.replace(/[fF]$/, ''));
  const sign = word.startsWith('-') ? -1 : 1;
  const name = word.replace('-', '').toLowerCase();
  if (name === 'inf' || name === 'infinity') return sign * Number.POSITIVE_INFINITY;
  if (name === 'nan') return Number.NaN;
  throw tokens.error('expected a number');
}

function readEnum(tokens: TextTokens, desc: DescEnum): number {
  const word = tokens.scalar();
  if (!/^-?[0-9]/.test(word)) {
    const named = desc.values.find(({ name }) => name === word);
    if (named === undefined) throw tokens.error('an enum has no value of this name');
    return named.number;
  }
  if (!/^-?(?:0|[1-9][0-9]{0,9})$/.test(word)) throw tokens.error('expected the name or number of an enum');
  return Number(word);
}

/**
 * Reads one value for a scalar or enum field, or for one element of a list of them.
 * @throws MODEL_INVALID when the text is of another kind or out of range.
 */
export function readTextScalar(tokens: TextTokens, field: DescField): number | bigint | boolean | string | Uint8Array {
  if (field.enum !== undefined) return readEnum(tokens, field.enum);
  if (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES) {
    if (!tokens.isString()) throw tokens.error('expected a string');
    const bytes = tokens.string();
    return field.scalar === ScalarType.BYTES ? Uint8Array.from(bytes) : decodeUtf8(tokens, bytes);
  }
  if (field.scalar === ScalarType.BOOL) {
    const truth = truths.get(tokens.scalar());
    if (truth === undefined) throw tokens.error('expected true or false');
    return truth;
  }
  if (field.scalar === ScalarType.DOUBLE) return readFloat(tokens);
  if (field.scalar === ScalarType.FLOAT) return Math.fround(readFloat(tokens));
  const range = field.scalar === undefined ? undefined : integers.get(field.scalar);
  if (range === undefined) throw tokens.error('the field takes no single value');
  const value = readInteger(tokens, range);
  return range.is64Bit ? value : Number(value);
}

function decodeUtf8(tokens: TextTokens, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // The decoder's own error says nothing more.
    throw tokens.error('a string is not UTF-8');
  }
}
