// Hashes the installed TensorFlows again while the server runs: once after the start, then on the schedule of `runtime.verify`. A slot that is no longer what
// was pinned is said in the log, the audit log, the metrics and the status. It stops nothing: workers that run hold the old bytes in memory, and every new
// one hashes its slot before it starts, so none starts from a slot that fails.
import { lstat } from 'node:fs/promises';
import { AirlockError } from '../core/index.ts';
import { listSlots, type PinTable, type RuntimeSlot, slotDigest, verifySlot } from '../runtime/index.ts';
import { ScanSchedule } from '../serving/index.ts';
import type { MetricFamily } from '../telemetry/index.ts';

/** One installed TensorFlow, as it was last seen. */
export interface SlotState {
  readonly version: string;
  readonly arch: string;
  /** SHA-256 over the manifest, hex; null for a folder whose version nothing pins. */
  readonly digest: string | null;
  readonly origin: 'official' | 'built' | 'not pinned';
  /** Who built it, where somebody did. */
  readonly builders: readonly string[];
  /** When it was last hashed, ISO 8601; null when it was not yet. */
  readonly verifiedAt: string | null;
  /** Null when it was what is pinned, or was not hashed yet; else the code of the error. */
  readonly error: string | null;
}

export interface RuntimeWatchOptions {
  readonly store: string;
  readonly pins: PinTable;
  /** `runtime.verify` of the configuration. */
  readonly schedule: string;
  readonly audit: { append(kind: string, entry: Readonly<Record<string, unknown>>): void };
  readonly onTrouble: (text: string) => void;
  /** For tests. */
  readonly verify?: (slot: RuntimeSlot, signal: AbortSignal) => Promise<void>;
  readonly clock?: () => number;
}

/** A scheduled round begins up to so much later, so that many servers do not read one disk at once. */
const jitterMs = 600_000;

const keyOf = ({ version, arch }: Pick<SlotState, 'version' | 'arch'>): string => `${version}-${arch}`;

