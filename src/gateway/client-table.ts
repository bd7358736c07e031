// What each client has left, for a bounded number of clients. When it is full, the one is forgotten that loses least by it, so that
// somebody with many addresses can neither fill the memory nor have a debt forgotten without having run up larger ones elsewhere.
import type { RateLimit, SlowViolators } from '../config/index.ts';
import { TokenBucket } from './token-bucket.ts';

/** Of those not heard of for longest, how many are looked at for one to forget. */
const candidates = 32;

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
  readonly #maxClients: number;
  /** In the order in which they were last heard of. */
  readonly #clients = new Map<string, Client>();

  constructor(limit: RateLimit, maxClients: number) {
    this.#limit = limit;
    this.#maxClients = maxClients;
  }

  get size(): number {
    return this.#clients.size;
  }

  client(key: string, nowMs: number): Client {
    let client = this.#clients.get(key);
    if (client === undefined) {
      if (this.#clients.size >= this.#maxClients) this.#forgetOne(nowMs);
      client = new Client(this.#limit, nowMs);
    } else this.#clients.delete(key);
    this.#clients.set(key, client);
    return client;
  }

  #forgetOne(nowMs: number): void {
    let least = Number.POSITIVE_INFINITY;
    let chosen: string | undefined;
    let looked = 0;
    for (const [key, { bucket }] of this.#clients) {
      const missing = bucket.missing(nowMs);
      if (missing < least) {
        least = missing;
        chosen = key;
      }
      // A full one loses nothing but its violations.
      if (missing === 0 || ++looked === candidates) break;
    }
    if (chosen !== undefined) this.#clients.delete(chosen);
  }
}
