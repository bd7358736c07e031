// The memory of all workers of a server together. Before a process is started it makes room, by having others give up what they can do without; while processes run it
// watches what they were measured to have, and as the last resort ends the one that grew most. Knows versions only as tenants, and measures nothing itself.
import { AirlockError } from '../../core/index.ts';
import { mebibytes } from '../mebibytes.ts';
import { type MemoryNeed, MemoryShare } from './memory-share.ts';

/**
 * What a version can do without, the cheapest first: a second process of many that has nothing to do, a spare, all of them while nobody asks, and what an idle process kept of a large request, which it
 * gives back by beginning anew.
 */
export type Dispensable = 'extra' | 'spare' | 'sleep' | 'growth';

/** A version of a model, as far as memory goes. */
export interface MemoryTenant {
  /** When somebody asked last, on the clock of performance.now(); Infinity while a request waits or runs. */
  readonly lastUsedMs: number;
  /** Gives one thing up; settles when its memory is free. Undefined when it has none of the kind. */
  giveUp(what: Dispensable): Promise<unknown> | undefined;
}

/** What starting a process of a tenant takes. */
export interface MemoryEstimate {
  /** A process without a model. */
  readonly baseBytes: number;
  /** The most that loading takes beyond that. */
  readonly modelBytes: number;
  /** Told what a process with the model took at most. */
  learn(peakBytes: number): void;
}

export interface MemoryBudgetReport {
  readonly limitBytes: number;
  /** Measured, of all workers. */
  readonly usedBytes: number;
  /** Measured, and what is set aside for those that load. */
  readonly heldBytes: number;
  readonly workers: number;
  /** Starts that were refused. */
  readonly refusals: number;
  /** Things given up to make room or to stay below the limit, by what. */
  readonly evictions: Readonly<Record<Dispensable, number>>;
  /** Workers that were ended because all together had too much. */
  readonly kills: number;
}

export interface MemoryBudgetOptions {
  readonly limitBytes: number;
  /** A version that was asked within this time keeps its workers. Default 1000. */
  readonly hotMs?: number;
  /** How long a start waits for memory that somebody gives up. Default 10,000. */
  readonly patienceMs?: number;
}

/** From here on others give something up, so that the limit itself is not reached. */
const pressureShare = 0.95;
/** From here on workers are ended: between two looks one more may take something. */
const endShare = 0.97;
/** What is only wanted, or a spare, leaves some room for what will be needed. */
const comfortShare = 0.9;

const kindsFor: Readonly<Record<MemoryNeed, readonly Dispensable[]>> = {
  needed: ['extra', 'spare', 'sleep'],
  wanted: ['sleep'],
  spare: [],
};
const allKinds: readonly Dispensable[] = [...kindsFor.needed, 'growth'];

export class MemoryBudget {
  readonly #options: MemoryBudgetOptions;
  readonly #tenants = new Set<MemoryTenant>();
  readonly #shares = new Set<MemoryShare>();
  /** Starts make room one after the other, or two would count on the same. */
  #turn: Promise<unknown> = Promise.resolve();
  #shedding: Promise<unknown> | undefined;
  readonly #onRelease: (() => void)[] = [];
  #refusals = 0;
  #kills = 0;
  readonly #evictions: Record<Dispensable, number> = { extra: 0, spare: 0, sleep: 0, growth: 0 };

  constructor(options: MemoryBudgetOptions) {
    this.#options = options;
  }

  /** Until the returned function is called, `tenant` may be asked to give something up. */
  add(tenant: MemoryTenant): () => void {
    this.#tenants.add(tenant);
    return () => this.#tenants.delete(tenant);
  }

