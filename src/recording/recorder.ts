// Keeps samples of accepted requests while somebody asked for it and the configuration allows it. It never makes a request wait or fail: what does not fit, cannot be
// redacted or cannot be written is left out and counted. It is given tensors and names of models, and nothing of a client.
import type { ModelRecordingConfig, RecordingConfig } from '../config/index.ts';
import { AirlockError, isAirlockError } from '../core/index.ts';
import { bodyBytesOf, type Signature, type Tensor } from '../tensor/index.ts';
import { isActive, type RecordingOrder, readOrders } from './recording-control.ts';
import { Redaction, type RedactionContract } from './redaction.ts';
import { assertRecipients, sealSegment } from './segment-crypto.ts';
import { encodeRecord, encodeSegmentHead, maxRequestBytes } from './segment-format.ts';
import { pruneSegments, writeSegment } from './segment-store.ts';

/** A request that was answered, as it came out of the decoder and passed the contract. */
export interface OfferedRequest {
  readonly model: string;
  /** One object for each version that is served: what was worked out for it is kept for as long as it lives. */
  readonly version: OfferedVersion;
  readonly signature: Signature;
  /** In the order of the signature's inputs. */
  readonly tensors: readonly Tensor[];
}

export interface OfferedVersion {
  readonly version: bigint;
  /** All that the version has. */
  readonly signatures: readonly Signature[];
  readonly contract: RedactionContract | undefined;
}

export interface RecorderOptions {
  readonly store: string;
  readonly config: RecordingConfig;
  /** By name; a model that is not here is never recorded. */
  readonly models: ReadonlyMap<string, ModelRecordingConfig>;
  /** For the operator: something keeps a recording from working. Each text once. */
  readonly onTrouble: (text: string) => void;
  /** For tests. Defaults 1 s and 30 s. */
  readonly pollMs?: number;
  readonly segmentMs?: number;
  /** For tests: 0 ≤ draw < 1, once per request. */
  readonly draw?: () => number;
  readonly nowMs?: () => number;
}

/** Requests since the server started, by what became of them; counts only. */
export interface RecorderCounts {
  /** In a segment that was written. */
  readonly kept: number;
  /** Larger than 1 MiB, or no stand-in for what is redacted passes the contract. */
  readonly leftOut: number;
  /** They came faster than they could be encrypted. */
  readonly dropped: number;
  /** Their segment could not be written. */
  readonly failed: number;
}

export interface RecorderReport extends RecorderCounts {
  /** Names of the models that are being recorded. */
  readonly active: readonly string[];
}

interface OpenSegment {
  readonly startedMs: number;
  readonly version: string;
  readonly pieces: Buffer[];
  bytes: number;
  requests: number;
}

interface Active {
  readonly order: RecordingOrder;
  /** Drawn; and of those, looked at. */
  taken: number;
  seen: number;
  segment: OpenSegment | undefined;
}

