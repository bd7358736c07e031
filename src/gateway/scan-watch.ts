// All that a server does about scans beside admitting versions: it keeps the reports, records each scan and each decision in the audit log, scans
// again on a schedule and when rules change, and tells what became worse. A scan that cannot be recorded does not count.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AuditLog } from '../audit/index.ts';
import type { Config } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import { countedFindings, loadSuppressions, rulesDigest } from '../scan/index.ts';
import {
  type ModelCatalog,
  ScanGate,
  type ScanGateOptions,
  ScanHistory,
  type ScannedVersion,
  ScanSchedule,
  type ServingEvent,
  Webhook,
  type Whereabouts,
  type WorkerFactory,
  type Worsening,
} from '../serving/index.ts';
import { scanSummary } from './scan-summary.ts';
import type { ScanState } from './server-status.ts';

export interface ScanWatchHooks {
  /** A version that is served became worse. */
  readonly onWorse: (worse: Worsening) => void;
  /** Something that does not stop the server: a message that was not taken, a version that could not be scanned again. */
  readonly onTrouble: (text: string) => void;
  /** A scan ended and its report is kept. Default nothing. */
  readonly onScanned?: () => void;
}

export interface ScanWatchOptions {
  readonly config: Config;
  readonly workers: WorkerFactory;
  /** The TensorFlow that versions are loaded with now. */
  readonly tensorflow: () => string;
  readonly patchDeadline: ScanGateOptions['patchDeadline'];
  readonly hooks: ScanWatchHooks;
}

/** In a message or a log line; the rest is in the report. */
const maxNamed = 20;
/** Twenty of them fit a line of the audit log. */
const maxMessageLength = 512;

export class ScanWatch {
  readonly audit: AuditLog;
  /** Undefined where scans are off. */
  readonly gate: ScanGate | undefined;
  readonly #history: ScanHistory;
  readonly #hooks: ScanWatchHooks;
  readonly #webhook: Webhook | undefined;
  readonly #config: Config['scan'];
  readonly #store: string;
  readonly #tensorflow: () => string;
  #schedule: ScanSchedule | undefined;

  /** @throws AUDIT_LOG_FAILED, STORE_NOT_WRITABLE; CONFIG_INVALID for the secret of the webhook, SCAN_RULES_INVALID. */
  constructor({ config, workers, tensorflow, patchDeadline, hooks }: ScanWatchOptions) {
    const { scan, store } = config;
    this.#config = scan;
    this.#store = store;
    this.#tensorflow = tensorflow;
    this.#hooks = hooks;
    this.audit = new AuditLog(join(store, 'audit'));
    this.#history = new ScanHistory(join(store, 'scans'));
    this.#webhook = scan.webhook && openWebhook(scan.webhook, hooks);
    if (scan.unsafeOff) return;
    if (scan.suppressions !== undefined) {
      for (const text of loadSuppressions({ suppressions: scan.suppressions }).expired)
        hooks.onTrouble(`scan.suppressions: ${text}`);
    }
    this.gate = new ScanGate({
      jail: workers.jail,
      config: scan,
      tensorflow,
      patchDeadline,
      store,
      onScanned: (scanned) => this.#onScanned(scanned),
      onFailed: ({ model, version }, error) =>
        hooks.onTrouble(`${model} version ${version} could not be scanned again: ${error.message} (${error.code})`),
    });
  }

