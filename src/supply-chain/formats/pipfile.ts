// Pipfile and Pipfile.lock of pipenv.
import type { Fact, PackageUse, ProjectFile } from '../supply-chain-types.ts';
import { listOf, parseJson, parseToml, stringOf, tableOf, unreadableFile, valueAt } from './data-values.ts';
import { LineFinder } from './line-finder.ts';
import { tableUses } from './poetry-table.ts';

const notPackages: ReadonlySet<string> = new Set(['source', 'requires', 'scripts', 'pipenv', 'pipfile']);

export function readPipfile({ file, text }: ProjectFile): Fact[] {
  const document = parseToml(text);
  if (document === undefined) return unreadableFile(file, 'TOML');
  const lines = new LineFinder(text);
  const facts: Fact[] = Object.entries(document)
    .filter(([name]) => !notPackages.has(name))
    .flatMap(([, table]) => tableUses(table, file, lines, 'then: pipenv lock'));
  return [...facts, ...sourceFacts(valueAt(document, 'source'), file, lines)];
}

/** The first source is asked first; a package of any other has to name it, which pipenv enforces since 2022.3.23 unless it is told otherwise. */
function sourceFacts(sources: unknown, file: string, lines: LineFinder): Fact[] {
  return listOf(sources).flatMap((source, at): Fact[] => {
    const url = stringOf(valueAt(source, 'url')) ?? '';
    const place = { file, line: lines.next(url) };
    const facts: Fact[] = at === 0 ? [{ kind: 'index', place, option: 'index-url', value: url, scope: 'file' }] : [];
    if (valueAt(source, 'verify_ssl') === false)
      facts.push({ kind: 'index', place, option: 'no-verify', value: url, scope: 'file' });
    return facts;
  });
}

export function readPipfileLock({ file, text }: ProjectFile): Fact[] {
  const document = parseJson(text);
  if (document === undefined || Object.keys(tableOf(document)).length === 0) return unreadableFile(file, 'lock of pipenv');
  const lines = new LineFinder(text);
  const facts: Fact[] = sourceFacts(valueAt(document, '_meta', 'sources'), file, lines);
  for (const section of Object.keys(tableOf(document))) {
    if (section === '_meta') continue;
    for (const [name, entry] of Object.entries(tableOf(valueAt(document, section)))) {
      facts.push(lockUse(name, entry, file, /[tk]/i.test(name) ? lines.next(JSON.stringify(name)) : 1));
    }
  }
  return facts;
}

function lockUse(name: string, entry: unknown, file: string, line: number): PackageUse {
  const git = stringOf(valueAt(entry, 'git'));
  const url = stringOf(valueAt(entry, 'file'));
  const fixed = /^[0-9a-f]{40}$/.test(stringOf(valueAt(entry, 'ref')) ?? '');
  return {
    kind: 'package',
    place: { file, line },
    role: 'lock',
    name,
    specifier: stringOf(valueAt(entry, 'version')),
    hashed: listOf(valueAt(entry, 'hashes')).length > 0,
    ...(git === undefined ? {} : { direct: { form: 'vcs', text: git, fixed } }),
    ...(url === undefined ? {} : { direct: { form: 'url', text: url, fixed: false } }),
    write: (official, specifier) => `pipenv install "${official}${specifier}"`,
  };
}
