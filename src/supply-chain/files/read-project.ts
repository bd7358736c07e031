// The files of a project that say what is installed, read within bounds. Follows no link and opens nothing but ordinary files: the project may be somebody
// else's, and a link in it may name any file of this machine. What was left out is a gap, never silence.
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { AirlockError, errnoOf, printable } from '../../core/index.ts';
import { formatOf } from '../formats/index.ts';
import type { Gap, ProjectFile } from '../supply-chain-types.ts';
import { decodeText } from './decode-text.ts';

export interface ProjectLimits {
  /** Entries of folders looked at. Default 200 000. */
  readonly maxEntries: number;
  /** Folders inside folders. Default 32. */
  readonly maxDepth: number;
  /** Files read. Default 5 000. */
  readonly maxFiles: number;
  /** Of one file. Default 16 MiB. */
  readonly maxFileBytes: number;
  /** Of all files. Default 256 MiB. */
  readonly maxBytes: number;
}

export const defaultLimits: ProjectLimits = {
  maxEntries: 200_000,
  maxDepth: 32,
  maxFiles: 5_000,
  maxFileBytes: 16 * 1024 * 1024,
  maxBytes: 256 * 1024 * 1024,
};

/** Folders of tools and of installed packages: nothing in them says what the project installs. */
const skipped: ReadonlySet<string> = new Set([
  '.git', '.hg', '.svn', 'node_modules', '__pycache__', '.tox', '.nox', '.venv', 'venv', 'site-packages', '.mypy_cache', '.pytest_cache', '.ruff_cache',
  '.eggs', '.ipynb_checkpoints', '.cache', '.pixi',
]); // biome-ignore format: a list of names

export interface Project {
  readonly files: ReadonlyMap<string, ProjectFile>;
  readonly gaps: readonly Gap[];
  /** Reads one more file by its path in the project: undefined when it is none that may be read. */
  readonly extra: (file: string) => ProjectFile | undefined;
}

/** @throws USAGE when `folder` is no folder that can be read. */
export function readProject(folder: string, limits: ProjectLimits = defaultLimits): Project {
  const walk = new ProjectWalk(folder, limits);
  walk.folder('', 0);
  return { files: walk.files, gaps: walk.gaps, extra: (file) => walk.extra(file) };
}

class ProjectWalk {
  readonly files = new Map<string, ProjectFile>();
  readonly gaps: Gap[] = [];
  private entries = 0;
  private bytes = 0;
  private isFull = false;
  private readonly root: string;
  private readonly limits: ProjectLimits;

  constructor(root: string, limits: ProjectLimits) {
    this.root = root;
    this.limits = limits;
  }

  folder(path: string, depth: number): void {
    if (this.isFull) return;
    if (depth > this.limits.maxDepth) {
      this.gap(path, `it lies deeper than ${this.limits.maxDepth} folders`);
      return;
    }
    for (const entry of this.list(path)) {
      if (this.isFull) return;
      if (++this.entries > this.limits.maxEntries) {
        this.full(path, `more than ${this.limits.maxEntries} files and folders`);
        return;
      }
      const name = path === '' ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!skipped.has(entry.name) && !this.isEnvironment(name)) this.folder(name, depth + 1);
      } else if (formatOf(name) !== undefined) {
        if (entry.isFile()) this.file(name);
        else this.gap(name, entry.isSymbolicLink() ? 'it is a link, and links are not followed' : 'it is no ordinary file');
      }
    }
  }

  extra(file: string): ProjectFile | undefined {
    const known = this.files.get(file);
    if (known !== undefined || this.isFull) return known;
    // Each folder on the way must be a folder itself, and no link to one.
    const parts = file.split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..')) return undefined;
    for (let at = 1; at < parts.length; at++) {
      const [parent, name] = [parts.slice(0, at - 1).join('/'), parts[at - 1]];
      const entry = this.list(parent, true).find((one) => one.name === name);
      if (entry?.isDirectory() !== true) return undefined;
    }
    const parent = parts.slice(0, -1).join('/');
    if (
      this.list(parent, true)
        .find(({ name }) => name === parts.at(-1))
        ?.isFile() !== true
    )
      return undefined;
    this.file(file);
    return this.files.get(file);
  }

  /** Made by `python -m venv` or virtualenv. */
  private isEnvironment(path: string): boolean {
    return this.list(path, true).some(({ name }) => name === 'pyvenv.cfg');
  }

  private list(path: string, quiet = false) {
    try {
      return readdirSync(join(this.root, path), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (thrown) {
      if (path === '' && !quiet) {
        const message = errnoOf(thrown) === 'ENOTDIR' ? 'is no folder' : 'cannot be read';
        throw new AirlockError('USAGE', { message: `${printable(this.root, 256)} ${message}`, cause: thrown });
      }
      if (!quiet) this.gap(path, 'the folder cannot be read');
      return [];
    }
  }

  private file(name: string): void {
    const { maxFiles, maxFileBytes, maxBytes } = this.limits;
    if (this.files.size >= maxFiles) {
      this.full(name, `more than ${maxFiles} files to read`);
      return;
    }
    let handle: number | undefined;
    try {
      // Not waiting for a pipe that somebody put in the place of the file since.
      handle = openSync(join(this.root, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const stats = fstatSync(handle);
      if (!stats.isFile()) {
        this.gap(name, 'it is no ordinary file');
        return;
      }
      if (stats.size > maxFileBytes) {
        this.gap(name, `it has more than ${maxFileBytes} bytes`);
        return;
      }
      if (this.bytes + stats.size > maxBytes) {
        this.full(name, `more than ${maxBytes} bytes to read`);
        return;
      }
      const bytes = readWhole(handle, stats.size);
      this.bytes += bytes.length;
      const text = decodeText(bytes);
      if (text === undefined) {
        this.gap(name, 'it is no text in UTF-8 or UTF-16');
        return;
      }
      this.files.set(name, { file: name, text });
    } catch {
      this.gap(name, 'it cannot be read');
    } finally {
      if (handle !== undefined) closeSync(handle);
    }
  }

  private full(file: string, what: string): void {
    this.isFull = true;
    this.gap(file, `the project has ${what}: the rest was not looked at`);
  }

  private gap(file: string, reason: string): void {
    this.gaps.push({ kind: 'gap', place: { file, line: 1 }, reason });
  }
}

function readWhole(handle: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let length = 0;
  while (length < size) {
    const got = readSync(handle, bytes, length, size - length, null);
    if (got === 0) break;
    length += got;
  }
  return bytes.subarray(0, length);
}
