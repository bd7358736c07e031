// Reads a page of a package index in HTML (PEP 503; data-yanked of PEP 592, data-provenance of PEP 740). It knows anchors, their attributes,
// comments and <base>, and nothing else of HTML. One pass from left to right with an index: no pattern ever goes back over hostile text.
import { AirlockError } from '../core/index.ts';
import { checkFile } from './simple-file.ts';
import { type IndexFile, maxIndexFiles } from './simple-types.ts';

interface Tag {
  /** Lowercase. */
  readonly name: string;
  /** By lowercase name; of two with one name the first counts, as in browsers and in Python's parser. */
  readonly attributes: ReadonlyMap<string, string>;
}

const maxTags = 200_000;
const maxAttributes = 32;

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Named entities that attributes of such pages have, and numbers; anything else stays as it is. */
function decodeEntities(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,4});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return Object.hasOwn(entities, name) ? entities[name] : whole;
    const code = name[1] === 'x' || name[1] === 'X' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? whole : String.fromCodePoint(code);
  });
}

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

class TagReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next start tag; undefined at the end. */
  next(): Tag | undefined {
    const text = this.#text;
    for (;;) {
      const open = text.indexOf('<', this.#at);
      if (open === -1) return undefined;
      this.#at = open + 1;
      if (text.startsWith('<!--', open)) {
        const end = text.indexOf('-->', open + 4);
        // A comment that never ends hides the rest, as it does in a browser.
        if (end === -1) return undefined;
        this.#at = end + 3;
        continue;
      }
      const name = this.#word();
      if (name !== '') return { name: name.toLowerCase(), attributes: this.#attributes() };
    }
  }

  /** Letters, digits, `-`, `_` and `:` from here on. */
  #word(): string {
    const start = this.#at;
    while (/^[\w:-]$/.test(this.#text[this.#at] ?? '')) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #skipSpaces(): void {
    while (isSpace(this.#text, this.#at)) this.#at++;
  }

  #attributes(): ReadonlyMap<string, string> {
    const text = this.#text;
    const found = new Map<string, string>();
    while (this.#at < text.length) {
      this.#skipSpaces();
      if (text[this.#at] === '>') break;
      const name = this.#word().toLowerCase();
      if (name === '') {
        this.#at++;
        continue;
      }
      const value = this.#value();
      if (!found.has(name) && found.size < maxAttributes) found.set(name, value);
    }
    this.#at++;
    return found;
  }

  /** What follows a name: empty for an attribute without a value. */
  #value(): string {
    const text = this.#text;
    this.#skipSpaces();
    if (text[this.#at] !== '=') return '';
    this.#at++;
    this.#skipSpaces();
    const quote = text[this.#at];
    if (quote === '"' || quote === "'") {
      const end = text.indexOf(quote, this.#at + 1);
      const value = text.slice(this.#at + 1, end === -1 ? text.length : end);
      this.#at = end === -1 ? text.length : end + 1;
      return decodeEntities(value);
    }
    const start = this.#at;
    while (this.#at < text.length && !isSpace(text, this.#at) && text[this.#at] !== '>') this.#at++;
    return decodeEntities(text.slice(start, this.#at));
  }
}

function refuse(why: string): AirlockError {
  return new AirlockError('FEED_UNAVAILABLE', { message: `The package index answered with a page that cannot be used: ${why}` });
}

/** The file that an anchor leads to: its name is the last part of the address, its digest the fragment. */
function fileOf({ attributes }: Tag, base: URL): IndexFile | undefined {
  const href = attributes.get('href');
  if (href === undefined || !URL.canParse(href, base.href)) return undefined;
  const url = new URL(href, base);
  let name: string;
  try {
    name = decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf('/') + 1));
  } catch {
    return undefined;
  }
  const sha256 = /^#sha256=([0-9a-f]{64})$/.exec(url.hash)?.[1];
  const yanked = attributes.get('data-yanked');
  return checkFile({ name, url: href, sha256, yanked, provenance: attributes.get('data-provenance') }, base);
}

/**
 * The files of a page that can be used, in its order. `base` is the address that the page came from.
 * @throws FEED_UNAVAILABLE for a page with more than 50,000 files or 200,000 tags, or of another major version of the interface
 */
export function readSimpleHtml(bytes: Buffer, base: URL): readonly IndexFile[] {
  const reader = new TagReader(bytes.toString('utf8'));
  const files: IndexFile[] = [];
  let tags = 0;
  let from = base;
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
    if (++tags > maxTags) throw refuse(`it has more than ${maxTags} tags`);
    if (tag.name === 'base') from = baseOf(tag, base);
    else if (tag.name === 'meta') assertVersion(tag);
    else if (tag.name === 'a') {
      const file = fileOf(tag, from);
      if (file !== undefined) files.push(file);
      if (files.length > maxIndexFiles) throw refuse(`it has more than ${maxIndexFiles} files`);
    }
  }
  return files;
}

function baseOf({ attributes }: Tag, base: URL): URL {
  const href = attributes.get('href') ?? '';
  return URL.canParse(href, base.href) ? new URL(href, base) : base;
}

/** PEP 629: `<meta name="pypi:repository-version" content="1.0">`; none means 1.0. */
function assertVersion({ attributes }: Tag): void {
  if (attributes.get('name') !== 'pypi:repository-version') return;
  if (!/^1\.\d{1,4}$/.test(attributes.get('content') ?? '')) throw refuse('it has another version of the interface than 1');
}
