// Judges what the kernel says of one worker, reading by reading: does it take more than it may, compute without having been asked, or
// wait for memory that it will not get? Never judges by the worker's own word, and never a worker that only waits for its turn on a busy
// machine. Knows no clock and kills nothing.
import { AirlockError } from '../../core/index.ts';
import type { ProcessUsage } from '../../sandbox/index.ts';
import { mebibytes } from '../mebibytes.ts';

export interface VitalLimits {
  readonly memoryBytes: number;
  /** Threads. */
  readonly maxTasks: number;
  /** Processor time of all threads together for one request. Default no limit. */
  readonly requestCpuMs?: number;
}

/** A worker at one moment. */
export interface VitalReading {
  readonly atMs: number;
  readonly usage: ProcessUsage;
  /** starting: may take its time, and compute. idle: has nothing to do. running: a request is in it. */
  readonly phase: 'starting' | 'idle' | 'running';
  /** Bytes that came from the worker so far; another number than before means that it got on. */
  readonly receivedBytes: number;
  /** Requests that it has answered so far: tells the one that it is at from the next. Default: nobody counts. */
  readonly answeredCount?: number;
  /** Bytes for the worker that still lie in the server. */
  readonly unsentBytes: number;
}

/** TensorFlow tries an allocation that was refused again for 10 s, asleep. */
const maxStillMs = 1000;
/** So many readings in a row: between two of them the server reads what the worker wrote, however late the server is. */
const minStillReadings = 15;
/** The kernel counts processor time in steps of 10 ms. */
const stillCpuMs = 20;
const clockStepMs = 10;
/** Node and TensorFlow tidy up after a request. */
const maxIdleCpuMs = 2000;
/** What an idle worker may use for ever. */
const idleShare = 0.01;

/** A process that ends by itself is headless too, until the last of its threads has freed its memory. */
const maxHeadlessMs = 1000;

interface Since {
  readonly atMs: number;
  readonly cpuMs: number;
}

export class WorkerVitals {
  readonly #limits: VitalLimits;
  #stillSince: Since | undefined;
  #stillReadings = 0;
  #idleSince: Since | undefined;
  #headlessSinceMs: number | undefined;
  #receivedBytes = 0;
  /** The request that was seen last, what had been used before it, and whether the worker had nothing to do then. */
  #runStart = { answeredCount: -1, cpuMs: 0 };
  #wasIdle = false;

  constructor(limits: VitalLimits) {
    this.#limits = limits;
  }

  /** Why the worker must be ended, or undefined: WORKER_OUT_OF_MEMORY, WORKER_FORBIDDEN, WORKER_CRASHED, CPU_TIME_EXCEEDED. */
  judge(reading: VitalReading): AirlockError | undefined {
    const { memoryBytes, threads } = reading.usage;
    if (memoryBytes > this.#limits.memoryBytes) {
      return new AirlockError('WORKER_OUT_OF_MEMORY', {
        detail: `killed: it had ${mebibytes(memoryBytes)} MiB of ${mebibytes(this.#limits.memoryBytes)} MiB`,
      });
    }
    if (threads > this.#limits.maxTasks) {
      return new AirlockError('WORKER_FORBIDDEN', { detail: `killed: it had ${threads} threads of ${this.#limits.maxTasks}` });
    }
    const gotOn = reading.receivedBytes !== this.#receivedBytes;
    this.#receivedBytes = reading.receivedBytes;
    return (
      this.#judgeHead(reading) ??
      this.#judgeRequest(reading) ??
      this.#judgeStillness(reading, gotOn) ??
      this.#judgeIdleness(reading, gotOn)
    );
  }

  /** Who takes over a worker could end its first thread and go on in another, where neither memory nor time would be seen. */
  #judgeHead({ atMs, usage }: VitalReading): AirlockError | undefined {
    this.#headlessSinceMs = usage.isHeadless ? (this.#headlessSinceMs ?? atMs) : undefined;
    if (this.#headlessSinceMs === undefined || atMs - this.#headlessSinceMs < maxHeadlessMs) return undefined;
    return new AirlockError('WORKER_FORBIDDEN', { detail: 'killed: it ended its first thread and went on in others' });
  }

  /**
   * A request is charged from the first look at it on, since what came before may have been another's; from the look before where the worker had nothing to do then and
   * has answered nothing since. Never more than it used, but for a step of the kernel's clock and what an idle worker uses.
   */
  #judgeRequest({ usage, phase, answeredCount = 0 }: VitalReading): AirlockError | undefined {
    const { requestCpuMs } = this.#limits;
    if (requestCpuMs === undefined) return undefined;
    const wasIdle = this.#wasIdle;
    this.#wasIdle = phase === 'idle';
    const isSame = this.#runStart.answeredCount === answeredCount;
    if (phase !== 'running' || !isSame) {
      this.#runStart = { answeredCount, cpuMs: usage.cpuMs };
      return undefined;
    }
    const allowanceMs = wasIdle ? clockStepMs * 2 : clockStepMs;
    const usedMs = usage.cpuMs - this.#runStart.cpuMs;
    if (usedMs <= requestCpuMs + allowanceMs) return undefined;
    return new AirlockError('CPU_TIME_EXCEEDED', {
      detail: `killed: a request used more than ${requestCpuMs} ms of processor time, ${Math.round(usedMs)} ms`,
    });
  }

  #judgeStillness({ atMs, usage, phase, unsentBytes }: VitalReading, gotOn: boolean): AirlockError | undefined {
    const since = this.#stillSince;
    // A worker that waits for the rest of its request waits for the server.
    const mayBeStill = phase === 'running' && !gotOn && unsentBytes === 0;
    // `computing` comes last: it is the only reading that costs something.
    if (!mayBeStill || since === undefined || usage.cpuMs - since.cpuMs > stillCpuMs || usage.computing) {
      this.#stillSince = mayBeStill ? { atMs, cpuMs: usage.cpuMs } : undefined;
      this.#stillReadings = 0;
      return undefined;
    }
    this.#stillReadings++;
    if (this.#stillReadings < minStillReadings || atMs - since.atMs < maxStillMs) return undefined;
    return new AirlockError('WORKER_OUT_OF_MEMORY', {
      detail: `killed: it waited for ${Math.round(atMs - since.atMs)} ms without computing, as TensorFlow does when it is refused memory`,
    });
  }

  #judgeIdleness({ atMs, usage, phase }: VitalReading, gotOn: boolean): AirlockError | undefined {
    // A request may have come and gone between two readings.
    if (phase !== 'idle' || gotOn || this.#idleSince === undefined) {
      this.#idleSince = phase === 'idle' ? { atMs, cpuMs: usage.cpuMs } : undefined;
      return undefined;
    }
    const usedMs = usage.cpuMs - this.#idleSince.cpuMs;
    if (usedMs <= maxIdleCpuMs + (atMs - this.#idleSince.atMs) * idleShare) return undefined;
    return new AirlockError('WORKER_CRASHED', { detail: `killed: it computed for ${Math.round(usedMs)} ms without a request` });
  }
}
