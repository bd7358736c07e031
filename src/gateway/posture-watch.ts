// Keeps the posture of what serves: worked out before anything is started, after each scan and once an hour. It refuses a start whose deadline has passed where
// the configuration wants that; while the server runs it says what changed and stops nothing.
import { join } from 'node:path';
import type { AuditLog } from '../audit/index.ts';
import type { Config } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import {
  collectFacts,
  keptModels,
  type LastReport,
  makePosture,
  overdueText,
  type Posture,
  type PostureFacts,
  type PostureModel,
  patchDeadline,
  servingSlots,
} from '../posture/index.ts';
import { type ModelCatalog, ScanHistory, type ScannedVersion } from '../serving/index.ts';

export interface PostureWatchOptions {
  readonly config: Pick<Config, 'store' | 'runtime' | 'models'>;
  /** The TensorFlow that versions are loaded with now. */
  readonly tensorflow: () => string;
  /** A line for the operator: a deadline that has passed, data that is old. */
  readonly onPosture: (text: string) => void;
  readonly onTrouble: (text: string) => void;
  /** Between two looks without a scan. Default 3,600,000. */
  readonly everyMs?: number;
  /** After a scan; those that follow soon are looked at together. Default 1,000. */
  readonly afterScanMs?: number;
  /** For tests. Default the clock of this machine. */
  readonly now?: () => number;
}

/** What a started server adds. */
export interface PostureSources {
  readonly catalog: ModelCatalog;
  /** Settles when every model has loaded its first versions or failed to. */
  readonly loaded: Promise<void>;
  readonly scanned: () => readonly ScannedVersion[];
  readonly audit: AuditLog;
}

/** Ids in a line of the audit log. */
const maxNamed = 20;

