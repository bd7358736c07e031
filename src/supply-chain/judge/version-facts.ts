// What is known about versions of TensorFlow and Keras: which exist, which vulnerabilities each has, which minor versions still get fixes. From the data of
// advisories and posture; nothing here asks an index.
import { type Advisory, type AdvisoryData, isAffected } from '../../advisories/index.ts';
import { compareSeverity, type Severity } from '../../core/index.ts';
import type { Release } from '../../posture/index.ts';
import {
  allows,
  comparePublic,
  isPrerelease,
  type PythonVersion,
  parseVersion,
  type SpecifierSet,
  versionText,
} from '../python/index.ts';

export type Judged = 'tensorflow' | 'keras';

export interface OpenAdvisories {
  readonly worst: Severity;
  /** CVE or other ids, worst first. */
  readonly ids: readonly string[];
}

interface Known {
  readonly text: string;
  readonly version: PythonVersion;
}

export class VersionFacts {
  private readonly advisories: AdvisoryData;
  private readonly known: Readonly<Record<Judged, readonly Known[]>>;
  private readonly open = new Map<string, OpenAdvisories | undefined>();

  constructor(advisories: AdvisoryData, releases: Readonly<Record<Judged, readonly Release[]>>) {
    this.advisories = advisories;
    this.known = { tensorflow: knownOf(releases.tensorflow), keras: knownOf(releases.keras) };
  }

  /** The newest final release that is known. */
  newest(name: Judged): string {
    return this.finals(name).at(-1)?.text ?? '';
  }

  /** The newest version that `set` allows, a candidate only where the set names one; undefined when none is known. */
  newestAllowed(name: Judged, set: SpecifierSet): string | undefined {
    return this.known[name].findLast(({ version }) => allows(set, version))?.text;
  }

  /** How many known versions that `set` allows have published vulnerabilities, and the first version from which on none has. */
  vulnerableAllowed(name: Judged, set: SpecifierSet): { readonly count: number; readonly cleanFrom: string | undefined } {
    const allowed = this.known[name].filter(({ version }) => allows(set, version));
    const last = allowed.findLastIndex(({ text }) => this.openIn(name, text) !== undefined);
    const count = allowed.filter(({ text }) => this.openIn(name, text) !== undefined).length;
    return { count, cleanFrom: allowed[last + 1]?.text };
  }

  isKnown(name: Judged, text: string): boolean {
    const version = parseVersion(text);
    return version !== undefined && this.known[name].some((one) => comparePublic(one.version, version) === 0);
  }

  /** Published vulnerabilities of one version; undefined when there are none. A text that is no version has all of them. */
  openIn(name: Judged, text: string): OpenAdvisories | undefined {
    const key = `${name} ${text}`;
    if (!this.open.has(key)) this.open.set(key, this.compute(name, text));
    return this.open.get(key);
  }

  private compute(name: Judged, text: string): OpenAdvisories | undefined {
    const forms = formsOf(text);
    const hits = this.advisories[name].filter(({ affected }) => forms.some((form) => isAffected(form, affected)));
    if (hits.length === 0) return undefined;
    const sorted = [...hits].sort((a, b) => compareSeverity(b.severity, a.severity) || (idOf(a) < idOf(b) ? 1 : -1));
    return { worst: sorted[0].severity, ids: sorted.map(idOf) };
  }

  /** Whether a version's minor line is older than the second newest. A local label or suffix changes nothing. */
  isOutdated(name: Judged, text: string): boolean {
    const version = parseVersion(text);
    if (version === undefined) return false;
    const minors = [...new Set(this.finals(name).map((one) => minorOf(one.version)))];
    const oldest = minors.at(-2) ?? minors.at(-1);
    const first = this.finals(name).find((one) => minorOf(one.version) === oldest);
    return (
      first !== undefined &&
      comparePublic(parseVersion(minorOf(version)) ?? version, parseVersion(minorOf(first.version)) ?? first.version) < 0
    );
  }

  private finals(name: Judged): readonly Known[] {
    return this.known[name].filter(({ version }) => !isPrerelease(version));
  }
}

function knownOf(releases: readonly Release[]): readonly Known[] {
  return releases
    .filter(({ yanked }) => yanked !== true)
    .flatMap(({ version: text }) => {
      const version = parseVersion(text);
      return version === undefined ? [] : [{ text, version }];
    })
    .sort((a, b) => comparePublic(a.version, b.version));
}

function minorOf({ release }: PythonVersion): string {
  return `${release[0]}.${release[1] ?? 0}`;
}

function idOf({ cve, id }: Advisory): string {
  return cve ?? id;
}

/**
 * A version as the ranges of advisories are written. Post-releases and local labels have the code of their release; an alpha or beta is judged as the first
 * candidate and as the release, because ranges name neither.
 */
function formsOf(text: string): readonly string[] {
  const version = parseVersion(text);
  if (version === undefined) return [text];
  const release = versionText({ epoch: 0, release: version.release.slice(0, 3) });
  if (version.pre?.kind === 'rc' && version.dev === undefined) return [`${release}rc${version.pre.number}`];
  return version.pre === undefined && version.dev === undefined ? [release] : [`${release}rc0`, release];
}
