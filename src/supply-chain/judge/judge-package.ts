// One use of a package: its name, its version, its digest, where it comes from. What a lock or a constraint decides is judged there, and only mentioned
// here.
import { lookAlikeOf, type PackageFact, packageTable } from '../packages/index.ts';
import { allows, exactVersion, normalizedName, parseSpecifiers, parseVersion, type SpecifierSet } from '../python/index.ts';
import type { Finding, Gap, PackageUse } from '../supply-chain-types.ts';
import { isOfficialIndex } from './judge-index.ts';
import { versionFindings } from './judge-version.ts';
import { makeFinding } from './make-finding.ts';
import type { Judged, VersionFacts } from './version-facts.ts';

export interface Decided {
  /** The file that decides what is installed instead. */
  readonly by: string;
  /** Exact versions there; none when the package is missing in it. */
  readonly versions: readonly string[];
  readonly hashed: boolean;
  /** A lock is the tool's answer to the manifest; a constraint only fixes a version. */
  readonly form: 'lock' | 'constraint';
}

/** Whether anything is said about a package of this name. */
export function isOfInterest(name: string): boolean {
  return packageTable.has(normalizedName(name)) || lookAlikeOf(name) !== undefined;
}

export function judgePackage(use: PackageUse, facts: VersionFacts, decided: Decided | undefined): (Finding | Gap)[] {
  const name = normalizedName(use.name);
  const fact = packageTable.get(name);
  if (fact === undefined) return imitation(use, facts);
  if (fact.standing === 'relative') return [];
  return new PackageJudge(use, name, fact, facts, decided).judge();
}

function imitation(use: PackageUse, facts: VersionFacts): Finding[] {
  const imitated = lookAlikeOf(use.name);
  if (imitated === undefined) return [];
  const real = imitated === 'tensorflow-gpu' ? 'tensorflow' : imitated;
  const judged = packageTable.get(real)?.judgedAs;
  const fix = use.write(real, judged === undefined ? '' : `==${facts.newest(judged)}`);
  return [
    makeFinding('look-alike', {
      place: use.place,
      package: use.name,
      message: `${use.name} looks like ${imitated} and is not`,
      fix,
    }),
  ];
}

class PackageJudge {
  private readonly findings: (Finding | Gap)[] = [];
  private readonly use: PackageUse;
  private readonly name: string;
  private readonly fact: PackageFact;
  private readonly facts: VersionFacts;
  private readonly decided: Decided | undefined;
  private readonly isConda: boolean;

  constructor(use: PackageUse, name: string, fact: PackageFact, facts: VersionFacts, decided: Decided | undefined) {
    this.use = use;
    this.name = name;
    this.fact = fact;
    this.facts = facts;
    this.decided = decided;
    this.isConda = use.channel !== undefined;
  }

  judge(): (Finding | Gap)[] {
    this.standing();
    if (this.fact.standing === 'nightly') return this.findings;
    const { judgedAs } = this.fact;
    if (judgedAs === undefined) return this.findings;
    this.source();
    const { specifier } = this.use;
    const set = specifier === undefined ? undefined : parseSpecifiers(specifier);
    if (set === undefined) this.unknown(judgedAs);
    else this.version(judgedAs, set);
    return this.findings;
  }

  private standing(): void {
    const { standing, note = '', instead = this.name } = this.fact;
    const [target] = instead.split('[');
    const judged = packageTable.get(target)?.judgedAs ?? 'tensorflow';
    const fix = this.use.write(instead, `==${this.facts.newest(judged)}`);
    if (this.isConda && standing !== 'nightly') {
      const message = `${this.use.name} comes from ${this.use.channel}, which builds it itself`;
      this.add('conda-build', message, this.use.write(target === '' ? this.name : target, `==${this.facts.newest(judged)}`));
    } else if (standing === 'unofficial')
      this.add('unofficial', `${this.use.name} is not published by the TensorFlow project: ${note}`, fix);
    else if (standing === 'dead') this.add('dead-name', `${this.use.name}: ${note}`, fix);
    else if (standing === 'nightly') this.add('nightly', `${this.use.name} is a nightly build`, fix);
  }

