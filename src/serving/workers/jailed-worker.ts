// One worker process in the jail, from its start to its end, and what is known of how it is held. No worker is believed: that it is held
// is what the kernel says, read from outside before it gets a byte of the model and again before the first request; that the walls stand
// is tried from inside. A worker that lacks a layer is ended before it is of use.
import { AirlockError } from '../../core/index.ts';
import type { ModelChunk } from '../../model/index.ts';
import {
  type Attestation,
  defaultExecArgv,
  type Jail,
  type JailedProcess,
  type JailLimits,
  type LogLine,
  type ProcessUsage,
} from '../../sandbox/index.ts';
import type { Signature } from '../../tensor/index.ts';
import { type PreparedAnswer, type ReadyAnswer, type SelfTestName, workerEntry } from '../../worker/index.ts';
import type { Watchdog, WatchedWorker } from '../watchdog.ts';
import type { MemoryShare } from './memory-share.ts';
import type { ModelWorkerLimits } from './model-worker-options.ts';
import type { PendingRun } from './pending-run.ts';
import { WorkerProcess } from './worker-process.ts';
import type { VitalLimits } from './worker-vitals.ts';

export interface JailedWorkerOptions {
  readonly jail: Jail;
  readonly watchdog: Watchdog;
  readonly slot: { readonly ccPath: string; readonly frameworkPath: string };
  readonly signatures: readonly Signature[];
  readonly tags: readonly string[];
  readonly limits: ModelWorkerLimits;
  readonly executableMemory: 'allowed' | 'denied';
  /** Of the memory of all workers; belongs to this process from now on. Default none: nobody counts. */
  readonly share?: MemoryShare | undefined;
  /** The file that Node runs; default the real worker. */
  readonly entry: string | undefined;
  readonly onLog: (line: LogLine) => void;
  readonly onAnswer: (worker: JailedWorker) => void;
  /** It is of no use any more; called once, at once. */
  readonly onBroken: (worker: JailedWorker, reason: AirlockError) => void;
}

/** Filters of a sealed worker: one from its launcher, one that it adds before it sees the model. */
const sealedFilters = 2;
/** Threads of Node, of TensorFlow and of its libraries, besides those that the configuration asks for. */
const ownTasks = 512;
/** What Landlock alone refuses before the seal, which no process at `seccomp-only` has. */
const refusedByLandlock: ReadonlySet<SelfTestName> = new Set(['list-root', 'read-accounts']);

export class JailedWorker implements WatchedWorker {
  readonly process: WorkerProcess<PendingRun>;
  readonly executableMemory: 'allowed' | 'denied';
  readonly limits: JailLimits & VitalLimits;
  readonly #options: JailedWorkerOptions;
  readonly #jailed: JailedProcess;
  #prepared: Promise<PreparedAnswer> | undefined;
  #loaded: Promise<void> | undefined;
  #memoryBytes = 0;
  #ready: ReadyAnswer | undefined;
  #attestation: Attestation | undefined;
  #isStarting = true;
  #receivedBytes = 0;

