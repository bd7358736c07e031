// The slots of one version of a model: as many as its limiter says, the last few of them only for clients that use little. Whoever gets none is refused
// at once and never waits.
import type { ConcurrencyConfig } from '../../config/index.ts';
import { type ClientLoad, ConcurrencyClients } from './concurrency-clients.ts';
import { ConcurrencyLimiter, type LimitChange, reservedSlots } from './concurrency-limiter.ts';

/** How a request ended: `overload` in a way that too many at one time can be the reason of, `other` in a way that says nothing about it. */
export type SlotOutcome = 'answered' | 'overload' | 'other';

export class ConcurrencySlots {
  readonly limiter: ConcurrencyLimiter;
  readonly #clients: ConcurrencyClients;

  constructor(bounds: ConcurrencyConfig, onChange: (change: LimitChange) => void, nowMs: number) {
    this.limiter = new ConcurrencyLimiter(bounds, onChange, nowMs);
    this.#clients = new ConcurrencyClients(nowMs);
  }

  /** Clients that asked lately. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** @returns what `release` needs, or undefined where there is no slot for this client. */
  take(key: string, nowMs: number): ClientLoad | undefined {
    const { limiter } = this;
    const client = this.#clients.client(key, nowMs);
    const { limit, underWay } = limiter;
    const reserved = reservedSlots(limit);
    // Also for those who are refused, so that their average follows.
    const isLight = this.#clients.isLight(client, limit, reserved, nowMs);
    if (underWay >= (isLight ? limit : limit - reserved)) {
      limiter.refuse();
      return undefined;
    }
    client.underWay++;
    limiter.begin(nowMs);
    return client;
  }

  release(client: ClientLoad, outcome: SlotOutcome, startMs: number, nowMs: number): void {
    client.average(nowMs);
    client.underWay--;
    if (outcome === 'answered') this.limiter.succeed(startMs, nowMs);
    else if (outcome === 'overload') this.limiter.fail(client, this.#clients.size > 1, nowMs);
    else this.limiter.drop(nowMs);
  }
}
