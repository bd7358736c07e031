// The TensorFlow slots that a server has workers on: the one that it started with, and beside it others that were promoted since. Each has a jail of its own, because a
// jail names the libraries that its processes may open. The first stays until the end: its jail also holds what decodes images and what scans.
import { AirlockError } from '../core/index.ts';
import type { WorkerFactory, WorkerRequest } from './worker-factory.ts';
import type { SeatWorker } from './worker-seat.ts';

export interface RuntimeSlotsOptions {
  readonly tensorflow: string;
  /** The factory of that slot. */
  readonly base: WorkerFactory;
  /** A factory for the slot of another version. @throws as `createWorkerFactory`. */
  readonly open: (tensorflow: string) => Promise<Pick<WorkerFactory, 'create' | 'close'>>;
}

export class RuntimeSlots {
  readonly #options: RuntimeSlotsOptions;
  readonly #others = new Map<string, Pick<WorkerFactory, 'create' | 'close'>>();
  #current: string;

  constructor(options: RuntimeSlotsOptions) {
    this.#options = options;
    this.#current = options.tensorflow;
  }

  /** The TensorFlow that versions are loaded with from now on. */
  get current(): string {
    return this.#current;
  }

  /** Versions are loaded with this one from now on. @throws INTERNAL when it was not opened. */
  use(tensorflow: string): void {
    this.#factoryOf(tensorflow);
    this.#current = tensorflow;
  }

  /** Makes `tensorflow` one that workers can run on. @throws RUNTIME_NOT_INSTALLED, ENVIRONMENT_LACKING. */
  async open(tensorflow: string): Promise<void> {
    if (tensorflow === this.#options.tensorflow || this.#others.has(tensorflow)) return;
    this.#others.set(tensorflow, await this.#options.open(tensorflow));
  }

  /** A worker that is not started yet. @throws as `WorkerFactory.create`. */
  create(tensorflow: string, request: WorkerRequest): SeatWorker {
    return this.#factoryOf(tensorflow).create(request);
  }

  /** To be called when no worker runs on `tensorflow` any more. The one of the start stays. */
  async release(tensorflow: string): Promise<void> {
    const factory = this.#others.get(tensorflow);
    if (factory === undefined || tensorflow === this.#current) return;
    this.#others.delete(tensorflow);
    await factory.close();
  }

  /** To be called when all workers are closed. */
  async close(): Promise<void> {
    await Promise.all([...this.#others.values()].map((factory) => factory.close()));
    this.#others.clear();
    await this.#options.base.close();
  }

  #factoryOf(tensorflow: string): Pick<WorkerFactory, 'create'> {
    const factory = tensorflow === this.#options.tensorflow ? this.#options.base : this.#others.get(tensorflow);
    if (factory === undefined) throw new AirlockError('INTERNAL', { detail: `no slot was opened for ${tensorflow}` });
    return factory;
  }
}
