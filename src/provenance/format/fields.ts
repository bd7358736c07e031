// Reads the fields of what parseStrictJson gave, one kind each: a value is what was expected, or an error says where it stands,
// what was expected and what came. Sets of keys are closed, so that no field that we do not understand rides along inside
// something signed.
import { type AirlockError, printable, violationError } from '../../core/index.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** A BUNDLE_INVALID about one place. `got` must be safe to show. */
export function invalid(path: string, rule: string, expected: string, got: string): AirlockError {
  return violationError('BUNDLE_INVALID', { path, rule, expected, got });
}

/** A BUNDLE_UNSUPPORTED about one place: well known, and not accepted. `got` must be safe to show. */
export function unsupported(path: string, rule: string, expected: string, got: string): AirlockError {
  return violationError('BUNDLE_UNSUPPORTED', { path, rule, expected, got });
}

/** What a value is, in a few words that are safe to show. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return `"${printable(value)}"`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** Any object. @throws BUNDLE_INVALID */
export function readObject(value: unknown, path: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(path, 'object', 'an object', shown(value));
  return value as Fields;
}

/** An object with all keys of `required`, some of `optional` and no other. @throws BUNDLE_INVALID */
export function readClosedObject(
  value: unknown,
  path: string,
  required: readonly string[],
  optional: readonly string[] = [],
): Fields {
  const fields = readObject(value, path);
  const missing = required.find((key) => !Object.hasOwn(fields, key));
  if (missing !== undefined) throw invalid(path, 'keys', `the key ${missing}`, 'an object without it');
  const extra = Object.keys(fields).find((key) => !required.includes(key) && !optional.includes(key));
  if (extra !== undefined)
    throw invalid(path, 'keys', `only ${[...required, ...optional].join(', ')}`, `the key ${shown(extra)}`);
  return fields;
}

/** A list with so many entries. @throws BUNDLE_INVALID */
export function readList(value: unknown, path: string, min: number, max: number): readonly unknown[] {
  if (Array.isArray(value) && value.length >= min && value.length <= max) return value;
  const count = min === max ? `exactly ${min}` : `${min} to ${max}`;
  throw invalid(path, 'list', `a list of ${count}`, shown(value));
}

/** Text of at most `maxBytes` of UTF-8; may be empty. @throws BUNDLE_INVALID */
export function readText(value: unknown, path: string, maxBytes: number): string {
  if (typeof value === 'string' && Buffer.byteLength(value) <= maxBytes) return value;
  throw invalid(path, 'text', `text of at most ${maxBytes} bytes`, shown(value));
}

/**
 * The bytes of padded base64 in the standard alphabet, and nothing that only decodes to the same: Node skips what it does not
 * know.
 * @throws BUNDLE_INVALID
 */
export function readBase64(value: unknown, path: string, minBytes: number, maxBytes: number): Buffer {
  if (typeof value === 'string' && value.length <= Math.ceil(maxBytes / 3) * 4) {
    const bytes = Buffer.from(value, 'base64');
    if (bytes.length >= minBytes && bytes.length <= maxBytes && bytes.toString('base64') === value) return bytes;
  }
  throw invalid(path, 'base64', `${minBytes} to ${maxBytes} bytes in exact base64`, shown(value));
}

/** Lowercase hex of `minBytes` to `maxBytes` (default: exactly `minBytes`). @throws BUNDLE_INVALID */
export function readHex(value: unknown, path: string, minBytes: number, maxBytes = minBytes): string {
  if (typeof value === 'string' && isHex(value, minBytes, maxBytes)) return value;
  const count = minBytes === maxBytes ? `${minBytes}` : `${minBytes} to ${maxBytes}`;
  throw invalid(path, 'hex', `${count} bytes in lowercase hex`, shown(value));
}

/** True for lowercase hex of that many bytes. */
export function isHex(text: string, minBytes: number, maxBytes = minBytes): boolean {
  return text.length >= minBytes * 2 && text.length <= maxBytes * 2 && text.length % 2 === 0 && /^[0-9a-f]*$/.test(text);
}