/** Bytes of requests that wait to be looked at or encrypted, of all models. */
const maxWaitingBytes = 8 * 1024 * 1024;
const pruneEveryMs = 60_000;

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #nowMs: () => number;
  readonly #active = new Map<string, Active>();
  readonly #redactions = new WeakMap<OfferedVersion, Redaction | AirlockError>();
  readonly #told = new Set<string>();
  readonly #counts = { kept: 0, leftOut: 0, dropped: 0, failed: 0 };
  #waitingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #polling: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #prunedMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** @throws CONFIG_INVALID for a recipient that is none. */
  constructor(options: RecorderOptions) {
    assertRecipients(options.config.recipients);
    this.#options = options;
    this.#nowMs = options.nowMs ?? Date.now;
  }

  get report(): RecorderReport {
    return { ...this.#counts, active: [...this.#active.keys()].sort() };
  }

  /** Looks for orders now and then every second. Never rejects. */
  async start(): Promise<void> {
    await this.poll();
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.start(), this.#options.pollMs ?? 1_000);
    this.#timer.unref();
  }

  /** Writes what was taken, and takes nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#polling;
    // What was offered a moment ago is looked at in this turn.
    await new Promise(setImmediate);
    for (const active of this.#active.values()) this.#flush(active);
    this.#active.clear();
    await this.#writing;
  }

  /** Returns at once. The tensors may be kept by reference until the next turn of the event loop, and nobody may change them. */
  offer(request: OfferedRequest): void {
    const active = this.#active.get(request.model);
    if (active === undefined || !this.#isDrawn(active)) return;
    const bytes = request.tensors.reduce((sum, tensor) => sum + bodyBytesOf(tensor), 0);
    if (bytes > maxRequestBytes) this.#counts.leftOut++;
    else if (this.#waitingBytes + bytes > maxWaitingBytes) this.#counts.dropped++;
    else {
      active.taken++;
      this.#waitingBytes += bytes;
      // The answer leaves first.
      setImmediate(() => {
        this.#waitingBytes -= bytes;
        this.#take(active, request);
      });
    }
  }

  #isDrawn({ order, taken }: Active): boolean {
    if (taken >= order.maxRequests || !isActive(order, this.#nowMs())) return false;
    return (this.#options.draw ?? Math.random)() * 100 < Math.min(order.samplePercent, this.#options.config.maxSamplePercent);
  }

  #take(active: Active, { model, version, signature, tensors }: OfferedRequest): void {
    try {
      // Ended meanwhile: its last segment is on its way already.
      if (this.#active.get(model) !== active) return;
      active.seen++;
      const kept = this.#redaction(model, version).apply(signature, tensors);
      if (kept === undefined) {
        this.#counts.leftOut++;
        return;
      }
      const inputs = new Map(signature.inputs.map(({ alias }, index) => [alias, kept[index]]));
      this.#append(active, String(version.version), encodeRecord({ signature: signature.name, inputs }));
    } catch (thrown) {
      this.#counts.leftOut++;
      this.#tell(AirlockError.from(thrown).message);
    }
  }

  /** @throws RECORDING_REFUSED */
  #redaction(model: string, version: OfferedVersion): Redaction {
    let redaction = this.#redactions.get(version);
    if (redaction === undefined) {
      redaction = this.#compile(model, version);
      this.#redactions.set(version, redaction);
    }
    if (isAirlockError(redaction)) throw redaction;
    return redaction;
  }

  #compile(model: string, { signatures, contract }: OfferedVersion): Redaction | AirlockError {
    const redact = this.#options.models.get(model)?.redact;
    if (redact === undefined) return new AirlockError('RECORDING_REFUSED');
    try {
      return new Redaction(redact, signatures, contract);
    } catch (thrown) {
      return AirlockError.from(thrown);
    }
  }

  #append(active: Active, version: string, record: Buffer): void {
    if (active.segment !== undefined && active.segment.version !== version) this.#flush(active);
    const startedMs = this.#nowMs();
    active.segment ??= { startedMs, version, pieces: [], bytes: 0, requests: 0 };
    const { segment } = active;
    segment.pieces.push(record);
    segment.bytes += record.length;
    segment.requests++;
    if (segment.bytes >= maxRequestBytes || active.seen >= active.order.maxRequests) this.#flush(active);
  }

  /** Encrypts and writes what a recording has, after what is being written already. */
  #flush(active: Active): void {
    const { segment, order } = active;
    if (segment === undefined) return;
    active.segment = undefined;
    if (this.#waitingBytes + segment.bytes > maxWaitingBytes) {
      this.#counts.dropped += segment.requests;
      return;
    }
    this.#waitingBytes += segment.bytes;
    this.#writing = this.#writing
      .then(() => this.#write(order, segment))
      .then(
        () => {
          this.#counts.kept += segment.requests;
        },
        (thrown: unknown) => {
          this.#counts.failed += segment.requests;
          this.#tell(`A segment of a recording could not be written: ${AirlockError.from(thrown).message}`);
        },
      )
      .finally(() => {
        this.#waitingBytes -= segment.bytes;
      });
  }

  async #write({ id, model }: RecordingOrder, { startedMs, version, pieces, requests }: OpenSegment): Promise<void> {
    const { store, config } = this.#options;
    const head = encodeSegmentHead({ model, version, at: new Date(startedMs).toISOString() });
    const sealed = await sealSegment(Buffer.concat([head, ...pieces]), config.recipients);
    await writeSegment(store, { startedMs, recording: id, requests }, sealed);
    await this.#prune();
  }

  async #prune(): Promise<void> {
    const { store, config } = this.#options;
    this.#prunedMs = this.#nowMs();
    await pruneSegments(store, { maxBytes: config.maxMiB * 1024 * 1024, keepForMs: config.keepFor }, this.#nowMs());
  }

  /** One look at the orders; a look that is under way is joined. Never rejects. */
  poll(): Promise<void> {
    this.#polling ??= this.#look()
      .catch((thrown: unknown) => {
        // Whoever can write the folder could ask for anything, so nothing is recorded.
        for (const active of this.#active.values()) this.#flush(active);
        this.#active.clear();
        const error = AirlockError.from(thrown);
        this.#tell(`Nothing is recorded: ${error.message}${error.detail === undefined ? '' : ` (${error.detail})`}`);
      })
      .finally(() => {
        this.#polling = undefined;
      });
    return this.#polling;
  }

  async #look(): Promise<void> {
    const { store, models, segmentMs = 30_000 } = this.#options;
    const orders = await readOrders(store);
    if (this.#closed) return;
    const nowMs = this.#nowMs();
    const wanted = new Map(
      orders.filter((order) => isActive(order, nowMs) && models.has(order.model)).map((order) => [order.model, order]),
    );
    for (const [model, active] of this.#active) {
      const isOver = wanted.get(model)?.id !== active.order.id;
      if (isOver || (active.segment !== undefined && nowMs - active.segment.startedMs >= segmentMs)) this.#flush(active);
      if (isOver) this.#active.delete(model);
    }
    for (const [model, order] of wanted) {
      if (!this.#active.has(model)) this.#active.set(model, { order, taken: 0, seen: 0, segment: undefined });
    }
    if (nowMs - this.#prunedMs >= pruneEveryMs) this.#writing = this.#writing.then(() => this.#prune()).catch(() => undefined);
  }

  #tell(text: string): void {
    if (this.#told.has(text) || this.#told.size > 100) return;
    this.#told.add(text);
    this.#options.onTrouble(text);
  }
}
