// The kinds of value that predicates are made of. A predicate comes from whoever holds a key, so each kind is bounded before anything is made
// from it, and maps become real maps: no key of theirs can meet a property that objects have.
import { z } from 'zod';
import { describeValue } from '../../config/index.ts';
import { parseTime } from './rfc3339-time.ts';

const maxEntries = 10_000;

/** A field that `read` turns from JSON into ours; `undefined` means that it is not `expected`. */
function field<T>(rule: string, expected: string, read: (value: unknown) => T | undefined): z.ZodType<T> {
  return z.unknown().transform((value, context): T => {
    const result = read(value);
    if (result !== undefined) return result;
    context.addIssue({ code: 'custom', params: { rule, expected, got: describeValue(value) } });
    return z.NEVER;
  });
}

/** Text of 1 to `maxLength` UTF-16 units. It is not printable; whoever shows it makes it so. */
export function text(maxLength = 4_096): z.ZodType<string> {
  return field('text', `text of 1 to ${maxLength} characters`, (value) =>
    typeof value === 'string' && value !== '' && value.length <= maxLength ? value : undefined,
  );
}

/** SHA-256 in lowercase hex: with other cases two texts would mean one digest. */
export function sha256(): z.ZodType<string> {
  return field('digest', 'a SHA-256 of 64 lowercase hex digits', (value) =>
    typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value : undefined,
  );
}

/** An RFC 3339 time as milliseconds since 1970. */
export function time(): z.ZodType<number> {
  return field('time', 'an RFC 3339 time such as 2026-01-31T12:00:00Z', (value) =>
    typeof value === 'string' ? parseTime(value) : undefined,
  );
}

/** A whole number from `min` to 2^53-1. */
export function count(min: number): z.ZodType<number> {
  return field('integer', `a whole number from ${min} to 2^53-1`, (value) =>
    Number.isSafeInteger(value) && Number(value) >= min ? Number(value) : undefined,
  );
}

/** Any finite number. */
export function finite(): z.ZodType<number> {
  return field('number', 'a finite number', (value) => (Number.isFinite(value) ? Number(value) : undefined));
}

/** One of some texts. */
export function oneOf<T extends string>(choices: readonly T[]): z.ZodType<T> {
  return field('choice', choices.join(' or '), (value) => choices.find((choice) => choice === value));
}

/** What one parameter may be: text, a number, a truth value, null, or a list of those. */
export type Scalars = Scalar | readonly Scalar[];
export type Scalar = string | number | boolean | null;

const maxScalars = 1_000;
const maxScalarLength = 4_096;

/** A scalar, or a list of at most 1,000; a text may be empty and has at most 4,096 characters. */
export function scalars(): z.ZodType<Scalars> {
  return field('type', 'a text, number, true, false, null or a list of them', (value) => {
    if (isScalar(value)) return value;
    return Array.isArray(value) && value.length <= maxScalars && value.every(isScalar) ? value : undefined;
  });
}

function isScalar(value: unknown): value is Scalar {
  if (typeof value === 'string') return value.length <= maxScalarLength;
  return value === null || typeof value === 'boolean' || Number.isFinite(value);
}

/** `true` or `false`. */
export function flag(): z.ZodType<boolean> {
  return field('type', 'true or false', (value) => (typeof value === 'boolean' ? value : undefined));
}

/** A JSON object whose content is not looked at. */
export function anyObject(): z.ZodType<object> {
  return field('type', 'an object', (value) => (isObject(value) ? value : undefined));
}

/** At most 10,000 entries; a longer list is refused before one of them is read. */
export function list<T>(entry: z.ZodType<T>): z.ZodType<readonly T[]> {
  return field('length', `a list of at most ${maxEntries}`, (value) =>
    Array.isArray(value) && value.length <= maxEntries ? value : undefined,
  ).pipe(z.array(entry));
}

/** At most 10,000 keys of 1 to 1,024 characters. */
export function map<T>(entry: z.ZodType<T>): z.ZodType<ReadonlyMap<string, T>> {
  const expected = `an object with at most ${maxEntries} keys of 1 to 1024 characters`;
  return field('length', expected, (value) => {
    if (!isObject(value)) return undefined;
    const keys = Object.keys(value);
    return keys.length <= maxEntries && keys.every((key) => key !== '' && key.length <= 1_024) ? value : undefined;
  }).transform((object, context) => {
    const result = new Map<string, T>();
    for (const [key, value] of Object.entries(object)) {
      const read = entry.safeParse(value);
      if (read.success) result.set(key, read.data);
      else for (const issue of read.error.issues) context.addIssue({ ...issue, path: [key, ...issue.path] });
    }
    return result;
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
