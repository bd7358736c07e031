// The digests of all files of a model, for whoever is going to sign it. What a signature cannot cover is refused by name, not left out.
import { AirlockError, printable, type Violation } from '../../core/index.ts';
import { isIgnored } from '../format/index.ts';
import type { Manifest, ManifestFile } from '../provenance-types.ts';
import { digestFiles, type FileOutcome, type ReadOptions, sizeOf } from './digest-files.ts';
import { listTree, type TreeOddity } from './list-tree.ts';
import { openTree } from './tree.ts';

export interface HashTreeOptions extends ReadOptions {
  /** Paths that are left out: not even looked at. Default none. */
  readonly ignored?: readonly string[];
  /** Default `sha256`. */
  readonly hashType?: Manifest['hashType'];
  /** Files and folders together. Default 100,000. */
  readonly maxFiles?: number;
  /** Folders inside each other. Default 32. */
  readonly maxDepth?: number;
}

export interface HashedTree {
  /** By the bytes of their names; `.` where the model is one file. May be empty. */
  readonly files: readonly ManifestFile[];
  readonly totalBytes: number;
  /** Whether the model is one file. */
  readonly isFile: boolean;
}

/**
 * Hashes everything that lies at `path`.
 * @throws MODEL_INVALID for a link, something that is not a regular file, a name that is not UTF-8, a file that changes meanwhile, with a
 * violation for each of the first 100; MODEL_NOT_AVAILABLE for what cannot be read; MODEL_NOT_FOUND; CANCELLED.
 */
export async function hashTree(path: string, options: HashTreeOptions = {}): Promise<HashedTree> {
  const { ignored = [], hashType = 'sha256', onProgress, signal, ...limits } = options;
  const tree = await openTree(path);
  try {
    const skip = (name: string): boolean => isIgnored(name, ignored);
    const { files, oddities } = await listTree(tree, { ...limits, skip, ...(signal === undefined ? {} : { signal }) });
    assertUsual(oddities);
    const outcomes = await digestFiles(tree, files, { hashType, onProgress, signal });
    return {
      files: inOrder(digestsOf(outcomes)),
      totalBytes: sizeOf(files),
      isFile: tree.fileBytes !== undefined,
    };
  } finally {
    await tree.close();
  }
}

function inOrder(files: readonly ManifestFile[]): ManifestFile[] {
  const keyed = files.map((file) => ({ file, key: Buffer.from(file.name) }));
  return keyed.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ file }) => file);
}

type Oddity = TreeOddity['kind'] | 'missing' | 'changed';

const texts: Readonly<Record<Oddity, string>> = {
  link: 'a symbolic link',
  special: 'something that is neither a file nor a folder',
  unnameable: 'a name that is not UTF-8',
  unreadable: 'something that cannot be read',
  missing: 'a file that went away',
  changed: 'a file that changed while it was read',
};

function digestsOf(outcomes: ReadonlyMap<string, FileOutcome>): ManifestFile[] {
  const files: ManifestFile[] = [];
  const failed: { name: string; kind: Oddity }[] = [];
  for (const [name, outcome] of outcomes) {
    if ('digest' in outcome) files.push({ name, digest: outcome.digest });
    else failed.push({ name, kind: outcome.problem });
  }
  assertUsual(failed);
  return files;
}

function assertUsual(oddities: readonly { readonly name: string; readonly kind: Oddity }[]): void {
  if (oddities.length === 0) return;
  const violations = oddities.slice(0, 100).map(({ name, kind }): Violation => {
    return { path: printable(name, 256), rule: kind, expected: 'a regular file that can be read', got: texts[kind] };
  });
  const more = oddities.length === 1 ? '' : `, and ${oddities.length - 1} more`;
  const message = `The model holds what cannot be signed: ${violations[0].path}: ${violations[0].got}${more}`;
  const isInvalid = oddities.some(({ kind }) => kind !== 'unreadable');
  throw new AirlockError(isInvalid ? 'MODEL_INVALID' : 'MODEL_NOT_AVAILABLE', { message, violations });
}
