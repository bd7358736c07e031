// Dependencies as poetry and Pipfile write them: tables of names, with constraints such as `^2.16`, `~2.16`, `2.16.*` and tables with a source.
import { directSource } from '../shell/index.ts';
import type { DirectSource, PackageUse } from '../supply-chain-types.ts';
import { listOf, stringOf, tableOf, valueAt } from './data-values.ts';
import type { LineFinder } from './line-finder.ts';

/** Of `[tool.poetry]`: the main dependencies, the groups and the old dev-dependencies. */
export function poetryUses(poetry: unknown, file: string, lines: LineFinder): PackageUse[] {
  const tables = [valueAt(poetry, 'dependencies'), valueAt(poetry, 'dev-dependencies')];
  for (const group of Object.values(tableOf(valueAt(poetry, 'group')))) tables.push(valueAt(group, 'dependencies'));
  return tables.flatMap((table) => tableUses(table, file, lines, 'then: poetry lock'));
}

/** Of a Pipfile or poetry: one table of names and constraints. */
export function tableUses(table: unknown, file: string, lines: LineFinder, afterwards: string): PackageUse[] {
  return Object.entries(tableOf(table)).flatMap(([name, value]) => {
    if (name === 'python') return [];
    // Several constraints for one name, each with markers.
    const parts: readonly unknown[] = Array.isArray(value) ? value : [value];
    return parts.map((part) => entryUse(name, part, file, lineOf(name, lines), afterwards));
  });
}

function lineOf(name: string, lines: LineFinder): number {
  if (!/[tk]/i.test(name) && !/[^\x20-\x7e]/.test(name)) return 1;
  const word = name.replace(/[^\p{L}\p{N}]/gu, '\\$&');
  return lines.first(new RegExp(`^\\s*["']?${word}["']?\\s*=|^\\s*\\[.*\\.["']?${word}["']?\\s*\\]`, 'u'));
}

function entryUse(name: string, value: unknown, file: string, line: number, afterwards: string): PackageUse {
  const version = stringOf(value) ?? stringOf(valueAt(value, 'version'));
  const direct = directOf(value);
  const extras = listOf(valueAt(value, 'extras')).filter((extra) => typeof extra === 'string');
  return {
    kind: 'package',
    place: { file, line },
    role: 'manifest',
    name,
    extras: extras.length === 0 ? '' : `[${extras.join(',')}]`,
    specifier: version === undefined ? undefined : poetrySpecifier(version),
    hashed: direct?.fixed ?? false,
    ...(direct === undefined ? {} : { direct }),
    write: tomlLine,
    afterwards,
  };
}

/** `tensorflow = "==2.21.0"`, or a table when there are extras. */
function tomlLine(name: string, specifier: string): string {
  const [, bare, extras] = /^([^[]+)(?:\[([^\]]*)\])?/.exec(name) ?? ['', name];
  if (extras === undefined) return `${bare} = ${JSON.stringify(specifier)}`;
  return `${bare} = { version = ${JSON.stringify(specifier)}, extras = ${JSON.stringify(extras.split(','))} }`;
}

function directOf(value: unknown): DirectSource | undefined {
  const git = stringOf(valueAt(value, 'git'));
  const url = stringOf(valueAt(value, 'url')) ?? stringOf(valueAt(value, 'file'));
  const path = stringOf(valueAt(value, 'path'));
  if (git !== undefined) {
    const rev = stringOf(valueAt(value, 'rev')) ?? stringOf(valueAt(value, 'ref')) ?? '';
    return { form: 'vcs', text: git, fixed: /^[0-9a-f]{40}$/.test(rev) };
  }
  if (url !== undefined) return directSource(url) ?? { form: 'url', text: url, fixed: false };
  return path === undefined ? undefined : { form: 'path', text: path, fixed: false };
}

/** Poetry's constraints as specifiers of PEP 440; undefined when they cannot be read or are alternatives (`||`). */
export function poetrySpecifier(text: string): string | undefined {
  if (text.length > 256 || text.includes('|')) return undefined;
  const parts = text.split(/,|\s+(?=[\^~<>=!])/).map((part) => part.trim());
  const specifiers: string[] = [];
  for (const part of parts) {
    if (part === '' || part === '*' || part === 'latest') continue;
    const specifier = onePart(part.replace(/\s+/g, ''));
    if (specifier === undefined) return undefined;
    specifiers.push(specifier);
  }
  return specifiers.join(',');
}

function onePart(part: string): string | undefined {
  const [, caret, caretVersion] = /^(\^|~)(\d[\w.]*)$/.exec(part) ?? [];
  if (caret !== undefined) {
    const numbers = caretVersion.split('.').map((number) => Number.parseInt(number, 10) || 0);
    // `^0.3` means below 0.4: the first number that is not zero may not change. `~2` means below 3, `~2.16.1` below 2.17.
    const first = numbers.findIndex((number) => number !== 0);
    const fixed = caret === '^' ? (first === -1 ? numbers.length - 1 : first) : Math.min(1, numbers.length - 1);
    const upper = numbers.slice(0, fixed + 1);
    upper[fixed]++;
    return `>=${caretVersion},<${upper.join('.')}`;
  }
  if (/^(?:===|==|!=|~=|<=|>=|<|>)/.test(part)) return part;
  if (/^=\d/.test(part)) return `=${part}`;
  return /^\d[\w.!+]*(?:\.\*)?$/.test(part) ? `==${part}` : undefined;
}
