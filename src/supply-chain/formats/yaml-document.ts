// YAML with the lines of its values: aliases are not followed (what they name is read where it stands), tags and types mean nothing, and a document
// that is too deep or too large is none.
import { isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml';
import { isTooDeep } from './data-values.ts';

/** The library takes microseconds per token and error; nobody writes more by hand. */
const maxBytes = 256 * 1024;
const maxIndent = 400;
/** Each one that is out of place is an error of its own, and errors are what is slow. */
const maxQuotes = 20_000;

export interface YamlText {
  readonly text: string;
  readonly line: number;
  /** True for `|` and `>`: its own lines begin one below. */
  readonly block: boolean;
}

export type YamlValue = YamlText | readonly YamlValue[] | YamlMap;

export interface YamlMap {
  readonly entries: readonly { readonly key: string; readonly value: YamlValue; readonly line: number }[];
}

/** One value per document of the stream; undefined when it is not YAML. */
export function readYaml(text: string): YamlValue[] | undefined {
  if (text.length > maxBytes || isTooDeep(text) || hasDeepIndent(text) || text.split('"', maxQuotes).length === maxQuotes)
    return undefined;
  try {
    const counter = new LineCounter();
    const documents = parseAllDocuments(text, {
      lineCounter: counter,
      schema: 'failsafe',
      uniqueKeys: false,
      // Each error would show its line, found by going through the whole text.
      prettyErrors: false,
      logLevel: 'silent',
    });
    if (!Array.isArray(documents)) return [];
    if (documents.some(({ errors }) => errors.length > 0)) return undefined;
    return documents.map(({ contents }) => convert(contents as Node | null, counter));
  } catch {
    return undefined;
  }
}

export function isText(value: YamlValue | undefined): value is YamlText {
  return value !== undefined && 'text' in value;
}

export function isList(value: YamlValue | undefined): value is readonly YamlValue[] {
  return Array.isArray(value);
}

/** The entries of a mapping, none for anything else. */
export function entriesOf(value: YamlValue | undefined): YamlMap['entries'] {
  return value !== undefined && 'entries' in value && Array.isArray(value.entries) ? (value as YamlMap).entries : [];
}

export function entryOf(value: YamlValue | undefined, ...keys: readonly string[]): YamlValue | undefined {
  return keys.reduce<YamlValue | undefined>((inner, key) => entriesOf(inner).find((entry) => entry.key === key)?.value, value);
}

/** The texts of a list, or of one text. */
export function textsOf(value: YamlValue | undefined): readonly YamlText[] {
  return isText(value) ? [value] : isList(value) ? value.flatMap((item) => textsOf(item)) : [];
}

/** Parsers recurse for each deeper line. */
function hasDeepIndent(text: string): boolean {
  const deep = ' '.repeat(maxIndent);
  return text.startsWith(deep) || text.includes(`\n${deep}`) || /(?:- ){100}/.test(text) || /(?:\? ){100}/.test(text);
}

function convert(node: Node | null, counter: LineCounter): YamlValue {
  const line = counter.linePos(node?.range?.[0] ?? 0).line || 1;
  if (isMap(node)) {
    return {
      entries: node.items.map(({ key, value }) => {
        const keyLine = counter.linePos((key as Node | null)?.range?.[0] ?? 0).line || 1;
        return { key: isScalar(key) ? String(key.value) : '', value: convert(value as Node | null, counter), line: keyLine };
      }),
    };
  }
  if (isSeq(node)) return node.items.map((item) => convert(item as Node | null, counter));
  if (!isScalar(node)) return { text: '', line, block: false };
  return { text: String(node.value ?? ''), line, block: node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED' };
}
