// Where the worker of a model version sits, and where another one takes its place without a request noticing: it is started and tried beside the one that answers, then
// requests go to it, and for a while the old one stays to answer for it and to be gone back to. At any moment a request has one worker that answers it; the other can
// only save it, never fail it.
import { AirlockError, printable } from '../core/index.ts';
import { bodyBytesOf, type Signature, type Tensor } from '../tensor/index.ts';
import { compareAnswers } from './compare-answers.ts';
import { ownContext, type RunContext, type SeatRunner, type WorkerRunOptions } from './runner.ts';
import { isEnd, mayBeTheWorkers } from './server-failure.ts';
import { Trial, type TrialRules } from './trial.ts';
import { TrialLateRun } from './trial-late-run.ts';
import type { ModelWorker } from './workers/model-worker.ts';
import type { WorkerReport } from './workers/worker-report.ts';

/** What a seat needs of a ModelWorker. */
export type SeatWorker = Pick<ModelWorker, 'start' | 'run' | 'close' | 'state' | 'report' | 'pendingCount'> &
  Partial<Pick<ModelWorker, 'depth' | 'counts'>> & {
    /** Where there may be several processes, one of each. */
    readonly reports?: readonly WorkerReport[];
    /** Where there may be several: those that answer now. */
    readonly processes?: number;
  };

export interface Seated {
  readonly worker: SeatWorker;
  /** Version of the TensorFlow slot that it runs on. */
  readonly tensorflow: string;
}

/** Larger requests and answers are not compared: they would be held in memory longer than their client waits. */
const maxComparedBytes = 8 * 1024 * 1024;
const defaultDepth = 4;
const defaultGateRequests = 3;
const defaultGateMs = 2_000;
/** How often is looked whether the trial before the change is over. */
const gateTickMs = 20;

interface Gate {
  readonly candidate: Seated;
  readonly trial: Trial;
  /** Why the candidate must not take over. */
  refusal: string | undefined;
}

export class WorkerSeat implements SeatRunner {
  readonly #signatures: readonly Signature[];
  #serving: Seated;
  /** What served before, for as long as it can be gone back to. */
  #kept: Seated | undefined;
  #trial: Trial | undefined;
  #restartsBefore = 0;
  #gate: Gate | undefined;
  /** Comparisons that run; one at a time. */
  #comparing = false;
  #closed: Promise<void> | undefined;
  /** Workers that were sent away and are not gone yet. */
  readonly #leaving = new Set<Promise<void>>();

  /** @param signatures the signatures that the workers were told of, in their order. */
  constructor(first: Seated, signatures: readonly Signature[]) {
    this.#serving = first;
    this.#signatures = signatures;
  }

  get worker(): SeatWorker {
    return this.#serving.worker;
  }

  get depth(): number {
    return this.#serving.worker.depth ?? defaultDepth;
  }

