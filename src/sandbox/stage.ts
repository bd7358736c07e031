// Makes files reachable for a user who has no rights: a server that is root often lies below /root or in a home that is closed. Such files
// are linked, or copied where a link cannot be made, into a folder of root's that all may read. Never links a file that others may write,
// and never opens a folder of somebody's for them.
import { chmodSync, constants, copyFileSync, linkSync, lstatSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import type { PathRule } from '../jail/index.ts';
import { followPath } from './path-chain.ts';
import { exists, keepStageFolder, makeIn, openStageFolder } from './stage-folder.ts';

/** Files by their real paths, and where a user without rights finds them. Empty, and without a folder, until something is staged. */
export class Stage {
  readonly #staged = new Map<string, string>();
  /** Every file and link in the folder, and what makes it. */
  readonly #makers = new Map<string, () => void>();
  #folder: string | undefined;

  /**
   * Stages all of `rules` when one of them cannot be reached: code finds other code by its place beside it.
   * @throws ENVIRONMENT_LACKING when the folder for temporary files does not take them; what lstat(2) says of one that is not there.
   */
  add(rules: readonly PathRule[]): void {
    if (rules.every((rule) => this.#staged.has(rule.path) || isOpenToAll(rule))) return;
    this.#folder ??= openStageFolder();
    const folder = this.#folder;
    for (const { path: file } of rules) {
      const { links, real } = followPath(file);
      const staged = path.join(folder, real);
      this.#copy(real, staged);
      for (const [place, target] of links) {
        const link = path.join(folder, place);
        this.#make(link, () => symlinkSync(path.isAbsolute(target) ? path.join(folder, target) : target, link));
      }
      this.#staged.set(file, staged).set(real, staged);
    }
  }

  /**
   * Puts back what is gone: folders for temporary files are cleaned by age, and a server may run for months.
   * @throws ENVIRONMENT_LACKING.
   */
  restore(): void {
    if (this.#folder === undefined) return;
    keepStageFolder(this.#folder);
    for (const [place, make] of this.#makers) if (!exists(place)) makeIn(path.dirname(place), make);
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
    this.#makers.clear();
  }

  #copy(source: string, target: string): void {
    if (lstatSync(source).isDirectory()) {
      for (const name of readdirSync(source)) this.#copy(path.join(source, name), path.join(target, name));
    } else {
      this.#make(target, () => copyOpen(source, target));
    }
  }

  #make(place: string, make: () => void): void {
    if (this.#makers.has(place)) return;
    makeIn(path.dirname(place), make);
    this.#makers.set(place, make);
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

/**
 * A hard link, which shares the mode, where all may read the file and only its owner may write it; else a copy (shared blocks where the
 * file system can).
 */
function copyOpen(source: string, target: string): void {
  const stat = lstatSync(source);
  if (stat.isSymbolicLink()) {
    symlinkSync(readlinkSync(source), target);
    return;
  }
  if ((stat.mode & 0o6026) === 0o004) {
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
