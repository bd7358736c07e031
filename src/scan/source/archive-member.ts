// What readers of archives give, and what is wrong with names in any of them.
import type { ScanContext, Source } from '../scan-context.ts';
import { type EntryKind, linkedName, maxFolders } from './folder-view.ts';
import { reportFile } from './report-file.ts';

export interface ArchiveMember {
  /** Without a slash at the end; `(2)` and so on is added when the archive has the name more than once. */
  readonly name: string;
  readonly kind: EntryKind;
  /** As the archive says; reading fails when it is another one. */
  readonly sizeBytes: number;
  readonly mode: number;
  readonly linkTarget?: string;
  /** Why it cannot be read, where that is so: encrypted, an unknown method. */
  readonly unreadable?: string;
  /** Inflated when first asked for. @throws MODEL_INVALID when it is damaged or too large, MODEL_INCOMPLETE when it is cut short. */
  source(): Source;
}

/** What unpacking a member of this name would do, when that is anything but writing below the folder. */
function escapeOf(name: string): string | undefined {
  if (name.includes('\0')) return 'has a NUL byte in its name';
  if (name.startsWith('/') || name.startsWith('\\')) return 'has an absolute name';
  if (/^[A-Za-z]:/.test(name)) return 'names a drive';
  const parts = name.split(/[/\\]/);
  if (parts.includes('..')) return 'leads out of the folder with ".."';
  return undefined;
}

/** Reports a member that would be written outside of the folder where the archive is unpacked. */
export function judgeMemberName(archive: Source, name: string, context: ScanContext): void {
  const way = escapeOf(name);
  if (way !== undefined) {
    reportFile(context, 'path-traversal/archive-member', {
      file: archive.name,
      message: `Member "${name}" of ${archive.name} ${way}: unpacking writes it outside of the folder`,
      argument: { name: 'member', value: name },
    });
  } else if (name.includes('\\')) {
    reportFile(context, 'path-traversal/archive-member', {
      file: archive.name,
      severity: 'low',
      message: `Member "${name}" of ${archive.name} has a backslash in its name, which separates folders on Windows only`,
    });
  }
}

/** Reports members that are written through a link of the same archive: first a link to /etc, then a file "in" it. */
export function judgeMembersBehindLinks(archive: Source, members: readonly ArchiveMember[], context: ScanContext): void {
  const links = new Map(members.filter(({ kind }) => kind === 'symlink').map((member) => [member.name, member.linkTarget ?? '']));
  if (links.size === 0) return;
  for (const { name } of members) {
    let depth = 0;
    for (let slash = name.indexOf('/'); slash !== -1 && depth++ < maxFolders; slash = name.indexOf('/', slash + 1)) {
      const link = name.slice(0, slash);
      const target = links.get(link);
      if (target === undefined) continue;
      const leadsOut = linkedName(link, target) === undefined;
      reportFile(context, 'path-traversal/archive-member', {
        file: archive.name,
        severity: leadsOut ? 'high' : 'medium',
        message: `Member "${name}" of ${archive.name} is unpacked through the link "${link}" to ${target}`,
        argument: { name: 'member', value: name },
      });
      break;
    }
  }
}

/** Of Linux. Longer names are shortened: nothing can be unpacked under them, and a map of them takes as long as comparing each with all others. */
const maxPathBytes = 4096;

function withoutEmptyParts(name: string): string {
  const parts = name.split('/');
  return parts.some((part) => part === '' || part === '.') ? parts.filter((part) => part !== '' && part !== '.').join('/') : name;
}

/** Gives names that come again a number, and reports them. What the last one is called stays: most readers take that one. */
export class NameRegister {
  readonly #archive: Source;
  readonly #seen = new Map<string, string>();
  readonly #exact = new Map<string, number>();
  #longNames = 0;

  constructor(archive: Source) {
    this.#archive = archive;
  }

  /** The name under which a member is known here: `name`, or `name (2)`; the ends of one that no path can have. */
  add(name: string, context: ScanContext): string {
    if (name.length > maxPathBytes) return `${name.slice(0, 64)}…(${++this.#longNames})…${name.slice(-32)}`;
    const normal = withoutEmptyParts(name);
    const count = (this.#exact.get(normal) ?? 0) + 1;
    this.#exact.set(normal, count);
    const folded = normal.normalize('NFC').toLowerCase();
    const other = this.#seen.get(folded);
    this.#seen.set(folded, name);
    if (count === 2 || (other !== undefined && other !== name && count === 1)) {
      const isSame = count === 2;
      const how = isSame
        ? 'twice: one reader takes the first, another the last'
        : `and "${other}", one file where case does not count`;
      reportFile(context, 'parser-differential/archive-duplicate', {
        file: this.#archive.name,
        severity: isSame ? 'medium' : 'low',
        message: `${this.#archive.name} has the member "${name}" ${how}`,
        argument: { name: 'member', value: name },
      });
    }
    return count === 1 ? normal : `${normal} (${count})`;
  }
}
