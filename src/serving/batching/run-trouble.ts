// What ended workers: told by the workers' supervisor at which run it was, and remembered by the inputs, so that nobody ends one twice with the same request. Runs nothing.
import type { AirlockError, ErrorCode } from '../../core/index.ts';
import type { Signature, Tensor } from '../../tensor/index.ts';
import type { OnBlamed } from '../runner.ts';
import { PoisonList, type PoisonVerdict, poisoningStrikes } from './poison-list.ts';
import type { RunSchedulerEvent } from './run-scheduler-types.ts';

/**
 * Ends that lie in the request, as the kernel or the watchdog says. Any other may be a coincidence, once: memory above all, of which requests before and other models may have taken most, so that
 * anybody could have a harmless input of others refused.
 */
const certain: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['WORKER_FORBIDDEN', 'CPU_TIME_EXCEEDED']);

export class RunTrouble {
  readonly #signatures: readonly Signature[];
  readonly #timeoutMs: number;
  readonly #onEvent: (event: RunSchedulerEvent) => void;
  readonly #poison = new PoisonList();
  /** By the inputs of a batch, those of its members. A worker may be ended long after its run has failed. */
  readonly #members = new WeakMap<readonly Tensor[], readonly (readonly Tensor[])[]>();
  readonly #ended = new WeakSet<readonly Tensor[]>();
  #found = 0;

  constructor(signatures: readonly Signature[], timeoutMs: number, onEvent: (event: RunSchedulerEvent) => void) {
    this.#signatures = signatures;
    this.#timeoutMs = timeoutMs;
    this.#onEvent = onEvent;
  }

  /** While it is 0 there is no need to ask for a verdict. */
  get size(): number {
    return this.#poison.size;
  }

  /** Inputs that came to be known as poison. */
  get found(): number {
    return this.#found;
  }

  verdict(signatureIndex: number, inputs: readonly Tensor[]): PoisonVerdict {
    return this.#poison.verdict(signatureIndex, inputs);
  }

  /** `inputs` is about to run, made of the inputs of `members`. */
  expect(inputs: readonly Tensor[], members: readonly (readonly Tensor[])[]): void {
    this.#members.set(inputs, members);
  }

  /** Whether a worker ended at exactly this run. */
  hasEnded(inputs: readonly Tensor[]): boolean {
    return this.#ended.has(inputs);
  }

  readonly onBlamed: OnBlamed = (signatureIndex, inputs, error, ranMs) => {
    // A client may ask for a deadline that is so short that any request passes it: that is not the input's fault, which others may send as well.
    if (error.code === 'DEADLINE_EXCEEDED' && (ranMs ?? 0) < this.#timeoutMs) return;
    this.#ended.add(inputs);
    const members = this.#members.get(inputs);
    if (members === undefined) this.#strike(signatureIndex, inputs, error, certain.has(error.code) ? poisoningStrikes : 1);
    // One of them; until it is known which, none of them meets others.
    else for (const member of members) this.#poison.strike(signatureIndex, member, 0);
  };

  /** Failed by itself after its batch had failed. */
  culprit(signatureIndex: number, inputs: readonly Tensor[], error: AirlockError): void {
    // It has ended two workers. What only fails meets nobody any more, and gets its own error each time.
    this.#strike(signatureIndex, inputs, error, this.hasEnded(inputs) ? 1 : 0);
  }

  /** Answered although it was in a batch that failed. */
  absolve(signatureIndex: number, inputs: readonly Tensor[]): void {
    if (this.#poison.size > 0) this.#poison.absolve(signatureIndex, inputs);
  }

  /** Answered, by itself, although it was suspected. */
  acquit(signatureIndex: number, inputs: readonly Tensor[]): void {
    if (this.#poison.size > 0) this.#poison.acquit(signatureIndex, inputs);
  }

  #strike(signatureIndex: number, inputs: readonly Tensor[], { code }: AirlockError, strikes: number): void {
    if (!this.#poison.strike(signatureIndex, inputs, strikes)) return;
    this.#found++;
    this.#onEvent({ kind: 'poisoned', signature: this.#signatures[signatureIndex].name, code });
  }
}
