// What the workers of one version are told, with their defaults, and what they say of themselves.
import type { ModelWorkerOptions } from './model-worker-options.ts';
import type { MemberHooks, PoolWorker } from './pool-member.ts';

/** A change in how many workers a version has, for the log. */
export interface WorkersChange {
  readonly change: 'asleep' | 'awake' | 'more' | 'fewer' | 'start failed';
  readonly reason: string;
  /** Workers now, those that start included. */
  readonly workers: number;
}

export interface WorkerPoolOptions {
  /** A worker that is not started yet. */
  readonly create: (hooks: MemberHooks) => PoolWorker;
  readonly min: number;
  readonly max: number;
  /** Default never. */
  readonly sleepAfterMs?: number | undefined;
  /** Of requests that wait until it is awake. */
  readonly timeoutMs: number;
  readonly maxQueue: number;
  readonly onChange?: ((change: WorkersChange) => void) | undefined;
  readonly onStateChange?: ModelWorkerOptions['onStateChange'] | undefined;
  /** Nothing of it is left. */
  readonly onClosed?: () => void;
  /** Between two looks at how busy the workers are. Default 100, or less where `sleepAfterMs` is short. */
  readonly tickMs?: number;
  /** So many looks in a row must find requests waiting before a worker is added. Default 3. */
  readonly pressedTicks?: number;
  /** A worker beyond `min` that got nothing this long is ended. Default 10,000. */
  readonly extraIdleMs?: number;
  /** The first pause after a start that failed; it doubles up to a minute. Default 1000. */
  readonly backoffMs?: number;
}
