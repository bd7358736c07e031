// Fields of a JSON document that somebody else wrote: each is what it should be or is absent. It never throws and never converts silently
// from one kind into another.
import { isJsonList, isJsonObject, type JsonList, type JsonObject, type JsonValue } from '../keras/index.ts';

const noObject: JsonObject = {};

function camelToSnake(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A field by its name in camel case, as TensorFlow.js has it, or in snake case, which Python's json_format takes as well. */
export function fieldOf(object: JsonObject, key: string): JsonValue | undefined {
  return object[key] ?? object[camelToSnake(key)];
}

export function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : noObject;
}

export function listOf(value: JsonValue | undefined): JsonList {
  return isJsonList(value) ? value : [];
}

export function stringOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Integers of protobuf come as numbers or as strings. */
export function numberOf(value: JsonValue | undefined): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}

/** 64 bits, wrapped; 0 for what is no integer. */
export function bigintOf(value: JsonValue | undefined): bigint {
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return BigInt.asIntN(64, BigInt(value));
  return typeof value === 'number' && Number.isFinite(value) ? BigInt.asIntN(64, BigInt(Math.trunc(value))) : 0n;
}

/** 32 bits, wrapped; 0 for what is no number. */
export function int32Of(value: JsonValue | undefined): number {
  return Math.trunc(numberOf(value)) | 0;
}

/** Bytes in base64, in either alphabet, or as TensorFlow.js also takes them: a list of character codes. */
export function bytesOfJson(value: JsonValue | undefined): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'base64');
  return Buffer.from(listOf(value).map((code) => int32Of(code) & 0xff));
}