  get report(): MemoryBudgetReport {
    return {
      limitBytes: this.#options.limitBytes,
      usedBytes: this.#sum(({ measuredBytes }) => measuredBytes),
      heldBytes: this.#sum(({ heldBytes }) => heldBytes),
      workers: this.#shares.size,
      refusals: this.#refusals,
      evictions: { ...this.#evictions },
      kills: this.#kills,
    };
  }

  /**
   * Sets aside what a process takes, after room was made for it.
   * @throws MEMORY_BUDGET_EXCEEDED when the others need what they have.
   */
  async reserve(tenant: MemoryTenant, estimate: MemoryEstimate, need: MemoryNeed, withModel: boolean): Promise<MemoryShare> {
    const { baseBytes, modelBytes } = estimate;
    const bytes = withModel ? baseBytes + modelBytes : baseBytes;
    return this.#inTurn(async () => {
      await this.#makeRoom(tenant, bytes, need);
      const share: MemoryShare = new MemoryShare({
        bytes,
        modelBytes: withModel ? 0 : modelBytes,
        // A spare that is given its model is a spare no more.
        makeRoom: (_share, more) => this.#inTurn(() => this.#makeRoom(tenant, more, 'needed')),
        onSettled: (peakBytes) => estimate.learn(peakBytes),
        onReleased: (gone) => this.#onReleased(gone),
      });
      this.#shares.add(share);
      return share;
    });
  }

  #inTurn<Result>(step: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(step);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #makeRoom(tenant: MemoryTenant, bytes: number, need: MemoryNeed): Promise<void> {
    const { limitBytes, patienceMs = 10_000 } = this.#options;
    const allowedBytes = need === 'needed' ? limitBytes : limitBytes * comfortShare;
    const endMs = performance.now() + patienceMs;
    while (this.#sum(({ heldBytes }) => heldBytes) + bytes > allowedBytes) {
      // What leaves already may be enough.
      const isEnough = this.#sum((share) => (share.isLeaving ? 0 : share.heldBytes)) + bytes <= allowedBytes;
      const given = isEnough ? undefined : (this.#giveUpOne(kindsFor[need], tenant) ?? this.#renewOne(bytes, need, tenant));
      const freed = given ?? this.#nextRelease();
      const leftMs = endMs - performance.now();
      if (freed === undefined || leftMs <= 0) {
        this.#refusals++;
        throw new AirlockError('MEMORY_BUDGET_EXCEEDED', {
          detail: `it needs ${mebibytes(bytes)} MiB; workers hold ${mebibytes(this.#sum(({ heldBytes }) => heldBytes))} MiB of ${mebibytes(allowedBytes)} MiB`,
        });
      }
      await within(freed, leftMs);
    }
  }

  /** Ends a process that kept much, where that leaves room for `bytes` and for the process that comes back in its place. */
  #renewOne(bytes: number, need: MemoryNeed, tenant: MemoryTenant): Promise<unknown> | undefined {
    const staysBytes = this.#sum((share) => (share.isLeaving ? 0 : share.heldBytes - share.keptBytes));
    return need === 'needed' && staysBytes + bytes <= this.#options.limitBytes ? this.#giveUpOne(['growth'], tenant) : undefined;
  }

  /** Settles when one that leaves is gone; undefined when none leaves. */
  #nextRelease(): Promise<void> | undefined {
    for (const { isLeaving } of this.#shares) if (isLeaving) return new Promise((resolve) => this.#onRelease.push(resolve));
    return undefined;
  }

  #onReleased(share: MemoryShare): void {
    this.#shares.delete(share);
    for (const resolve of this.#onRelease.splice(0)) resolve();
  }

  /** The tenant that was asked longest ago gives up one thing, of the first kind that anybody has. */
  #giveUpOne(kinds: readonly Dispensable[], except?: MemoryTenant): Promise<unknown> | undefined {
    const { hotMs = 1_000 } = this.#options;
    const coldMs = performance.now() - hotMs;
    const tenants = [...this.#tenants]
      .filter((tenant) => tenant !== except)
      .sort((a, b) => (a.lastUsedMs < b.lastUsedMs ? -1 : 1));
    for (const kind of kinds) {
      for (const tenant of tenants) {
        if (kind === 'sleep' && tenant.lastUsedMs > coldMs) continue;
        const freed = tenant.giveUp(kind);
        if (freed === undefined) continue;
        this.#evictions[kind]++;
        return freed;
      }
    }
    return undefined;
  }

  /** To be called after workers were measured. Never waits. */
  check(): void {
    const limitBytes = this.#options.limitBytes * endShare;
    for (const share of this.#shares) share.look();
    const all = this.#sum(({ measuredBytes }) => measuredBytes);
    // At the next look it is too late for what is above the limit by then.
    const isBelow = all + this.#sum(({ risingBytes }) => risingBytes) <= limitBytes;
    if (isBelow && all <= this.#options.limitBytes * pressureShare) return;
    if (isBelow) {
      // One thing at a time, or a short peak would empty the machine.
      if (this.#shedding !== undefined) return;
      this.#shedding = this.#giveUpOne(allKinds)?.finally(() => {
        this.#shedding = undefined;
      });
      return;
    }
    while (this.#stayingBytes() > limitBytes) {
      if (this.#giveUpOne(allKinds) === undefined) break;
    }
    while (this.#stayingBytes() > limitBytes && this.#endGreediest()) this.#kills++;
  }

  /** What is left at the next look when those are gone that have been told to go. */
  #stayingBytes(): number {
    return this.#sum(({ isLeaving, measuredBytes, risingBytes }) => (isLeaving ? 0 : measuredBytes + risingBytes));
  }

  #endGreediest(): boolean {
    let greediest: MemoryShare | undefined;
    for (const share of this.#shares)
      if (!share.isLeaving && (greediest === undefined || share.grownBytes > greediest.grownBytes)) greediest = share;
    if (greediest === undefined) return false;
    const all = mebibytes(this.#stayingBytes());
    const { grownBytes, measuredBytes } = greediest;
    greediest.end(
      new AirlockError('WORKER_OUT_OF_MEMORY', {
        detail: `killed: all workers together had or would have ${all} MiB of ${mebibytes(this.#options.limitBytes)} MiB, and of them it had grown most, by ${mebibytes(grownBytes)} MiB to ${mebibytes(measuredBytes)} MiB`,
      }),
    );
    return true;
  }

  #sum(bytesOf: (share: MemoryShare) => number): number {
    let sum = 0;
    for (const share of this.#shares) sum += bytesOf(share);
    return sum;
  }
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => undefined), over]);
  clearTimeout(timer);
}
