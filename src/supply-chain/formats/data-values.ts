// Values of TOML, JSON and YAML documents, looked at without trusting their shape; and documents that are too deep or not well formed.
import { parse as parseTomlText } from 'smol-toml';
import { jsonOrUndefined } from '../../core/index.ts';

export type Table = Readonly<Record<string, unknown>>;

const maxNesting = 64;

/** An empty table for everything else. */
export function tableOf(value: unknown): Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : {};
}

/** A value of a table by its keys, none of them inherited. */
export function valueAt(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>((inner, key) => (Object.hasOwn(tableOf(inner), key) ? tableOf(inner)[key] : undefined), value);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Undefined when it is not TOML, or nests deeper than any project does. */
export function parseToml(text: string): Table | undefined {
  if (isTooDeep(text)) return undefined;
  try {
    return parseTomlText(text, { integersAsBigInt: 'asNeeded' });
  } catch {
    return undefined;
  }
}

/** Undefined when it is not JSON, or nests too deep. */
export function parseJson(text: string): unknown {
  return isTooDeep(text) ? undefined : jsonOrUndefined(text);
}

/** Parsers recurse; counted without knowing strings, which only refuses more. */
export function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) {
      if (++depth > maxNesting) return true;
    } else if ((code === 0x5d || code === 0x7d) && depth > 0) depth--;
  }
  return false;
}

/** One gap for a whole file. */
export function unreadableFile(
  file: string,
  what: string,
): [{ kind: 'gap'; place: { file: string; line: number }; reason: string }] {
  return [{ kind: 'gap', place: { file, line: 1 }, reason: `it is no ${what} that can be read` }];
}
