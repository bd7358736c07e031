// A second process of a model that waits: without the model, so that a restart begins where loading a model begins, or with it, so that it takes over at once. It has seen
// no request, and one without the model no byte of a model, so whoever took over the first process gains nothing in this one.
import { AirlockError } from '../../core/index.ts';
import type { JailedWorker } from './jailed-worker.ts';

/** The pause before a spare that died or could not be prepared is replaced; it doubles. */
const firstPauseMs = 1000;
const maxPauseMs = 300_000;
/** The same for one whose memory was needed. */
const givenUpPauseMs = 30_000;

export class SpareWorker {
  readonly #start: () => Promise<JailedWorker>;
  readonly #bringUp: (worker: JailedWorker) => Promise<unknown>;
  #filling: Promise<void> | undefined;
  #worker: JailedWorker | undefined;
  #isPrepared = false;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param start starts a process, which need not be prepared yet.
   * @param bringUp brings it to where it waits; the process has ended when it rejects.
   */
  constructor(start: () => Promise<JailedWorker>, bringUp: (worker: JailedWorker) => Promise<unknown>) {
    this.#start = start;
    this.#bringUp = bringUp;
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
      await this.#bringUp(worker);
      this.#isPrepared = this.#worker === worker;
    } catch {
      // It has ended, and was counted there.
    }
  }

  /** Sees to it that there is one after `pauseMs`. */
  fillLater(pauseMs: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.fill(), pauseMs).unref();
  }

  /** Ends the process to have its memory, and makes no other for a while; settles when it is gone, undefined when there is none. */
  giveUp(): Promise<unknown> | undefined {
    const worker = this.#worker;
    if (worker === undefined) return undefined;
    this.discard();
    this.fillLater(givenUpPauseMs);
    return worker.process.ended;
  }

  /** Gives the process away; undefined when there is none. It may still be on its way, which its `prepare` and `load` wait for. */
  take(): JailedWorker | undefined {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#isPrepared = false;
    this.#failures = 0;
    return worker?.process.isBroken === true ? undefined : worker;
  }

  /** The same for one that need not be waited for. */
  takeReady(): JailedWorker | undefined {
    return this.#isPrepared ? this.take() : undefined;
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
    this.fillLater(Math.min(firstPauseMs * 2 ** this.#failures, maxPauseMs));
    this.#failures++;
  }
}
