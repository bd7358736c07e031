// One request in the scheduler: what it asks for, until when, and who is told the answer. Settled once; what comes later is dropped.
import type { AirlockError } from '../../core/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { RunContext } from '../runner.ts';
import type { BatchMember } from './batch-answer.ts';
import type { BatchGroup } from './batch-group.ts';
import type { FairItem } from './fair-queue.ts';

export interface WaitingRunOptions {
  readonly signatureIndex: number;
  readonly inputs: readonly Tensor[];
  readonly context: RunContext;
  /** On the clock of the scheduler's DeadlineTimer. */
  readonly deadlineAtMs: number;
  /** An estimate of what it takes, in milliseconds. */
  readonly weight: number;
  readonly bytes: number;
  /** Those that it may run together with; undefined for a request that runs by itself. */
  readonly group: BatchGroup | undefined;
  /** 0 without a group. */
  readonly rows: number;
}

export class WaitingRun implements FairItem, BatchMember {
  readonly client: string;
  readonly weight: number;
  readonly signatureIndex: number;
  readonly inputs: readonly Tensor[];
  readonly context: RunContext;
  readonly deadlineAtMs: number;
  readonly bytes: number;
  readonly group: BatchGroup | undefined;
  readonly rows: number;
  /** On the clock of performance.now(). */
  readonly arrivedMs = performance.now();
  /** When it stopped waiting for others to come; it has waited for its turn since. */
  gatheredMs = this.arrivedMs;
  isSettled = false;
  readonly answer: Promise<readonly Tensor[]>;
  #resolve: (outputs: readonly Tensor[]) => void = () => undefined;
  #reject: (error: AirlockError) => void = () => undefined;

  constructor(options: WaitingRunOptions) {
    this.client = options.context.client;
    this.weight = options.weight;
    this.signatureIndex = options.signatureIndex;
    this.inputs = options.inputs;
    this.context = options.context;
    this.deadlineAtMs = options.deadlineAtMs;
    this.bytes = options.bytes;
    this.group = options.group;
    this.rows = options.rows;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  succeed(outputs: readonly Tensor[]): void {
    this.isSettled = true;
    this.#resolve(outputs);
  }

  fail(error: AirlockError): void {
    this.isSettled = true;
    this.#reject(error);
  }
}