  private source(): void {
    const { direct, index, hashed } = this.use;
    if (index !== undefined && !isOfficialIndex(index) && this.fact.standing !== 'unofficial')
      this.add(
        'other-index',
        `${this.use.name} comes from ${index}`,
        '--index-url https://pypi.org/simple, then make the lock anew',
        hashed ? 'low' : 'medium',
      );
    if (direct === undefined) return;
    if (direct.form === 'url' && isOfficialIndex(direct.text.replace(/#.*$/s, ''))) return;
    const severity = direct.form === 'path' || direct.fixed ? 'medium' : 'high';
    const what = direct.form === 'vcs' ? 'a repository' : direct.form === 'url' ? 'an address' : 'a file';
    this.add('direct-source', `${this.use.name} comes from ${what}: ${direct.text}`, this.fixTo(), severity);
  }

  /** No version to judge: a variable, or something that is no index. */
  private unknown(judgedAs: Judged): void {
    if (this.isLocked()) return;
    if (this.use.direct !== undefined && this.use.direct.form !== 'path') {
      this.findings.push({ kind: 'gap', place: this.use.place, reason: `which version of ${judgedAs} this is cannot be known` });
      return;
    }
    this.findings.push({ kind: 'gap', place: this.use.place, reason: `the version of ${this.use.name} cannot be read` });
  }

  private version(judgedAs: Judged, set: SpecifierSet): void {
    const exact = exactVersion(set);
    const { decided } = this;
    if (decided !== undefined && decided.versions.length === 0) this.stale(`${decided.by} does not have ${this.use.name}`);
    if (decided?.form === 'lock' && decided.versions.length > 0) {
      this.locked(set, decided, exact);
      return;
    }
    if (exact === undefined && decided?.form === 'constraint' && decided.versions.length > 0) {
      // The constraint's own line is judged where it stands.
      if (!decided.hashed && !this.use.hashed && this.use.role !== 'constraint') this.unhashed(judgedAs, decided.versions[0]);
      return;
    }
    if (exact !== undefined) {
      this.pinned(judgedAs, exact);
      return;
    }
    if (this.use.role !== 'constraint') this.range(judgedAs, set);
  }

  private locked(set: SpecifierSet, { by, versions }: Decided, exact: string | undefined): void {
    const misfit = versions.find((text) => {
      const version = parseVersion(text);
      // A lock may hold a candidate because it was asked to.
      return version === undefined || !allows(set, version, true);
    });
    if (misfit !== undefined) {
      this.stale(`${by} has ${misfit}, which ${this.what()} does not allow`);
      return;
    }
    if (exact === undefined)
      this.add(
        'unpinned',
        `${this.what()} leaves the version open; ${by} decides: ${versions.join(', ')}`,
        `nothing here: install from ${by} only`,
        'info',
      );
  }

  private stale(message: string): void {
    this.add('stale-lock', message, this.use.afterwards ?? 'make the lock file anew');
  }

  private pinned(judgedAs: Judged, version: string): void {
    const parsed = parseVersion(version);
    if (parsed === undefined) {
      this.findings.push({ kind: 'gap', place: this.use.place, reason: `"${version}" is no version that can be judged` });
      return;
    }
    if (parsed.local !== undefined && this.fact.standing === 'official')
      this.add('unofficial', `${this.what()} has a local label, which no build of the TensorFlow project has`, this.fixTo());
    const context = { place: this.use.place, package: this.use.name, what: this.what(), fix: this.fixTo() };
    this.findings.push(...versionFindings(judgedAs, version, this.facts, context));
    const isInstalled = this.use.role !== 'constraint' && this.use.role !== 'conda' && this.fact.standing !== 'unofficial';
    if (!this.use.hashed && isInstalled && !this.isLocked()) this.unhashed(judgedAs, version);
  }

  private unhashed(judgedAs: Judged, version: string): void {
    if (this.use.direct?.form === 'path') return;
    const good = this.facts.openIn(judgedAs, version) === undefined ? version : this.facts.newest(judgedAs);
    const { role, extras = '', write } = this.use;
    const line = `${this.use.name}${extras}==${good} --hash=sha256:DIGEST`;
    const fix =
      role === 'command'
        ? `${line} in requirements.txt, and pip install --require-hashes -r requirements.txt here`
        : role === 'requirement'
          ? `${write(`${this.use.name}${extras}`, `==${good} --hash=sha256:DIGEST`)} (${this.use.afterwards ?? 'pip download and pip hash print it'})`
          : (this.use.afterwards ?? `${line} in a lock file`);
    this.add('unhashed', `${this.what()} has no digest`, fix, role === 'manifest' ? 'low' : 'medium');
  }

  private range(judgedAs: Judged, set: SpecifierSet): void {
    const newest = this.facts.newestAllowed(judgedAs, set);
    const best = newest !== undefined && this.facts.openIn(judgedAs, newest) === undefined ? newest : this.facts.newest(judgedAs);
    const { extras = '' } = this.use;
    const fix = this.use.write(`${this.fact.instead ?? `${this.use.name}${extras}`}`, `==${best}`);
    const isResolved = this.use.role === 'manifest' || this.use.role === 'conda';
    if (this.fact.standing === 'official')
      this.add('unpinned', `${this.what()} names no exact version`, fix, isResolved ? 'medium' : 'high');
    if (newest === undefined) {
      this.add('unknown-version', `${this.what()} allows no release that is known`, fix);
      return;
    }
    if (set.length === 0) return;
    const context = { place: this.use.place, package: this.use.name, what: `${this.what()} takes ${newest}, which`, fix };
    const judged = versionFindings(judgedAs, newest, this.facts, context).map((finding) => ({
      ...finding,
      message: finding.message.replace(', which:', ':'),
    }));
    this.findings.push(...judged.filter(({ ruleId }) => ruleId !== 'supply-chain/unknown-version'));
    const { count, cleanFrom } = this.facts.vulnerableAllowed(judgedAs, set);
    if (count === 0 || cleanFrom === undefined) return;
    const upper = set
      .filter(({ operator }) => operator === '<' || operator === '<=')
      .map(({ operator, text }) => `,${operator}${text}`);
    const message = `${this.what()} allows ${count} version${count === 1 ? '' : 's'} with published vulnerabilities`;
    this.add('allows-vulnerable', message, this.use.write(`${this.use.name}${extras}`, `>=${cleanFrom}${upper.join('')}`));
  }

  private isLocked(): boolean {
    return this.decided?.form === 'lock' && this.decided.versions.length > 0;
  }

  private fixTo(): string {
    const { instead } = this.fact;
    const [target] = (instead ?? this.name).split('[');
    const judged = packageTable.get(target)?.judgedAs ?? 'tensorflow';
    const { extras = '' } = this.use;
    return this.use.write(instead ?? `${this.use.name}${extras}`, `==${this.facts.newest(judged)}`);
  }

  private what(): string {
    const { name, extras = '', specifier = '' } = this.use;
    return `${name}${extras}${specifier}`;
  }

  private add(rule: Parameters<typeof makeFinding>[0], message: string, fix: string, severity?: Finding['severity']): void {
    this.findings.push(
      makeFinding(rule, {
        place: this.use.place,
        package: this.use.name,
        message,
        fix,
        ...(severity === undefined ? {} : { severity }),
      }),
    );
  }
}
