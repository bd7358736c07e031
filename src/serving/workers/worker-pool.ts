// The workers of one model version where there may be several, or none for a while: each request goes to the one with the least to do, more are started while requests
// wait, and all end when nobody asks. Starts and ends processes only through the ModelWorkers that it makes, and holds no request itself but while it wakes up.
import { AirlockError } from '../../core/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { WorkerRunOptions } from '../runner.ts';
import type { Dispensable, MemoryTenant } from './memory-budget.ts';
import type { MemoryNeed } from './memory-share.ts';
import type { ModelWorkerState } from './model-worker-options.ts';
import { PoolMember } from './pool-member.ts';
import { poolReport } from './pool-report.ts';
import { restartEvents } from './restart-events.ts';
import type { StrandedRuns } from './run-pipeline.ts';
import { StartPause } from './start-pause.ts';
import { WakeGate } from './wake-gate.ts';
import { newWorkerCounts } from './worker-counts.ts';
import type { WorkerPoolOptions, WorkersChange } from './worker-pool-options.ts';
import type { WorkerReport } from './worker-report.ts';

/** What is handed to it ahead while it sleeps: enough to wake it. */
const sleepingDepth = 4;

type Phase = 'new' | 'starting' | 'awake' | 'asleep' | 'waking' | 'failed' | 'closing' | 'closed';

export class WorkerPool implements MemoryTenant {
  readonly counts = newWorkerCounts();
  readonly #options: WorkerPoolOptions;
  readonly #gate: WakeGate;
  readonly #pause: StartPause;
  /** The oldest first: they are asked first, so that those that came for a rush become idle. */
  #members: PoolMember[] = [];
  /** Those that were sent away and are not gone yet. */
  readonly #leaving = new Set<Promise<void>>();
  #phase: Phase = 'new';
  #timer: NodeJS.Timeout | undefined;
  #pressedTicks = 0;
  #usedMs = 0;
  #restartsBefore = 0;
  #lastReport: WorkerReport | undefined;
  #closed: Promise<void> | undefined;

