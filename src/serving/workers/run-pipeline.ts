// The requests of one model on their way through its worker: which wait, which were sent ahead, and when each has had its time. Keeps
// deadlines, ends a worker that runs past them, and never starts one.
import { AirlockError } from '../../core/index.ts';
import type { RunProfile } from '../../profile/index.ts';
import type { Signature, Tensor } from '../../tensor/index.ts';
import { DeadlineTimer } from '../deadline-timer.ts';
import type { OnBlamed } from '../runner.ts';
import type { ModelWorkerLimits } from './model-worker-options.ts';
import { checkInputs, PendingRun } from './pending-run.ts';
import { RunQueue } from './run-queue.ts';
import type { WorkerProcess } from './worker-process.ts';

/** Before anything was measured. */
const firstServiceMs = 1;
/** Work that lies in the pipe of a fast model: waking its worker, and writing to it, cost more than a request of it. */
const pipeMs = 2;

/** How many workers a request may see end before it came to its turn. */
const maxMoves = 3;

/** Requests that a worker left behind when it ended, and what the time was on the clock of their deadlines. */
export interface StrandedRuns {
  readonly runs: readonly PendingRun[];
  readonly nowMs: number;
}

export class RunPipeline {
  readonly #signatures: readonly Signature[];
  readonly #limits: ModelWorkerLimits;
  readonly #queue = new RunQueue<PendingRun>();
  readonly #deadlines = new DeadlineTimer((nowMs) => this.#onDue(nowMs));
  #worker: WorkerProcess<PendingRun> | undefined;
  /** A running mean of how long the worker takes for a request, and when it came to the one that it is at. */
  #serviceMs = firstServiceMs;
  #headSinceMs = 0;
  #onDrained: (() => void) | undefined;

  constructor(signatures: readonly Signature[], limits: ModelWorkerLimits) {
    this.#signatures = signatures;
    this.#limits = limits;
  }

  /** How many requests it takes without one of them waiting long: those that are sent ahead. */
  get depth(): number {
    return this.#depth;
  }

  /** How long the worker takes for a request, as a running mean. */
  get serviceMs(): number {
    return this.#serviceMs;
  }

  /** Requests that wait or are in the worker. */
  get pendingCount(): number {
    return this.#queue.length + (this.#worker?.inFlightCount ?? 0);
  }

  /** Requests go to this worker from now on. */
  attach(worker: WorkerProcess<PendingRun>): void {
    this.#worker = worker;
  }

