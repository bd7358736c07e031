// A second process of a model that waits without the model, so that a restart begins where loading a model begins. It has seen no byte
// of a model and no request, so whoever took over the first process gains nothing in this one.
import { AirlockError } from '../core/index.ts';
import type { JailedWorker } from './jailed-worker.ts';

/** The pause before a spare that died or could not be prepared is replaced; it doubles. */
const firstPauseMs = 1000;
const maxPauseMs = 300_000;

export class SpareWorker {
  readonly #start: () => Promise<JailedWorker>;
  #filling: Promise<void> | undefined;
  #worker: JailedWorker | undefined;
  #isPrepared = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param start starts a process, which need not be prepared yet. */
  constructor(start: () => Promise<JailedWorker>) {
    this.#start = start;
  }

  get state(): 'starting' | 'ready' | 'none' {
    if (this.#isPrepared) return 'ready';
    return this.#filling === undefined ? 'none' : 'starting';
  }

  /** Sees to it that there is one; never throws. */
  fill(): void {
    if (this.#closed || this.#worker !== undefined || this.#filling !== undefined) return;
    clearTimeout(this.#timer);
    this.#filling = this.#fill().finally(() => {
      this.#filling = undefined;
    });
  }

  async #fill(): Promise<void> {
    let worker: JailedWorker;
    try {
      worker = await this.#start();
    } catch {
      this.#replaceLater();
      return;
    }
    this.#worker = worker;
    void worker.process.ended.then(() => this.#lose(worker));
    if (this.#closed) this.discard();
    try {
      await worker.prepare();
      this.#isPrepared = this.#worker === worker;
    } catch {
      // It has ended, and was counted there.
    }
  }

  /** Gives the process away; undefined when there is none. It may still be preparing, which its `prepare` waits for. */
  take(): JailedWorker | undefined {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#isPrepared = false;
    this.#failures = 0;
    return worker?.process.isBroken === true ? undefined : worker;
  }

  /** Ends the process, if there is one; `fill` makes another. */
  discard(): void {
    this.take()?.kill(new AirlockError('SERVER_STOPPING'));
  }

  /** Ends the process and makes no other; settles when it is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.discard();
    await this.#filling;
    await worker?.process.ended;
  }

  #lose(worker: JailedWorker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#isPrepared = false;
    this.#replaceLater();
  }

  #replaceLater(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.fill(), Math.min(firstPauseMs * 2 ** this.#failures, maxPauseMs)).unref();
    this.#failures++;
  }
}