  get processes(): number {
    return Math.max(1, this.#serving.worker.processes ?? 1);
  }

  get pendingCount(): number {
    return this.#serving.worker.pendingCount;
  }

  get tensorflow(): string {
    return this.#serving.tensorflow;
  }

  /** True while a request can be answered; false for the moments in which a worker is being restarted and no other is there. */
  get ready(): boolean {
    return this.#serving.worker.state === 'ready' || this.#kept?.worker.state === 'ready';
  }

  /** The TensorFlow that can be gone back to at once. */
  get keptTensorflow(): string | undefined {
    return this.#kept?.tensorflow;
  }

  /** What was seen since the change; undefined when there is none to be judged. */
  get trial(): Trial | undefined {
    return this.#trial;
  }

  /** Why the worker that took over must go; undefined while nothing speaks against it. */
  get verdict(): string | undefined {
    const { restarts } = this.worker.report;
    return this.#trial?.verdict(restarts - this.#restartsBefore);
  }

  /** Runs a request. @throws as ModelWorker.run. */
  run(signatureIndex: number, inputs: readonly Tensor[], context: RunContext = ownContext): Promise<Tensor[]> {
    const { deadlineMs, onBlamed, onProfile } = context;
    if (this.#trial !== undefined && this.#kept !== undefined) {
      // What a worker on trial ends at may lie in the worker: nothing is held against the request before the old one ends at it, too.
      return this.#runTried(this.#serving, this.#kept, this.#trial, signatureIndex, inputs, { deadlineMs, onBlamed });
    }
    const old = this.#serving;
    const options =
      deadlineMs === undefined ? (onProfile === undefined ? undefined : { onProfile }) : { deadlineMs, onBlamed, onProfile };
    const answer = old.worker.run(signatureIndex, inputs, options);
    const gate = this.#gate;
    if (gate === undefined || gate.candidate.worker.state !== 'ready') return answer;
    return answer.then((outputs) => {
      void this.#compare(gate.trial, { signatureIndex, inputs }, outputs, old, gate.candidate, (why) => {
        gate.refusal ??= why;
      });
      return outputs;
    });
  }

  /** The new worker answers, and what it fails without reason the old one answers: nobody waits for a worker that comes back. */
  async #runTried(
    { worker }: Seated,
    kept: Seated,
    trial: Trial,
    signatureIndex: number,
    inputs: readonly Tensor[],
    { deadlineMs, onBlamed }: Pick<RunContext, 'deadlineMs' | 'onBlamed'>,
  ): Promise<Tensor[]> {
    trial.requests++;
    const startMs = performance.now();
    const isFirst = worker.pendingCount === 0;
    const lateRun = new TrialLateRun(trial, () => this.#isAnsweredBy(kept, trial, signatureIndex, inputs, onBlamed));
    let outputs: Tensor[];
    try {
      outputs = await worker.run(signatureIndex, inputs, { deadlineMs, onBlamed: lateRun.onBlamed });
      trial.answered();
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      if (error.code === 'DEADLINE_EXCEEDED' && isFirst) lateRun.late(performance.now() - startMs);
      if (!mayBeTheWorkers(error)) throw error;
      // What is left of its time: an answer that comes later is of no use.
      const leftMs = deadlineMs === undefined ? undefined : deadlineMs - (performance.now() - startMs);
      return await this.#answerInstead(kept, trial, error, signatureIndex, inputs, { deadlineMs: leftMs, onBlamed });
    }
    // A worker that is busy with this would make requests wait that it may have to answer.
    if (kept.worker.pendingCount === 0 && trial.takesSample())
      void this.#compare(trial, { signatureIndex, inputs }, outputs, kept, kept, undefined);
    return outputs;
  }

  /** Whether the old worker answers in the time that any request has; false while it has something else to do, or was let go. */
  async #isAnsweredBy(
    { worker }: Seated,
    trial: Trial,
    signatureIndex: number,
    inputs: readonly Tensor[],
    onBlamed: RunContext['onBlamed'],
  ): Promise<boolean> {
    if (this.#trial !== trial || worker.pendingCount > 0) return false;
    return worker.run(signatureIndex, inputs, { onBlamed }).then(
      () => true,
      () => false,
    );
  }

  async #answerInstead(
    kept: Seated,
    trial: Trial,
    error: AirlockError,
    signatureIndex: number,
    inputs: readonly Tensor[],
    { deadlineMs, onBlamed }: Pick<RunContext, 'deadlineMs' | 'onBlamed'>,
  ): Promise<Tensor[]> {
    const options: WorkerRunOptions = {
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      onBlamed: (index, blamed, reason, ranMs) => {
        if (isEnd(error)) trial.excuseEnd();
        onBlamed?.(index, blamed, reason, ranMs);
      },
    };
    try {
      const outputs = await kept.worker.run(signatureIndex, inputs, options);
      const isAway = isEnd(error) || error.code === 'MODEL_NOT_AVAILABLE';
      if (!(isAway && trial.isExcused)) trial.fail(error.code, true);
      return outputs;
    } catch (thrown) {
      const other = AirlockError.from(thrown);
      // Both fail it: it lies in the request, or in the model. Only one of them says that the request is wrong: believe the one that served before.
      const isAway = other.code === 'MODEL_NOT_AVAILABLE' || other.code === 'SERVER_OVERLOADED';
      // What was left of its time says nothing of the old one.
      const isRefusal = !isAway && !mayBeTheWorkers(other) && other.code !== 'DEADLINE_EXCEEDED';
      if (isRefusal) trial.fail(error.code, false);
      throw isAway ? error : other;
    }
  }

  /**
   * Has `other` answer what was answered, and compares; in the background, one at a time. When they differ, the old worker is asked once more: a model whose answers
   * change from call to call says nothing. Never throws.
   */
  async #compare(
    trial: Trial,
    { signatureIndex, inputs }: { readonly signatureIndex: number; readonly inputs: readonly Tensor[] },
    answered: readonly Tensor[],
    old: Seated,
    other: Seated,
    refuse: ((why: string) => void) | undefined,
  ): Promise<void> {
    const bytes = [...inputs, ...answered].reduce((sum, tensor) => sum + bodyBytesOf(tensor), 0);
    if (this.#comparing || bytes > maxComparedBytes) return;
    this.#comparing = true;
    // The contract may change an answer in place on its way out.
    const outputs = answered.map((tensor) => ({ ...tensor, bytes: tensor.bytes.slice() }));
    const { outputs: specs } = this.#signatures[signatureIndex];
    try {
      const again = await other.worker.run(signatureIndex, inputs);
      const difference = compareAnswers(specs, outputs, again, trial.rules.tolerance);
      // The answer of the old worker is the second one while a new one serves, and the first one before that.
      const before = old === other ? again : outputs;
      const isStable =
        difference.same ||
        compareAnswers(specs, before, await old.worker.run(signatureIndex, inputs), trial.rules.tolerance).same;
      trial.compare(difference, isStable);
      if (isStable && !difference.same && trial.rules.refuseDrift)
        refuse?.(
          `its answer differs: output ${printable(difference.output ?? '')} by up to ${difference.maxAbsolute.toPrecision(3)}`,
        );
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      // The old one answered this.
      if (mayBeTheWorkers(error) || error.code === 'DEADLINE_EXCEEDED')
        refuse?.(`it failed a request that is answered now: ${error.message} (${error.code})`);
    } finally {
      this.#comparing = false;
    }
  }

  /**
   * Starts `candidate`, lets it answer some live requests beside the one that serves, and gives it the seat. What served before stays, idle, until `goBack` or `letGo`.
   * @throws what starting it throws; PROMOTION_FAILED when its answers are not those of the old one; CANCELLED by `signal`; MODEL_NOT_AVAILABLE when the version is
   * unloaded meanwhile. The candidate is closed then, and nothing has changed.
   */
  async change(candidate: Seated, rules: TrialRules, signal: AbortSignal): Promise<void> {
    if (this.#kept !== undefined || this.#gate !== undefined) throw new AirlockError('PROMOTION_BUSY');
    const gate: Gate = { candidate, trial: new Trial(rules), refusal: undefined };
    this.#gate = gate;
    const stop = () => this.#send(candidate);
    signal.addEventListener('abort', stop, { once: true });
    try {
      this.#assertWanted(signal);
      await candidate.worker.start();
      await this.#pass(gate, signal);
      this.#kept = this.#serving;
      this.#serving = candidate;
      this.#trial = new Trial(rules);
      this.#restartsBefore = candidate.worker.report.restarts;
    } catch (thrown) {
      this.#send(candidate);
      // A start that ended because of us has an error of its own.
      this.#assertWanted(signal);
      throw thrown;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#gate = undefined;
    }
  }

  #assertWanted(signal: AbortSignal): void {
    if (signal.aborted) throw new AirlockError('CANCELLED');
    if (this.#closed !== undefined) throw new AirlockError('MODEL_NOT_AVAILABLE');
  }

  async #pass(gate: Gate, signal: AbortSignal): Promise<void> {
    const { gateRequests = defaultGateRequests, gateMs = defaultGateMs } = gate.trial.rules;
    const endMs = performance.now() + gateMs;
    for (;;) {
      this.#assertWanted(signal);
      if (gate.refusal !== undefined) throw new AirlockError('PROMOTION_FAILED', { message: gate.refusal });
      // It ended by itself while it was tried.
      if (gate.candidate.worker.state !== 'ready')
        throw new AirlockError('PROMOTION_FAILED', { message: 'its worker ended right after it had loaded' });
      const isOver = gate.trial.compared >= gateRequests || performance.now() >= endMs;
      if (isOver && !this.#comparing) return;
      await new Promise((resolve) => setTimeout(resolve, gateTickMs));
    }
  }

  /** The old worker answers again, at once; requests in the other one are finished there. False when there is none to go back to. */
  goBack(): boolean {
    const kept = this.#kept;
    if (kept === undefined) return false;
    const leaving = this.#serving;
    this.#serving = kept;
    this.#endTrial();
    this.#send(leaving);
    return true;
  }

  /** The new worker stays for good; settles when the old one is gone. */
  async letGo(): Promise<void> {
    const kept = this.#kept;
    this.#endTrial();
    if (kept !== undefined) this.#send(kept);
    await this.left();
  }

  /** Settles when nothing that was sent away lives any more. */
  async left(): Promise<void> {
    await Promise.all(this.#leaving);
  }

  #endTrial(): void {
    this.#kept = undefined;
    this.#trial = undefined;
  }

  #send({ worker }: Seated): void {
    const leaving: Promise<void> = worker
      .close()
      .catch(() => undefined)
      .finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  /** Ends all of them; what is in them is answered before. May be called twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const kept = this.#kept;
    if (this.#gate !== undefined) this.#send(this.#gate.candidate);
    await this.#serving.worker.close();
    // After the one that it may have to answer for.
    if (kept !== undefined) this.#send(kept);
    await this.left();
  }
}
