// Who has how much of a model's slots, now and over the last seconds, so that a small part of them can be kept for those who use few. Bounded, whatever
// number of clients asks.

/** Over about so long what a client has under way is averaged. */
const averageMs = 2_000;
/** A client that has not asked for so long does not count as one that wants a share. */
const forgottenMs = 5_000;
const sweepMs = 1_000;
/** Of an equal share: those who take all that they get are just below the whole of it, because of what is kept from them. */
const lightPart = 0.7;
const defaultMaxClients = 10_000;

/** One client. */
export class ClientLoad {
  underWay = 0;
  #average = 0;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** When it last asked, or was answered. */
  get atMs(): number {
    return this.#atMs;
  }

  /** What it has under way, on average over the last seconds. */
  average(nowMs: number): number {
    if (nowMs > this.#atMs) {
      // Close enough to exponential forgetting, and without an exponential.
      this.#average += (this.underWay - this.#average) * Math.min(1, (nowMs - this.#atMs) / averageMs);
      this.#atMs = nowMs;
    }
    return this.#average;
  }
}

export class ConcurrencyClients {
  readonly #maxClients: number;
  readonly #clients = new Map<string, ClientLoad>();
  /** All those that there is no room for. */
  readonly #others: ClientLoad;
  #sweptAtMs: number;

  constructor(nowMs: number, maxClients = defaultMaxClients) {
    this.#maxClients = maxClients;
    this.#others = new ClientLoad(nowMs);
    this.#sweptAtMs = nowMs;
  }

  /** Clients that asked lately. */
  get size(): number {
    return this.#clients.size;
  }

  client(key: string, nowMs: number): ClientLoad {
    if (nowMs - this.#sweptAtMs >= sweepMs) this.#sweep(nowMs);
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    if (this.#clients.size >= this.#maxClients) return this.#others;
    const load = new ClientLoad(nowMs);
    this.#clients.set(key, load);
    return load;
  }

  /**
   * True for one that clearly uses less than each would have if `limit` were shared equally, and that has at most `reserved` under way now: somebody new
   * has used nothing yet, and must not take all that is kept.
   */
  isLight(client: ClientLoad, limit: number, reserved: number, nowMs: number): boolean {
    const average = client.average(nowMs);
    return client.underWay <= reserved && average * Math.max(1, this.#clients.size) < lightPart * limit;
  }

  #sweep(nowMs: number): void {
    this.#sweptAtMs = nowMs;
    for (const [key, load] of this.#clients) {
      if (load.underWay === 0 && nowMs - load.atMs > forgottenMs) this.#clients.delete(key);
    }
  }
}