export class PostureWatch {
  readonly #options: Required<PostureWatchOptions>;
  readonly #last: LastReport;
  #sources: PostureSources | undefined;
  #isLoaded = false;
  #posture: Posture | undefined;
  #facts: PostureFacts | undefined;
  #saidOverdue: string | undefined;
  #saidOld = false;
  /** What was said before there was an audit log to write it into. */
  #unrecorded: Posture | undefined;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: PostureWatchOptions) {
    this.#options = { everyMs: 3_600_000, afterScanMs: 1_000, now: Date.now, ...options };
    const history = openHistory(options.config.store);
    this.#last = (model, version) => history?.last(model, version);
  }

  /** The last one; undefined before `admit`. */
  get state(): Posture | undefined {
    return this.#posture;
  }

  /**
   * Looks before anything is started, with what kept reports know of the models.
   * @throws RUNTIME_OVERDUE when a deadline has passed and `runtime.whenOverdue` is `refuse`; STORE_UNSAFE, STORE_NOT_WRITABLE; ADVISORIES_INVALID.
   */
  async admit(): Promise<void> {
    const posture = await this.#makePosture();
    this.#posture = posture;
    const overdue = overdueText(posture);
    if (overdue !== undefined && this.#options.config.runtime.whenOverdue === 'refuse') {
      const unknown = posture.models.filter(({ isScanned }) => !isScanned).length;
      const how = unknown > 0 ? '`airlock runtime check` scans the models, and may find that they do not reach it' : undefined;
      throw new AirlockError('RUNTIME_OVERDUE', { message: overdue, ...(how === undefined ? {} : { detail: how }) });
    }
    this.#sayOld(posture);
    // Of models that nobody knows yet more is said than holds; their scans come in a moment.
    if (posture.models.every(({ isScanned }) => isScanned)) this.#sayOverdue(posture);
  }

  /** Until when an advisory may stay in the TensorFlow that serves, if a model reaches it; see `patchDeadline`. Undefined before `admit`. */
  deadlineIfReached(id: string): number | undefined {
    return this.#facts && patchDeadline(this.#options.tensorflow(), id, { ...this.#facts, nowMs: this.#options.now() });
  }

  /** From now on looks again after `look`, and once an hour. */
  start(sources: PostureSources): void {
    this.#sources = sources;
    if (this.#unrecorded !== undefined) this.#record(this.#unrecorded);
    this.#timer = setInterval(() => this.#queue(), this.#options.everyMs);
    this.#timer.unref();
    void sources.loaded.then(() => {
      this.#isLoaded = true;
      this.#queue();
    });
  }

  /** Something has changed that the posture depends on: a scan ended, a version came or went, another TensorFlow serves. */
  look(): void {
    if (this.#isClosed || this.#sources === undefined || this.#soon !== undefined) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      this.#queue();
    }, this.#options.afterScanMs);
    this.#soon.unref();
  }

  /** Waits for a look that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#soon);
    await this.#looking;
  }

  #queue(): void {
    if (this.#isClosed) return;
    this.#looking = this.#looking.then(() => this.#lookNow());
  }

  async #lookNow(): Promise<void> {
    if (this.#isClosed) return;
    try {
      const posture = await this.#makePosture();
      this.#posture = posture;
      this.#sayOld(posture);
      if (this.#isLoaded) this.#sayOverdue(posture);
    } catch (thrown) {
      const { code, message, detail } = AirlockError.from(thrown);
      // The last posture stays: what it says was true an hour ago, and silence would look like safety.
      this.#options.onTrouble(`the posture of TensorFlow: ${message} (${code})${detail === undefined ? '' : `: ${detail}`}`);
    }
  }

  async #makePosture(): Promise<Posture> {
    const { config, tensorflow, now } = this.#options;
    const { store, runtime } = config;
    const facts = await collectFacts({
      store,
      runtime,
      serving: tensorflow(),
      models: await this.#models(),
      nowMs: now(),
      mayWrite: true,
    });
    this.#facts = facts;
    return makePosture(facts);
  }

  /** What is served now; while nothing is, what the folders hold. */
  async #models(): Promise<readonly PostureModel[]> {
    const scanned = new Map(this.#sources?.scanned().map(({ model, version, report }) => [`${version} ${model}`, report]));
    const folders = await keptModels(this.#options.config.models, this.#last);
    const served = this.#isLoaded ? this.#served() : [];
    return (served.length > 0 ? served : folders).map(({ name, version }) => {
      const report = scanned.get(`${version} ${name}`);
      const isWhole = report !== undefined && report.unreadable.length === 0;
      const kept = folders.find((one) => one.name === name && one.version === version)?.uses;
      const uses = isWhole ? report.uses : kept;
      return { name, version, ...(uses === undefined ? {} : { uses }) };
    });
  }

  #served(): readonly { readonly name: string; readonly version: string }[] {
    const models = this.#sources?.catalog.models ?? [];
    return models.flatMap((model) => {
      const versions = model.status({}).filter(({ state }) => state !== 'END');
      return versions.map(({ version }) => ({ name: model.name, version: String(version) }));
    });
  }

  #sayOld({ advisoryData: { isOld, read, ageDays } }: Posture): void {
    if (isOld && !this.#saidOld)
      this.#options.onPosture(
        ageDays === 0
          ? `the advisory data is of ${read}, a day that is still to come: the clock of this machine is wrong, and no deadline can be trusted`
          : `the advisory data is of ${read}, ${ageDays} days old: \`airlock advisories update\` brings newer`,
      );
    this.#saidOld = isOld;
  }

  #sayOverdue(posture: Posture): void {
    const overdue = overdueText(posture);
    if (overdue === this.#saidOverdue) return;
    this.#options.onPosture(overdue ?? 'nothing in the TensorFlow that serves is overdue any more');
    this.#saidOverdue = overdue;
    this.#record(posture);
  }

  #record(posture: Posture): void {
    this.#unrecorded = this.#sources === undefined ? posture : undefined;
    const [slot] = servingSlots(posture);
    const ids = slot.advisories.filter(({ isOverdue }) => isOverdue).map(({ cve, id }) => cve ?? id);
    const entry = {
      tensorflow: slot.version,
      overdue: ids.slice(0, maxNamed),
      count: ids.length,
      data: posture.advisoryData.digest,
    };
    try {
      this.#sources?.audit.append('runtime overdue', entry);
    } catch (thrown) {
      this.#options.onTrouble(`the audit log: ${AirlockError.from(thrown).message}`);
    }
  }
}

/** Reports that cannot be read are reports that are not there. */
function openHistory(store: string): ScanHistory | undefined {
  try {
    return new ScanHistory(join(store, 'scans'));
  } catch {
    return undefined;
  }
}
