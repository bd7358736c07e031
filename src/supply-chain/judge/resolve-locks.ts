// Which lock or constraint file decides what a line installs. A tool that has a lock beside its manifest installs what the lock says, so the lock is
// judged and the manifest only asked whether it fits.
import { posix } from 'node:path';
import { exactVersion, normalizedName, parseSpecifiers } from '../python/index.ts';
import type { Fact, PackageUse } from '../supply-chain-types.ts';
import type { Decided } from './judge-package.ts';
import type { Included } from './resolve-includes.ts';

/** Lock files of each kind of manifest, by name, in the same folder; the first that is there decides. */
const locksOf: readonly { readonly manifest: RegExp; readonly locks: RegExp; readonly isTight: boolean }[] = [
  {
    manifest: /^pyproject\.toml$|^setup\.(?:cfg|py)$/,
    locks: /^(?:poetry\.lock|uv\.lock|pdm\.lock|pylock(?:\..+)?\.toml)$/,
    isTight: true,
  },
  { manifest: /^pyproject\.toml$|^setup\.(?:cfg|py)$/, locks: /^requirements(?:[-_.].*)?\.txt$/, isTight: false },
  { manifest: /^Pipfile$/, locks: /^Pipfile\.lock$/, isTight: true },
  { manifest: /^environment(?:[-_.].*)?\.ya?ml$/, locks: /^(?:.*\.)?conda-lock\.ya?ml$|^conda-.*\.lock$/, isTight: false },
];

export class Locks {
  private readonly facts: ReadonlyMap<string, readonly Fact[]>;
  private readonly includes: ReadonlyMap<string, readonly Included[]>;
  private readonly byFolder = new Map<string, string[]>();

  constructor(facts: ReadonlyMap<string, readonly Fact[]>, includes: ReadonlyMap<string, readonly Included[]>) {
    this.facts = facts;
    this.includes = includes;
    for (const file of facts.keys()) {
      const folder = posix.dirname(file);
      this.byFolder.set(folder, [...(this.byFolder.get(folder) ?? []), file]);
    }
  }

  /** What decides about a use; undefined when its own line does. */
  decided(use: PackageUse): Decided | undefined {
    if (use.role === 'manifest' || use.role === 'conda') {
      const locked = this.locked(use);
      if (locked !== undefined) return locked;
    }
    return use.role === 'lock' || use.role === 'conda-lock' ? undefined : this.constrained(use);
  }

  private locked(use: PackageUse): Decided | undefined {
    const { file } = use.place;
    const [folder, base] = [posix.dirname(file), posix.basename(file)];
    const own = base.endsWith('.in') ? this.usesOf(`${file.slice(0, -3)}.txt`, use.name) : undefined;
    if (own !== undefined) return own.versions.length > 0 ? own : undefined;
    for (const { manifest, locks, isTight } of locksOf) {
      if (!manifest.test(base)) continue;
      const found = (this.byFolder.get(folder) ?? []).filter((name) => locks.test(posix.basename(name)));
      const decided = found.map((name) => this.usesOf(name, use.name)).filter((one) => one !== undefined);
      const best = decided.find(({ versions }) => versions.length > 0) ?? (isTight ? decided[0] : undefined);
      if (best !== undefined) return best;
    }
    return base === 'pyproject.toml' ? this.workspaceLock(folder, use.name) : undefined;
  }

  /** The members of a workspace of uv have one lock, at its root. */
  private workspaceLock(folder: string, name: string): Decided | undefined {
    for (let above = folder; above !== '.'; ) {
      above = posix.dirname(above);
      const decided = this.usesOf(posix.join(above, 'uv.lock'), name);
      if (decided !== undefined && decided.versions.length > 0) return decided;
    }
    return undefined;
  }

  /** Undefined when the file is not there. */
  private usesOf(file: string, name: string): Decided | undefined {
    const facts = this.facts.get(file);
    if (facts === undefined) return undefined;
    // A lock that cannot be read decides nothing that is known.
    const uses = packagesOf(facts).filter((use) => normalizedName(use.name) === normalizedName(name));
    if (uses.length === 0 && facts.some(({ kind }) => kind === 'gap')) return undefined;
    const versions = uses.map(versionOf).filter((version) => version !== undefined);
    return {
      by: posix.basename(file),
      versions: [...new Set(versions)],
      hashed: uses.every(({ hashed }) => hashed),
      form: 'lock',
    };
  }

  private constrained(use: PackageUse): Decided | undefined {
    for (const file of this.constraintFiles(use.place.file)) {
      for (const one of packagesOf(this.facts.get(file) ?? [])) {
        const version = normalizedName(one.name) === normalizedName(use.name) ? versionOf(one) : undefined;
        if (version !== undefined)
          return { by: posix.basename(file), versions: [version], hashed: one.hashed, form: 'constraint' };
      }
    }
    return undefined;
  }

  private constraintFiles(file: string): ReadonlySet<string> {
    const found = new Set<string>();
    const seen = new Set<string>([file]);
    const waiting = [file];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      for (const { file: target, constraint } of this.includes.get(next) ?? []) {
        if (constraint) found.add(target);
        if (!seen.has(target)) waiting.push(target);
        seen.add(target);
      }
    }
    return found;
  }
}

function packagesOf(facts: readonly Fact[]): PackageUse[] {
  return facts.filter((fact) => fact.kind === 'package');
}

function versionOf({ specifier }: PackageUse): string | undefined {
  const set = specifier === undefined ? undefined : parseSpecifiers(specifier);
  return set === undefined ? undefined : exactVersion(set);
}