  /** From now on what `catalog` serves is scanned again. */
  start(catalog: ModelCatalog): void {
    const { gate } = this;
    if (gate === undefined) return;
    const whereabouts = (name: string, version: bigint): Whereabouts => {
      const model = catalog.models.find((one) => one.name === name);
      const known = model?.status({}).find((one) => one.version === version);
      if (known?.state === 'AVAILABLE') return 'served';
      return known !== undefined || model?.refused.has(version) === true ? 'waiting' : 'gone';
    };
    const { schedule, jitterMs } = this.#config;
    this.#schedule = new ScanSchedule({
      schedule,
      jitterMs,
      // Another TensorFlow has other published vulnerabilities.
      rules: () => `${rulesDigest(this.#store)} ${this.#tensorflow()}`,
      run: () => gate.rescan(whereabouts),
    });
  }

  async close(): Promise<void> {
    this.gate?.close();
    await this.#schedule?.stop();
    await this.#webhook?.close();
  }

  get state(): ScanState {
    return { scanned: this.gate?.scanned ?? [], auditHead: this.audit.head };
  }

  /** A decision about a version, and the TensorFlow that it was loaded with. What cannot be recorded is said; the decision itself stands. */
  record(event: ServingEvent, runtime?: { readonly version: string; readonly digest: string }): void {
    const entry = auditEntry(event);
    if (entry === undefined) return;
    try {
      this.audit.append(event.kind, runtime === undefined ? entry : { ...entry, runtime });
    } catch (thrown) {
      this.#hooks.onTrouble(`the audit log: ${AirlockError.from(thrown).message}`);
    }
  }

  #onScanned(scanned: ScannedVersion): void {
    const { model, version, report } = scanned;
    const rules = Array.from(new Set(countedFindings(report).map(({ ruleId, severity }) => `${severity} ${ruleId}`))).slice(
      0,
      maxNamed,
    );
    this.audit.append('scan', { model, version: String(version), ...scanSummary(scanned), found: rules });
    // Recorded before the report is kept: what is kept is what the next scan is compared with, and nobody would hear of it any more.
    const worse = this.#history.compare(scanned);
    if (worse !== undefined) this.audit.append('scan worse', worseningJson(worse));
    this.#history.keep(scanned);
    this.#hooks.onScanned?.();
    if (worse === undefined) return;
    this.#hooks.onWorse(worse);
    this.#webhook?.send({ type: 'scan.worse', ...worseningJson(worse), auditHead: this.audit.head });
  }
}

function openWebhook({ url, secretFile }: NonNullable<Config['scan']['webhook']>, hooks: ScanWatchHooks): Webhook {
  let secret: Buffer;
  try {
    secret = readFileSync(secretFile);
  } catch (cause) {
    throw new AirlockError('CONFIG_INVALID', { message: 'scan.webhook.secretFile cannot be read', detail: secretFile, cause });
  }
  return new Webhook({
    url,
    secret,
    onLost: ({ type }, reason) => hooks.onTrouble(`the webhook did not get ${type}: ${reason}`),
  });
}

/** What a log line, the audit log and a webhook say; strings of the report are safe to show. */
export function worseningJson({ before, after, newFindings, newAdvisories }: Worsening): Readonly<Record<string, unknown>> {
  return {
    model: after.model,
    version: String(after.version),
    before: before.verdict,
    after: after.report.verdict,
    report: after.digest,
    newFindings: newFindings
      .slice(0, maxNamed)
      .map(({ ruleId, severity, message }) => ({ ruleId, severity, message: message.slice(0, maxMessageLength) })),
    newFindingCount: newFindings.length,
    newAdvisories: newAdvisories.slice(0, maxNamed),
    newAdvisoryCount: newAdvisories.length,
  };
}

/** Undefined for what is no decision, and for scans, which have an entry of their own. */
function auditEntry(event: ServingEvent): Readonly<Record<string, unknown>> | undefined {
  const version = event.version === undefined ? {} : { version: String(event.version) };
  const about = { model: event.model, ...version };
  switch (event.kind) {
    case 'verified': {
      const { policy, signers, root, identity } = event.provenance;
      return { ...about, policy, signers: signers.map(({ signer }) => signer), root, identity };
    }
    case 'available':
    case 'unloaded':
      return about;
    case 'refused':
    case 'failed':
      return { ...about, error: event.error.code, message: event.error.message.slice(0, 1024) };
    default:
      return undefined;
  }
}
