// How much may be asked of one model: by each client, and by all together. A request pays while it comes in, before the work is done that
// it pays for; whoever cannot pay is refused, and is told what the limit is and when to come again.
import type { RateLimits } from '../config/index.ts';
import { AirlockError, type BucketLimit, errorSpec, TokenBucket } from '../core/index.ts';
import { type Client, ClientTable } from './client-table.ts';

/** Clients that are remembered for each model; docs/rate-limits.md. */
const defaultMaxClients = 10_000;

export interface RateLimiterOptions {
  readonly limits: RateLimits;
  /** Milliseconds of a clock that nobody sets. Default `performance.now`. */
  readonly clock?: () => number;
  readonly maxClients?: number;
}

export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #clock: () => number;
  readonly #clients: ClientTable | undefined;
  readonly #model: TokenBucket | undefined;

  constructor({ limits, clock = () => performance.now(), maxClients = defaultMaxClients }: RateLimiterOptions) {
    this.#limits = limits;
    this.#clock = clock;
    const { perClient, perModel } = limits;
    this.#clients = perClient && new ClientTable(perClient, maxClients);
    this.#model = perModel && new TokenBucket(perModel, clock());
  }

  /** Clients that are remembered now. */
  get clientCount(): number {
    return this.#clients?.size ?? 0;
  }

  /** The account of one request of the client `key`. */
  open(key: string): RequestAccount {
    const client = this.#clients?.client(key, this.#clock());
    return new RequestAccount(this.#limits, this.#clock, client, this.#model);
  }
}

export class RequestAccount {
  readonly #limits: RateLimits;
  readonly #clock: () => number;
  readonly #client: Client | undefined;
  readonly #model: TokenBucket | undefined;
  #spent = 0;

  constructor(limits: RateLimits, clock: () => number, client: Client | undefined, model: TokenBucket | undefined) {
    this.#limits = limits;
    this.#clock = clock;
    this.#client = client;
    this.#model = model;
  }

  /** What this request has paid so far. */
  get spent(): number {
    return this.#spent;
  }

  /**
   * Pays `units` more for this request, to the client's and to the model's bucket or to neither.
   * @throws RATE_LIMITED with the time to wait; without one when a request of this cost can never be paid.
   */
  spend(units: number): void {
    const nowMs = this.#clock();
    const total = this.#spent + units;
    const { perClient, perModel } = this.#limits;
    const mine = this.#client === undefined ? 0 : waitMs(this.#client.bucket, perClient, units, total, nowMs);
    const all = this.#model === undefined ? 0 : waitMs(this.#model, perModel, units, total, nowMs);
    const wait = Math.max(mine, all);
    // A wait of not a number would let everything through.
    if (!(wait <= 0)) throw limited(mine >= all ? perClient : perModel, mine >= all, total, wait);
    this.#client?.bucket.spend(units);
    this.#model?.spend(units);
    this.#spent = total;
  }

  /** To be called when the request was refused for `error`: one that is the client's own fault counts against it. */
  refused(error: AirlockError): void {
    const { slowViolators } = this.#limits;
    if (slowViolators !== undefined && isViolation(error)) this.#client?.violated(slowViolators, this.#clock());
  }
}

/** All of a request has to fit the burst, also the part that is paid already: it is one request to whoever sends it again. */
function waitMs(bucket: TokenBucket, limit: BucketLimit | undefined, units: number, total: number, nowMs: number): number {
  if (limit === undefined) return 0;
  return total > limit.burst ? Number.POSITIVE_INFINITY : bucket.waitMs(units, nowMs);
}

function isViolation(error: AirlockError): boolean {
  const { status, http } = errorSpec(error.code);
  return !error.retry && (status === 'invalid_argument' || status === 'out_of_range' || http === 413);
}

function limited(limit: BucketLimit | undefined, isClient: boolean, total: number, retryAfterMs: number): AirlockError {
  const { unitsPerSecond = 0, burst = 0 } = limit ?? {};
  const whose = isClient ? 'each client of this model' : 'all clients of this model together';
  const expected = `at most ${unitsPerSecond} units per second for ${whose}, burst ${burst}`;
  const never = retryAfterMs === Number.POSITIVE_INFINITY;
  const got = `a request that costs ${Math.ceil(total)} units${never ? ' and can never be accepted' : ' or more so far'}`;
  return new AirlockError('RATE_LIMITED', {
    message: `${errorSpec('RATE_LIMITED').text}: ${expected}; this is ${got}${never ? '' : '; too many were spent just before'}`,
    violations: [{ path: '', rule: isClient ? 'perClient' : 'perModel', expected, got }],
    retryAfterMs,
  });
}