export class RuntimeWatch {
  readonly #options: Required<RuntimeWatchOptions>;
  readonly #stop = new AbortController();
  #slots: readonly SlotState[] = [];
  #listed: readonly RuntimeSlot[] = [];
  #schedule: ScanSchedule | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: RuntimeWatchOptions) {
    this.#options = { verify: (slot, signal) => verifySlot(slot, { signal }), clock: Date.now, ...options };
  }

  /** Newest version first; empty before `start`. */
  get state(): readonly SlotState[] {
    return this.#slots;
  }

  /** What names the bytes of a version in logs and statements; undefined before `start`, or when it is not installed. */
  about(version: string): { readonly version: string; readonly digest: string } | undefined {
    const digest = this.#slots.find((slot) => slot.version === version && slot.digest !== null)?.digest;
    return digest === undefined || digest === null ? undefined : { version, digest };
  }

  /** Learns which slots there are; hashes them when `after` settles, and on the schedule. */
  async start(after: Promise<unknown>): Promise<void> {
    await this.#list();
    void after.catch(() => undefined).then(() => this.verify());
    const { schedule } = this.#options;
    this.#schedule = new ScanSchedule({ schedule, jitterMs, rules: () => '', run: () => this.verify() });
  }

  /** Hashes every slot now. Never rejects; rounds follow each other. */
  verify(): Promise<void> {
    this.#running = this.#running.then(() => this.#verifyAll());
    return this.#running;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#schedule?.stop();
    await this.#running;
  }

  async #list(): Promise<readonly RuntimeSlot[]> {
    const { store, pins } = this.#options;
    const slots = await listSlots(store, pins).then(
      async (found) => [...found, ...(await this.#replaced(found))],
      (thrown: unknown) => {
        this.#options.onTrouble(`the installed TensorFlows cannot be listed: ${AirlockError.from(thrown).message}`);
        return this.#listed;
      },
    );
    this.#listed = slots;
    const known = new Map(this.#slots.map((slot) => [keyOf(slot), slot]));
    this.#slots = slots.map((slot) => {
      const before = known.get(keyOf(slot));
      return { ...stateOf(slot), verifiedAt: before?.verifiedAt ?? null, error: before?.error ?? null };
    });
    return slots;
  }

  /** Where a link or a file lies in the place of a slot: what is not listed any more would be called neither right nor wrong. */
  async #replaced(found: readonly RuntimeSlot[]): Promise<readonly RuntimeSlot[]> {
    const gone = this.#listed.filter((slot) => !found.some((one) => keyOf(one) === keyOf(slot)));
    const isThere = await Promise.all(gone.map(({ directory }) => lstat(directory).catch(() => undefined)));
    return gone.filter((_, at) => isThere[at] !== undefined);
  }

  async #verifyAll(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    for (const slot of await this.#list()) {
      if (this.#stop.signal.aborted) return;
      // Nothing can be loaded from it, so nothing can be wrong with it.
      if (slot.pin === undefined) continue;
      const error = await this.#options.verify(slot, this.#stop.signal).then(
        () => undefined,
        (thrown: unknown) => AirlockError.from(thrown),
      );
      if (error?.code !== 'CANCELLED') this.#note(slot, error);
    }
  }

  #note(slot: RuntimeSlot, error: AirlockError | undefined): void {
    const verifiedAt = new Date(this.#options.clock()).toISOString();
    const before = this.#slots.find((one) => keyOf(one) === keyOf(slot));
    this.#slots = this.#slots.map((one) => (one === before ? { ...one, verifiedAt, error: error?.code ?? null } : one));
    const { version, arch } = slot;
    const digest = stateOf(slot).digest;
    if (error !== undefined && before?.error !== error.code) {
      this.#options.onTrouble(
        `TensorFlow ${version} in the store is not what was pinned: ${error.detail ?? error.message} (${error.code})`,
      );
      this.#append('runtime invalid', { version, arch, digest, error: error.code, detail: (error.detail ?? '').slice(0, 1_024) });
    }
    if (error === undefined && before !== undefined && (before.error !== null || before.verifiedAt === null))
      this.#append('runtime verified', { version, arch, digest });
  }

  #append(kind: string, entry: Readonly<Record<string, unknown>>): void {
    try {
      this.#options.audit.append(kind, entry);
    } catch (thrown) {
      this.#options.onTrouble(`the audit log: ${AirlockError.from(thrown).message}`);
    }
  }
}

function stateOf(slot: RuntimeSlot): Pick<SlotState, 'version' | 'arch' | 'digest' | 'origin' | 'builders'> {
  const { version, arch, pin } = slot;
  if (pin === undefined) return { version, arch, digest: null, origin: 'not pinned', builders: [] };
  const builders = pin.origin === 'built' ? pin.builders.map(({ id }) => id) : [];
  return { version, arch, digest: slotDigest(slot), origin: pin.origin ?? 'official', builders };
}

/** A slot that was not hashed yet has no sample. */
export function runtimeMetrics(slots: readonly SlotState[]): MetricFamily[] {
  const seen = slots.filter(({ verifiedAt }) => verifiedAt !== null);
  const labels = ({ version, arch, origin, digest }: SlotState) => ({ version, arch, origin, digest: digest ?? '' });
  return [
    {
      name: 'airlock_runtime_verified',
      help: '1 when the installed TensorFlow was what is pinned, 0 when it was not.',
      samples: seen.map((slot) => [labels(slot), slot.error === null ? 1 : 0]),
    },
    {
      name: 'airlock_runtime_verified_timestamp_seconds',
      help: 'When the installed TensorFlow was last hashed.',
      samples: seen.map((slot) => [labels(slot), Date.parse(slot.verifiedAt ?? '') / 1000]),
    },
  ];
}
