// What makes a list of files a manifest, whether it was read or is about to be signed: its names are canonical and do not get in
// each other's way, and two digests stand for it. Never touches a file system: a name is text until src/provenance/store opens
// it.
import { createHash } from 'node:crypto';
import { isPlainRelativeName, maxNameBytes } from '../../tensor/index.ts';
import type { Manifest, ManifestFile } from '../provenance-types.ts';
import { shown } from './fields.ts';

/** Bytes of a digest. BLAKE3 is not among them: Node has none. */
export const digestBytes: Readonly<Record<Manifest['hashType'], number>> = { sha256: 32, blake2b: 64 };

/** Paths that one manifest may ignore. */
export const maxIgnored = 256;

/** The name of a model that is one file. */
export const singleFileName = '.';

/** Where the signatures of a folder lie in it: what is there signs the rest, and is never a part of the model unless somebody signed it. */
export const signatureNames: readonly string[] = ['model.sig', 'model.sig.d'];

/**
 * True for a name such as `variables/variables.index`: relative, at most 4,096 bytes, no part empty, `.` or `..`, no NUL and no
 * lone surrogate. `.`, which stands for a model that is one file, is not one.
 */
export function isCanonicalName(name: string): boolean {
  return (
    name.length <= maxNameBytes &&
    Buffer.byteLength(name) <= maxNameBytes &&
    isPlainRelativeName(name) &&
    !/\p{Surrogate}/u.test(name)
  );
}

/** True when `name` is one of the paths, or below one. No patterns: a `*` is a character. */
export function isIgnored(name: string, ignored: readonly string[]): boolean {
  return ignored.some((path) => name.startsWith(path) && (name.length === path.length || name[path.length] === '/'));
}

/** What is wrong with a name, and which one it is. */
export interface NameProblem {
  readonly list: 'files' | 'ignored';
  readonly index: number;
  readonly expected: string;
  /** Safe to show. */
  readonly got: string;
}

interface Entry {
  readonly list: NameProblem['list'];
  readonly index: number;
  readonly name: string;
  readonly key: Buffer;
}

/**
 * The bytes by which model-signing 1.1.1 orders names: path by path component, each by code point. With `/` as 0, which no name
 * holds, that is the order of bytes; and everything below a folder directly follows what the folder itself would be.
 */
export function componentKey(name: string): Buffer {
  return Buffer.from(name.replaceAll('/', '\0'));
}

/**
 * Finds the first reason why these names cannot stand together: one that is not canonical, twice the same, a file that is also a
 * folder, a signed file inside an ignored path, a pattern among the ignored paths. One sort and one pass, whatever the names are.
 */
export function findNameProblem(names: readonly string[], ignored: readonly string[]): NameProblem | undefined {
  for (const [index, name] of names.entries()) {
    if (isCanonicalName(name) || (name === singleFileName && names.length === 1)) continue;
    return { list: 'files', index, expected: 'a canonical relative name', got: shown(name) };
  }
  for (const [index, name] of ignored.entries()) {
    // Whoever wrote a pattern believed that it ignores more than the one name that it is.
    if (isCanonicalName(name) && !/[*?[]/.test(name)) continue;
    return { list: 'ignored', index, expected: 'a canonical relative path without a pattern', got: shown(name) };
  }
  const entry = (list: Entry['list']) => (name: string, index: number) => ({ list, index, name, key: componentKey(name) });
  const entries: Entry[] = [...ignored.map(entry('ignored')), ...names.map(entry('files'))];
  // The sort is stable, so of two equal names an ignored one stays before a file.
  return firstConflict(entries.sort((a, b) => Buffer.compare(a.key, b.key)));
}

function firstConflict(sorted: readonly Entry[]): NameProblem | undefined {
  let previous: Entry | undefined;
  let file: Entry | undefined;
  let cover: Entry | undefined;
  for (const entry of sorted) {
    const problem = (expected: string) => ({ list: entry.list, index: entry.index, expected, got: shown(entry.name) });
    if (previous?.list === entry.list && previous.key.equals(entry.key)) return problem('each name once');
    previous = entry;
    if (entry.list === 'ignored') {
      if (cover === undefined || !isBelow(entry.key, cover.key)) cover = entry;
      continue;
    }
    if (cover !== undefined && isBelow(entry.key, cover.key)) return problem('no signed file that is ignored');
    if (file !== undefined && isBelow(entry.key, file.key)) return problem('no name below the name of a file');
    file = entry;
  }
  return undefined;
}

/** True when `key` is `base` or below it. */
function isBelow(key: Buffer, base: Buffer): boolean {
  if (key.length < base.length || key.compare(base, 0, base.length, 0, base.length) !== 0) return false;
  return key.length === base.length || key[base.length] === 0;
}

/** The manifest of files in their order, with both digests. The caller has checked names and digests. */
export function completeManifest(
  files: readonly ManifestFile[],
  hashType: Manifest['hashType'],
  ignored: readonly string[],
): Manifest {
  const digests = files.map(({ digest }) => Buffer.from(digest, 'hex'));
  const named = files.map(({ name }, index) => ({ name: Buffer.from(name), digest: digests[index] }));
  const algorithm = Buffer.from(hashType);
  const fields = named
    .sort((a, b) => Buffer.compare(a.name, b.name))
    .flatMap(({ name, digest }) => [length32(name), name, length32(algorithm), algorithm, length32(digest), digest]);
  return { hashType, files, ignored, root: sha256(digests), identity: sha256(fields) };
}

/** One call for all: each has a price of its own, and a manifest may have 100,000 files. */
function sha256(pieces: readonly Buffer[]): string {
  return createHash('sha256').update(Buffer.concat(pieces)).digest('hex');
}

function length32(field: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(field.length);
  return bytes;
}
