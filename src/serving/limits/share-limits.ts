// What each client, and all clients together, may have under way of one model at one time, and may ask for in a second. Refuses before anything
// is queued, and holds nothing of a request that is over. Where the cost of a request is unknown, what is known of it counts.
import type { ShareLimits as ShareBounds } from '../../config/index.ts';
import { AirlockError, BoundedTable, type ErrorCode, isAirlockError } from '../../core/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { RunContext, Runner } from '../runner.ts';
import { type Demand, ShareUsage } from './share-usage.ts';

/** Clients that owe something and have nothing under way; those with something under way are bounded by the requests themselves. */
const defaultMaxIdleClients = 10_000;

/** Refusals behind this step, of requests on which nothing was spent yet. */
const notBegun: ReadonlySet<ErrorCode> = new Set([
  'SERVER_OVERLOADED',
  'CLIENT_OVERLOADED',
  'DEADLINE_UNREACHABLE',
  'MEMORY_BUDGET_EXCEEDED',
  'MODEL_NOT_AVAILABLE',
  'SERVER_STOPPING',
]);

export interface SharesOptions {
  readonly perClient?: ShareBounds | undefined;
  readonly perModel?: ShareBounds | undefined;
  /** Milliseconds of a clock that nobody sets. Default `performance.now`. */
  readonly clock?: () => number;
  /** Default 10,000. */
  readonly maxIdleClients?: number;
}

/** For metrics; counts since the start. */
export interface SharesReport {
  readonly underWay: number;
  /** Predicted memory of what is under way; 0 where no memory is limited. */
  readonly bytes: number;
  /** Clients that have something under way. */
  readonly clients: number;
  readonly refused: {
    /** Larger than the whole share of a client or of the model. */
    readonly tooLarge: number;
    readonly perClient: number;
    readonly perModel: number;
    /** Too many operations in a second. */
    readonly rate: number;
  };
}

/** The accounts of one model; all of its versions share them. */
export class Shares {
  readonly #options: SharesOptions;
  readonly #clock: () => number;
  readonly #limitsMemory: boolean;
  readonly #model: ShareUsage;
  readonly #busy = new Map<string, ShareUsage>();
  readonly #idle: BoundedTable<ShareUsage>;
  readonly #refused = { tooLarge: 0, perClient: 0, perModel: 0, rate: 0 };

  constructor(options: SharesOptions) {
    const { perClient, perModel, clock = () => performance.now(), maxIdleClients = defaultMaxIdleClients } = options;
    this.#options = options;
    this.#clock = clock;
    this.#limitsMemory = perClient?.maxMemoryMiB !== undefined || perModel?.maxMemoryMiB !== undefined;
    this.#model = new ShareUsage('perModel', perModel ?? {}, clock());
    this.#idle = new BoundedTable(maxIdleClients, ({ bucket }, nowMs) => bucket?.missing(nowMs) ?? 0);
  }

  get report(): SharesReport {
    const { underWay, bytes } = this.#model;
    return { underWay, bytes, clients: this.#busy.size, refused: { ...this.#refused } };
  }

  /** Clients that are remembered though they have nothing under way. */
  get idleClients(): number {
    return this.#idle.size;
  }

  demandOf({ cost }: RunContext): Demand {
    // Whole numbers, so that what was added and taken away again leaves nothing.
    const bytes = cost === undefined || !this.#limitsMemory ? 0 : Math.ceil(Math.max(0, cost.peakBytes));
    return { bytes, flops: cost === undefined ? 0 : Math.max(0, cost.flops), isBounded: cost?.isBounded === true };
  }

  /**
   * Takes what one request needs of both shares, or of neither.
   * @returns what `release` needs; undefined where clients have no share.
   * @throws COST_EXCEEDED, CLIENT_OVERLOADED, SERVER_OVERLOADED; RATE_LIMITED with the time to wait.
   */
  take(client: string, demand: Demand): ShareUsage | undefined {
    const { perClient } = this.#options;
    if (perClient === undefined) {
      this.#judge(undefined, demand);
      this.#model.take(demand);
      return undefined;
    }
    const busy = this.#busy.get(client);
    const usage = busy ?? this.#idle.take(client) ?? new ShareUsage('perClient', perClient, this.#clock());
    try {
      this.#judge(usage, demand);
    } catch (thrown) {
      if (busy === undefined) this.#remember(client, usage);
      throw thrown;
    }
    this.#model.take(demand);
    usage.take(demand);
    if (busy === undefined) this.#busy.set(client, usage);
    return usage;
  }

  /** To be called once for each `take`, with what it returned, when the request is over. */
  release(client: string, usage: ShareUsage | undefined, demand: Demand): void {
    this.#model.release(demand);
    if (usage === undefined) return;
    usage.release(demand);
    if (usage.underWay > 0) return;
    this.#busy.delete(client);
    this.#remember(client, usage);
  }

  /** Gives back what was paid for a request that was refused before anything was done for it. */
  refund(usage: ShareUsage | undefined, { flops }: Demand): void {
    this.#model.bucket?.refund(flops);
    usage?.bucket?.refund(flops);
  }

  #judge(usage: ShareUsage | undefined, demand: Demand): void {
    try {
      usage?.assertFitsEver(demand);
      this.#model.assertFitsEver(demand);
      usage?.assertFitsNow(demand);
      this.#model.assertFitsNow(demand);
      this.#assertPayable(usage, demand);
    } catch (thrown) {
      this.#count(AirlockError.from(thrown).code);
      throw thrown;
    }
  }

  #assertPayable(usage: ShareUsage | undefined, demand: Demand): void {
    if (this.#model.bucket === undefined && usage?.bucket === undefined) return;
    const nowMs = this.#clock();
    const mine = usage?.waitMs(demand, nowMs) ?? 0;
    const all = this.#model.waitMs(demand, nowMs);
    // A wait of not a number would let everything through.
    if (mine <= 0 && all <= 0) return;
    throw usage !== undefined && !(mine < all) ? usage.rateRefusal(demand, mine) : this.#model.rateRefusal(demand, all);
  }

  #count(code: ErrorCode): void {
    if (code === 'COST_EXCEEDED') this.#refused.tooLarge++;
    else if (code === 'CLIENT_OVERLOADED') this.#refused.perClient++;
    else if (code === 'SERVER_OVERLOADED') this.#refused.perModel++;
    else this.#refused.rate++;
  }

  /** Only a client that owes something has anything to be remembered. */
  #remember(client: string, usage: ShareUsage): void {
    if (usage.bucket === undefined) return;
    const nowMs = this.#clock();
    if (usage.bucket.missing(nowMs) > 0) this.#idle.put(client, usage, nowMs);
  }
}

export interface ShareLimitsOptions {
  /** One for all versions of a model. */
  readonly shares: Shares;
  readonly next: Runner;
}

export class ShareLimits implements Runner {
  readonly #shares: Shares;
  readonly #next: Runner;

  constructor({ shares, next }: ShareLimitsOptions) {
    this.#shares = shares;
    this.#next = next;
  }

  /** Rejects as `Shares.take` throws, and as the next step does. */
  async run(signatureIndex: number, inputs: readonly Tensor[], context: RunContext): Promise<readonly Tensor[]> {
    const demand = this.#shares.demandOf(context);
    const usage = this.#shares.take(context.client, demand);
    try {
      return await this.#next.run(signatureIndex, inputs, context);
    } catch (thrown) {
      if (isAirlockError(thrown) && notBegun.has(thrown.code)) this.#shares.refund(usage, demand);
      throw thrown;
    } finally {
      this.#shares.release(context.client, usage, demand);
    }
  }
}
