// Requirements and constraint files as pip reads them (its documentation, "Requirements File Format"), and what `pip freeze` writes. Continued lines,
// comments, options per line and per file. A line that cannot be read is a gap.
import { indexOptions, requirementUse } from '../shell/index.ts';
import type { Fact, PackageUse, Place, ProjectFile, Role } from '../supply-chain-types.ts';

const maxLines = 200_000;

interface LogicalLine {
  readonly text: string;
  readonly line: number;
}

/** `role` is `lock` for files that a tool compiled from another one and that fix everything. */
export function readRequirementsFile({ file, text }: ProjectFile, role: Role): Fact[] {
  const facts: Fact[] = [];
  for (const { text: line, line: number } of logicalLines(text)) {
    const place = { file, line: number };
    if (line.startsWith('-')) facts.push(...optionFacts(line, place, role));
    else facts.push(...requirementFacts(line, place, role));
  }
  return facts;
}

/** pip joins a line that ends with a backslash with the next one, then takes comments away. */
function logicalLines(text: string): LogicalLine[] {
  const lines: LogicalLine[] = [];
  let parts: string[] = [];
  let start = 1;
  const all = text.split('\n', maxLines);
  for (const [at, raw] of all.entries()) {
    const line = raw.replace(/\r$/, '');
    const isComment = /^\s*#/.test(line);
    if (parts.length === 0) start = at + 1;
    if (line.endsWith('\\') && !isComment && at + 1 < all.length) {
      parts.push(line.slice(0, -1));
      continue;
    }
    // A comment ends a continued line.
    parts.push(isComment ? '' : line);
    const joined = withoutComment(parts.join(' ')).trim();
    if (joined !== '') lines.push({ text: joined, line: start });
    parts = [];
  }
  return lines;
}

/** `#` begins a comment at the start or after a blank; in a URL it is a fragment. */
function withoutComment(line: string): string {
  for (let at = line.indexOf('#'); at !== -1; at = line.indexOf('#', at + 1)) {
    if (at === 0 || line[at - 1] === ' ' || line[at - 1] === '\t') return line.slice(0, at);
  }
  return line;
}

function optionFacts(line: string, place: Place, role: Role): Fact[] {
  const [, option, rest] = /^(--[a-z][a-z-]*|-[a-zA-Z])[\s=]*(.*)$/s.exec(line) ?? [];
  if (option === undefined) return [{ kind: 'gap', place, reason: `"${line}" is no option of pip` }];
  const value = unquoted(rest.trim());
  const index = indexOptions.get(option);
  if (index !== undefined) return [{ kind: 'index', place, option: index, value, scope: 'file' }];
  switch (option) {
    case '-r':
    case '--requirement':
    case '-c':
    case '--constraint':
      if (value.includes('${')) return [{ kind: 'gap', place, reason: `which file ${option} reads is decided by ${value}` }];
      return [{ kind: 'include', place, path: value, constraint: option === '-c' || option === '--constraint' }];
    case '-e':
    case '--editable':
      return requirementFacts(value, place, role, '-e ');
    default:
      // --no-index, --pre, --no-binary, --only-binary, --prefer-binary, --require-hashes, --use-feature: nothing follows for where files come from.
      return [];
  }
}

function requirementFacts(line: string, place: Place, role: Role, lead = ''): Fact[] {
  const hashes = line.match(/\s--hash[=\s]\s*(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})(?=\s|$)/gi) ?? [];
  const bad = /\s--hash\b/.test(line) && hashes.length === 0;
  // Other options per requirement (--global-option, --config-settings) begin with a dash as well.
  const [requirement] = line.split(/\s-{1,2}(?=[a-z])/, 1);
  const text = environmentForm(unquoted(requirement.trim()));
  if (text === undefined) return [{ kind: 'gap', place, reason: `what is installed is decided by ${requirement.trim()}` }];
  const marker = markerOf(text);
  const write: PackageUse['write'] = (name, specifier) => `${lead}${name}${specifier}${marker}`;
  const use = requirementUse(text, { place, role, hashed: hashes.length > 0, write, afterwards: hashCommand });
  if (use === undefined) return [];
  return bad ? [use, { kind: 'gap', place, reason: 'a --hash in this line is none that pip accepts' }] : [use];
}

/** Fills in the digests of every wheel, for this file and everything that it brings along. */
const hashCommand = 'then: uv pip compile --generate-hashes, or pip-compile --generate-hashes';

function markerOf(text: string): string {
  const at = text.indexOf(';');
  return at === -1 ? '' : ` ; ${text.slice(at + 1).trim()}`;
}

/** pip puts `${NAME}` in from the environment, which is not known here. */
function environmentForm(text: string): string | undefined {
  return /\$\{[A-Z0-9_]+\}/.test(text) && !/^[^$]*@/.test(text) ? undefined : text;
}

function unquoted(text: string): string {
  return /^(["']).*\1$/s.test(text) ? text.slice(1, -1) : text;
}
