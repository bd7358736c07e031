// Files in the form of Python's configparser (setup.cfg, tox.ini, pip.conf): sections, keys, values that go on in indented lines. Each value knows
// its lines. Never throws; what has no key is left out.

export interface IniEntry {
  readonly section: string;
  /** Lower case, as configparser makes it. */
  readonly key: string;
  /** The value's lines without comments, the first being what stands behind the key. */
  readonly lines: readonly { readonly text: string; readonly line: number }[];
}

const maxEntries = 100_000;

export function readIni(text: string): IniEntry[] {
  const entries: { section: string; key: string; lines: { text: string; line: number }[] }[] = [];
  let section = '';
  let isOpen = false;
  for (const [at, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '');
    const content = line.trim();
    if (content === '' || content.startsWith('#') || content.startsWith(';')) continue;
    if (entries.length >= maxEntries) break;
    if (/^\s/.test(line) && isOpen) {
      entries[entries.length - 1].lines.push({ text: withoutComment(content), line: at + 1 });
      continue;
    }
    if (content.startsWith('[') && content.endsWith(']')) {
      section = content.slice(1, -1).trim();
      isOpen = false;
      continue;
    }
    const split = content.search(/[=:]/);
    isOpen = split > 0;
    if (!isOpen) continue;
    const value = withoutComment(content.slice(split + 1).trim());
    entries.push({ section, key: content.slice(0, split).trim().toLowerCase(), lines: [{ text: value, line: at + 1 }] });
  }
  return entries;
}

function withoutComment(text: string): string {
  const at = text.search(/\s#/);
  return at === -1 ? text : text.slice(0, at).trimEnd();
}
