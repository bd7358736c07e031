// Version specifiers of PEP 440 (`>=2.16,!=2.16.1,<3`): read strictly, and asked whether a version is allowed. What cannot be read is undefined,
// and whoever asked says that it was not judged.
import { comparePublic, compareVersions, isPrerelease, type PythonVersion, parseVersion } from './version.ts';

const maxClauses = 32;

export type Operator = '===' | '==' | '!=' | '~=' | '<=' | '>=' | '<' | '>';

export interface Clause {
  readonly operator: Operator;
  /** As written, without `.*`. */
  readonly text: string;
  /** Undefined only with `===`, which compares texts. */
  readonly version: PythonVersion | undefined;
  /** `==2.15.*` */
  readonly wildcard: boolean;
}

/** All of them must hold; none allows every version. */
export type SpecifierSet = readonly Clause[];

/** Undefined when `text` is not a comma-separated list of specifiers. An empty text allows everything. */
export function parseSpecifiers(text: string): SpecifierSet | undefined {
  const parts = text.split(',', maxClauses + 1).map((part) => part.trim());
  if (parts.length > maxClauses) return undefined;
  const clauses: Clause[] = [];
  for (const part of parts) {
    // `>=1,` is what several tools write; PEP 508 as implemented by `packaging` takes it.
    if (part === '') continue;
    const clause = parseClause(part);
    if (clause === undefined) return undefined;
    clauses.push(clause);
  }
  return clauses;
}

function parseClause(part: string): Clause | undefined {
  const [, operator, rest] = /^(===|==|!=|~=|<=|>=|<|>)([^,]*)$/.exec(part) ?? [];
  if (operator === undefined) return undefined;
  const text = rest.trim();
  if (operator === '===')
    return /^[^\s,;)]{1,128}$/.test(text) ? { operator, text, version: parseVersion(text), wildcard: false } : undefined;
  const wildcard = text.endsWith('.*');
  const version = parseVersion(wildcard ? text.slice(0, -2) : text);
  if (version === undefined) return undefined;
  const isEquality = operator === '==' || operator === '!=';
  if (wildcard && (!isEquality || version.dev !== undefined || version.local !== undefined)) return undefined;
  if (version.local !== undefined && !isEquality) return undefined;
  if (operator === '~=' && version.release.length < 2) return undefined;
  return { operator: operator as Operator, text: wildcard ? text.slice(0, -2) : text, version, wildcard };
}

/** Whether `version` is in all of them. Pre-releases are in only when a clause names one, or with `prereleases`. */
export function allows(set: SpecifierSet, version: PythonVersion, prereleases = namesPrerelease(set)): boolean {
  if (isPrerelease(version) && !prereleases) return false;
  return set.every((clause) => holds(clause, version));
}

/** Whether a clause names a pre-release itself, which lets pip take them. */
export function namesPrerelease(set: SpecifierSet): boolean {
  return set.some(({ operator, version }) => operator !== '!=' && version !== undefined && isPrerelease(version));
}

/** The one version that a set allows by `==` without wildcard or by `===`, as written; undefined when there is a choice. */
export function exactVersion(set: SpecifierSet): string | undefined {
  return set.find(({ operator, wildcard }) => operator === '===' || (operator === '==' && !wildcard))?.text;
}

function holds({ operator, text, version: bound, wildcard }: Clause, version: PythonVersion): boolean {
  if (operator === '===') {
    const asVersion = parseVersion(text);
    return asVersion !== undefined && compareVersions(asVersion, version) === 0;
  }
  if (bound === undefined) return false;
  switch (operator) {
    case '==':
      return equal(bound, version, wildcard);
    case '!=':
      return !equal(bound, version, wildcard);
    case '~=': {
      const { release, epoch } = bound;
      return comparePublic(version, bound) >= 0 && startsWith(version, { epoch, release: release.slice(0, -1) });
    }
    case '<=':
      return comparePublic(version, bound) <= 0;
    case '>=':
      return comparePublic(version, bound) >= 0;
    case '<':
      // `<3.0` leaves out candidates of 3.0, unless it names one itself.
      return comparePublic(version, bound) < 0 && (isPrerelease(bound) || !isPrerelease(version) || !sameRelease(version, bound));
    case '>':
      // `>1.7` leaves out 1.7.post1 and 1.7+local.
      if (comparePublic(version, bound) <= 0) return false;
      return bound.post !== undefined || version.post === undefined || !sameRelease(version, bound);
  }
}

function equal(bound: PythonVersion, version: PythonVersion, wildcard: boolean): boolean {
  if (wildcard) return startsWith(version, bound);
  return bound.local === undefined ? comparePublic(bound, version) === 0 : compareVersions(bound, version) === 0;
}

function sameRelease(a: PythonVersion, b: PythonVersion): boolean {
  return comparePublic({ epoch: a.epoch, release: a.release }, { epoch: b.epoch, release: b.release }) === 0;
}

/** Prefix match of PEP 440: numbers are padded with zeros, a suffix of the prefix must be there too. */
function startsWith(version: PythonVersion, { epoch, release, pre, post }: PythonVersion): boolean {
  if (version.epoch !== epoch || release.some((number, at) => number !== (version.release[at] ?? 0))) return false;
  if (pre !== undefined && (version.pre?.kind !== pre.kind || version.pre.number !== pre.number)) return false;
  return post === undefined || version.post === post;
}
