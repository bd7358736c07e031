// pyproject.toml: dependencies of PEP 621 and PEP 735, of poetry, pdm, uv and hatch, and the indexes that these tools are told.
import { requirementUse } from '../shell/index.ts';
import type { Fact, IndexUse, PackageUse, ProjectFile, Role } from '../supply-chain-types.ts';
import { listOf, parseToml, stringOf, type Table, tableOf, unreadableFile, valueAt } from './data-values.ts';
import { LineFinder } from './line-finder.ts';
import { poetryUses } from './poetry-table.ts';

export function readPyproject({ file, text }: ProjectFile): Fact[] {
  const document = parseToml(text);
  return document === undefined ? unreadableFile(file, 'TOML') : new PyprojectReader(file, text, document).read();
}

class PyprojectReader {
  private readonly facts: Fact[] = [];
  private readonly lines: LineFinder;
  private readonly file: string;
  private readonly document: Table;

  constructor(file: string, text: string, document: Table) {
    this.file = file;
    this.document = document;
    this.lines = new LineFinder(text);
  }

  read(): Fact[] {
    const { document } = this;
    const tool = valueAt(document, 'tool');
    this.list(valueAt(document, 'build-system', 'requires'));
    this.list(valueAt(document, 'project', 'dependencies'));
    this.lists(valueAt(document, 'project', 'optional-dependencies'));
    this.lists(valueAt(document, 'dependency-groups'));
    this.list(valueAt(tool, 'uv', 'dev-dependencies'));
    this.list(valueAt(tool, 'uv', 'constraint-dependencies'), 'constraint');
    this.list(valueAt(tool, 'uv', 'override-dependencies'));
    this.lists(valueAt(tool, 'pdm', 'dev-dependencies'));
    for (const environment of Object.values(tableOf(valueAt(tool, 'hatch', 'envs')))) {
      this.list(valueAt(environment, 'dependencies'));
      this.list(valueAt(environment, 'extra-dependencies'));
    }
    this.facts.push(...poetryUses(valueAt(tool, 'poetry'), this.file, this.lines));
    this.dynamic();
    this.uvIndexes(valueAt(tool, 'uv'));
    this.poetrySources(valueAt(tool, 'poetry', 'source'));
    for (const source of listOf(valueAt(tool, 'pdm', 'source'))) {
      const url = stringOf(valueAt(source, 'url'));
      const kind =
        valueAt(source, 'type') === 'find_links'
          ? 'find-links'
          : valueAt(source, 'name') === 'pypi'
            ? 'index-url'
            : 'extra-index-url';
      if (url !== undefined && url !== '') this.index(kind, url);
      if (valueAt(source, 'verify_ssl') === false) this.index('no-verify', url ?? '');
    }
    this.uvSources(tableOf(valueAt(tool, 'uv', 'sources')));
    return this.facts;
  }

  private list(value: unknown, role: Role = 'manifest'): void {
    for (const item of listOf(value)) {
      const text = stringOf(item);
      // PEP 735 includes other groups by a table.
      if (text !== undefined) this.requirement(text, role);
    }
  }

  private lists(value: unknown): void {
    for (const list of Object.values(tableOf(value))) this.list(list);
  }

  private requirement(text: string, role: Role): void {
    const isOfInterest = /[tk]/i.test(text) || /[^\x20-\x7e]/.test(text);
    const place = { file: this.file, line: isOfInterest ? this.lines.next(text) : 1 };
    const marker = text.includes(';') ? `; ${text.slice(text.indexOf(';') + 1).trim()}` : '';
    const write: PackageUse['write'] = (name, specifier) => `${JSON.stringify(`${name}${specifier}${marker}`)},`;
    const use = requirementUse(text, { place, role, write, afterwards: 'then: uv lock (or the lock command of your tool)' });
    if (use !== undefined) this.facts.push(use);
  }

