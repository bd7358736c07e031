// The last report of each version, on the disk, so that a restart knows what the scan before it said: with new rules or new advisories a model can
// become worse without changing. Says what became worse; decides nothing.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AirlockError, compareSeverity, errnoOf } from '../core/index.ts';
import { countedFindings, type Report, type ReportedFinding, reachedAdvisories } from '../scan/index.ts';
import type { ScannedVersion } from './scan-gate.ts';

/** A version whose last scan is worse than the one before. */
export interface Worsening {
  readonly before: Report;
  readonly after: ScannedVersion;
  /** Those that are new, or more severe than they were. */
  readonly newFindings: readonly ReportedFinding[];
  /** Ids of published vulnerabilities that were not within reach before. */
  readonly newAdvisories: readonly string[];
}

const ranks = { clean: 0, unreadable: 1, refused: 2 } as const;

export class ScanHistory {
  readonly #folder: string;

  /** @throws STORE_NOT_WRITABLE. */
  constructor(folder: string) {
    this.#folder = folder;
    writing(() => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  }

  /** The report that was kept last; undefined when there is none, or none that can be read. */
  last(model: string, version: bigint): Report | undefined {
    try {
      const kept = JSON.parse(readFileSync(this.#fileOf(model, version), 'utf8')) as Partial<KeptReport> | null;
      return kept?.model === model && kept.version === String(version) ? kept.report : undefined;
    } catch {
      return undefined;
    }
  }

  /** What is worse than in the report that was kept last, if anything is. */
  compare(scanned: ScannedVersion): Worsening | undefined {
    const before = this.last(scanned.model, scanned.version);
    return before === undefined ? undefined : worsening(before, scanned);
  }

  /** Keeps a report. @throws STORE_NOT_WRITABLE, DISK_FULL. */
  keep({ model, version, report }: ScannedVersion): void {
    const file = this.#fileOf(model, version);
    const kept: KeptReport = { model, version: String(version), report };
    writing(() => {
      const aside = `${file}.${process.pid}.new`;
      writeFileSync(aside, JSON.stringify(kept), { mode: 0o600 });
      renameSync(aside, file);
    });
  }

  /** Names of models may be longer than names of files. */
  #fileOf(model: string, version: bigint): string {
    const name = createHash('sha256').update(model).digest('hex').slice(0, 32);
    return join(this.#folder, `${name}-${version}.json`);
  }
}

interface KeptReport {
  readonly model: string;
  readonly version: string;
  readonly report: Report;
}

function worsening(before: Report, after: ScannedVersion): Worsening | undefined {
  const known = new Map(countedFindings(before).map(({ fingerprint, severity }) => [fingerprint, severity]));
  const newFindings = countedFindings(after.report).filter(({ fingerprint, severity }) => {
    const old = known.get(fingerprint);
    return old === undefined || compareSeverity(severity, old) > 0;
  });
  const reached = new Set(reachedAdvisories(before).map(({ id }) => id));
  const newAdvisories = reachedAdvisories(after.report)
    .filter(({ id }) => !reached.has(id))
    .map(({ id }) => id);
  const isWorse = ranks[after.report.verdict] > ranks[before.verdict] || newFindings.length > 0 || newAdvisories.length > 0;
  return isWorse ? { before, after, newFindings, newAdvisories } : undefined;
}

function writing(job: () => void): void {
  try {
    job();
  } catch (cause) {
    throw new AirlockError(errnoOf(cause) === 'ENOSPC' ? 'DISK_FULL' : 'STORE_NOT_WRITABLE', { detail: String(cause), cause });
  }
}
