// The scan that every version passes before a worker may load it, and again while it is served. What is read is what will be loaded; a process in
// the jail reads it. Fails closed: a scan that says no, or says nothing, keeps the version out.
import { createHash } from 'node:crypto';
import type { ScanConfig } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import type { CostModel } from '../cost/index.ts';
import type { Jail } from '../sandbox/index.ts';
import { countedFindings, loadSuppressions, type Report, type ReportedFinding, rulesDigest } from '../scan/index.ts';
import { scan } from '../scanner/index.ts';

/** What is kept of the scan of one version. */
export interface ScannedVersion {
  readonly model: string;
  readonly version: bigint;
  readonly report: Report;
  /** SHA-256 of the report as JSON, hex: what the audit log and an attestation name. */
  readonly digest: string;
  /** What its requests will cost; absent where the scan could not say. */
  readonly cost?: CostModel | undefined;
}

export interface ScanGateOptions {
  readonly jail: Jail;
  readonly config: ScanConfig;
  /** The TensorFlow that versions are loaded with; asked at each scan, because another may be promoted. */
  readonly tensorflow: () => string;
  /**
   * Until when a published vulnerability that a model reaches may stay, in milliseconds since 1970: until then it keeps no version out, because the way to be rid of
   * it is another TensorFlow, and that takes its time. Default: it counts at once, as any other finding.
   */
  readonly patchDeadline?: ((advisory: string) => number | undefined) | undefined;
  /** Folder of the store, for an update of the advisories in it. Default: what Airlock came with. */
  readonly store?: string;
  /** Called for each scan that ended, whatever it says. When it throws, the version is not served. */
  readonly onScanned?: (scanned: ScannedVersion) => void;
  /** Called when a version that is served could not be scanned again. */
  readonly onFailed?: (target: VersionToScan, error: AirlockError) => void;
}

export interface VersionToScan {
  readonly model: string;
  readonly version: bigint;
  readonly directory: string;
  /** Tells one content of the folder from another. */
  readonly contentDigest: string;
}

/** `waiting`: it is there, and does not answer requests: it loads, failed to, or was refused. */
export type Whereabouts = 'served' | 'waiting' | 'gone';

interface LastScan {
  readonly key: string;
  readonly scanned: ScannedVersion;
  readonly target: VersionToScan;
  /** When a deadline passes that the verdict counted on. */
  readonly untilMs: number;
}

/** Scans at one time: more would take the cores from those who are served. */
const maxRunning = 1;

export class ScanGate {
  readonly #options: ScanGateOptions;
  /** By model and version: the last scan, and what it was a scan of. */
  readonly #last = new Map<string, LastScan>();
  /** Those of them that were gone at the last rescan. */
  readonly #gone = new Set<string>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #abort = new AbortController();

  constructor(options: ScanGateOptions) {
    this.#options = options;
  }

