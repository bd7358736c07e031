// A worker with a hostile model, in a jail of one level or in none, that is restarted at once after whatever ends it.
import { AirlockError, type ErrorCode } from '../../../src/core/index.ts';
import { readModelContent } from '../../../src/model/index.ts';
import { type Jail, openJail } from '../../../src/sandbox/index.ts';
import { ModelWorker, type ModelWorkerLimits, Watchdog } from '../../../src/serving/index.ts';
import type { Signature, Tensor } from '../../../src/tensor/index.ts';
import { lacksLevel, optionsFor } from '../../support/jail-level.ts';
import { requireSlot, slot } from '../../support/runtime.ts';
import { until } from '../../support/server.ts';
import { numeric, stringsOf } from '../../support/tensors.ts';
import { type HostileSignature, writeHostileModel } from './attack-graph.ts';

export type Level = 'none' | 'process' | 'full';

/** For the title of a test: why this machine cannot run it at a level; empty when it can. */
export function lacks(level: Level): string {
  if (slot === undefined) return ' (skipped: no TensorFlow in ./.airlock, run `airlock runtime install`)';
  return lacksLevel(level);
}

export function openJailAt(level: Level): Promise<Jail> {
  return openJail(optionsFor(level));
}

export interface HostileOptions {
  readonly jail: Jail;
  readonly directory: string;
  readonly attacks: readonly HostileSignature[];
  readonly functions?: readonly Buffer[];
  readonly limits?: Partial<ModelWorkerLimits>;
}

/** What came of one request. */
export interface Outcome {
  readonly answer?: string;
  readonly code?: ErrorCode;
  readonly tookMs: number;
}

/** Always answers, so that a test can see whether the model does. */
const probe: HostileSignature = { name: 'probe', build: (graph) => graph.notFired() };

/** Enough for what the attacks do; a model that never ends is ended after 1.5 s. */
const defaultLimits: Partial<ModelWorkerLimits> = { timeoutMs: 1000, graceMs: 500, memoryMiB: 1024 };

export class HostileModel {
  readonly worker: ModelWorker;
  readonly log: string[] = [];
  /** Why processes ended, in order: code and detail. */
  readonly causes: string[] = [];
  readonly #signatures: readonly Signature[];

  private constructor({ jail, directory, attacks, functions, limits }: HostileOptions) {
    this.#signatures = writeHostileModel(directory, [...attacks, probe], functions);
    this.worker = new ModelWorker({
      jail,
      watchdog: new Watchdog(),
      slot: requireSlot(),
      content: () => readModelContent(directory),
      signatures: this.#signatures,
      backoffMs: 1,
      maxBackoffMs: 1,
      limits: { ...defaultLimits, ...limits },
      onLog: ({ text }) => this.log.push(text),
      onStateChange: (_state, cause) => {
        if (cause !== undefined) this.causes.push(`${cause.code} ${cause.detail ?? ''}`);
      },
    });
  }

  static async open(options: HostileOptions): Promise<HostileModel> {
    const model = new HostileModel(options);
    await model.worker.start();
    return model;
  }

  /** Sets one attack off. */
  async fire(name: string): Promise<Outcome> {
    const startMs = performance.now();
    try {
      const [tensor] = await this.#run(name, true);
      return { answer: textOf(tensor), tookMs: performance.now() - startMs };
    } catch (thrown) {
      return { code: AirlockError.from(thrown).code, tookMs: performance.now() - startMs };
    }
  }

  /** Waits until the model answers a harmless request. */
  async recovered(): Promise<void> {
    await until('the model answers again', () =>
      this.#run('probe', false).then(
        () => true,
        () => false,
      ),
    );
  }

  #run(name: string, fire: boolean): Promise<Tensor[]> {
    const index = this.#signatures.findIndex((signature) => signature.name === name);
    return this.worker.run(index, [numeric('DT_BOOL', [], Uint8Array.of(fire ? 1 : 0))]);
  }

  close(): Promise<void> {
    return this.worker.close();
  }
}

function textOf(tensor: Tensor): string {
  if (tensor.dtype === 'DT_STRING') return stringsOf(tensor).join('\n');
  const bytes = Uint8Array.from(tensor.bytes).buffer;
  const values = { DT_INT64: BigInt64Array, DT_INT32: Int32Array, DT_FLOAT: Float32Array, DT_BOOL: Uint8Array };
  if (!(tensor.dtype in values)) throw new TypeError(`no attack ends in ${tensor.dtype}`);
  return new values[tensor.dtype as keyof typeof values](bytes).join(' ');
}
