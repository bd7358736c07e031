// What happened to the workers of one version since it was loaded, as plain numbers for whoever shows them. Counts only; never named after anything of a request.
import type { ErrorCode } from '../../core/index.ts';

/** Each number only grows. */
export interface WorkerCounts {
  /** Processes that ended by themselves or were ended for what they did, by the reason. */
  readonly ends: Partial<Record<ErrorCode, number>>;
  /** Requests that a worker had not come to when it ended, and that another answered. */
  moved: number;
  /** Times that the version was put to sleep, and how often for its memory. */
  sleeps: number;
  evictions: number;
  wakes: number;
  /** Processes that were started because requests waited, and that were ended because they did not any more. */
  more: number;
  fewer: number;
  /** Starts beyond the first one that failed. */
  failedStarts: number;
}

export function newWorkerCounts(): WorkerCounts {
  return { ends: {}, moved: 0, sleeps: 0, evictions: 0, wakes: 0, more: 0, fewer: 0, failedStarts: 0 };
}
