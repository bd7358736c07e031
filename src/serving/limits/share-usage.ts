// What the requests of one client, or of all, take of their share now. Judges a request against it, and changes nothing while it does.
import type { ShareLimits as ShareBounds } from '../../config/index.ts';
import { AirlockError, errorSpec, TokenBucket } from '../../core/index.ts';
import { mebibyte } from '../mebibytes.ts';

/** Of `costPerSecond`, where `costBurst` does not say. */
const defaultBurstSeconds = 10;

/** What one request would take. */
export interface Demand {
  /** A whole number. */
  readonly bytes: number;
  readonly flops: number;
  /** False where the numbers are those of the part that is known. */
  readonly isBounded: boolean;
}

/** `perClient` and `perModel`, as the configuration calls them. */
export type ShareOwner = 'perClient' | 'perModel';

export class ShareUsage {
  /** Requests that wait or run. */
  underWay = 0;
  /** Their predicted memory, where it is limited. */
  bytes = 0;
  readonly bucket: TokenBucket | undefined;
  readonly #owner: ShareOwner;
  readonly #bounds: ShareBounds;

  constructor(owner: ShareOwner, bounds: ShareBounds, nowMs: number) {
    this.#owner = owner;
    this.#bounds = bounds;
    const { costPerSecond } = bounds;
    this.bucket =
      costPerSecond === undefined
        ? undefined
        : new TokenBucket({ unitsPerSecond: costPerSecond, burst: burstOf(bounds, costPerSecond) }, nowMs);
  }

  /** @throws COST_EXCEEDED for a request that is larger than the whole share, so that it never fits. */
  assertFitsEver(demand: Demand): void {
    const { maxMemoryMiB, costPerSecond } = this.#bounds;
    // Written so that not a number is refused.
    if (maxMemoryMiB !== undefined && !(demand.bytes <= maxMemoryMiB * mebibyte)) {
      throw this.#refusal('COST_EXCEEDED', 'maxMemoryMiB', `${this.#whose} at most ${maxMemoryMiB} MiB`, memoryText(demand));
    }
    if (costPerSecond === undefined) return;
    const burst = burstOf(this.#bounds, costPerSecond);
    if (demand.flops <= burst) return;
    throw this.#refusal('COST_EXCEEDED', 'costBurst', `${this.#whose} at most ${burst} operations at once`, costText(demand));
  }

  /** @throws CLIENT_OVERLOADED, or SERVER_OVERLOADED for the share of all, while what is under way leaves no room. */
  assertFitsNow(demand: Demand): void {
    const { maxConcurrent, maxMemoryMiB } = this.#bounds;
    const code = this.#owner === 'perClient' ? 'CLIENT_OVERLOADED' : 'SERVER_OVERLOADED';
    if (maxConcurrent !== undefined && !(this.underWay < maxConcurrent)) {
      const expected = `${this.#whose} at most ${maxConcurrent} requests at one time`;
      throw this.#refusal(code, 'maxConcurrent', expected, 'one more');
    }
    if (maxMemoryMiB !== undefined && !(this.bytes + demand.bytes <= maxMemoryMiB * mebibyte)) {
      const expected = `${this.#whose} at most ${maxMemoryMiB} MiB at one time`;
      throw this.#refusal(code, 'maxMemoryMiB', expected, `${memoryText(demand)} beside what is under way`);
    }
  }

  /** How long until a request of this cost can be paid. */
  waitMs({ flops }: Demand, nowMs: number): number {
    return this.bucket === undefined ? 0 : this.bucket.waitMs(flops, nowMs);
  }

  /** For a request that has to wait `waitMs` until it can be paid. */
  rateRefusal(demand: Demand, waitMs: number): AirlockError {
    const { costPerSecond = 0 } = this.#bounds;
    const expected = `${this.#whose} at most ${costPerSecond} operations per second, ${burstOf(this.#bounds, costPerSecond)} at once`;
    return this.#refusal('RATE_LIMITED', 'costPerSecond', expected, costText(demand), waitMs);
  }

  take({ bytes, flops }: Demand): void {
    this.underWay++;
    this.bytes += bytes;
    this.bucket?.spend(flops);
  }

  release({ bytes }: Demand): void {
    this.underWay--;
    this.bytes -= bytes;
  }

  get #whose(): string {
    return this.#owner === 'perClient' ? 'for each client of this model' : 'for all clients of this model together';
  }

  #refusal(
    code: 'COST_EXCEEDED' | 'CLIENT_OVERLOADED' | 'SERVER_OVERLOADED' | 'RATE_LIMITED',
    limit: string,
    expected: string,
    got: string,
    retryAfterMs?: number,
  ): AirlockError {
    return new AirlockError(code, {
      message: `${errorSpec(code).text}: expected ${expected}, got ${got}`,
      violations: [{ path: '', rule: `${this.#owner}.${limit}`, expected, got }],
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
}

function burstOf({ costBurst }: ShareBounds, costPerSecond: number): number {
  return costBurst ?? costPerSecond * defaultBurstSeconds;
}

function memoryText({ bytes, isBounded }: Demand): string {
  return `a request that is predicted to need ${isBounded ? '' : 'at least '}${(bytes / mebibyte).toFixed(1)} MiB`;
}

function costText({ flops, isBounded }: Demand): string {
  return `a request that is predicted to take ${isBounded ? '' : 'at least '}${flops.toPrecision(3)} operations`;
}
