// The audit of one project: read, understood, judged, and what is accepted set aside. Runs nothing of the project and asks no network.
import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { type AdvisoryData, advisoryData, advisoryInfo } from '../advisories/index.ts';
import { compareSeverity, packageVersion, printable, type Severity } from '../core/index.ts';
import { releases } from '../posture/index.ts';
import type { Suppressions } from '../scan/index.ts';
import { type ProjectLimits, readProject } from './files/index.ts';
import { formatOf } from './formats/index.ts';
import { judgeProject, resolveIncludes, VersionFacts } from './judge/index.ts';
import type { Fact, Finding, Gap, ProjectFile, ReportedFinding, SupplyChainReport } from './supply-chain-types.ts';

export interface AuditOptions {
  /** Default `high`. */
  readonly refuseAt?: Severity;
  /** Findings that somebody accepted, as `airlock scan` has them. */
  readonly suppressionOf?: Suppressions['of'];
  /** A store whose newer advisories win over the built-in ones. */
  readonly store?: string;
  readonly limits?: ProjectLimits;
}

/** Findings of one file that are kept; a file with more is refused for them anyway. */
const maxFindings = 10_000;

/**
 * Reads every file of `folder` that says what is installed, and judges TensorFlow and Keras in them.
 * @throws USAGE when `folder` is no folder that can be read.
 */
export function auditSupplyChain(folder: string, options: AuditOptions = {}): SupplyChainReport {
  const { refuseAt = 'high', suppressionOf, store } = options;
  const project = readProject(folder, options.limits);
  const facts = new Map([...project.files].map(([file, content]): [string, readonly Fact[]] => [file, factsOf(content)]));
  const advisories: AdvisoryData = advisoryData(store);
  const versions = new VersionFacts(advisories, { tensorflow: releases('tensorflow'), keras: releases('keras') });
  const judged = judgeProject(resolveIncludes(project, facts), versions);
  const findings = judged.findings
    .slice(0, maxFindings)
    .map((finding) => reported(finding, suppressionOf))
    .sort(worstFirst);
  const unreadable = [...project.gaps, ...judged.gaps].map(({ place, reason }) => ({
    file: printable(place.file, 512),
    line: place.line,
    reason: printable(reason, 400),
  }));
  const counted = findings.filter(({ suppressed }) => suppressed === undefined);
  const isRefused = counted.some(({ severity }) => compareSeverity(severity, refuseAt) >= 0);
  return {
    schema: 'https://tf-airlock/supply-chain/v1',
    airlock: packageVersion(),
    target: printable(basename(resolve(folder)), 256),
    verdict: isRefused ? 'refused' : unreadable.length > 0 ? 'unreadable' : 'clean',
    refuseAt,
    data: { advisories: advisoryInfo(store).read, tensorflow: versions.newest('tensorflow'), keras: versions.newest('keras') },
    files: [...facts.keys()].sort().map((file) => ({
      file: printable(file, 512),
      format: formatOf(file)?.name ?? 'requirements',
      uses: judged.uses.get(file) ?? 0,
    })),
    findings,
    unreadable,
  };
}

/** A reader that fails is a gap of its file, not the end of the audit. */
function factsOf(content: ProjectFile): readonly Fact[] {
  try {
    return formatOf(content.file)?.read(content) ?? [];
  } catch {
    const gap: Gap = { kind: 'gap', place: { file: content.file, line: 1 }, reason: 'it could not be read' };
    return [gap];
  }
}

function reported(finding: Finding, suppressionOf: Suppressions['of'] | undefined): ReportedFinding {
  const { ruleId, severity, message, place, package: name } = finding;
  // Lines move and versions change; the same carelessness about the same package in the same file is one finding.
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([ruleId, place.file, name ?? message, finding.version ?? '']))
    .digest('hex')
    .slice(0, 16);
  const suppressed = suppressionOf?.({
    ruleId,
    severity,
    message,
    fingerprint,
    trigger: 'none',
    chain: [],
    location: { file: place.file, ...(name === undefined ? {} : { path: name }) },
  });
  return { ...finding, fingerprint, ...(suppressed === undefined ? {} : { suppressed }) };
}

function worstFirst(a: ReportedFinding, b: ReportedFinding): number {
  if (a.severity !== b.severity) return compareSeverity(b.severity, a.severity);
  if (a.place.file !== b.place.file) return a.place.file < b.place.file ? -1 : 1;
  return a.place.line - b.place.line || (a.ruleId < b.ruleId ? -1 : 1);
}
