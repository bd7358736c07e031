// The queue of one model version: who runs next, who runs together, who cannot be answered in time and is told so at once. In front of the workers, which get no more than
// they can be at. It never runs a request twice whose worker ended at it, but to find out which member of a batch it was.
import { AirlockError } from '../../core/index.ts';
import type { Signature, Tensor } from '../../tensor/index.ts';
import { DeadlineTimer } from '../deadline-timer.ts';
import type { RunContext, Runner } from '../runner.ts';
import type { BatchGroup } from './batch-group.ts';
import { bytesOf, rowsOf } from './batch-tensors.ts';
import { Batcher } from './batcher.ts';
import { FairQueue } from './fair-queue.ts';
import { RunCounts } from './run-counts.ts';
import type { RunSchedulerEvent, RunSchedulerLimits, RunSchedulerOptions, RunSchedulerReport } from './run-scheduler-types.ts';
import { RunTimes } from './run-times.ts';
import { RunTrouble } from './run-trouble.ts';
import { WaitingRun } from './waiting-run.ts';

const defaultDepth = 4;
/** From this on the way to the worker and back is nothing, and what was sent ahead only makes others wait. */
const slowMs = 5;
/** Below this the way to the worker and back takes as long as the run. */
const shortMs = 1;
/** For each worker that is at a slow run: one more, so that it never has to wait. */
const slowDepth = 2;
/** Estimates are believed for this part: who is refused must clearly have had no chance. */
const trust = 0.8;
/** The smallest share of a worker that a request counts as, in milliseconds. */
const leastWeight = 0.01;
/** How often is looked whether a worker is back. */
const lookMs = 20;

export class RunScheduler implements Runner {
  readonly #signatures: readonly Signature[];
  readonly #limits: RunSchedulerLimits;
  readonly #next: Runner;
  readonly #depth: () => number;
  readonly #workers: () => number;
  readonly #maxRows: number;
  readonly #queue = new FairQueue<WaitingRun>();
  readonly #deadlines = new DeadlineTimer((nowMs) => this.#onDue(nowMs));
  readonly #times = new RunTimes();
  readonly #counts = new RunCounts();
  readonly #trouble: RunTrouble;
  readonly #batcher: Batcher | undefined;
  /** Members of batches that run: their deadlines are kept here, those of single runs by the worker's pipeline. */
  readonly #together = new Set<WaitingRun>();
  #inFlight = 0;
  /** What those in flight were estimated to take together. */
  #inFlightMs = 0;
  #lastDoneMs = 0;
  /** A running mean over all runs. */
  #serviceMs = 0;

  constructor(options: RunSchedulerOptions) {
    const { signatures, limits, batching, onEvent = () => undefined } = options;
    this.#signatures = signatures;
    this.#limits = limits;
    this.#next = options.next;
    this.#depth = options.depth ?? (() => defaultDepth);
    this.#workers = options.workers ?? (() => 1);
    this.#maxRows = batching?.maxRows ?? 0;
    this.#trouble = new RunTrouble(signatures, limits.timeoutMs, onEvent);
    this.#batcher = batching && this.#createBatcher(batching, onEvent);
  }

