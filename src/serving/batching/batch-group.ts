// Requests of one signature and one shape, which may run together: those that wait for others to come, and what was learned of how long to wait and how many to take.
import type { BatchProof } from './batch-proof.ts';
import { BatchSizes } from './batch-sizes.ts';
import { BatchWait } from './batch-wait.ts';
import type { WaitingRun } from './waiting-run.ts';

/** Below this a timer is too coarse: what comes in the same turn of the event loop is waited for, and nothing else. */
const leastTimerMs = 0.75;

export interface BatchGroupOptions {
  readonly proof: BatchProof;
  readonly maxRows: number;
  readonly maxDelayMs: number;
  readonly maxOutputBytes: number;
  /** Takes what has waited long enough. */
  readonly onGathered: (runs: readonly WaitingRun[]) => void;
}

export class BatchGroup {
  readonly proof: BatchProof;
  readonly sizes: BatchSizes;
  readonly wait: BatchWait;
  readonly #onGathered: (runs: readonly WaitingRun[]) => void;
  #gathering: WaitingRun[] = [];
  #rows = 0;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor({ proof, maxRows, maxDelayMs, maxOutputBytes, onGathered }: BatchGroupOptions) {
    this.proof = proof;
    this.sizes = new BatchSizes(maxRows, maxOutputBytes);
    this.wait = new BatchWait(maxDelayMs);
    this.#onGathered = onGathered;
  }

  get gatheringCount(): number {
    return this.#gathering.length;
  }

  /** Those that wait for others, oldest first. */
  get gathering(): readonly WaitingRun[] {
    return this.#gathering;
  }

  /** Lets a run wait for others for `waitMs`, or for as long as those before it still do. */
  gather(run: WaitingRun, waitMs: number): void {
    this.#gathering.push(run);
    this.#rows += run.rows;
    if (this.#rows >= this.sizes.target) this.#flush();
    else if (this.#gathering.length > 1) return;
    else if (waitMs < leastTimerMs) this.#immediate = setImmediate(() => this.#flush());
    else this.#timer = setTimeout(() => this.#flush(), waitMs);
  }

  /** Takes out those whose deadline has passed. */
  removeDue(nowMs: number): WaitingRun[] {
    const due = this.#gathering.filter((run) => run.deadlineAtMs <= nowMs);
    if (due.length > 0) this.#gathering = this.#gathering.filter((run) => run.deadlineAtMs > nowMs);
    return due;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    const runs = this.#gathering;
    this.#gathering = [];
    this.#rows = 0;
    this.wait.waited(runs.length > 1);
    const nowMs = performance.now();
    for (const run of runs) run.gatheredMs = nowMs;
    this.#onGathered(runs);
  }
}
