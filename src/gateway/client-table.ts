// What each client has left, for a bounded number of clients: whoever is forgotten is who loses least by it.
import type { RateLimit, SlowViolators } from '../config/index.ts';
import { BoundedTable, TokenBucket } from '../core/index.ts';

export class Client {
  readonly bucket: TokenBucket;
  /** Violations, halved every `forgetAfterMs`. */
  #violations = 0;
  #atMs: number;

  constructor(limit: RateLimit, nowMs: number) {
    this.bucket = new TokenBucket(limit, nowMs);
    this.#atMs = nowMs;
  }

  /** Counts a violation and charges what it costs by now. */
  violated({ freeViolations, penaltyUnits, maxDebtUnits, forgetAfterMs }: SlowViolators, nowMs: number): void {
    this.#violations = this.violations(forgetAfterMs, nowMs) + 1;
    const beyond = this.#violations - freeViolations;
    // 2^64 is more than any debt, and finite.
    if (beyond > 0) this.bucket.penalize(penaltyUnits * 2 ** Math.min(Math.ceil(beyond) - 1, 64), maxDebtUnits, nowMs);
  }

  violations(forgetAfterMs: number, nowMs: number): number {
    if (nowMs > this.#atMs) {
      this.#violations *= 2 ** (-(nowMs - this.#atMs) / forgetAfterMs);
      this.#atMs = nowMs;
    }
    return this.#violations;
  }
}

export class ClientTable {
  readonly #limit: RateLimit;
  readonly #clients: BoundedTable<Client>;

  constructor(limit: RateLimit, maxClients: number) {
    this.#limit = limit;
    // A full one loses nothing but its violations.
    this.#clients = new BoundedTable(maxClients, ({ bucket }, nowMs) => bucket.missing(nowMs));
  }

  get size(): number {
    return this.#clients.size;
  }

  client(key: string, nowMs: number): Client {
    const client = this.#clients.take(key) ?? new Client(this.#limit, nowMs);
    this.#clients.put(key, client, nowMs);
    return client;
  }
}
