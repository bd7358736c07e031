// The names of a folder, looked at once: an archive has up to 100,000 of them, and what looks through all of them for each would take an hour.
import type { FolderEntry, FolderView } from '../source/index.ts';
import type { SiblingFiles } from './sibling-files.ts';

/** Whole names of files by the folder that they lie in directly, without a `/` at its end. */
export type FolderNames = ReadonlyMap<string, readonly string[]>;

export function namesByFolder(files: readonly FolderEntry[]): FolderNames {
  const groups = new Map<string, string[]>();
  for (const { name } of files) {
    const parent = name.slice(0, Math.max(0, name.lastIndexOf('/')));
    const known = groups.get(parent);
    if (known === undefined) groups.set(parent, [name]);
    else known.push(name);
  }
  return groups;
}

/** What lies beside `name`; names in it are relative to its folder, and listed when they are asked for. */
export function siblingsIn(folder: FolderView, name: string, groups: FolderNames): SiblingFiles {
  const start = name.lastIndexOf('/') + 1;
  const prefix = name.slice(0, start);
  let names: readonly string[] | undefined;
  return {
    get names() {
      names ??= (groups.get(name.slice(0, Math.max(0, start - 1))) ?? []).map((one) => one.slice(start));
      return names;
    },
    open: (one) => (folder.get(`${prefix}${one}`) === undefined ? undefined : folder.open(`${prefix}${one}`)),
  };
}
