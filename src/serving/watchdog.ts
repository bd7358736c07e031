// Looks after the workers of one server: one timer, which reads what the kernel says of each and ends those that do what they may not.
// Limits of the kernel stop a worker as a whole and do not say why; this says why, and is there on machines that have no such limits.
// A worker that does nothing is looked at seldom, so that a thousand idle models cost little.
import type { AirlockError } from '../core/index.ts';
import type { ProcessUsage } from '../sandbox/index.ts';
import { type VitalLimits, type VitalReading, WorkerVitals } from './workers/worker-vitals.ts';

export interface WatchedWorker extends Pick<VitalReading, 'phase' | 'receivedBytes' | 'unsentBytes' | 'answeredCount'> {
  readonly limits: VitalLimits;
  /** Undefined when the process is gone, or not there yet. */
  usage(): ProcessUsage | undefined;
  kill(reason: AirlockError): void;
}

export interface WatchdogTimes {
  /** Between two looks at a worker that is starting or has a request; default 50. */
  readonly busyMs: number;
  /** Between two looks at one that has nothing to do; default 1000. */
  readonly idleMs: number;
}

interface Watch {
  readonly vitals: WorkerVitals;
  nextAtMs: number;
}

export class Watchdog {
  readonly #times: WatchdogTimes;
  readonly #onLooked: (() => void) | undefined;
  readonly #watches = new Map<WatchedWorker, Watch>();
  #timer: NodeJS.Timeout | undefined;

  /** @param onLooked called after each round. */
  constructor(times: WatchdogTimes = { busyMs: 50, idleMs: 1000 }, onLooked?: () => void) {
    this.#times = times;
    this.#onLooked = onLooked;
  }

  /** Looks after `worker` until the returned function is called, which is for when the process has ended. */
  watch(worker: WatchedWorker): () => void {
    this.#watches.set(worker, { vitals: new WorkerVitals(worker.limits), nextAtMs: 0 });
    this.#timer ??= setInterval(() => this.#look(), this.#times.busyMs).unref();
    return () => this.#forget(worker);
  }

  #forget(worker: WatchedWorker): void {
    this.#watches.delete(worker);
    if (this.#watches.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const atMs = performance.now();
    for (const [worker, watch] of this.#watches) {
      const { phase, receivedBytes, unsentBytes, answeredCount } = worker;
      if (phase === 'idle' && watch.nextAtMs > atMs) continue;
      watch.nextAtMs = atMs + this.#times.idleMs;
      const usage = worker.usage();
      const reason =
        usage &&
        watch.vitals.judge({
          atMs,
          usage,
          phase,
          receivedBytes,
          unsentBytes,
          ...(answeredCount === undefined ? {} : { answeredCount }),
        });
      // Looked at until it is gone: a kill may fail while this process is out of file descriptors.
      if (reason !== undefined) worker.kill(reason);
    }
    this.#onLooked?.();
  }
}
