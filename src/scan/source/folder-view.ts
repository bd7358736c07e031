// A folder as a list of what lies below it: on disk, or in an archive (folderOfMembers). A link is an entry and never a way: the scan of a
// model must not become a scan of the machine. Whether a link stays inside is decided on the list alone.
import type { Source } from '../scan-context.ts';

export type EntryKind = 'file' | 'folder' | 'symlink' | 'fifo' | 'socket' | 'device';

export interface FolderEntry {
  /** Relative to the folder, `/` between parts. */
  readonly name: string;
  readonly kind: EntryKind;
  readonly sizeBytes: number;
  /** Permission bits, 0 where an archive has none. */
  readonly mode: number;
  /** As it is written. */
  readonly linkTarget?: string;
}

export interface FolderView {
  /** Comes before a name to make `Location.file`: empty on disk, `model.zip!/` in an archive. */
  readonly label: string;
  /** Parents before children, else in the order of names. */
  readonly entries: readonly FolderEntry[];
  get(name: string): FolderEntry | undefined;
  /**
   * A file, or what a link that stays inside leads to.
   * @throws MODEL_NOT_AVAILABLE, MODEL_INVALID when there is no such file.
   */
  open(name: string): Source;
  close(): void;
}

const maxLinks = 8;
/** Of folders in each other; a name of an archive can have 32,000, and each is looked up by the whole way to it. */
export const maxFolders = 64;

function isDeep(name: string): boolean {
  let slash = -1;
  for (let count = 0; count <= maxFolders; count++) {
    slash = name.indexOf('/', slash + 1);
    if (slash === -1) return false;
  }
  return true;
}

/**
 * Where a link's target lies in the same folder; undefined when it leads out of it or is absolute.
 * @param name of the link.
 */
export function linkedName(name: string, target: string): string | undefined {
  if (target.startsWith('/') || target === '') return undefined;
  const parts = name.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join('/');
}

export interface Resolved {
  /** `outside` leads out of the folder, `dangling` to nothing, `loop` to itself. */
  readonly outcome: 'inside' | 'outside' | 'dangling' | 'loop';
  readonly entry?: FolderEntry | undefined;
}

/** Follows links on the list only, those of folders on the way too. What lies deeper than 64 folders is `dangling`: it cannot be opened. */
export function resolveEntry(entries: ReadonlyMap<string, FolderEntry>, name: string): Resolved {
  let current = name;
  for (let links = 0; links <= maxLinks; links++) {
    if (isDeep(current)) return { outcome: 'dangling' };
    const parts = current.split('/');
    let link: FolderEntry | undefined;
    let rest = '';
    for (let depth = 1; depth <= parts.length && link === undefined; depth++) {
      const entry = entries.get(parts.slice(0, depth).join('/'));
      if (entry?.kind !== 'symlink') continue;
      link = entry;
      rest = parts.slice(depth).join('/');
    }
    if (link === undefined) {
      const entry = entries.get(current);
      if (current === '' || entry !== undefined) return { outcome: 'inside', entry };
      return { outcome: 'dangling' };
    }
    const target = linkedName(link.name, link.linkTarget ?? '');
    if (target === undefined) return { outcome: 'outside', entry: link };
    current = [target, rest].filter((part) => part !== '').join('/');
  }
  return { outcome: 'loop' };
}

/** The part of a folder below `prefix` (`1/`) as a folder of its own; locations keep the whole name. */
export function subfolder(folder: FolderView, prefix: string): FolderView {
  if (prefix === '') return folder;
  const entries = folder.entries
    .filter(({ name }) => name.startsWith(prefix) && name.length > prefix.length)
    .map((entry) => ({ ...entry, name: entry.name.slice(prefix.length) }));
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  return {
    label: `${folder.label}${prefix}`,
    entries,
    get: (name) => byName.get(name),
    open: (name) => folder.open(`${prefix}${name}`),
    close: () => undefined,
  };
}

/** Names of archives have up to 64 KiB, and nothing but slashes in them. */
const maxDepth = 256;

/** True when a name begins with one of `prefixes`, each of which is empty or ends in `/`. Of deep names only 256 levels are compared. */
export function isBelow(name: string, prefixes: ReadonlySet<string>): boolean {
  if (prefixes.has('')) return true;
  let slash = name.indexOf('/');
  for (let depth = 0; slash !== -1 && depth < maxDepth; depth++) {
    if (prefixes.has(name.slice(0, slash + 1))) return true;
    slash = name.indexOf('/', slash + 1);
  }
  return false;
}