  /** @throws what `create` throws. */
  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    const { timeoutMs, maxQueue, backoffMs = 1_000 } = options;
    this.#gate = new WakeGate({ timeoutMs, maxQueue, wake: () => this.#wake() });
    this.#pause = new StartPause(backoffMs);
    this.#add('needed');
  }

  /** `ready` while it sleeps, too: the next request is answered. */
  get state(): ModelWorkerState {
    if (this.#phase === 'asleep' || this.#phase === 'waking') return 'ready';
    if (this.#phase !== 'awake') return this.#phase;
    return this.#members.some(({ worker }) => worker.state === 'ready') ? 'ready' : 'restarting';
  }

  get isAsleep(): boolean {
    return this.#phase === 'asleep' || this.#phase === 'waking';
  }

  get pendingCount(): number {
    let count = this.#gate.waitingCount;
    for (const { worker } of this.#members) count += worker.pendingCount;
    return count;
  }

  /** Workers that answer now. */
  get processes(): number {
    let ready = 0;
    for (const { worker } of this.#members) if (worker.state === 'ready') ready++;
    return ready;
  }

  /** How many requests its workers take without one of them waiting long. */
  get depth(): number {
    let depth = 0;
    for (const { worker } of this.#members) if (worker.state === 'ready') depth += worker.depth;
    return depth === 0 ? sleepingDepth : depth;
  }

  /** As of one worker: the first one's, with the restarts, memory and processor time of all. */
  get report(): WorkerReport {
    const report = poolReport(this.#members, this.isAsleep ? 'asleep' : this.state, this.#restartsBefore, this.#lastReport);
    this.#lastReport = report;
    return report;
  }

  /** One of each. */
  get reports(): readonly WorkerReport[] {
    return this.#members.map(({ worker }) => worker.report);
  }

  /** Starts the first worker; the others follow. @throws as ModelWorker.start. */
  async start(): Promise<void> {
    if (this.#phase !== 'new' && this.#phase !== 'failed')
      throw new AirlockError('INTERNAL', { detail: `a pool cannot start while it is ${this.#phase}` });
    this.#phase = 'starting';
    const member = this.#members[0] ?? this.#add('needed');
    try {
      await member.worker.start();
    } catch (thrown) {
      if (this.#phase === 'starting') {
        this.#phase = 'failed';
        void this.#remove(member);
      }
      throw thrown;
    }
    this.#assertOpen();
    this.#becomeAwake();
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new AirlockError('MODEL_NOT_AVAILABLE');
  }

  #becomeAwake(): void {
    const { min, tickMs = 100, sleepAfterMs = Number.POSITIVE_INFINITY } = this.#options;
    this.#phase = 'awake';
    this.#pause.reset();
    this.#usedMs = performance.now();
    while (this.#members.length < min) this.#startOne('needed', undefined);
    this.#timer ??= setInterval(() => this.#tick(), Math.min(tickMs, sleepAfterMs / 4)).unref();
  }

  /** See ModelWorker.run. While it sleeps a request waits for a worker, within its deadline. @throws MODEL_NOT_AVAILABLE, MEMORY_BUDGET_EXCEEDED when none can be started. */
  run(signatureIndex: number, inputs: readonly Tensor[], options: WorkerRunOptions = {}): Promise<Tensor[]> {
    if (this.#phase === 'asleep' || this.#phase === 'waking') return this.#runAwake(signatureIndex, inputs, options);
    const member = this.#phase === 'awake' ? (this.#leastLoaded() ?? this.#renewing()) : undefined;
    if (member === undefined) return Promise.reject(new AirlockError('MODEL_NOT_AVAILABLE'));
    member.runs++;
    return member.worker.run(signatureIndex, inputs, options);
  }

  #renewing(): PoolMember | undefined {
    return this.#members.find(({ worker }) => worker.isRenewing);
  }

  #leastLoaded(): PoolMember | undefined {
    let found: PoolMember | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const member of this.#members) {
      const { worker } = member;
      if (worker.state !== 'ready') continue;
      const pending = worker.pendingCount;
      if (pending >= least) continue;
      found = member;
      least = pending;
      if (pending === 0) break;
    }
    return found;
  }

  async #runAwake(signatureIndex: number, inputs: readonly Tensor[], options: WorkerRunOptions): Promise<Tensor[]> {
    const deadlineMs = await this.#gate.pass(options.deadlineMs);
    return this.run(signatureIndex, inputs, { ...options, deadlineMs });
  }

  async #wake(): Promise<void> {
    if (!this.#pause.isOver) throw this.#pause.error;
    this.#phase = 'waking';
    // Their memory is needed.
    await Promise.all(this.#leaving);
    this.#assertOpen();
    const startMs = performance.now();
    const member = this.#add('needed');
    try {
      await member.worker.start();
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      void this.#remove(member);
      this.#assertOpen();
      this.#phase = 'asleep';
      this.#noteFailure(error);
      throw this.#pause.error;
    }
    this.#assertOpen();
    this.counts.wakes++;
    this.#becomeAwake();
    this.#tell('awake', `somebody asked; it took ${Math.round(performance.now() - startMs)} ms`);
  }

  #noteFailure(error: AirlockError): void {
    this.counts.failedStarts++;
    this.#pause.begin(error);
    this.#tell('start failed', `${error.message} (${error.code})${error.detail === undefined ? '' : `: ${error.detail}`}`);
  }

  #add(need: MemoryNeed): PoolMember {
    const { create, onStateChange } = this.#options;
    const member = new PoolMember((self) =>
      create({
        need,
        counts: this.counts,
        onStranded: (stranded) => this.#rescue(self, stranded),
        // Each has a listener of its own: that one is back says nothing of another.
        onStateChange: restartEvents({
          onRestarting: (cause) => onStateChange?.('restarting', cause),
          onRestarted: () => onStateChange?.('ready', undefined),
        }),
      }),
    );
    this.#members.push(member);
    return member;
  }

  /** What `from` had not begun goes to the others. */
  #rescue(from: PoolMember, { runs, nowMs }: StrandedRuns): void {
    for (const run of runs) {
      const member = this.#leastLoaded();
      if (member === undefined || member === from) {
        run.fail(new AirlockError('WORKER_CRASHED'));
        continue;
      }
      member.runs++;
      this.counts.moved++;
      member.worker.adopt({ runs: [run], nowMs });
    }
  }

  /** A worker that came for a rush takes its part of those that wait already. */
  #share(newcomer: PoolMember): void {
    const busiest = this.#members.reduce((a, b) => (b.worker.pendingCount > a.worker.pendingCount ? b : a), newcomer);
    const half = Math.floor((busiest.worker.pendingCount - newcomer.worker.pendingCount) / 2);
    if (half <= 0) return;
    const stranded = busiest.worker.takeWaiting(half);
    newcomer.runs += stranded.runs.length;
    if (stranded.runs.length > 0) newcomer.worker.adopt(stranded);
  }

  #startOne(need: MemoryNeed, reason: string | undefined): void {
    const member = this.#add(need);
    member.worker.start().then(
      () => {
        this.#pause.reset();
        this.#share(member);
        if (reason === undefined || !this.#members.includes(member)) return;
        this.counts.more++;
        this.#tell('more', reason);
      },
      (thrown: unknown) => {
        // It was sent away while it started.
        if (!this.#members.includes(member)) return;
        void this.#remove(member);
        this.#noteFailure(AirlockError.from(thrown));
      },
    );
  }

  /** Settles when it is gone. */
  #remove(member: PoolMember): Promise<void> {
    if (!this.#members.includes(member)) return member.worker.close();
    this.#members = this.#members.filter((one) => one !== member);
    this.#restartsBefore += member.worker.report.restarts;
    const leaving: Promise<void> = member.worker
      .close()
      .catch(() => undefined)
      .finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
    return leaving;
  }

  #tick(): void {
    if (this.#phase !== 'awake') return;
    const { min, max, sleepAfterMs = Number.POSITIVE_INFINITY, pressedTicks = 3, extraIdleMs = 10_000 } = this.#options;
    const nowMs = performance.now();
    const idleMs = nowMs - this.lastUsedMs;
    if (idleMs >= sleepAfterMs) {
      void this.#sleep(`nobody asked for ${Math.round(idleMs)} ms`);
      return;
    }
    const pending = this.pendingCount;
    const isPressed = pending >= 2 * this.#members.length;
    this.#pressedTicks = isPressed ? this.#pressedTicks + 1 : 0;
    // Those that are restarting come back by themselves; one that starts may be enough.
    const isStarting = this.#members.some(({ worker }) => worker.state !== 'ready' && worker.state !== 'restarting');
    const mayStart = !isStarting && this.#pause.isOver;
    if (mayStart && this.#members.length < min) this.#startOne('needed', undefined);
    else if (mayStart && this.#members.length < max && this.#pressedTicks >= pressedTicks) {
      this.#pressedTicks = 0;
      this.#startOne('wanted', `${pending} requests waited or ran in ${this.#members.length} workers`);
    }
    const idle = pending < this.#members.length ? this.#idleExtra(nowMs - extraIdleMs) : undefined;
    if (idle !== undefined) void this.#retire(idle, `it got nothing for ${extraIdleMs} ms`);
  }

  /** The youngest of those beyond `min` that has got nothing since `sinceMs`. */
  #idleExtra(sinceMs: number): PoolMember | undefined {
    if (this.#members.length <= this.#options.min) return undefined;
    const nowMs = performance.now();
    // Each is looked at, or one would seem idle that nobody looked at.
    const idle = this.#members.filter((member) => {
      const lastUsedMs = member.lastUsedMs(nowMs);
      return lastUsedMs <= sinceMs && member.worker.state === 'ready' && member.worker.pendingCount === 0;
    });
    return idle.at(-1);
  }

  #retire(member: PoolMember, reason: string): Promise<void> {
    const gone = this.#remove(member);
    this.counts.fewer++;
    this.#tell('fewer', reason);
    return gone;
  }

  async #sleep(reason: string): Promise<void> {
    this.#phase = 'asleep';
    this.#lastReport = this.report;
    this.#pressedTicks = 0;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.counts.sleeps++;
    const gone = Promise.all(this.#members.map((member) => this.#remove(member)));
    this.#tell('asleep', reason);
    await gone;
  }

  #tell(change: WorkersChange['change'], reason: string): void {
    this.#options.onChange?.({ change, reason, workers: this.#members.length });
  }

  get lastUsedMs(): number {
    if (this.pendingCount > 0) {
      this.#usedMs = performance.now();
      return Number.POSITIVE_INFINITY;
    }
    const nowMs = performance.now();
    for (const member of this.#members) this.#usedMs = Math.max(this.#usedMs, member.lastUsedMs(nowMs));
    return this.#usedMs;
  }

  giveUp(what: Dispensable): Promise<unknown> | undefined {
    if (this.#phase !== 'awake') return undefined;
    if (what === 'spare' || what === 'growth') {
      for (const { worker } of this.#members) {
        const gone = what === 'spare' ? worker.giveUpSpare() : worker.giveUpGrowth();
        if (gone !== undefined) return gone;
      }
      return undefined;
    }
    if (what === 'extra') {
      const idle = this.#idleExtra(Number.POSITIVE_INFINITY);
      return idle && this.#retire(idle, 'its memory was needed');
    }
    if (this.#options.sleepAfterMs === undefined || this.pendingCount > 0) return undefined;
    this.counts.evictions++;
    return this.#sleep('its memory was needed');
  }

  /** Takes nothing new, lets what waits and runs be answered or pass its deadline, then ends the processes. May be called twice. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#phase = 'closing';
    clearInterval(this.#timer);
    for (const member of this.#members) void this.#remove(member);
    await Promise.all(this.#leaving);
    this.#phase = 'closed';
    this.#options.onClosed?.();
  }
}
