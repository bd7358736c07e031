// A feature's rules while they are collected, and small steps that both directions need.

import type { ContractNumber, FeatureKind, FeatureRules, StringRules } from '../../contract/index.ts';
import { AirlockError, printable } from '../../core/index.ts';
import { FeatureType } from './gen/tensorflow_metadata/schema_pb.ts';

export type Draft<T> = { -readonly [Key in keyof T]: T[Key] };
export type FeatureDraft = Draft<FeatureRules>;

/** What makes a value a number for TFDV when a schema has integers, or floats, that are spelled as text. */
export const integerTextPattern = '-?[0-9]{1,19}';
export const floatTextPattern = '[-+]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][-+]?[0-9]+)?';

export const kinds: ReadonlyMap<FeatureType, FeatureKind> = new Map([
  [FeatureType.BYTES, 'bytes'],
  [FeatureType.INT, 'int64'],
  [FeatureType.FLOAT, 'float'],
]);

export function stringRules(encoding: StringRules['encoding'], more: Partial<StringRules> = {}): StringRules {
  return { encoding, controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow', ...more };
}

/** A number where that is exact, as everywhere in a contract. */
export function contractNumber(value: bigint): ContractNumber {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

export function assertOrdered(path: string, min: ContractNumber | undefined, max: ContractNumber | undefined): void {
  if (Number.isNaN(min) || Number.isNaN(max)) throw invalidSchema(path, 'a bound is not a number');
  if (min !== undefined && max !== undefined && min > max) throw invalidSchema(path, `the smallest value ${min} is above ${max}`);
}

export function invalidSchema(path: string, text: string): AirlockError {
  return new AirlockError('DATASET_INVALID', { message: `The schema is not valid: feature ${printable(path)}: ${text}` });
}
