// What the scheduler of a model version is told, and what it tells.
import type { BatchingConfig } from '../../config/index.ts';
import type { ErrorCode } from '../../core/index.ts';
import type { Signature } from '../../tensor/index.ts';
import type { Runner } from '../runner.ts';

export interface RunSchedulerLimits {
  /** The most that a request may take, waiting included. */
  readonly timeoutMs: number;
  /** Requests that may wait, of all clients. */
  readonly maxQueue: number;
  /** Of a batch, as of one request. Default 256 MiB. */
  readonly maxInputBytes?: number;
  /** Of the answer to a batch, as of the answer to one request. Default 64 MiB. */
  readonly maxOutputBytes?: number;
  /** Predicted memory of a batch; only requests with a predicted cost count. Default no limit. */
  readonly maxBatchPeakBytes?: number;
}

export interface RunSchedulerOptions {
  /** In the worker's order. */
  readonly signatures: readonly Signature[];
  readonly limits: RunSchedulerLimits;
  /** Default none: every request runs by itself. */
  readonly batching?: BatchingConfig | undefined;
  /** Requests that the workers take without one waiting long, all of them together. Default 4. */
  readonly depth?: () => number;
  /** Processes that run at the same time. Default 1. */
  readonly workers?: () => number;
  readonly next: Runner;
  readonly onEvent?: (event: RunSchedulerEvent) => void;
}

/** For the log. No client and no input is in it. */
export type RunSchedulerEvent =
  | { readonly kind: 'batchingProven'; readonly signature: string }
  | { readonly kind: 'batchingOff'; readonly signature: string; readonly why: string }
  | { readonly kind: 'batchSplit'; readonly signature: string; readonly rows: number; readonly code: ErrorCode }
  | { readonly kind: 'culpritFound'; readonly signature: string; readonly code: ErrorCode }
  | { readonly kind: 'poisoned'; readonly signature: string; readonly code: ErrorCode };

/** Upper bounds of the sizes of batches that are counted together; the last has none. */
export const batchSizeBounds: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, Number.POSITIVE_INFINITY];

/** Since the version was loaded, but for what says otherwise. */
export interface RunSchedulerReport {
  /** Now: requests that wait for their turn or for others. */
  readonly waiting: number;
  /** Now: clients that have one waiting. */
  readonly waitingClients: number;
  /** Now: runs that were handed on, a batch being one. */
  readonly inFlight: number;
  /** Requests that had to wait, and how long in all. */
  readonly waits: { readonly count: number; readonly totalMs: number };
  /** Rows of the batches that were answered, by the bounds of `batchSizeBounds`: each batch counts once. */
  readonly batchRows: { readonly counts: readonly number[]; readonly total: number };
  /** Batches that failed and were cut in two. */
  readonly splits: number;
  /** Inputs that came to be known as poison, and requests that were refused because of it. */
  readonly poisoned: { readonly found: number; readonly refused: number };
  /** Refused before they were begun. */
  readonly refused: { readonly overloaded: number; readonly unreachable: number };
  /** Requests whose deadline passed while they waited. */
  readonly expired: number;
}