  /** Starts the process. @throws WORKER_START_FAILED when there is no room for one. */
  constructor(options: JailedWorkerOptions) {
    const { jail, slot, limits, executableMemory, entry, watchdog } = options;
    this.#options = options;
    this.executableMemory = executableMemory;
    this.limits = jailLimits(limits);
    this.#jailed = jail.start({
      entry: entry ?? workerEntry,
      execArgv: executableMemory === 'denied' ? [...defaultExecArgv, '--jitless'] : defaultExecArgv,
      readable: [slot.ccPath, slot.frameworkPath],
      limits: this.limits,
      onLog: options.onLog,
    });
    this.process = new WorkerProcess<PendingRun>({
      process: this.#jailed,
      loadTimeoutMs: limits.loadTimeoutMs,
      onAnswer: () => options.onAnswer(this),
      onBroken: (reason) => options.onBroken(this, reason),
    });
    this.#jailed.socket.on('data', (chunk: Buffer) => {
      this.#receivedBytes += chunk.length;
    });
    const unwatch = watchdog.watch(this);
    options.share?.hold(this);
    void this.process.ended.then(() => {
      unwatch();
      options.share?.release();
    });
  }

  /**
   * Loads TensorFlow's libraries, seals the worker, and checks that it is held. Does its work once, however often it is called.
   * @throws RUNTIME_LOAD_FAILED, WORKER_START_FAILED, WORKER_PROTOCOL_VIOLATION. The process has ended when this rejects.
   */
  prepare(): Promise<PreparedAnswer> {
    this.#prepared ??= this.#orEnd(() => this.#prepare());
    return this.#prepared;
  }

  async #prepare(): Promise<PreparedAnswer> {
    const { slot, limits, jail } = this.#options;
    const prepared = await this.process.prepare({
      ccPath: jail.pathInside(slot.ccPath),
      frameworkPath: jail.pathInside(slot.frameworkPath),
      intraOpThreads: limits.intraOpThreads,
      interOpThreads: limits.interOpThreads,
      seal: jail.level !== 'none',
    });
    this.#checkSelfTest(prepared);
    await this.#attest();
    this.#isStarting = false;
    return prepared;
  }

  /**
   * Gives a prepared worker its model and lets it load. Does its work once, however often it is called.
   * @throws MODEL_LOAD_FAILED, MODEL_INVALID, WORKER_START_FAILED, WORKER_PROTOCOL_VIOLATION, and what `content` throws. The process
   * has ended when this rejects.
   */
  load(content: () => AsyncIterable<ModelChunk>): Promise<void> {
    this.#loaded ??= this.#orEnd(() => this.#load(content()));
    return this.#loaded;
  }

  async #load(content: AsyncIterable<ModelChunk>): Promise<void> {
    const { tags, signatures, limits, share } = this.#options;
    this.#isStarting = true;
    await share?.expectModel();
    this.#ready = await this.process.load(content, {
      tags,
      signatures,
      limits: { maxBodyBytes: limits.maxInputBytes, maxOutputBytes: limits.maxOutputBytes },
      executableMemory: this.executableMemory,
    });
    await this.#attest();
    this.#isStarting = false;
    this.usage();
    share?.settle();
  }

  /** What the kernel said last; undefined before the first attestation, and outside of any jail. */
  get attestation(): Attestation | undefined {
    return this.#attestation;
  }

  /** What the worker says of its load; undefined before. */
  get ready(): ReadyAnswer | undefined {
    return this.#ready;
  }

  get processId(): number | undefined {
    return this.#jailed.processId;
  }

  get phase(): WatchedWorker['phase'] {
    if (this.#isStarting) return 'starting';
    return this.process.inFlightCount > 0 ? 'running' : 'idle';
  }

  get answeredCount(): number {
    return this.process.answeredCount;
  }

  /** Of its own, when it was looked at last. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** It has nothing to do and will be closed: its memory counts as free soon. */
  leave(): void {
    this.#options.share?.leave();
  }

  /** See MemoryShare.keptBytes; as of now. */
  get keptBytes(): number {
    this.usage();
    return this.#options.share?.keptBytes ?? 0;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get unsentBytes(): number {
    return this.#jailed.socket.writableLength;
  }

  usage(): ProcessUsage | undefined {
    const usage = this.#jailed.usage();
    if (usage !== undefined) this.#memoryBytes = usage.memoryBytes;
    return usage;
  }

  kill(reason: AirlockError): void {
    this.process.kill(reason);
  }

  /** A worker whose step failed here, in the server, knows nothing of it and would wait for ever: it could not be examined, for example. */
  async #orEnd<Result>(step: () => Promise<Result>): Promise<Result> {
    try {
      return await step();
    } catch (thrown) {
      this.kill(AirlockError.from(thrown));
      await this.process.ended;
      throw thrown;
    }
  }

  /** A hostile worker could report what it likes, but none has seen a model yet; this catches a jail that does not hold what it should. */
  #checkSelfTest({ selfTest }: PreparedAnswer): void {
    const { level } = this.#options.jail;
    if (level === 'none') return;
    const open = selfTest.filter(({ name, outcome }) => {
      return outcome === 'worked' && !(level === 'seccomp-only' && refusedByLandlock.has(name));
    });
    if (open.length > 0) throw notHeld(`what must be refused worked inside: ${open.map(({ name }) => name).join(', ')}`);
  }

  async #attest(): Promise<void> {
    const { jail } = this.#options;
    if (jail.level === 'none') return;
    this.#attestation = await this.#jailed.attest();
    const missing = jail.missing(this.#attestation, sealedFilters);
    if (missing.length > 0) throw notHeld(`the kernel does not confirm: ${missing.join(', ')}`);
  }
}

function notHeld(detail: string): AirlockError {
  return new AirlockError('WORKER_START_FAILED', { message: 'The jail does not hold the worker as it should', detail });
}

function jailLimits({
  memoryMiB,
  cpuPercent,
  cpuMs,
  intraOpThreads,
  interOpThreads,
}: ModelWorkerLimits): JailLimits & VitalLimits {
  return {
    memoryBytes: memoryMiB * 1024 * 1024,
    maxTasks: ownTasks + intraOpThreads + interOpThreads,
    ...(cpuPercent === undefined ? {} : { cpuPercent }),
    ...(cpuMs === undefined ? {} : { requestCpuMs: cpuMs }),
  };
}
