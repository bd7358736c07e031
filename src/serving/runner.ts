// One step of a request on its way from checked tensors to a worker: admission by cost, limits, the queue with its batches, the worker itself. A step hands what it lets
// through to the next one, which it was given when the version was made, and never looks back.
import type { AirlockError } from '../core/index.ts';
import type { PredictedCost } from '../cost/index.ts';
import type { RunProfile } from '../profile/index.ts';
import type { Tensor } from '../tensor/index.ts';

/** The parts of a run that take time. `queue`: waiting for others. `batch`: waiting for others to come. `run`: in the worker. */
export type RunPhase = 'queue' | 'batch' | 'run';

/**
 * Told that a worker ended, or had to be ended, while it was at a run; the run may have failed before. `ranMs` is for how long the worker was at it, where it was ended for that.
 */
export type OnBlamed = (signatureIndex: number, inputs: readonly Tensor[], error: AirlockError, ranMs?: number) => void;

/** Must not throw. */
export type OnProfile = (profile: RunProfile) => void;

/** What a run needs to know of its request. The worker is told none of it. */
export interface RunContext {
  /** Who asks, as rate limits count it; empty for a program that embeds the model. */
  readonly client: string;
  /** Milliseconds from now in which it has to be answered. Default, and at most, the model's `timeoutMs`. */
  readonly deadlineMs?: number | undefined;
  /** Set by admission, where something needs it. */
  readonly cost?: PredictedCost | undefined;
  /** Told what each part took, on the clock of performance.now(). */
  readonly onPhase?: ((phase: RunPhase, startMs: number, endMs: number) => void) | undefined;
  /** Passed on to the worker only beside `deadlineMs`. */
  readonly onBlamed?: OnBlamed | undefined;
  /** Passed on to the worker, except to one that is on trial. */
  readonly onProfile?: OnProfile | undefined;
}

/** How a worker is asked to run. */
export interface WorkerRunOptions {
  readonly deadlineMs?: number | undefined;
  /** Runs with TensorFlow's tracing, which is slow; told what it said, before the run settles. */
  readonly onProfile?: OnProfile | undefined;
  readonly onBlamed?: OnBlamed | undefined;
}

export interface Runner {
  /**
   * `inputs` are in the order of the signature's inputs, and so are the outputs. Throws or rejects to refuse.
   * @param signatureIndex in the list of signatures that the worker was told of.
   */
  run(signatureIndex: number, inputs: readonly Tensor[], context: RunContext): Promise<readonly Tensor[]>;
}

/** The last step, which asks the worker. */
export interface SeatRunner extends Runner {
  /** Requests that its processes take without one of them waiting long. */
  readonly depth: number;
  /** Processes that answer now, 1 at least. */
  readonly processes: number;
  /** Runs that wait for them or are in them. */
  readonly pendingCount: number;
  /** The version of the TensorFlow that they run on. */
  readonly tensorflow: string;
}

/** For a program that embeds the model, and for requests of our own. */
export const ownContext: RunContext = { client: '' };