  /** setuptools may read the dependencies from a file, or from a program that is not run here. */
  private dynamic(): void {
    const dynamic = listOf(valueAt(this.document, 'project', 'dynamic'));
    if (!dynamic.includes('dependencies')) return;
    const place = { file: this.file, line: this.lines.first(/^\s*dynamic\s*=/) };
    const files = valueAt(this.document, 'tool', 'setuptools', 'dynamic', 'dependencies', 'file');
    const named = typeof files === 'string' ? [files] : listOf(files).filter((name) => typeof name === 'string');
    for (const path of named) this.facts.push({ kind: 'include', place, path, constraint: false });
    // setup.py and setup.cfg are read on their own, and say so when they cannot be.
    const backend = stringOf(valueAt(this.document, 'build-system', 'build-backend')) ?? 'setuptools';
    if (named.length === 0 && !backend.startsWith('setuptools') && !backend.startsWith('poetry') && !backend.startsWith('pdm'))
      this.facts.push({ kind: 'gap', place, reason: 'its dependencies are dynamic: a program makes them when it is built' });
  }

  private uvIndexes(uv: unknown): void {
    for (const entry of listOf(valueAt(uv, 'index'))) {
      const url = stringOf(valueAt(entry, 'url'));
      // An explicit index is used for the packages that uv.sources sends there, and for no others.
      if (url === undefined || valueAt(entry, 'explicit') === true) continue;
      this.index(valueAt(entry, 'default') === true ? 'index-url' : 'extra-index-url', url);
    }
    const url = stringOf(valueAt(uv, 'index-url'));
    if (url !== undefined) this.index('index-url', url);
    for (const extra of listOf(valueAt(uv, 'extra-index-url'))) this.index('extra-index-url', stringOf(extra) ?? '');
    for (const links of listOf(valueAt(uv, 'find-links'))) this.index('find-links', stringOf(links) ?? '');
    for (const host of listOf(valueAt(uv, 'allow-insecure-host'))) this.index('trusted-host', stringOf(host) ?? '');
    this.pipSection(valueAt(uv, 'pip'));
  }

  private pipSection(pip: unknown): void {
    const url = stringOf(valueAt(pip, 'index-url'));
    if (url !== undefined) this.index('index-url', url);
    for (const extra of listOf(valueAt(pip, 'extra-index-url'))) this.index('extra-index-url', stringOf(extra) ?? '');
  }

  private poetrySources(sources: unknown): void {
    for (const source of listOf(sources)) {
      const url = stringOf(valueAt(source, 'url'));
      const priority = valueAt(source, 'priority') ?? (valueAt(source, 'secondary') === true ? 'supplemental' : 'primary');
      // `explicit` is asked only for packages that name it.
      if (url === undefined || priority === 'explicit') continue;
      const isFirst = priority === 'default' || valueAt(source, 'default') === true;
      this.index(isFirst ? 'index-url' : 'extra-index-url', url);
    }
  }

  private uvSources(sources: Table): void {
    for (const [name, value] of Object.entries(sources)) {
      for (const source of Array.isArray(value) ? value : [value]) {
        const git = stringOf(valueAt(source, 'git'));
        const url = stringOf(valueAt(source, 'url'));
        const path = stringOf(valueAt(source, 'path'));
        const text = git ?? url ?? path;
        if (text === undefined) continue;
        const fixed = git !== undefined && /^[0-9a-f]{40}$/.test(stringOf(valueAt(source, 'rev')) ?? '');
        this.facts.push({
          kind: 'package',
          place: { file: this.file, line: this.lines.next(name, '=', text) },
          role: 'manifest',
          name,
          specifier: undefined,
          hashed: fixed,
          direct: { form: git !== undefined ? 'vcs' : url !== undefined ? 'url' : 'path', text, fixed },
          write: (official, specifier) => `${official}${specifier} in dependencies, and no entry in tool.uv.sources`,
        });
      }
    }
  }

  private index(option: IndexUse['option'], value: string): void {
    this.facts.push({ kind: 'index', place: { file: this.file, line: this.lines.next(value) }, option, value, scope: 'file' });
  }
}
