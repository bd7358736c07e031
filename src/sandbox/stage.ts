// Makes files reachable for a user who has no rights: a server that is root often lies below /root or in a home that is closed. Such files
// are linked, or copied where a link cannot be made, into a folder of root's that all may read. Never links a file that may be written by
// others, and never opens a folder of somebody's for them.
import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PathRule } from '../jail/index.ts';
import { isDeadOwner, ownerMark } from './owner-mark.ts';
import { followPath } from './path-chain.ts';

const prefix = 'airlock-stage-';

/** Files by their real paths, and where a user without rights finds them. Empty, and without a folder, until something is staged. */
export class Stage {
  readonly #staged = new Map<string, string>();
  #folder: string | undefined;

  /** Stages all of `rules` when one of them cannot be reached: code finds other code by its place beside it. */
  add(rules: readonly PathRule[]): void {
    if (rules.every((rule) => this.#staged.has(rule.path) || isOpenToAll(rule))) return;
    for (const { path: file } of rules) {
      const { links, real } = followPath(file);
      const staged = this.#place(real);
      for (const [place, target] of links) this.#link(place, target);
      this.#staged.set(file, staged).set(real, staged);
    }
  }

  /** Where `file`, or something below a staged folder, lies for a user without rights; its own path when it was not staged. */
  pathOf(file: string): string {
    for (let place = file; place !== '/'; place = path.dirname(place)) {
      const staged = this.#staged.get(place);
      if (staged !== undefined) return path.join(staged, path.relative(place, file));
    }
    return file;
  }

  /** Removes the folder; nothing may be running from it. */
  remove(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
    this.#staged.clear();
  }

  #place(real: string): string {
    const staged = path.join(this.#open(), real);
    if (!lstatSync(staged, { throwIfNoEntry: false })) copyOpen(real, staged);
    return staged;
  }

  #link(place: string, target: string): void {
    const folder = this.#open();
    const staged = path.join(folder, place);
    mkdirSync(path.dirname(staged), { recursive: true, mode: 0o755 });
    if (lstatSync(staged, { throwIfNoEntry: false })) return;
    symlinkSync(path.isAbsolute(target) ? path.join(folder, target) : target, staged);
  }

  #open(): string {
    if (this.#folder === undefined) {
      this.#folder = mkdtempSync(path.join(tmpdir(), `${prefix}${ownerMark()}-`));
      chmodSync(this.#folder, 0o755);
    }
    return this.#folder;
  }
}

/** Removes what servers that were killed left behind. Only folders of our own user: in /tmp, others may choose any name. */
export function removeStaleStages(): void {
  for (const entry of readdirSync(tmpdir(), { withFileTypes: true })) {
    const mark = entry.name.startsWith(prefix) ? entry.name.slice(prefix.length, entry.name.lastIndexOf('-')) : '';
    const folder = path.join(tmpdir(), entry.name);
    if (entry.isDirectory() && isDeadOwner(mark) && lstatSync(folder).uid === process.getuid?.()) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** Whether a user who owns nothing and is in no group may use the file as the rule says. Such a user has the last three mode bits. */
function isOpenToAll({ path: file, access }: PathRule): boolean {
  const { real } = followPath(file);
  for (let folder = path.dirname(real); ; folder = path.dirname(folder)) {
    if ((lstatSync(folder).mode & 0o001) === 0) return false;
    if (folder === '/') break;
  }
  return isReadableTree(real, access === 'execute');
}

function isReadableTree(file: string, mustExecute: boolean): boolean {
  const stat = lstatSync(file);
  if (stat.isSymbolicLink()) return true;
  const needed = stat.isDirectory() || mustExecute ? 0o005 : 0o004;
  if ((stat.mode & needed) !== needed) return false;
  return !stat.isDirectory() || readdirSync(file).every((name) => isReadableTree(path.join(file, name), false));
}

/** A hard link where the file may be read by all, else a copy (shared blocks where the file system can): a link shares the mode. */
function copyOpen(source: string, target: string): void {
  mkdirSync(path.dirname(target), { recursive: true, mode: 0o755 });
  const stat = lstatSync(source);
  if (stat.isDirectory()) {
    mkdirSync(target, { mode: 0o755 });
    for (const name of readdirSync(source)) copyOpen(path.join(source, name), path.join(target, name));
    return;
  }
  if ((stat.mode & 0o004) !== 0) {
    try {
      linkSync(source, target);
      return;
    } catch {
      // Another file system, or one without links.
    }
  }
  copyFileSync(source, target, constants.COPYFILE_FICLONE);
  chmodSync(target, (stat.mode & 0o111) === 0 ? 0o644 : 0o755);
}
