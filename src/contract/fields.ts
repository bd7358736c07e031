// The kinds of value that a contract file is made of. Nothing is coerced: a number in quotes is not a number. Each field also says what it
// is in JSON Schema, so that editors and this reader cannot disagree.
import { z } from 'zod';
import { describeValue } from '../config/index.ts';
import { printable } from '../core/index.ts';
import type { ContractNumber, ContractValue, Interval } from './contract-types.ts';

interface FieldSpec<T> {
  /** Stable short name for violations. */
  readonly rule: string;
  readonly expected: string;
  /** The same in JSON Schema. */
  readonly json: Readonly<Record<string, unknown>>;
  /** `undefined` when the value is not what is expected. */
  read(value: unknown): T | undefined;
}

/** A field that turns YAML's value into ours. */
export function field<T>({ rule, expected, json, read }: FieldSpec<T>) {
  return z
    .unknown()
    .meta({ ...json })
    .transform((value, context): T => {
      const result = read(value);
      if (result !== undefined) return result;
      context.addIssue({ code: 'custom', message: expected, params: { rule, expected, got: describeValue(value) } });
      return z.NEVER;
    });
}

/** A mapping with these keys and no others. Its error text for an unknown key is the list of the known ones; see unknownKeyOf. */
export function strict<S extends z.core.$ZodLooseShape>(shape: S) {
  const known = Object.keys(shape).join(' ');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? known : undefined) });
}

/** A whole number from `min` to `max`, both included and both at most 2^53-1. */
export function wholeNumber(min: number, max: number) {
  return field({
    rule: 'integer',
    expected: `a whole number from ${min} to ${max}`,
    json: { type: 'integer', minimum: min, maximum: max },
    // YAML's integers arrive as bigint, so that 2^53+1 is not rounded into the bounds.
    read: (value) => (typeof value === 'bigint' && value >= BigInt(min) && value <= BigInt(max) ? Number(value) : undefined),
  });
}

/** -0 says the same as 0 in every bound, and would be a second spelling of it. */
const withoutNegativeZero = (value: number): number => (value === 0 ? 0 : value);

/** A finite number from `min` to `max`. */
export function finiteNumber(min = -Number.MAX_VALUE, max = Number.MAX_VALUE) {
  const isWide = min === -Number.MAX_VALUE && max === Number.MAX_VALUE;
  return field({
    rule: 'number',
    expected: isWide ? 'a finite number' : `a number from ${min} to ${max}`,
    json: isWide ? { type: 'number' } : { type: 'number', minimum: min, maximum: max },
    read: (value) => {
      const number = typeof value === 'bigint' ? Number(value) : value;
      return typeof number === 'number' && number >= min && number <= max ? withoutNegativeZero(number) : undefined;
    },
  });
}

const minInteger = -(2n ** 63n);
const maxInteger = 2n ** 64n - 1n;

function readContractNumber(value: unknown): ContractNumber | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? withoutNegativeZero(value) : undefined;
  if (typeof value !== 'bigint') return undefined;
  const number = Number(value);
  // No integer type holds more than 64 bits, so a longer one can only bound floating-point numbers.
  if (Number.isSafeInteger(number) || value < minInteger || value > maxInteger)
    return Number.isFinite(number) ? number : undefined;
  return value;
}

/** A finite number; integers of up to 64 bits keep every digit. */
export function contractNumber() {
  return field({
    rule: 'number',
    expected: 'a finite number',
    json: { type: 'number' },
    read: readContractNumber,
  });
}

/** A number, a text or true/false. */
export function contractValue() {
  return field({
    rule: 'value',
    expected: 'a number, a text, or true or false',
    json: { type: ['number', 'string', 'boolean'] },
    read: (value): ContractValue | undefined =>
      typeof value === 'string' || typeof value === 'boolean' ? value : readContractNumber(value),
  });
}

/** Text of 1 to `maxLength` UTF-16 units that a screen shows as it is. */
export function plainText(what: string, maxLength: number) {
  return field({
    rule: 'text',
    expected: `${what} of 1 to ${maxLength} printable characters`,
    json: { type: 'string', minLength: 1, maxLength },
    read: (value) => {
      if (typeof value !== 'string' || value === '' || value.length > maxLength) return undefined;
      return printable(value, maxLength) === value ? value : undefined;
    },
  });
}

/** Text that `pattern` matches; the pattern must be anchored, linear and say its own limit of length. */
export function matchingText(what: string, pattern: RegExp) {
  return field({
    rule: 'text',
    expected: what,
    json: { type: 'string', pattern: pattern.source },
    read: (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined),
  });
}

/** `min` and `max`, at least one of them, in this order. */
function intervalOf(end: () => z.ZodType<number>, what: string) {
  const ends = strict({ min: end().exactOptional(), max: end().exactOptional() });
  return ends
    .superRefine(({ min, max }, context) => {
      const isEmpty = min === undefined && max === undefined;
      if (!isEmpty && (min ?? 0) <= (max ?? Number.POSITIVE_INFINITY)) return;
      if (!isEmpty && (min === undefined || max === undefined)) return;
      const params = isEmpty
        ? { rule: 'interval', expected: 'min, max or both', got: 'neither' }
        : { rule: 'order', expected: 'min to be at most max', got: `${min} and ${max}` };
      context.addIssue({ code: 'custom', params });
    })
    .transform((value): Interval => value)
    .meta({ description: what });
}

/** An interval of finite numbers. */
export function interval(min?: number, max?: number) {
  return intervalOf(() => finiteNumber(min, max), 'At least one of min and max, both inclusive.');
}

/** An interval of whole numbers. */
export function countInterval(min: number, max: number) {
  return intervalOf(() => wholeNumber(min, max), 'Whole numbers; at least one of min and max, both inclusive.');
}

/** A mapping from names to values, as a Map. At most `maxEntries`. */
export function mapping<K extends string, T>(key: z.ZodType<K>, value: z.ZodType<T>, maxEntries: number) {
  const record = z.record(key as z.ZodType<K> & z.core.$ZodRecordKey, value);
  // zod leaves out a `__proto__` key of a record without a word; nothing in this file may be dropped silently.
  const guarded = z.preprocess((input, context) => {
    if (typeof input === 'object' && input !== null && Object.hasOwn(input, '__proto__'))
      context.addIssue({ code: 'custom', params: { rule: 'text', expected: 'names other than __proto__', got: '__proto__' } });
    return input;
  }, record);
  return guarded.transform((object, context): ReadonlyMap<K, T> => {
    const entries = Object.entries(object) as [K, T][];
    if (entries.length > maxEntries) {
      const params = { rule: 'length', expected: `at most ${maxEntries} entries`, got: String(entries.length) };
      context.addIssue({ code: 'custom', params });
    }
    return new Map(entries);
  });
}

/** The key under which a default waits for json-schema.ts: zod drops `default` where a field changes its value. */
export const defaultKey = 'x-default';

/** A default that JSON Schema shows too. */
export function withDefault<T>(schema: z.ZodType<T>, value: T & z.core.util.NoUndefined<T>) {
  return schema.default(value).meta({ [defaultKey]: value });
}
