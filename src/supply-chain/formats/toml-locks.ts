// Lock files in TOML: poetry.lock, uv.lock, pdm.lock and pylock.toml (PEP 751). They differ in names only: packages with a version, where they come
// from, and files with digests.
import type { DirectSource, Fact, PackageUse, ProjectFile } from '../supply-chain-types.ts';
import { listOf, parseToml, stringOf, tableOf, unreadableFile, valueAt } from './data-values.ts';
import { LineFinder } from './line-finder.ts';

/** How one tool is told to take another version. */
const commands = {
  poetry: (name: string, specifier: string) => `poetry add "${name}${specifier}"`,
  uv: (name: string, specifier: string) => `uv add "${name}${specifier}"`,
  pdm: (name: string, specifier: string) => `pdm add "${name}${specifier}"`,
  pylock: (name: string, specifier: string) => `"${name}${specifier}" in the project's dependencies, then make this file anew`,
} as const;

export type TomlLock = keyof typeof commands;

export function readTomlLock({ file, text }: ProjectFile, tool: TomlLock): Fact[] {
  const document = parseToml(text);
  const packages = valueAt(document, tool === 'pylock' ? 'packages' : 'package');
  // A lock without a version of its format is none; one that locks nothing has no packages.
  const isLock =
    document !== undefined && ['version', 'lock-version', 'metadata'].some((key) => valueAt(document, key) !== undefined);
  if (document === undefined || (!isLock && packages === undefined)) return unreadableFile(file, `lock of ${tool}`);
  const lines = new LineFinder(text);
  return listOf(packages).flatMap((entry): Fact[] => {
    const name = stringOf(valueAt(entry, 'name'));
    if (name === undefined) return [{ kind: 'gap' as const, place: { file, line: 1 }, reason: 'a package in it has no name' }];
    // The project itself, and members of its workspace.
    if (['editable', 'virtual', 'workspace'].some((key) => valueAt(entry, 'source', key) !== undefined)) return [];
    return [lockUse(name, entry, document, { file, line: /[tk]/i.test(name) ? lines.nextWhole(`name = "${name}"`) : 1 }, tool)];
  });
}

function lockUse(name: string, entry: unknown, document: unknown, place: PackageUse['place'], tool: TomlLock): PackageUse {
  const version = stringOf(valueAt(entry, 'version'));
  const direct = directOf(entry);
  const index = stringOf(valueAt(entry, 'source', 'registry')) ?? stringOf(valueAt(entry, 'index')) ?? legacySource(entry);
  return {
    kind: 'package',
    place,
    role: 'lock',
    name,
    specifier: version === undefined ? undefined : `==${version}`,
    hashed: hashedFiles(filesOf(name, entry, document)) || direct?.fixed === true,
    ...(direct === undefined ? {} : { direct }),
    ...(index === undefined ? {} : { index }),
    write: commands[tool],
  };
}

/** poetry: `[package.source] type = "legacy"` is an index other than the default one. */
function legacySource(entry: unknown): string | undefined {
  return valueAt(entry, 'source', 'type') === 'legacy' ? stringOf(valueAt(entry, 'source', 'url')) : undefined;
}

function directOf(entry: unknown): DirectSource | undefined {
  const type = stringOf(valueAt(entry, 'source', 'type'));
  const revision = stringOf(valueAt(entry, 'source', 'resolved_reference')) ?? stringOf(valueAt(entry, 'revision'));
  const commit = stringOf(valueAt(entry, 'vcs', 'commit-id')) ?? revision ?? '';
  const git =
    stringOf(valueAt(entry, 'source', 'git')) ??
    stringOf(valueAt(entry, 'git')) ??
    stringOf(valueAt(entry, 'vcs', 'url')) ??
    (type === 'git' ? stringOf(valueAt(entry, 'source', 'url')) : undefined);
  if (git !== undefined) return { form: 'vcs', text: git, fixed: /^[0-9a-f]{40}$/.test(commit) || /#[0-9a-f]{40}$/.test(git) };
  const url =
    (valueAt(entry, 'source', 'registry') === undefined ? stringOf(valueAt(entry, 'source', 'url')) : undefined) ??
    stringOf(valueAt(entry, 'url')) ??
    stringOf(valueAt(entry, 'archive', 'url'));
  if (url !== undefined && type !== 'legacy')
    return { form: 'url', text: url, fixed: hasDigest(valueAt(entry, 'archive')) || hashedFiles(filesOf('', entry, undefined)) };
  const path =
    stringOf(valueAt(entry, 'source', 'path')) ??
    stringOf(valueAt(entry, 'path')) ??
    stringOf(valueAt(entry, 'directory', 'path'));
  return path === undefined ? undefined : { form: 'path', text: path, fixed: false };
}

function filesOf(name: string, entry: unknown, document: unknown): readonly unknown[] {
  const own = [...listOf(valueAt(entry, 'files')), ...listOf(valueAt(entry, 'wheels'))];
  for (const key of ['sdist', 'archive']) {
    const single = valueAt(entry, key);
    if (single !== undefined) own.push(single);
  }
  if (own.length > 0) return own;
  // poetry until 1.4 kept the files of all packages in one table at the end.
  return [...listOf(valueAt(document, 'metadata', 'files', name)), ...listOf(valueAt(document, 'metadata', 'hashes', name))];
}

/** Each file has a digest: one without would be the one that is taken. */
function hashedFiles(files: readonly unknown[]): boolean {
  return files.length > 0 && files.every((file) => typeof file === 'string' || hasDigest(file));
}

function hasDigest(file: unknown): boolean {
  if (/^sha(?:256|384|512):/.test(stringOf(valueAt(file, 'hash')) ?? '')) return true;
  return Object.keys(tableOf(valueAt(file, 'hashes'))).some((name) => /^sha(?:256|384|512)$/.test(name));
}