  /** The last scan of each version, for the status. */
  get scanned(): readonly ScannedVersion[] {
    return [...this.#last.values()].map(({ scanned }) => scanned);
  }

  /**
   * Scans a version, unless the same content was scanned with the same rules already.
   * @throws SCAN_REFUSED when something was found that `refuseAt` does not accept; SCAN_INCOMPLETE when it could not be judged.
   */
  async admit(target: VersionToScan): Promise<ScannedVersion> {
    const { config } = this.#options;
    const last = this.#last.get(nameOf(target));
    // Suppressions end at a date, and their file may be another by now.
    const holds = last !== undefined && Date.now() < last.untilMs && config.suppressions === undefined;
    const isJudged = holds && last.key === this.#keyOf(target);
    const scanned = isJudged ? last.scanned : await this.#scan(target);
    const { verdict } = scanned.report;
    if (verdict === 'refused') throw new AirlockError('SCAN_REFUSED', { message: refusalText(scanned.report) });
    if (verdict === 'unreadable') throw new AirlockError('SCAN_INCOMPLETE', { message: unreadableText(scanned.report) });
    return scanned;
  }

  /**
   * Scans what is served once more, one after another; `onScanned` hears of each. A scan that fails is no reason to stop. What is gone twice in a
   * row is forgotten: a version that was scanned a moment ago may not be known yet to whoever is asked.
   */
  async rescan(whereabouts: (model: string, version: bigint) => Whereabouts): Promise<void> {
    for (const [name, { target }] of [...this.#last]) {
      if (this.#abort.signal.aborted) return;
      const where = whereabouts(target.model, target.version);
      const wasGone = this.#gone.delete(name);
      // The version passed once; what the machine cannot do now is tried at the next time.
      if (where === 'served')
        await this.#scan(target).catch((thrown: unknown) => this.#options.onFailed?.(target, AirlockError.from(thrown)));
      else if (where === 'gone' && wasGone) this.#last.delete(name);
      else if (where === 'gone') this.#gone.add(name);
    }
  }

  /** Ends scans that run. */
  close(): void {
    this.#abort.abort();
  }

  async #scan(target: VersionToScan): Promise<ScannedVersion> {
    const { jail, config, tensorflow, store, onScanned } = this.#options;
    await this.#turn();
    // Of the rules that the scan begins with: they may change while it runs.
    const key = this.#keyOf(target);
    try {
      // Those that waited when the server was told to stop start no process any more.
      if (this.#abort.signal.aborted) throw new AirlockError('SCAN_INCOMPLETE', { message: 'The scan was ended' });
      // Each time, because entries end at a date.
      const accepted = config.suppressions === undefined ? undefined : loadSuppressions({ suppressions: config.suppressions });
      let untilMs = Number.POSITIVE_INFINITY;
      const suppressionOf = (finding: ReportedFinding): string | undefined => {
        const reason = accepted?.of(finding);
        if (reason !== undefined) return reason;
        const deadlineMs = this.#deadlineOf(finding);
        if (deadlineMs === undefined || deadlineMs <= Date.now()) return undefined;
        untilMs = Math.min(untilMs, deadlineMs);
        return `runtime.patchWithin lets it stay until ${new Date(deadlineMs).toISOString()}`;
      };
      let cost: CostModel | undefined;
      const report = await scan(target.directory, {
        jail,
        tensorflow: tensorflow(),
        ...(store === undefined ? {} : { store }),
        refuseAt: config.refuseAt,
        timeoutMs: config.timeoutMs,
        memoryMiB: config.memoryMiB,
        signal: this.#abort.signal,
        suppressionOf,
        onCost: (found) => {
          cost = found;
        },
      });
      const digest = createHash('sha256').update(JSON.stringify(report)).digest('hex');
      const scanned = { model: target.model, version: target.version, report, digest, ...(cost === undefined ? {} : { cost }) };
      onScanned?.(scanned);
      this.#last.set(nameOf(target), { key, scanned, target, untilMs });
      return scanned;
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  #deadlineOf({ ruleId, advisories = [] }: ReportedFinding): number | undefined {
    const { patchDeadline } = this.#options;
    if (ruleId !== 'advisory/reachable' || patchDeadline === undefined) return undefined;
    return advisories.map((id) => patchDeadline(id)).find((deadlineMs) => deadlineMs !== undefined);
  }

  /** What a verdict depends on. */
  #keyOf({ contentDigest }: VersionToScan): string {
    const { config, tensorflow, store } = this.#options;
    return `${contentDigest} ${rulesDigest(store)} ${tensorflow()} ${config.refuseAt}`;
  }

  async #turn(): Promise<void> {
    if (this.#running >= maxRunning) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
  }
}

function nameOf({ model, version }: VersionToScan): string {
  return `${version} ${model}`;
}

/** The worst first; an operator reads the rest in the report. */
const maxNamed = 3;

function refusalText(report: Report): string {
  const counted = countedFindings(report, report.refuseAt);
  const named = counted.slice(0, maxNamed).map(({ severity, message, ruleId }) => `${severity}: ${message} (${ruleId})`);
  const more = counted.length > maxNamed ? `; and ${counted.length - maxNamed} more` : '';
  return `The scan refuses the model: ${named.join('; ')}${more}`;
}

function unreadableText({ unreadable }: Report): string {
  const named = unreadable.slice(0, maxNamed).map(({ file, reason }) => (file === '' ? reason : `${file}: ${reason}`));
  return `The model could not be judged: ${named.length === 0 ? 'the scan found nothing in it that is a model' : named.join('; ')}`;
}