  /** The process is of no use any more, and fails what was in it; what waits fails too. */
  detach(): void {
    this.#worker = undefined;
    for (const run of this.#queue.remove(() => true)) run.fail(new AirlockError('MODEL_NOT_AVAILABLE'));
    this.#deadlines.clear();
    this.#onDrained?.();
  }

  /**
   * Takes away what the process was not at and another may answer, oldest first: it is a pure function of its inputs, and not even that matters for what was never
   * begun. What was moved too often stays, to fail with the process: it may be what ends them.
   */
  takeUnbegun(): StrandedRuns {
    const sent = this.#worker?.takeUnbegun() ?? [];
    const runs: PendingRun[] = [];
    for (const run of [...sent, ...this.#queue.remove(() => true)]) {
      if (run.settled) continue;
      if (run.moves >= maxMoves) run.fail(new AirlockError('WORKER_CRASHED'));
      else runs.push(run);
    }
    return { runs, nowMs: this.#deadlines.nowMs };
  }

  /** Takes away the last `count` of those that wait and were not sent; fewer where there are fewer. */
  takeWaiting(count: number): StrandedRuns {
    const from = this.#queue.length - count;
    let at = 0;
    return { runs: this.#queue.remove(() => at++ >= from), nowMs: this.#deadlines.nowMs };
  }

  /** Takes over what another process left; it has its old deadline, and goes before nothing that waits here. There must be a worker. */
  adopt({ runs, nowMs }: StrandedRuns, onFailure: (error: AirlockError) => AirlockError): void {
    const worker = this.#worker;
    const hereMs = this.#deadlines.nowMs;
    for (const run of runs) {
      run.moves++;
      run.onFailure = onFailure;
      run.deadlineAtMs += hereMs - nowMs;
      if (run.deadlineAtMs <= hereMs) run.fail(new AirlockError('DEADLINE_EXCEEDED'));
      else if (worker === undefined) run.fail(new AirlockError('MODEL_NOT_AVAILABLE'));
      // It waited once already: the length of the queue does not count.
      else if (worker.inFlightCount < this.#depth && this.#queue.length === 0) this.#send(worker, run, run.deadlineAtMs - hereMs);
      else this.#queue.push(run);
      if (!run.settled) this.#deadlines.arm(run.deadlineAtMs);
    }
  }

  /** Settles when nothing waits and nothing runs any more. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.pendingCount === 0) resolve();
      else this.#onDrained = resolve;
    });
  }

  /** See ModelWorker.run. @param onFailure sees each failure of a request that was sent, and may replace it. */
  run(
    signatureIndex: number,
    inputs: readonly Tensor[],
    wishedMs: number | undefined,
    onFailure: (error: AirlockError) => AirlockError,
    onBlamed?: OnBlamed,
    onProfile?: (profile: RunProfile) => void,
  ): Promise<Tensor[]> {
    return new Promise((resolve, reject) => {
      const worker = this.#worker;
      if (worker === undefined) throw new AirlockError('MODEL_NOT_AVAILABLE');
      checkInputs(this.#signatures, signatureIndex, inputs, this.#limits.maxInputBytes);
      const { timeoutMs, maxQueue } = this.#limits;
      const deadlineMs = Math.min(wishedMs ?? timeoutMs, timeoutMs);
      // Not a number is refused too.
      if (!(deadlineMs > 0)) throw new AirlockError('DEADLINE_EXCEEDED');
      const deadlineAtMs = this.#deadlines.nowMs + deadlineMs;
      const run = new PendingRun({ signatureIndex, inputs, deadlineAtMs }, onFailure, resolve, reject, onBlamed, onProfile);
      if (worker.inFlightCount < this.#depth) this.#send(worker, run, deadlineMs);
      else if (this.#queue.length < maxQueue) this.#queue.push(run);
      else throw new AirlockError('SERVER_OVERLOADED');
      this.#deadlines.arm(deadlineAtMs);
    });
  }

  #send(worker: WorkerProcess<PendingRun>, run: PendingRun, timeoutMs: number): void {
    worker.send(run, Math.ceil(timeoutMs));
    if (worker.head === run) this.#headSinceMs = this.#deadlines.nowMs;
  }

  /** A request in the pipe can no longer be taken back at its deadline, so only fast models get a deep one. */
  get #depth(): number {
    const { pipelineDepth, fastPipelineDepth } = this.#limits;
    return Math.max(pipelineDepth, Math.min(fastPipelineDepth, Math.ceil(pipeMs / this.#serviceMs)));
  }

  /** To be called for each answer of the worker, with that worker: a late one of another changes nothing. */
  onAnswer(worker: WorkerProcess<PendingRun>): void {
    if (worker !== this.#worker) return;
    const nowMs = this.#deadlines.nowMs;
    this.#serviceMs += (nowMs - this.#headSinceMs - this.#serviceMs) / 16;
    this.#headSinceMs = nowMs;
    const { head } = worker;
    if (head?.settled) this.#deadlines.arm(head.killAtMs(nowMs, this.#limits.graceMs));
    while (worker.inFlightCount < this.#depth) {
      const run = this.#queue.take();
      if (run === undefined) break;
      if (run.deadlineAtMs <= nowMs) run.fail(new AirlockError('DEADLINE_EXCEEDED'));
      else this.#send(worker, run, run.deadlineAtMs - nowMs);
    }
    if (this.pendingCount === 0) this.#onDrained?.();
  }

  #onDue(nowMs: number): void {
    for (const run of this.#queue.remove(({ deadlineAtMs }) => deadlineAtMs <= nowMs))
      run.fail(new AirlockError('DEADLINE_EXCEEDED'));
    const worker = this.#worker;
    const calls = worker?.calls ?? [];
    for (const run of calls) {
      if (!run.settled && run.deadlineAtMs <= nowMs) run.fail(new AirlockError('DEADLINE_EXCEEDED'));
    }
    const killAtMs = worker?.head?.killAtMs(this.#headSinceMs, this.#limits.graceMs);
    if (killAtMs !== undefined && killAtMs <= nowMs) {
      worker?.head?.blame(new AirlockError('DEADLINE_EXCEEDED'), nowMs - this.#headSinceMs);
      worker?.kill(new AirlockError('WORKER_CRASHED', { detail: 'killed: a request ran past its deadline and the grace time' }));
      return;
    }
    if (killAtMs !== undefined) this.#deadlines.arm(killAtMs);
    for (const run of [...calls, ...this.#queue]) if (!run.settled) this.#deadlines.arm(run.deadlineAtMs);
  }
}
