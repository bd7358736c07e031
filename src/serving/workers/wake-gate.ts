// Where requests wait for a version that sleeps: one start for all of them, each within its deadline, and no more of them than its queue has room for. Starts nothing itself.
import { AirlockError } from '../../core/index.ts';

export interface WakeGateOptions {
  /** Of a request, at most and by default. */
  readonly timeoutMs: number;
  readonly maxQueue: number;
  /** Has the version answer again. @throws what the requests that wait are told. */
  readonly wake: () => Promise<void>;
}

export class WakeGate {
  readonly #options: WakeGateOptions;
  #waiting = 0;
  #waking: Promise<void> | undefined;

  constructor(options: WakeGateOptions) {
    this.#options = options;
  }

  get waitingCount(): number {
    return this.#waiting;
  }

  /** Settles when the version is awake, with the milliseconds that the request has left. @throws SERVER_OVERLOADED, DEADLINE_EXCEEDED, and what `wake` throws. */
  async pass(wishedMs: number | undefined): Promise<number> {
    const { timeoutMs, maxQueue } = this.#options;
    if (this.#waiting >= maxQueue) throw new AirlockError('SERVER_OVERLOADED');
    const deadlineMs = Math.min(wishedMs ?? timeoutMs, timeoutMs);
    // Not a number is refused too.
    if (!(deadlineMs > 0)) throw new AirlockError('DEADLINE_EXCEEDED');
    const endMs = performance.now() + deadlineMs;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new AirlockError('DEADLINE_EXCEEDED')), deadlineMs);
    });
    this.#waiting++;
    try {
      await Promise.race([this.#wake(), deadline]);
    } finally {
      this.#waiting--;
      clearTimeout(timer);
    }
    return endMs - performance.now();
  }

  #wake(): Promise<void> {
    this.#waking ??= this.#options.wake().finally(() => {
      this.#waking = undefined;
    });
    return this.#waking;
  }
}
