// Checks one entry of an index page, whatever its form: a name that can be a file's, an address that may be asked, a SHA-256 of the right
// length. What does not fit is left out and never repaired: a file that cannot be named or checked cannot be pinned either.
import { printable } from '../core/index.ts';
import type { IndexFile } from './simple-types.ts';

/** An entry as the page has it. */
export interface RawFile {
  readonly name: unknown;
  readonly url: unknown;
  readonly sha256: unknown;
  readonly bytes?: unknown;
  readonly published?: unknown;
  /** A text is the reason, also an empty one; true, or false for not withdrawn. */
  readonly yanked?: unknown;
  readonly provenance?: unknown;
}

const maxReasonChars = 300;
const maxNameChars = 256;
const maxUrlChars = 4_096;

/** An address that nobody on the way can change: https, or http that stays on this machine. */
export function isSafeUrl({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname));
}

/** `localhost` counts: pip and Node ask the resolver of this machine for it. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);
}

/** `text` as an address without fragment, user and password; undefined when it may not be asked. */
function safeUrl(text: unknown, base: URL): string | undefined {
  if (typeof text !== 'string' || text.length > maxUrlChars || !URL.canParse(text, base.href)) return undefined;
  const url = new URL(text, base);
  if (!isSafeUrl(url) || url.username !== '' || url.password !== '') return undefined;
  url.hash = '';
  return url.href;
}

function yankedOf(value: unknown): string | true | undefined {
  if (value === true || value === '') return true;
  return typeof value === 'string' ? printable(value, maxReasonChars) : undefined;
}

/** Undefined for what cannot be used. `base` is the address of the page. */
export function checkFile(raw: RawFile, base: URL): IndexFile | undefined {
  const { name, sha256, bytes, published } = raw;
  if (typeof name !== 'string' || name.length > maxNameChars || !/^[A-Za-z0-9][A-Za-z0-9._+!-]*$/.test(name)) return undefined;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return undefined;
  const url = safeUrl(raw.url, base);
  if (url === undefined) return undefined;
  const yanked = yankedOf(raw.yanked);
  const provenance = safeUrl(raw.provenance, base);
  const isTime = typeof published === 'string' && /^\d{4}-\d{2}-\d{2}T[\d:.]{8,20}(?:Z|[+-]\d{2}:\d{2})$/.test(published);
  return {
    name,
    url,
    sha256,
    ...(typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= 0 && { bytes }),
    ...(isTime && !Number.isNaN(Date.parse(published)) && { published }),
    ...(yanked !== undefined && { yanked }),
    ...(provenance !== undefined && { provenance }),
  };
}
