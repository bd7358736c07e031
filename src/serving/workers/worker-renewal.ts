// Requests that come while an idle worker is ended for the memory that it kept, until the process after it is ready: they wait for that instead of being refused, each within its deadline. Starts
// and ends nothing itself.
import type { AirlockError } from '../../core/index.ts';
import { WakeGate } from './wake-gate.ts';

export class WorkerRenewal {
  readonly #gate: WakeGate;
  #resolve: () => void = () => undefined;
  #reject: (error: AirlockError) => void = () => undefined;

  constructor(limits: { readonly timeoutMs: number; readonly maxQueue: number }) {
    const { timeoutMs, maxQueue } = limits;
    const isOver = new Promise<void>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Nobody may be waiting.
    isOver.catch(() => undefined);
    this.#gate = new WakeGate({ timeoutMs, maxQueue, wake: () => isOver });
  }

  get waitingCount(): number {
    return this.#gate.waitingCount;
  }

  /** See WakeGate.pass. @throws what `end` is given. */
  pass(wishedMs: number | undefined): Promise<number> {
    return this.#gate.pass(wishedMs);
  }

  /** @param error why there is no other process; undefined where it is ready. */
  end(error?: AirlockError): void {
    if (error === undefined) this.#resolve();
    else this.#reject(error);
  }
}