  #createBatcher(batching: NonNullable<RunSchedulerOptions['batching']>, onEvent: (event: RunSchedulerEvent) => void): Batcher {
    return new Batcher({
      signatures: this.#signatures,
      batching,
      limits: this.#limits,
      onGathered: (runs) => {
        for (const run of runs) if (!run.isSettled) this.#queue.push(run);
        this.#pump();
      },
      run: (signatureIndex, inputs, members, attempt) => this.#runTogether(signatureIndex, inputs, members, attempt),
      hasEnded: (inputs) => this.#trouble.hasEnded(inputs),
      onCulprit: (member, error) => this.#trouble.culprit(member.signatureIndex, member.inputs, error),
      onEvent,
    });
  }

  get report(): RunSchedulerReport {
    return this.#counts.report({
      waiting: this.#waiting,
      waitingClients: this.#queue.clientCount,
      inFlight: this.#inFlight,
      splits: this.#batcher?.splits ?? 0,
      poisonsFound: this.#trouble.found,
    });
  }

  /**
   * Runs a request when it is its turn.
   * @throws REQUEST_POISONED; DEADLINE_UNREACHABLE with the time after which it may be sent again; SERVER_OVERLOADED; DEADLINE_EXCEEDED; what the next step throws.
   */
  run(signatureIndex: number, inputs: readonly Tensor[], context: RunContext): Promise<readonly Tensor[]> {
    const verdict = this.#trouble.size === 0 ? undefined : this.#trouble.verdict(signatureIndex, inputs);
    if (verdict === 'poisoned') {
      this.#counts.poisonRefusals++;
      return Promise.reject(new AirlockError('REQUEST_POISONED'));
    }
    const group =
      this.#batcher === undefined || verdict === 'suspect'
        ? undefined
        : this.#batcher.groupOf(signatureIndex, inputs, context.client);
    const answer = this.#accept(signatureIndex, inputs, context, group);
    if (verdict === undefined) return answer;
    return answer.then((outputs) => {
      this.#trouble.acquit(signatureIndex, inputs);
      return outputs;
    });
  }

  #accept(
    signatureIndex: number,
    inputs: readonly Tensor[],
    context: RunContext,
    group: BatchGroup | undefined,
  ): Promise<readonly Tensor[]> {
    if (group === undefined && this.#queue.length === 0 && this.#inFlight < this.#places) {
      if (context.deadlineMs !== undefined && !this.#isReachable(signatureIndex, inputs, context, context.deadlineMs))
        return Promise.reject(this.#unreachable(0));
      return this.#runNow(signatureIndex, inputs, context);
    }
    try {
      return this.#enqueue(signatureIndex, inputs, context, group);
    } catch (thrown) {
      return Promise.reject(AirlockError.from(thrown));
    }
  }

  /** Runs that may be at the workers. */
  get #places(): number {
    const workers = this.#workers();
    // A batch grows while the one before it runs. A full one gains nothing by waiting, and a short one loses more on the way to its worker.
    if (this.#batcher?.isActive) return this.#queue.length >= this.#maxRows || this.#serviceMs < shortMs ? 2 * workers : workers;
    const depth = this.#depth();
    return this.#serviceMs >= slowMs ? Math.min(depth, slowDepth * workers) : depth;
  }

  get #waiting(): number {
    return this.#queue.length + (this.#batcher?.gatheringCount ?? 0);
  }

  #runNow(signatureIndex: number, inputs: readonly Tensor[], context: RunContext): Promise<readonly Tensor[]> {
    const { timeoutMs } = this.#limits;
    return this.#send(signatureIndex, inputs, context, Math.min(context.deadlineMs ?? timeoutMs, timeoutMs));
  }

  /** One run at the worker, in a place of its own. */
  async #send(
    signatureIndex: number,
    inputs: readonly Tensor[],
    context: RunContext,
    deadlineMs: number,
  ): Promise<readonly Tensor[]> {
    const { client, cost, onPhase } = context;
    const bytes = bytesOf(inputs);
    const expectedMs = this.#begin(signatureIndex, bytes, context);
    const startMs = performance.now();
    const ahead = this.#inFlight;
    try {
      const outputs = await this.#next.run(signatureIndex, inputs, {
        client,
        deadlineMs,
        cost,
        onBlamed: this.#trouble.onBlamed,
      });
      this.#measure(signatureIndex, bytes, startMs, ahead);
      return outputs;
    } finally {
      onPhase?.('run', startMs, performance.now());
      this.#end(expectedMs);
    }
  }

  #begin(signatureIndex: number, bytes: number, { cost }: RunContext): number {
    const expectedMs = finite(cost?.milliseconds) ?? this.#times.lowMs(signatureIndex, bytes);
    if (this.#inFlight === 0) this.#lastDoneMs = performance.now();
    this.#inFlight++;
    this.#inFlightMs += expectedMs;
    return expectedMs;
  }

  #end(expectedMs: number): void {
    this.#inFlight--;
    this.#inFlightMs = this.#inFlight === 0 ? 0 : this.#inFlightMs - expectedMs;
    this.#lastDoneMs = performance.now();
    if (this.#queue.length > 0) this.#pump();
  }

  /** @returns the milliseconds that the worker was at it. */
  #measure(signatureIndex: number, bytes: number, startMs: number, ahead: number): number {
    const nowMs = performance.now();
    const workers = this.#workers();
    // One worker is at one run at a time, and came to this one when it was done with the one before.
    const ms = workers === 1 ? nowMs - Math.max(startMs, this.#lastDoneMs) : (nowMs - startMs) / Math.max(1, ahead / workers);
    this.#lastDoneMs = nowMs;
    this.#serviceMs += (ms - this.#serviceMs) / 16;
    this.#times.add(signatureIndex, bytes, ms);
    return ms;
  }

  /** @throws DEADLINE_EXCEEDED, DEADLINE_UNREACHABLE, SERVER_OVERLOADED. */
  #enqueue(
    signatureIndex: number,
    inputs: readonly Tensor[],
    context: RunContext,
    group: BatchGroup | undefined,
  ): Promise<readonly Tensor[]> {
    const { timeoutMs, maxQueue } = this.#limits;
    const { client } = context;
    const nowMs = this.#deadlines.nowMs;
    const leftMs = Math.min(context.deadlineMs ?? timeoutMs, timeoutMs);
    // Not a number is refused too.
    if (!(leftMs > 0)) throw new AirlockError('DEADLINE_EXCEEDED');
    if (!this.#isReachable(signatureIndex, inputs, context, leftMs)) throw this.#unreachable(this.#aheadMs(client));
    if (this.#waiting >= maxQueue) {
      const victim = this.#queue.dropFor(client);
      this.#counts.overloaded++;
      if (victim === undefined) throw new AirlockError('SERVER_OVERLOADED');
      victim.fail(new AirlockError('SERVER_OVERLOADED'));
    }
    const bytes = bytesOf(inputs);
    const rows = group === undefined ? 0 : rowsOf(inputs);
    const ms = group?.sizes.shareMs(rows) || (finite(context.cost?.milliseconds) ?? this.#times.lowMs(signatureIndex, bytes));
    const weight = Math.max(leastWeight, ms);
    const deadlineAtMs = nowMs + leftMs;
    const run = new WaitingRun({ signatureIndex, inputs, context, deadlineAtMs, weight, bytes, group, rows });
    this.#deadlines.arm(deadlineAtMs);
    this.#admit(run);
    return run.answer;
  }

  #admit(run: WaitingRun): void {
    const { group } = run;
    if (group !== undefined) {
      group.wait.arrived(run.arrivedMs);
      const isFree = this.#queue.length === 0 && this.#inFlight < this.#places;
      const waitMs = isFree ? group.wait.waitMs(group.sizes.batchMs(1) || this.#times.lowMs(run.signatureIndex, run.bytes)) : 0;
      if (group.gatheringCount > 0 || waitMs > 0) {
        group.gather(run, waitMs);
        return;
      }
    }
    this.#queue.push(run);
    if (this.#inFlight < this.#places) this.#pump();
  }

  /** A low estimate of what is before the next request of this client. */
  #aheadMs(client: string): number {
    const inFlightMs = Math.max(0, this.#inFlightMs - (performance.now() - this.#lastDoneMs));
    return (inFlightMs + this.#queue.weightBefore(client)) / this.#workers();
  }

  /** False only when it clearly cannot be answered in time. Where nothing was measured everything can. */
  #isReachable(signatureIndex: number, inputs: readonly Tensor[], { client, cost }: RunContext, leftMs: number): boolean {
    const bytes = bytesOf(inputs);
    const lowMs = this.#times.lowMs(signatureIndex, bytes);
    const predictedMs = finite(cost?.milliseconds) ?? lowMs;
    // A prediction comes from an upper bound of the work: what was measured to be faster is not refused because of it.
    const ownMs = lowMs > 0 ? Math.min(lowMs, predictedMs) : predictedMs;
    if (trust * ownMs > leftMs) {
      // Otherwise nobody would find out that it has become faster.
      this.#times.doubt(signatureIndex, bytes);
      return false;
    }
    return this.#queue.length === 0 || trust * (this.#aheadMs(client) + ownMs) <= leftMs;
  }

  #unreachable(retryAfterMs: number): AirlockError {
    this.#counts.unreachable++;
    return new AirlockError('DEADLINE_UNREACHABLE', retryAfterMs > 0 ? { retryAfterMs: Math.ceil(retryAfterMs) } : {});
  }

  #pump(): void {
    while (this.#queue.length > 0 && this.#inFlight < this.#places) {
      const run = this.#queue.take();
      if (run === undefined) return;
      const nowMs = this.#deadlines.nowMs;
      if (run.deadlineAtMs <= nowMs) this.#expire(run);
      else if (run.group === undefined || this.#batcher === undefined) this.#sendWaiting(run, nowMs);
      else void this.#sendBatch(this.#batcher, this.#batcher.collect(this.#queue, run, nowMs));
    }
  }

  #sendWaiting(run: WaitingRun, nowMs: number): void {
    this.#tellWait(run);
    this.#send(run.signatureIndex, run.inputs, run.context, run.deadlineAtMs - nowMs).then(
      (outputs) => run.succeed(outputs),
      (thrown: unknown) => run.fail(AirlockError.from(thrown)),
    );
  }

  /** A batch has one place from its first run to its last. */
  async #sendBatch(batcher: Batcher, members: readonly WaitingRun[]): Promise<void> {
    const expectedMs = this.#begin(members[0].signatureIndex, bytesOf(members[0].inputs), members[0].context);
    for (const member of members) {
      this.#tellWait(member);
      this.#together.add(member);
    }
    try {
      await batcher.answer(members);
    } finally {
      for (const member of members) {
        this.#together.delete(member);
        if (!member.isSettled) member.fail(new AirlockError('INTERNAL'));
      }
      this.#end(expectedMs);
    }
  }

  /** One of the runs of a batch; without members nobody waits for it. After the first it waits for a worker that is coming back. */
  async #runTogether(
    signatureIndex: number,
    inputs: readonly Tensor[],
    members: readonly WaitingRun[],
    attempt: number,
  ): Promise<readonly Tensor[]> {
    if (members.length !== 1)
      this.#trouble.expect(
        inputs,
        members.map((member) => member.inputs),
      );
    for (;;) {
      try {
        return await this.#runMembers(signatureIndex, inputs, members, attempt);
      } catch (thrown) {
        const error = AirlockError.from(thrown);
        const isAway = error.code === 'MODEL_NOT_AVAILABLE' && attempt > 1;
        if (!isAway || members.every(({ isSettled }) => isSettled)) throw error;
        await new Promise((resolve) => setTimeout(resolve, lookMs));
      }
    }
  }

  async #runMembers(
    signatureIndex: number,
    inputs: readonly Tensor[],
    members: readonly WaitingRun[],
    attempt: number,
  ): Promise<readonly Tensor[]> {
    const leftMs = Math.min(...members.map(({ deadlineAtMs }) => deadlineAtMs)) - this.#deadlines.nowMs;
    // A batch may take half of what its most urgent member has left: the other half is for finding out who made it too slow.
    const deadlineMs = Math.min(members.length > 1 ? leftMs / 2 : leftMs, this.#limits.timeoutMs);
    const startMs = performance.now();
    try {
      const outputs = await this.#next.run(signatureIndex, inputs, {
        client: '',
        deadlineMs,
        onBlamed: this.#trouble.onBlamed,
      });
      const ms = this.#measure(signatureIndex, bytesOf(inputs), startMs, this.#inFlight);
      const rows = inputs[0].shape[0];
      members[0]?.group?.sizes.add(rows, ms, bytesOf(outputs));
      if (members.length > 0) this.#counts.addBatch(rows);
      if (attempt > 1) for (const member of members) this.#trouble.absolve(signatureIndex, member.inputs);
      return outputs;
    } finally {
      const endMs = performance.now();
      for (const { context } of members) context.onPhase?.('run', startMs, endMs);
    }
  }

  #tellWait({ arrivedMs, gatheredMs, context: { onPhase } }: WaitingRun): void {
    const nowMs = performance.now();
    this.#counts.addWait(nowMs - arrivedMs);
    if (onPhase === undefined) return;
    if (gatheredMs > arrivedMs) onPhase('batch', arrivedMs, gatheredMs);
    onPhase('queue', gatheredMs, nowMs);
  }

  #expire(run: WaitingRun): void {
    this.#counts.expired++;
    run.fail(new AirlockError('DEADLINE_EXCEEDED'));
  }

  #onDue(nowMs: number): void {
    for (const run of this.#queue.remove(({ deadlineAtMs }) => deadlineAtMs <= nowMs)) this.#expire(run);
    for (const run of this.#batcher?.removeDue(nowMs) ?? []) this.#expire(run);
    let nextMs = Number.POSITIVE_INFINITY;
    for (const run of this.#together) {
      if (run.isSettled) continue;
      if (run.deadlineAtMs <= nowMs) run.fail(new AirlockError('DEADLINE_EXCEEDED'));
      else nextMs = Math.min(nextMs, run.deadlineAtMs);
    }
    for (const { deadlineAtMs } of this.#queue) nextMs = Math.min(nextMs, deadlineAtMs);
    for (const { deadlineAtMs } of this.#batcher?.gathering() ?? []) nextMs = Math.min(nextMs, deadlineAtMs);
    if (nextMs !== Number.POSITIVE_INFINITY) this.#deadlines.arm(nextMs);
  }
}

/** A bound of work that has no end would make every sum that it is part of meaningless, for the requests of others too. */
function finite(milliseconds: number | undefined): number | undefined {
  return milliseconds !== undefined && Number.isFinite(milliseconds) ? milliseconds : undefined;
}
