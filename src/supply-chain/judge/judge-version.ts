// One exact version of TensorFlow or Keras: published vulnerabilities, end of fixes, candidates, versions that nobody knows.

import { isPrerelease, parseVersion } from '../python/index.ts';
import type { Finding, Place } from '../supply-chain-types.ts';
import { makeFinding } from './make-finding.ts';
import type { Judged, VersionFacts } from './version-facts.ts';

interface VersionContext {
  readonly place: Place;
  readonly package: string;
  /** What stands there: `tensorflow==2.9.1`, `tensorflow/tensorflow:2.9.1`. */
  readonly what: string;
  readonly fix: string;
}

const shownIds = 5;

export function versionFindings(name: Judged, version: string, facts: VersionFacts, context: VersionContext): Finding[] {
  const { place, what, fix } = context;
  const common = { place, package: context.package, version, fix };
  const findings: Finding[] = [];
  const open = facts.openIn(name, version);
  if (open !== undefined) {
    const others = open.ids.length > shownIds ? ` and ${open.ids.length - shownIds} more` : '';
    const count = open.ids.length === 1 ? '1 published vulnerability' : `${open.ids.length} published vulnerabilities`;
    const message = `${what} has ${count}: ${open.ids.slice(0, shownIds).join(', ')}${others}`;
    findings.push(makeFinding('vulnerable', { ...common, message, severity: open.worst, advisories: open.ids }));
  }
  if (facts.isOutdated(name, version)) {
    findings.push(
      makeFinding('outdated', {
        ...common,
        message: `${what}: ${name} is at ${facts.newest(name)}, and this line gets no fixes`,
      }),
    );
  } else if (!facts.isKnown(name, version)) {
    findings.push(
      makeFinding('unknown-version', {
        ...common,
        message: `${what}: no such release is known; the newest is ${facts.newest(name)}`,
      }),
    );
  }
  const parsed = parseVersion(version);
  if (parsed !== undefined && isPrerelease(parsed))
    findings.push(makeFinding('prerelease', { ...common, message: `${what} is a pre-release` }));
  return findings;
}
