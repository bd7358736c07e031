// One worker among those of a pool, and how busy it was.
import type { ModelWorker } from './model-worker.ts';
import type { ModelWorkerOptions } from './model-worker-options.ts';

/** What a pool needs of a ModelWorker. */
export type PoolWorker = Pick<
  ModelWorker,
  | 'start'
  | 'run'
  | 'close'
  | 'state'
  | 'isRenewing'
  | 'report'
  | 'pendingCount'
  | 'depth'
  | 'adopt'
  | 'takeWaiting'
  | 'giveUpSpare'
  | 'giveUpGrowth'
>;

/** What a pool tells a new worker. */
export type MemberHooks = Required<Pick<ModelWorkerOptions, 'need' | 'counts' | 'onStranded' | 'onStateChange'>>;

export class PoolMember {
  readonly worker: PoolWorker;
  /** Requests that it was given. */
  runs = 0;
  #seenRuns = 0;
  #usedMs = performance.now();

  constructor(create: (member: PoolMember) => PoolWorker) {
    this.worker = create(this);
  }

  /** When it was given something last, as far as anybody looked; on the clock of `nowMs`. */
  lastUsedMs(nowMs: number): number {
    if (this.runs !== this.#seenRuns || this.worker.pendingCount > 0) this.#usedMs = nowMs;
    this.#seenRuns = this.runs;
    return this.#usedMs;
  }
}
