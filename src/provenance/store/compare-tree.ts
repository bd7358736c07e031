// What of a model's folder is not as it was signed. Tells people which files; what is served is decided by staging, which compares again,
// because the folder may be another one a moment later.
import { AirlockError, printable, type Violation } from '../../core/index.ts';
import { isIgnored, signatureNames } from '../format/index.ts';
import type { Manifest, TreeDifference } from '../provenance-types.ts';
import { digestFiles, type FileOutcome, type ReadOptions, sizeOf } from './digest-files.ts';
import { type ListedFile, listTree } from './list-tree.ts';
import { openTree, type Tree } from './tree.ts';

export interface TreeComparison {
  /** In order of their names; at most 100. */
  readonly differences: readonly TreeDifference[];
  /** How many there are beyond those. */
  readonly moreDifferences: number;
  /** Of the files that were hashed. */
  readonly totalBytes: number;
}

/** Files of the manifest that are there, and what is already known to differ without reading them. */
export interface NameComparison {
  readonly files: readonly ListedFile[];
  readonly differences: readonly TreeDifference[];
}

const maxDifferences = 100;

/**
 * Compares the model at `path` with what was signed. Everything that the manifest does not name is a difference, except below paths that it
 * ignores, `model.sig` and `model.sig.d`.
 * @throws as `openTree` and `listTree`; CANCELLED.
 */
export async function compareTree(path: string, manifest: Manifest, options: ReadOptions = {}): Promise<TreeComparison> {
  const tree = await openTree(path);
  try {
    const names = await compareSourceNames(tree, manifest, options.signal);
    return await compareContents(tree, names, manifest, options);
  } finally {
    await tree.close();
  }
}

/** As `compareTree`, by names alone, for a source that is to be copied. */
export function compareSourceNames(tree: Tree, manifest: Manifest, signal: AbortSignal | undefined): Promise<NameComparison> {
  // Whoever signed something in those places wants it to be there.
  const unsigned = signatureNames.filter((place) => !manifest.files.some(({ name }) => isIgnored(name, [place])));
  return compareNames(tree, manifest, signal, [...manifest.ignored, ...unsigned]);
}

/** By names alone; `unsigned` are the paths that are not looked at. @throws as `listTree`. */
export async function compareNames(
  tree: Tree,
  manifest: Manifest,
  signal: AbortSignal | undefined,
  unsigned: readonly string[],
): Promise<NameComparison> {
  const missing = new Set(manifest.files.map(({ name }) => name));
  const skip = (name: string): boolean => isIgnored(name, unsigned);
  const { files, oddities } = await listTree(tree, { skip, ...(signal === undefined ? {} : { signal }) });
  const differences: TreeDifference[] = [];
  const found: ListedFile[] = [];
  for (const file of files) {
    if (missing.delete(file.name)) found.push(file);
    else differences.push({ name: shown(file.name), kind: 'extra' });
  }
  for (const { name, kind } of oddities) {
    missing.delete(name);
    differences.push({ name: shown(name), kind: kind === 'unnameable' ? 'extra' : kind });
  }
  for (const name of missing) differences.push({ name: shown(name), kind: 'missing' });
  return { files: found, differences };
}

/** Adds what only the contents show. @throws as `digestFiles`. */
export async function compareContents(
  tree: Tree,
  names: NameComparison,
  manifest: Manifest,
  options: ReadOptions,
): Promise<TreeComparison> {
  const outcomes = await digestFiles(tree, names.files, { ...options, hashType: manifest.hashType });
  const differences = [...names.differences, ...compareDigests(outcomes, manifest)];
  return { ...capped(differences), totalBytes: sizeOf(names.files) };
}

export function compareDigests(outcomes: ReadonlyMap<string, FileOutcome>, manifest: Manifest): TreeDifference[] {
  return manifest.files.flatMap(({ name, digest }): TreeDifference[] => {
    const outcome = outcomes.get(name);
    if (outcome === undefined || ('digest' in outcome && outcome.digest === digest)) return [];
    const kind = 'digest' in outcome || outcome.problem === 'changed' ? 'modified' : outcome.problem;
    return [{ name: shown(name), kind }];
  });
}

const gotTexts: Readonly<Record<TreeDifference['kind'], string>> = {
  missing: 'no such file',
  modified: 'other content',
  extra: 'a file that was not signed',
  link: 'a symbolic link',
  special: 'something that is not a regular file',
  unreadable: 'a file that cannot be read',
};

/** @throws MODEL_TAMPERED with a violation per file; MODEL_NOT_AVAILABLE when all that is wrong is that files cannot be read. */
export function assertSame(differences: readonly TreeDifference[]): void {
  if (differences.length === 0) return;
  const { differences: first, moreDifferences } = capped(differences);
  const violations = first.map(({ name, kind }): Violation => {
    const expected = kind === 'extra' ? 'nothing there' : 'the file that was signed';
    return { path: name, rule: kind, expected, got: gotTexts[kind] };
  });
  const others = first.length - 1 + moreDifferences;
  const more = others === 0 ? '' : `, and ${others} more`;
  const message = `The model's files are not the ones that were signed: ${first[0].name}: ${gotTexts[first[0].kind]}${more}`;
  const isTampered = differences.some(({ kind }) => kind !== 'unreadable');
  throw new AirlockError(isTampered ? 'MODEL_TAMPERED' : 'MODEL_NOT_AVAILABLE', { message, violations });
}

function capped(differences: readonly TreeDifference[]): Pick<TreeComparison, 'differences' | 'moreDifferences'> {
  // A hostile folder may have 100,000; to sort all of them would hold up the server.
  const sorted = differences
    .slice(0, 10 * maxDifferences)
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  return { differences: sorted.slice(0, maxDifferences), moreDifferences: Math.max(differences.length - maxDifferences, 0) };
}

function shown(name: string): string {
  return printable(name, 256);
}
