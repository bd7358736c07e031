// One requirement as PEP 508 writes it: `tensorflow[and-cuda]>=2.16; python_version > "3.9"`, or `name @ https://…`. Markers are kept as text and not
// evaluated: which machine will install is not known, so a requirement counts for each of them.
import { parseSpecifiers, type SpecifierSet } from './specifier.ts';

const maxLength = 16_384;

export interface Requirement {
  /** As written. */
  readonly name: string;
  readonly extras: readonly string[];
  /** As written, without parentheses; empty allows everything. */
  readonly specifierText: string;
  readonly specifiers: SpecifierSet;
  /** After `@`. */
  readonly url?: string;
  readonly marker?: string;
}

/** Undefined when `text` is no requirement. */
export function parseRequirement(text: string): Requirement | undefined {
  if (text.length > maxLength) return undefined;
  const trimmed = text.trim();
  const [name] = /^[\p{L}\p{N}](?:[\p{L}\p{N}._-]*[\p{L}\p{N}])?/u.exec(trimmed) ?? [];
  if (name === undefined) return undefined;
  let rest = trimmed.slice(name.length).trimStart();
  let extras: string[] = [];
  if (rest.startsWith('[')) {
    const end = rest.indexOf(']');
    if (end === -1) return undefined;
    extras = rest
      .slice(1, end)
      .split(',')
      .map((extra) => extra.trim())
      .filter((extra) => extra !== '');
    if (extras.some((extra) => !/^[A-Za-z0-9._-]+$/.test(extra))) return undefined;
    rest = rest.slice(end + 1).trimStart();
  }
  if (rest.startsWith('@')) return direct(name, extras, rest.slice(1).trim());
  const semicolon = rest.indexOf(';');
  const marker = semicolon === -1 ? '' : rest.slice(semicolon + 1).trim();
  let specifierText = (semicolon === -1 ? rest : rest.slice(0, semicolon)).trim();
  if (specifierText.startsWith('(') && specifierText.endsWith(')')) specifierText = specifierText.slice(1, -1).trim();
  const specifiers = parseSpecifiers(specifierText);
  if (specifiers === undefined || (semicolon !== -1 && marker === '')) return undefined;
  return { name, extras, specifierText, specifiers, ...(marker === '' ? {} : { marker }) };
}

function direct(name: string, extras: readonly string[], text: string): Requirement | undefined {
  // A URL may hold `;`, so PEP 508 wants a space before the marker.
  const [url, ...others] = text.split(/\s/);
  const marker = others.join(' ').trim();
  if (url === '' || (marker !== '' && !marker.startsWith(';'))) return undefined;
  return {
    name,
    extras,
    specifierText: '',
    specifiers: [],
    url,
    ...(marker === '' ? {} : { marker: marker.slice(1).trim() }),
  };
}
